"""The classical mistakes of voting in views, in FaB Paxos: each is the one method that it spoils."""

from __future__ import annotations

from typing import Any

from rayrdma.protocols.fab import FaB
from rayrdma.protocols.views import Ballot

from .mutant import derived


class HastyFaB(FaB):
    """It changes views early and often, which is where these mistakes show."""

    first_time_out = 8


class NeedsNoReports(HastyFaB):
    """It needs no reports to believe the leader's choice."""

    def justified(self, ballot: Ballot, changes: tuple[Any, ...]) -> bool:
        return True


class ForgetsWhatItAccepted(HastyFaB):
    """It does not report what it accepted."""

    def view_change(self, view: int) -> Any:
        self.accepted = None
        return super().view_change(view)


class DecidesByHalf(FaB):
    """It takes half for a quorum."""

    first_time_out = 256

    @classmethod
    def quorum_of(cls, n: int) -> int:
        return n // 2


MUTANTS = [
    derived(FaB, wrong, shows)
    for wrong, shows in ((NeedsNoReports, "B2"), (ForgetsWhatItAccepted, "B2"), (DecidesByHalf, "B2 B1 agreement"))
]
