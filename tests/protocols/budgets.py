"""Within how many seeds of `tests.fuzz` the checks must catch each mutant.

At least twice, mostly five times the longest stretch of seeds without a catch among the first 3,000. Those that are
harmless must not be caught in any of them. Some show only in a run of its own (see `test_mutants`).
"""

from __future__ import annotations

from rayrdma.mutants import aligned_paxos, disk_paxos, fast_paxos, paxos, protected_memory_paxos
from rayrdma.mutants.mutant import Edited

MUTANTS = [
    mutant
    for table in (paxos, fast_paxos, disk_paxos, protected_memory_paxos, aligned_paxos)
    for mutant in (*table.MUTANTS, *table.HARMLESS)
]
HARMLESS = 1_000
BUDGETS = {
    "protected-memory-paxos: a nak of step h counts as an ack": 200,
    "protected-memory-paxos: a nak of the first write counts as an ack": 50,
    "protected-memory-paxos: no permissions": 5,
    "protected-memory-paxos: permission is taken of a slot, not of a memory": 600,
    "protected-memory-paxos: the shortcut is used on later attempts": 50,
    "protected-memory-paxos: the shortcut is used on later attempts, with a new number": 50,
    "protected-memory-paxos: a restart forgets the first attempt": 50,
    "protected-memory-paxos: the accepted value is not adopted": 250,
    "protected-memory-paxos: a minority of acks decides": 300,
    "protected-memory-paxos: a minority of acks decides the first attempt": 200,
    "protected-memory-paxos: slots are read before permission is taken": 600,
    "protected-memory-paxos: phase 2 begins at the first ready memory": 800,
    "protected-memory-paxos: a value is adopted after phase 2 began": 800,
    "protected-memory-paxos: an abandoned attempt acts late, and step d heeds only what it read": 200,
    "protected-memory-paxos: a nak of step b is not heeded": 1_000,
    "protected-memory-paxos: a higher minimum proposal is not heeded": 250,
    "protected-memory-paxos: proposal numbers are not unique": 50,
    "protected-memory-paxos: one memory is counted twice": 400,
    "protected-memory-paxos: an attempt announces on late memories what it accepts itself": 300,
    "paxos: the leader's first ballot is not the least": 200,
    "paxos: the shortcut is used on later ballots": 100,
    "paxos: everybody uses the shortcut": 20,
    "paxos: an acceptance does not raise the minimum": 1_500,
    "paxos: an acceptor forgets what it accepted": 20,
    "paxos: an acceptor forgets what it promised": 20,
    "paxos: an acceptance of another ballot counts": 300,
    "paxos: a minority decides": 100,
    "paxos: the accepted value is not adopted": 50,
    "paxos: an accepted value is adopted, but not the latest": 2_500,
    "paxos: ballots are not unique": 20,
    "paxos: one acceptor is counted twice": 100,
    "disk-paxos: a disk is read before it is written": 5,
    "disk-paxos: a disk is read while it is written, and the read overtakes": 5,
    "disk-paxos: the blocks of a majority of processes are read": 150,
    "disk-paxos: raising mbal drops bal and inp": 20,
    "disk-paxos: ballots are not unique": 20,
    "disk-paxos: a higher ballot is not heeded": 20,
    "disk-paxos: one disk is counted twice": 5,
    "disk-paxos: the last read is left out": 5,
    "disk-paxos: a minority of disks will do": 50,
    "disk-paxos: the input that was found is not adopted": 250,
    "disk-paxos: the shortcut is used on later ballots": 300,
    "disk-paxos: an abandoned phase acts late": 50,
    "aligned-paxos: a majority of the processes will do, or one of the memories": 20,
    "aligned-paxos: a process and a memory of one number count as one agent": 20,
    "aligned-paxos: what a memory answered in phase 1 counts in phase 2": 50,
    "aligned-paxos: phase 2 begins at a memory whose phase 1 is not over": 300,
    "aligned-paxos: the proposer needs no answer of its own agent": 20,
    "aligned-paxos: what memories accepted is not adopted": 1_200,
    "aligned-paxos: what processes accepted is not adopted": 150,
    "aligned-paxos: a minority of promises begins phase 2": 30,
    "aligned-paxos: a minority decides": 20,
    "aligned-paxos: an answer to an earlier attempt counts": 50,
    "aligned-paxos: an abandoned attempt acts late": 3_500,
    "aligned-paxos: one memory is counted twice": 100,
    "aligned-paxos: one process is counted twice": 80,
    "aligned-paxos: the shortcut is used on later attempts": 20,
    "aligned-paxos: numbers are not unique": 30,
    "aligned-paxos: a value is adopted after phase 2 began": 500,
    "aligned-paxos: a nak of phase 2 counts as an ack": 150,
    "aligned-paxos: no permissions": 10,
    "aligned-paxos: slots are read before permission is taken": 30,
    "aligned-paxos: a higher minimum proposal is not heeded": 1_500,
    "aligned-paxos: a nak of the announcement is not heeded": 60,
    "aligned-paxos: an attempt announces on late memories what it accepts itself": 250,
    "aligned-paxos: a process forgets what it promised": 30,
    "aligned-paxos: a process forgets what it accepted": 60,
    "fast-paxos: an acceptor votes again in the fast round": 40,
    "fast-paxos: an acceptor votes in the fast round after a promise": 120,
    "fast-paxos: E > 0 is assumed with n = 2F + 1": 100,
    "fast-paxos: a classic quorum will do in the fast round": 100,
    "fast-paxos: votes for different values are counted together": 100,
    "fast-paxos: votes of different rounds are counted together": 200,
    "fast-paxos: the coordinator picks its own value": 200,
    "fast-paxos: a fast quorum among those asked is too large": 500,
    "fast-paxos: the value of the latest classic round is not adopted": 300,
    "fast-paxos: of the rounds reported the first counts": 500,
    "fast-paxos: a minority of promises is enough": 200,
    "fast-paxos: a promise for another round counts": 400,
    "fast-paxos: rounds are not unique": 20,
    "fast-paxos: an acceptor forgets what it promised": 40,
    "fast-paxos: an acceptor forgets its vote": 20,
    "fast-paxos: an acceptor votes below its promise": 50,
    "fast-paxos: a vote is no promise": 2_500,
    "fast-paxos: any vote of the fast round is picked, E = 1": 500,
    "fast-paxos: a fast quorum among those asked is too large, E = 1": 500,
    "fast-paxos: an acceptor votes again in the fast round, E = 1": 40,
    "fast-paxos: the rarest vote of the fast round is picked, E = 1": 250,
}
PARTIES = {
    "aligned-paxos: what memories accepted is not adopted": (2, 5),
    "aligned-paxos: what processes accepted is not adopted": (3, 2),
    "aligned-paxos: an abandoned attempt acts late": (3, 4),
    "aligned-paxos: a value is adopted after phase 2 began": (3, 4),
    "aligned-paxos: a higher minimum proposal is not heeded": (3, 4),
    "aligned-paxos: an announcement erases what this process proposed before": (2, 5),
}
"""Where majorities share but one agent, some mistakes show sooner."""


def parties(mutant: Edited) -> tuple[int, int]:
    """How many processes and memories."""
    usual = (3, 3) if mutant.protocol.needs_memories else (3, 0)
    return mutant.parties or PARTIES.get(str(mutant), usual)
