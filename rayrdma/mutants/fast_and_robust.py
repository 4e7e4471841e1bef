"""The classical mistakes of Fast & Robust: in its backup, and in how it falls back to that."""

from __future__ import annotations

from rayrdma.model.regions import Value
from rayrdma.protocols.cheap_quorum import Evidence
from rayrdma.protocols.fast_and_robust import FastAndRobust
from rayrdma.protocols.preferential_paxos import Preference, PreferentialPaxos, PriorityPaxos
from rayrdma.protocols.robust_backup import RobustBackup

from .mutant import derived
from .preferential_paxos import BelievesAnyEvidence, OverlooksSignaturesInCopies, PrefersTheLeastProcess, WaitsForFewer
from .robust_backup import AcceptsReceivedTwice, LeavesTheChoiceToTheSender, judged_by


def falling_back_to(slow: type[RobustBackup]) -> type[FastAndRobust]:
    """Fast & Robust with another backup."""
    return type(slow.__name__, (FastAndRobust,), {"__doc__": slow.__doc__, "slow": slow})


def preferring_by(of: type[PriorityPaxos]) -> type[FastAndRobust]:
    """Fast & Robust that chooses in another way."""
    return falling_back_to(type(of.__name__, (PreferentialPaxos,), {"__doc__": of.__doc__, "of": of}))


class DecidersAbstain(FastAndRobust):
    """It leaves the backup to the others when it has decided in Cheap Quorum."""

    async def abort(self, value: Value, evidence: Evidence) -> None:
        if self.process.decided:
            await self.process.event()
        await super().abort(value, evidence)


class BringsItsOwnInput(FastAndRobust):
    """It brings what it was given to propose, whatever it saw on the fast path."""

    async def propose(self, value: Value) -> None:
        self.input = value
        await super().propose(value)

    async def abort(self, value: Value, evidence: Evidence) -> None:
        await self.backup.run(Preference(self.input, Evidence(None, None)))


MUTANTS = [
    derived(FastAndRobust, wrong, shows)
    for wrong, shows in (
        (falling_back_to(judged_by(AcceptsReceivedTwice, PreferentialPaxos)), "P3 P4"),
        (falling_back_to(judged_by(LeavesTheChoiceToTheSender, PreferentialPaxos)), "I7 P3 P4 agreement"),
        (preferring_by(BelievesAnyEvidence), "P2 P3"),
        (preferring_by(WaitsForFewer), "P2"),
        (preferring_by(PrefersTheLeastProcess), "P2 P4"),
        (DecidersAbstain, "I5"),
        (BringsItsOwnInput, "P3"),
    )
]
HARMLESS = [
    derived(
        FastAndRobust,
        preferring_by(OverlooksSignaturesInCopies),
        harmless="correct ones bring the signature by itself too",
    )
]
