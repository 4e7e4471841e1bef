"""What each Byzantine-tolerant protocol withstands: f attackers of any kinds, crashed memories, any asynchrony."""

from __future__ import annotations

import random
from dataclasses import dataclass

from rayrdma.faults.plan import Crash
from rayrdma.model.protocol import Protocol
from rayrdma.protocols import PBFT, CheapQuorum, FaB, FastAndRobust, PreferentialPaxos, RobustBackupPaxos
from tests.fuzz import Run

from .attacks import attack, fitting, lawless

TRACED = 10
"""Each so many schedules the invariants are checked too; the outcome always is."""


@dataclass(frozen=True)
class Siege:
    """One row: a protocol at its bound; ``one_in``: of so many schedules one is run, because it takes long."""

    protocol: type[Protocol]
    n: int
    m: int
    f: int
    one_in: int = 1

    def __str__(self) -> str:
        return f"{self.protocol.name} under attack, n={self.n} m={self.m}, {self.f} Byzantine"

    def run(self, seed: int) -> Run:
        """One run, each attacker with an attack of its own; in half of them a minority of the memories crashes."""
        rng = random.Random(f"{self}/{seed}")
        behaviours = rng.choices(fitting(self.protocol), k=self.f)
        dead = rng.sample(range(self.m), (self.m - 1) // 2) if self.m and rng.random() < 0.5 else ()
        crashes = [Crash(memory=number, at=rng.randrange(30)) for number in dead]
        faults = [*lawless(seed, self.n, behaviours), *crashes]
        return attack(self.protocol, self.n, self.m, seed, faults, trace=seed % TRACED == 0)

    def verdict(self, seed: int, outcome: Run) -> str:
        """``decided``, or what is wrong with it. Cheap Quorum may abort."""
        if violations := outcome.violations():
            return f"violated {violations[0]}"
        if not outcome.kernel.quiescent and self.m:
            return "wrong: it did not come to an end"
        undecided = outcome.observation.undecided.values()
        if self.protocol is CheapQuorum:
            undecided = [why for why in undecided if "it aborted" not in why]
        return "wrong: it blocked" if undecided or (outcome.kernel.undecided() and not self.m) else "decided"


SIEGES: tuple[Siege, ...] = (
    Siege(PBFT, 4, 0, 1),
    Siege(PBFT, 7, 0, 2),
    Siege(FaB, 6, 0, 1),
    Siege(FaB, 11, 0, 2),
    Siege(CheapQuorum, 3, 3, 1),
    Siege(CheapQuorum, 5, 3, 2),
    *(
        Siege(protocol, 2 * f + 1, 3, f, one_in=1 if f == 1 else 5)
        for protocol in (RobustBackupPaxos, PreferentialPaxos, FastAndRobust)
        for f in (1, 2)
    ),
)
