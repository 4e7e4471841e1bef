"""A single-shot PBFT over messages (Castro and Liskov, 1999): the Byzantine baseline without memories.

Assumes: Byzantine faults; n >= 3 f_P + 1 processes; reliable links; signatures; time-outs for termination.

Claims: agreement and weak validity; 3 delays in the common case (propose, prepare, commit): one round trip and
a half. Everything is signed and bound to instance and view.

Invariants:
    B1  at most one value is prepared (has a quorum of PREPARE votes) in a view: two quorums share f+1 processes.
    B2  once a value is decided in view w, every justified proposal of a later view carries it: a quorum of view
        changes meets the quorum that committed in a correct process, which reports its lock.
"""

from __future__ import annotations

from typing import Any

from rayrdma.model.regions import Record, Value
from rayrdma.model.signatures import Signed

from .views import VIEW_CHANGE, Ballot, Certificate, Decided, ViewProtocol, Vote, same

PREPARE, COMMIT = "PREPARE", "COMMIT"


class Change(Record, frozen=True):
    """I have entered ``view``, vote in no older one, and this is the highest ballot that I know prepared."""

    view: int
    lock: Certificate | None


class ViewChange(Record, frozen=True):
    """A signed `Change`."""

    change: Signed[Change]


class Proposal(Record, frozen=True):
    """A leader's ballot, and after view 0 the view changes that allow it."""

    proposal: Signed[Ballot]
    changes: tuple[Signed[Change], ...]


class PBFT(ViewProtocol):
    """One process of PBFT."""

    name = "pbft"
    usual_processes = 4
    messages = (Proposal, Vote, ViewChange, Decided)
    phases = (PREPARE, COMMIT)
    change_type = ViewChange
    lock: Certificate | None = None

    @classmethod
    def tolerated(cls, n: int) -> int:
        return (n - 1) // 3

    @classmethod
    def quorum_of(cls, n: int) -> int:
        # ceil((n + f + 1) / 2): any two of them share at least f + 1 processes, of which one is correct.
        return (n + cls.tolerated(n)) // 2 + 1

    def certified(self, phase: str, certificate: Certificate) -> None:
        if phase == COMMIT:
            self.decide(certificate)
        elif self.lock is None or self.lock.ballot.view < certificate.ballot.view:
            # The lock comes before the vote: whoever helped to decide reports it in every later view change.
            self.lock = certificate
            self.vote(COMMIT, certificate.ballot)

    def view_change(self, view: int) -> Signed[Change]:
        return self.process.sign(VIEW_CHANGE, Change(view, self.lock))

    def change_is_sound(self, change: Signed[Any]) -> bool:
        lock = change.value.lock
        return lock is None or (lock.ballot.view < change.value.view and self.certifies(lock, PREPARE))

    def choose(self, changes: tuple[Signed[Any], ...]) -> Value:
        locks = [change.value.lock for change in changes if change.value.lock is not None]
        if not locks:
            return self.input
        return max(locks, key=lambda lock: lock.ballot.view).ballot.value

    def justified(self, ballot: Ballot, changes: tuple[Signed[Any], ...]) -> bool:
        locks = [change.value.lock for change in changes if change.value.lock is not None]
        if not locks:
            return True
        return same(max(locks, key=lambda lock: lock.ballot.view).ballot.value, ballot.value)

    def propose_message(self, proposal: Signed[Ballot], changes: tuple[Signed[Any], ...]) -> Record:
        return Proposal(proposal, changes)
