"""What each protocol tolerates, and one past it (P19, table of section 1; talk: n > f against n > 2f)."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rayrdma.faults.plan import Crash
from rayrdma.model.protocol import Protocol
from rayrdma.model.quorums import majority
from rayrdma.protocols import (
    AlignedPaxos,
    DiskPaxos,
    DiskPaxosTwoPhase,
    FastPaxos,
    Paxos,
    PaxosTwoPhase,
    ProtectedMemoryPaxos,
)
from tests.fuzz import Run, random_crashes, run


@dataclass(frozen=True)
class Bound:
    """One row: a protocol, how many parties there are, how many of them crash, and whether it tolerates that."""

    protocol: type[Protocol]
    n: int
    m: int
    crashed_processes: int
    crashed_memories: int
    tolerated: bool

    def __str__(self) -> str:
        side = "at" if self.tolerated else "past"
        return (
            f"{self.protocol.name} {side} its bound, n={self.n} m={self.m}, "
            f"{self.crashed_processes}+{self.crashed_memories} crashed"
        )

    def run(self, seed: int) -> Run:
        """One run. Past the bound every second one is without its victims from the start, so that it must block."""
        rng = random.Random(f"{self}/{seed}")
        faults = random_crashes(rng, self.n, self.m, self.crashed_processes, self.crashed_memories)
        if self.must_block(seed):
            faults = [Crash(process=crash.process, memory=crash.memory) for crash in faults]
        return run(self.protocol, self.n, self.m, seed, faults)

    def must_block(self, seed: int) -> bool:
        """Whether nobody can decide under this seed; past the bound, else, a decision may come before the crashes."""
        return not self.tolerated and seed % 2 == 0

    def verdict(self, seed: int, outcome: Run) -> str:
        """``decided``, ``blocked``, or what is wrong with it."""
        if violations := outcome.violations():
            return f"violated {violations[0]}"
        if not outcome.kernel.quiescent:
            return "wrong: it did not come to an end"
        if self.must_block(seed) and outcome.observation.decisions:
            return "wrong: somebody decided"
        if outcome.decided():
            return "decided"
        return "wrong: it blocked" if self.tolerated else "blocked"


SHARED_MEMORY = (ProtectedMemoryPaxos, DiskPaxos, DiskPaxosTwoPhase)
MESSAGES = (Paxos, PaxosTwoPhase, FastPaxos)
SHAPES = ((2, 3), (3, 5), (5, 3))

AT_THE_BOUND = [
    *(Bound(protocol, n, m, n - 1, m - majority(m), True) for protocol in SHARED_MEMORY for n, m in SHAPES),
    *(Bound(protocol, 2 * f + 1, 0, f, 0, True) for protocol in MESSAGES for f in (1, 2)),
]
"""These decide."""

MEMORIES_GONE = [Bound(protocol, n, m, 0, majority(m), False) for protocol in SHARED_MEMORY for n, m in SHAPES]
PROCESSES_GONE = [Bound(protocol, 2 * f, 0, f, 0, False) for protocol in MESSAGES for f in (1, 2)]
"""These block."""

AGENTS = ((3, 2), (3, 3), (3, 5))


def crashed_together(n: int, m: int, crashes: int) -> list[tuple[int, int]]:
    """All numbers of processes and memories that are so many agents and leave a process."""
    return [(p, crashes - p) for p in range(min(n - 1, crashes) + 1) if crashes - p <= m]


MINORITY_GONE = [
    Bound(AlignedPaxos, n, m, *crashed, True)
    for n, m in AGENTS
    for crashed in crashed_together(n, m, n + m - majority(n + m))
]
MAJORITY_GONE = [
    Bound(AlignedPaxos, n, m, *crashed, False)
    for n, m in AGENTS
    for crashed in crashed_together(n, m, n + m - majority(n + m) + 1)
]
"""Of Aligned Paxos any minority of the agents may crash, whatever they are, and no more."""

INCOMPARABLE = [
    (Bound(AlignedPaxos, 3, 3, 0, 2, True), Bound(ProtectedMemoryPaxos, 3, 3, 0, 2, False)),
    (Bound(ProtectedMemoryPaxos, 3, 5, 2, 2, True), Bound(AlignedPaxos, 3, 5, 2, 2, False)),
]
"""(decides, blocks), with the same crashes."""

BOUNDS = [*AT_THE_BOUND, *MEMORIES_GONE, *PROCESSES_GONE, *MINORITY_GONE, *MAJORITY_GONE]
