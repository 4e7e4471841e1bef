"""What each protocol tolerates, and one past it (P19, table of section 1; talk: n > f against n > 2f)."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rayrdma.faults.plan import Crash, Fault
from rayrdma.model.protocol import Protocol
from rayrdma.model.quorums import majority
from rayrdma.protocols import DiskPaxos, DiskPaxosTwoPhase, Paxos, PaxosTwoPhase, ProtectedMemoryPaxos
from tests.fuzz import Run, random_crashes, run


@dataclass(frozen=True)
class Bound:
    """One row: a protocol, how many parties there are, and how many of them crash."""

    protocol: type[Protocol]
    n: int
    m: int
    crashed_processes: int
    crashed_memories: int

    def __str__(self) -> str:
        return f"{self.protocol.name} n={self.n} m={self.m} crashed={self.crashed_processes}+{self.crashed_memories}"

    def faults(self, seed: int) -> list[Crash]:
        """Who crashes in this run, and when."""
        rng = random.Random(f"{self}/{seed}")
        return random_crashes(rng, self.n, self.m, self.crashed_processes, self.crashed_memories)

    def run(self, seed: int) -> Run:
        """One run, with crashes at any time."""
        return run(self.protocol, self.n, self.m, seed, self.faults(seed))

    def run_crashed_from_the_start(self, seed: int) -> Run:
        """One run in which the same parties never lived."""
        faults: list[Fault] = [Crash(process=crash.process, memory=crash.memory) for crash in self.faults(seed)]
        return run(self.protocol, self.n, self.m, seed, faults)


SHARED_MEMORY = (ProtectedMemoryPaxos, DiskPaxos, DiskPaxosTwoPhase)
MESSAGES = (Paxos, PaxosTwoPhase)


def memories_for(n: int) -> int:
    """A shape's number of memories: various, always odd."""
    return {2: 3, 3: 5, 5: 3}[n]


AT_THE_BOUND = [
    Bound(protocol, n, memories_for(n), n - 1, (memories_for(n) - 1) // 2)
    for protocol in SHARED_MEMORY
    for n in (2, 3, 5)
] + [Bound(protocol, 2 * f + 1, 0, f, 0) for protocol in MESSAGES for f in (1, 2)]
"""These decide."""

MEMORIES_GONE = [
    Bound(protocol, n, memories_for(n), 0, majority(memories_for(n))) for protocol in SHARED_MEMORY for n in (2, 3, 5)
]
PROCESSES_GONE = [Bound(protocol, 2 * f, 0, f, 0) for protocol in MESSAGES for f in (1, 2)]
PAST_THE_BOUND = MEMORIES_GONE + PROCESSES_GONE
"""These block."""
