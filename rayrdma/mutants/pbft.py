"""The classical mistakes of voting in views, in PBFT: each is the one method that it spoils."""

from __future__ import annotations

from typing import Any

from rayrdma.protocols.pbft import COMMIT, PBFT
from rayrdma.protocols.views import Ballot, Certificate, same

from .mutant import derived


class HastyPBFT(PBFT):
    """It changes views early and often, which is where these mistakes show."""

    first_time_out = 10


class ReportsNoLock(HastyPBFT):
    """It reports no lock."""

    def view_change(self, view: int) -> Any:
        self.lock = None
        return super().view_change(view)


class LocksAfterItsVote(HastyPBFT):
    """It commits and forgets: no lock is ever reported."""

    def certified(self, phase: str, certificate: Certificate) -> None:
        if phase == COMMIT:
            self.decide(certificate)
        else:
            self.vote(COMMIT, certificate.ballot)


class ProposesTheOldestLock(HastyPBFT):
    """It proposes the oldest lock that is reported."""

    def choose(self, changes: tuple[Any, ...]) -> Any:
        locks = [change.value.lock for change in changes if change.value.lock is not None]
        return min(locks, key=lambda lock: lock.ballot.view).ballot.value if locks else self.input

    def justified(self, ballot: Ballot, changes: tuple[Any, ...]) -> bool:
        locks = [change.value.lock for change in changes if change.value.lock is not None]
        return not locks or same(min(locks, key=lambda lock: lock.ballot.view).ballot.value, ballot.value)


class TrustsTheLeadersChoice(HastyPBFT):
    """It does not look what the leader's choice follows from."""

    def justified(self, ballot: Ballot, changes: tuple[Any, ...]) -> bool:
        return True


class BelievesAnyLock(HastyPBFT):
    """It believes any lock."""

    def change_is_sound(self, change: Any) -> bool:
        return True


class CountsASignerTwice(PBFT):
    """It counts votes, not those who signed them."""

    def certifies(self, certificate: Certificate, phase: str) -> bool:
        votes = certificate.votes
        return len(votes) >= self.quorum and all(
            same(vote.value, certificate.ballot) and self.process.valid(phase, vote) for vote in votes
        )


class CountsAChangeTwice(HastyPBFT):
    """It counts view changes, not those who signed them."""

    def are_quorum(self, changes: tuple[Any, ...], view: int) -> bool:
        return len(changes) >= self.quorum and all(
            change.value.view == view and self.change_is_sound(change) for change in changes
        )


class ChecksNoSignature(PBFT):
    """It checks no signature in a certificate."""

    def certifies(self, certificate: Certificate, phase: str) -> bool:
        return len({vote.signer for vote in certificate.votes}) >= self.quorum


class MinimalQuorum(PBFT):
    """It takes a majority for a quorum, as for crashes: two of them may share a Byzantine process only."""

    first_time_out = 256

    @classmethod
    def quorum_of(cls, n: int) -> int:
        return n // 2


class VotesForEveryProposal(PBFT):
    """It votes again in a view in which it has voted."""

    def take_proposal(self, sender: int, message: Any) -> None:
        if message.proposal.value.view == self.view and self.process.valid("PROPOSE", message.proposal):
            self.voted.pop(self.phases[0], None)
            self.proposals.pop(message.proposal.signer, None)
        super().take_proposal(sender, message)


class VotesInViewsThatItLeft(PBFT):
    """It votes in views that it left."""

    def vote_for_proposal(self) -> None:
        super().vote_for_proposal()
        for message in self.proposals.values():
            if message.proposal.value.view < self.view:
                self.voted.pop(self.phases[0], None)
                self.vote(self.phases[0], message.proposal.value)


class AcceptsWhatAnybodyProposes(PBFT):
    """It does not look whether the view's leader signed."""

    def take_proposal(self, sender: int, message: Any) -> None:
        self.proposals[self.view % self.process.n] = message
        self.vote_for_proposal()


MUTANTS = [
    derived(PBFT, wrong, shows)
    for wrong, shows in (
        (ReportsNoLock, "B2"),
        (LocksAfterItsVote, "B2"),
        (ProposesTheOldestLock, "B2"),
        (TrustsTheLeadersChoice, "B2"),
        (BelievesAnyLock, "B2"),
        (CountsASignerTwice, "B3"),
        (CountsAChangeTwice, "B2"),
        (ChecksNoSignature, "B3"),
        (MinimalQuorum, "B1 B2 agreement"),
        (VotesForEveryProposal, "C1 B1"),
        (VotesInViewsThatItLeft, "C1"),
    )
]
HARMLESS = [
    derived(
        PBFT,
        AcceptsWhatAnybodyProposes,
        harmless="a correct process votes once a view, and after the first one only for what a quorum's reports allow, "
        "whoever proposes it",
    )
]
