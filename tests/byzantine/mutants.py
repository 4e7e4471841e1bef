"""The classical mistakes of voting in views, each as the one method that it spoils, and a budget of schedules."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from rayrdma.faults.behaviour import Behaviour
from rayrdma.faults.byzantine.voting import ForgedQuorum, OmitLocks, StaleLock, TwoProposals, VoteTwice
from rayrdma.model.protocol import Protocol
from rayrdma.protocols import PBFT, FaB
from rayrdma.protocols.pbft import COMMIT
from rayrdma.protocols.views import Ballot, Certificate, same


@dataclass(frozen=True)
class Mutant:
    """A protocol with one mistake.

    Attributes:
        by: the behaviours that exploit it, one of them in each schedule; empty: any.
        budget: schedules within which the checks must catch it.
    """

    protocol: type[Protocol]
    by: tuple[type[Behaviour], ...]
    budget: int

    def __str__(self) -> str:
        return self.protocol.__name__


class HastyPBFT(PBFT):
    """It changes views early and often, which is where these mistakes show."""

    first_time_out = 10


class HastyFaB(FaB):
    """Likewise."""

    first_time_out = 8


class ReportsNoLock(HastyPBFT):
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
    def choose(self, changes: tuple[Any, ...]) -> Any:
        locks = [change.value.lock for change in changes if change.value.lock is not None]
        return min(locks, key=lambda lock: lock.ballot.view).ballot.value if locks else self.input

    def justified(self, ballot: Ballot, changes: tuple[Any, ...]) -> bool:
        locks = [change.value.lock for change in changes if change.value.lock is not None]
        return not locks or same(min(locks, key=lambda lock: lock.ballot.view).ballot.value, ballot.value)


class TrustsTheLeadersChoice(HastyPBFT):
    def justified(self, ballot: Ballot, changes: tuple[Any, ...]) -> bool:
        return True


class BelievesAnyLock(HastyPBFT):
    def change_is_sound(self, change: Any) -> bool:
        return True


class CountsASignerTwice(PBFT):
    def certifies(self, certificate: Certificate, phase: str) -> bool:
        votes = certificate.votes
        return len(votes) >= self.quorum and all(
            same(vote.value, certificate.ballot) and self.process.valid(phase, vote) for vote in votes
        )


class CountsAChangeTwice(HastyPBFT):
    def are_quorum(self, changes: tuple[Any, ...], view: int) -> bool:
        return len(changes) >= self.quorum and all(
            change.value.view == view and self.change_is_sound(change) for change in changes
        )


class ChecksNoSignature(PBFT):
    def certifies(self, certificate: Certificate, phase: str) -> bool:
        return len({vote.signer for vote in certificate.votes}) >= self.quorum


class MinimalQuorum(PBFT):
    """A majority, as for crashes: two of them may share a Byzantine process only."""

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


class NeedsNoReports(HastyFaB):
    def justified(self, ballot: Ballot, changes: tuple[Any, ...]) -> bool:
        return True


class ForgetsWhatItAccepted(HastyFaB):
    def view_change(self, view: int) -> Any:
        self.accepted = None
        return super().view_change(view)


class DecidesByHalf(FaB):
    first_time_out = 256

    @classmethod
    def quorum_of(cls, n: int) -> int:
        return n // 2


MUTANTS = (
    Mutant(ReportsNoLock, (), 400),
    Mutant(LocksAfterItsVote, (), 400),
    Mutant(TrustsTheLeadersChoice, (OmitLocks,), 1000),
    Mutant(BelievesAnyLock, (StaleLock,), 3000),
    Mutant(CountsASignerTwice, (ForgedQuorum,), 20),
    Mutant(CountsAChangeTwice, (OmitLocks,), 1000),
    Mutant(ChecksNoSignature, (ForgedQuorum,), 20),
    Mutant(MinimalQuorum, (TwoProposals,), 100),
    Mutant(VotesForEveryProposal, (TwoProposals, VoteTwice, OmitLocks), 400),
    Mutant(VotesInViewsThatItLeft, (), 100),
    Mutant(NeedsNoReports, (OmitLocks,), 1000),
    Mutant(ForgetsWhatItAccepted, (), 400),
    Mutant(DecidesByHalf, (TwoProposals,), 100),
    Mutant(ProposesTheOldestLock, (), 3000),
)
