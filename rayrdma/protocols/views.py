"""What the Byzantine message-passing protocols share: views, signed votes, time-outs that grow, certificates.

View w is led by process w mod n. A process votes once a view and phase, and leaves a view when it takes too
long or when f+1 others have left it. Everything that arrives is signed, and only the latest of each signer
and kind is kept: a flood costs its readers time, but no memory. A signature covers instance, role and value.
"""

from __future__ import annotations

from abc import abstractmethod
from collections.abc import Iterable
from typing import Any, ClassVar

from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import ENCODE, Record, Value
from rayrdma.model.signatures import Signed

DOUBLINGS = 24
"""After as many views without a decision (days, by then) a process waits for messages alone."""

PROPOSE, VIEW_CHANGE = "PROPOSE", "VIEW-CHANGE"


class Ballot(Record, frozen=True):
    """What is proposed and voted for."""

    view: int
    value: Value


class Certificate(Record, frozen=True):
    """One ballot with the votes of a quorum for it."""

    ballot: Ballot
    votes: tuple[Signed[Ballot], ...]


class Vote(Record, frozen=True):
    """A vote; its role is its phase."""

    vote: Signed[Ballot]


class Decided(Record, frozen=True):
    """A quorum's votes of the last phase: whoever sees them decides."""

    certificate: Certificate


class ViewProtocol(Protocol):
    """One process of a protocol in views.

    Attributes:
        f: how many Byzantine processes it tolerates.
        quorum: how many votes, or view changes, it takes.
        phases: the roles of votes, in order; a quorum of the last one decides.
        first_time_out: how long view 0 may take, in delays or milliseconds; the common case takes 3.
    """

    needs_memories = False
    elects = False
    byzantine = True
    phases: ClassVar[tuple[str, ...]]
    change_type: ClassVar[type[Record]]
    first_time_out: ClassVar[int] = 64

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.f = self.tolerated(process.n)
        self.quorum = self.quorum_of(process.n)
        self.view = 0
        self.input: Value = None
        self.voted: dict[str, int] = {}  # phase -> the view in which this process voted last
        # Of every signer and kind the latest only.
        self.proposals: dict[int, Any] = {}
        self.votes: dict[tuple[str, int], Signed[Ballot]] = {}
        self.changes: dict[int, Signed[Any]] = {}

    @classmethod
    @abstractmethod
    def tolerated(cls, n: int) -> int:
        """f, for ``n`` processes."""

    @classmethod
    @abstractmethod
    def quorum_of(cls, n: int) -> int:
        """The votes that it takes among ``n`` processes."""

    @abstractmethod
    def justified(self, ballot: Ballot, changes: tuple[Signed[Any], ...]) -> bool:
        """Whether a quorum of valid view changes allows this value (other than of view 0) to be proposed."""

    @abstractmethod
    def choose(self, changes: tuple[Signed[Any], ...]) -> Value:
        """The value that a leader proposes after these view changes."""

    @abstractmethod
    def propose_message(self, proposal: Signed[Ballot], changes: tuple[Signed[Any], ...]) -> Record:
        """A leader's message."""

    @abstractmethod
    def view_change(self, view: int) -> Signed[Any]:
        """This process's signed statement that it enters ``view``, with what it has voted for."""

    @abstractmethod
    def change_is_sound(self, change: Signed[Any]) -> bool:
        """Whether what a view change claims to have been voted for was."""

    async def propose(self, value: Value) -> None:
        self.input = value
        with self.process.nursery() as nursery:
            nursery.start(self.pacemaker())
            if self.process.id == 0:
                self.process.broadcast(self.propose_message(self.process.sign(PROPOSE, Ballot(0, value)), ()))
            while not self.process.decided:
                sender, message = await self.process.receive(*self.messages, quorum=self.quorum)
                self.take(sender, message)

    async def pacemaker(self) -> None:
        """Leave a view that takes too long; the next one gets twice the time."""
        time_out = self.first_time_out
        for _ in range(DOUBLINGS):
            view = self.view
            await self.process.sleep(time_out)
            time_out *= 2
            if self.view == view:
                self.enter(view + 1)

    def take(self, sender: int, message: Any) -> None:
        """Believe of a message what is proved by signatures, and do what it calls for."""
        if isinstance(message, Vote):
            self.take_vote(sender, message.vote)
        elif isinstance(message, Decided):
            if self.certifies(message.certificate, self.phases[-1]):
                self.decide(message.certificate)
            else:
                self.process.refuse(sender, "a decision without a quorum of valid votes")
        elif isinstance(message, self.change_type):
            self.take_change(sender, message)
        else:
            self.take_proposal(sender, message)

    def take_proposal(self, sender: int, message: Any) -> None:
        """Keep a proposal of its view's leader; vote for it when its view has come."""
        proposal = message.proposal
        leader = proposal.value.view % self.process.n
        if proposal.signer != leader or not self.process.valid(PROPOSE, proposal):
            return self.process.refuse(sender, "a proposal that its view's leader did not sign")
        kept = self.proposals.get(leader)
        if kept is not None:
            if kept.proposal.value.view == proposal.value.view and not same(kept.proposal.value, proposal.value):
                self.process.refuse(leader, "two proposals in one view")
            if kept.proposal.value.view >= proposal.value.view:
                return None
        self.proposals[leader] = message
        return self.vote_for_proposal()

    def vote_for_proposal(self) -> None:
        """Vote for the present view's proposal, if it is there and justified."""
        message = self.proposals.get(self.view % self.process.n)
        if message is None or message.proposal.value.view != self.view:
            return None
        ballot = message.proposal.value
        if self.view > 0 and not (
            self.are_quorum(message.changes, ballot.view) and self.justified(ballot, message.changes)
        ):
            return self.process.refuse(message.proposal.signer, "a proposal that its view changes do not allow")
        self.vote(self.phases[0], ballot)

    def vote(self, phase: str, ballot: Ballot) -> None:
        """Vote once a view."""
        if self.voted.get(phase, -1) < ballot.view:
            self.voted[phase] = ballot.view
            self.process.broadcast(Vote(self.process.sign(phase, ballot)))

    def take_vote(self, sender: int, vote: Signed[Ballot]) -> None:
        """Count a vote; a quorum takes the ballot to the next phase, or decides it."""
        phase = vote.role
        if phase not in self.phases or not self.process.valid(phase, vote):
            return self.process.refuse(sender, "a vote that its signer did not sign")
        kept = self.votes.get((phase, vote.signer))
        if kept is not None:
            if kept.value.view == vote.value.view and not same(kept.value, vote.value):
                self.process.refuse(vote.signer, "two votes in one view")
            if kept.value.view >= vote.value.view:
                return None
        self.votes[phase, vote.signer] = vote
        return self.count(phase)

    def count(self, phase: str) -> None:
        """Go on if the present view has a quorum for one ballot."""
        tally: dict[bytes, list[Signed[Ballot]]] = {}
        for (role, _), vote in self.votes.items():
            if role == phase and vote.value.view == self.view:
                tally.setdefault(ENCODE(vote.value), []).append(vote)
        for votes in tally.values():
            if len(votes) >= self.quorum:
                self.certified(phase, Certificate(votes[0].value, tuple(votes)))

    def certified(self, phase: str, certificate: Certificate) -> None:
        """A quorum has voted for one ballot of the present view."""
        self.decide(certificate)

    def decide(self, certificate: Certificate) -> None:
        """Decide, and let everybody see why."""
        if not self.process.decided:
            self.process.decide(certificate.ballot.value)
            for other in range(self.process.n):
                if other != self.process.id:
                    self.process.send(other, Decided(certificate))

    def enter(self, view: int) -> None:
        """Vote in no older view any more; say so to everybody, with what was voted for."""
        self.view = view
        self.process.broadcast(self.change_type(self.view_change(view)))
        self.vote_for_proposal()
        for phase in self.phases:
            self.count(phase)

    def take_change(self, sender: int, message: Any) -> None:
        """Keep a view change; follow f+1 others, and lead a view that a quorum has entered."""
        change = message.change
        if not self.process.valid(VIEW_CHANGE, change) or not self.change_is_sound(change):
            return self.process.refuse(sender, "a view change that claims votes which there are not")
        kept = self.changes.get(change.signer)
        if kept is not None and kept.value.view >= change.value.view:
            return None
        self.changes[change.signer] = change
        ahead = sorted((held.value.view for held in self.changes.values() if held.value.view > self.view), reverse=True)
        if len(ahead) > self.f:  # at least one of them is correct
            self.enter(ahead[self.f])
        return self.lead()

    def lead(self) -> None:
        """Propose in the present view, if it is this process's own and a quorum has entered it."""
        view = self.view
        if view % self.process.n != self.process.id or self.voted.get(PROPOSE, 0) >= view:
            return
        entered = tuple(change for change in self.changes.values() if change.value.view == view)
        if len(entered) >= self.quorum:
            self.voted[PROPOSE] = view
            proposal = self.process.sign(PROPOSE, Ballot(view, self.choose(entered)))
            self.process.broadcast(self.propose_message(proposal, entered))

    def are_quorum(self, changes: tuple[Signed[Any], ...], view: int) -> bool:
        """Whether a quorum of different processes entered this view, and claims what is true."""
        signers = {change.signer for change in changes}
        return (
            self.quorum <= len(signers) == len(changes) <= self.process.n
            and all(change.value.view == view for change in changes)
            and all(self.process.valid(VIEW_CHANGE, change) and self.change_is_sound(change) for change in changes)
        )

    def certifies(self, certificate: Certificate, phase: str) -> bool:
        """Whether a quorum of different processes voted for this ballot in this phase."""
        votes = certificate.votes
        return (
            self.quorum <= len({vote.signer for vote in votes}) == len(votes) <= self.process.n
            and all(same(vote.value, certificate.ballot) for vote in votes)
            and all(self.process.valid(phase, vote) for vote in votes)
        )


def same(one: Any, other: Any) -> bool:
    """Equal as encoded: 1 and True are two values."""
    return ENCODE(one) == ENCODE(other)


def values(ballots: Iterable[Ballot]) -> dict[bytes, list[Ballot]]:
    """Ballots by their values."""
    found: dict[bytes, list[Ballot]] = {}
    for ballot in ballots:
        found.setdefault(ENCODE(ballot.value), []).append(ballot)
    return found
