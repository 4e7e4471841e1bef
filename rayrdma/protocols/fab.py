"""A single-shot FaB over messages (Martin and Alvisi, 2006): two delays, for many more processes.

Assumes: Byzantine faults; n >= 5 f_P + 1 processes; reliable links; signatures; time-outs for termination.

Claims: agreement and weak validity; 2 delays in the common case (propose, accept): one round trip. The tight
bound for two delays over messages is n >= 5 f_P - 1; with memory and permissions it is n >= 2 f_P + 1.

Invariants:
    C1  a process accepts one value a view.
    C2  once n - f processes accepted v in view w, every justified proposal of a later view carries v: of any n - f
        view changes more than half report v.
"""

from __future__ import annotations

from typing import Any

from rayrdma.model.regions import ENCODE, Record, Value
from rayrdma.model.signatures import Signed

from .views import VIEW_CHANGE, Ballot, Decided, ViewProtocol, Vote

ACCEPT = "ACCEPT"


class Report(Record, frozen=True):
    """I have entered ``view``, vote in no older one, and this is what I accepted last."""

    view: int
    accepted: Signed[Ballot] | None


class ViewReport(Record, frozen=True):
    """A signed `Report`."""

    change: Signed[Report]


class Offer(Record, frozen=True):
    """A leader's ballot, and after view 0 the reports that allow it."""

    proposal: Signed[Ballot]
    changes: tuple[Signed[Report], ...]


class FaB(ViewProtocol):
    """One process of FaB."""

    name = "fab"
    usual_processes = 6
    messages = (Offer, Vote, ViewReport, Decided)
    phases = (ACCEPT,)
    change_type = ViewReport
    accepted: Signed[Ballot] | None = None

    @classmethod
    def tolerated(cls, n: int) -> int:
        return (n - 1) // 5

    @classmethod
    def quorum_of(cls, n: int) -> int:
        return n - cls.tolerated(n)

    def vote(self, phase: str, ballot: Ballot) -> None:
        if self.voted.get(phase, -1) < ballot.view:
            self.voted[phase] = ballot.view
            self.accepted = self.process.sign(phase, ballot)
            self.process.broadcast(Vote(self.accepted))

    def view_change(self, view: int) -> Signed[Report]:
        return self.process.sign(VIEW_CHANGE, Report(view, self.accepted))

    def change_is_sound(self, change: Signed[Any]) -> bool:
        accepted = change.value.accepted
        return accepted is None or (
            accepted.signer == change.signer
            and accepted.value.view < change.value.view
            and self.process.valid(ACCEPT, accepted)
        )

    def choose(self, changes: tuple[Signed[Any], ...]) -> Value:
        for value, reported in self._reported(changes).values():
            if 2 * reported > self.quorum:
                return value
        return self.input

    def justified(self, ballot: Ballot, changes: tuple[Signed[Any], ...]) -> bool:
        offered = ENCODE(ballot.value)
        return all(
            2 * reported <= self.quorum or key == offered for key, (_, reported) in self._reported(changes).items()
        )

    def propose_message(self, proposal: Signed[Ballot], changes: tuple[Signed[Any], ...]) -> Record:
        return Offer(proposal, changes)

    def _reported(self, changes: tuple[Signed[Any], ...]) -> dict[bytes, tuple[Value, int]]:
        """Each value that was accepted by some, and by how many."""
        count: dict[bytes, tuple[Value, int]] = {}
        for change in changes:
            if change.value.accepted is not None:
                value = change.value.accepted.value.value
                count[ENCODE(value)] = value, count.get(ENCODE(value), (value, 0))[1] + 1
        return count
