"""Fast Paxos over messages (Lamport, 2006), single decree: two delays without a leader, if nobody gets in the way.

Assumes: crash faults; n > 2F and n > 2E + F processes, of which F may crash, and up to E without slowing it down;
reliable links; Omega for termination; a time-out after which the fast round is given up; no memory.

Claims: 2 delays (one round trip) if no two values collide. With E = 0, n >= 2F + 1 is enough, and the fast round needs
*all* acceptors; a collision costs 4 delays more, a crash the time-out and 4 delays.

In round 1, the fast one, everybody proposes to all acceptors, and each votes for what it hears first. Later rounds are
classic, each of one coordinator. Votes go to everybody, and all learn by counting them.

Invariants:
    F1  an acceptor votes once a round, and reports its last vote truly.
    F2  a classic round is one coordinator's own and carries one value.
    F3  at most one value is chosen a round, by a quorum of that kind of round.
    F4  once v is chosen in a round, every later round's coordinator picks v.
    F5  what is decided, was chosen.
"""

from __future__ import annotations

from typing import ClassVar

from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import ENCODE, Record, Value
from rayrdma.model.tasks import Event

from .dissemination import Decision, decide_and_tell, learn
from .paxos import Accept, Prepare, Promise, Refused

FAST_ROUND = 1


def tolerated(n: int, fast: int = 0) -> int:
    """F: the most crashes with which ``n`` processes decide, if the first ``fast`` (E) of them are to cost nothing."""
    return min((n - 1) // 2, n - 2 * fast - 1)


def classic_quorum(n: int, fast: int = 0) -> int:
    """n - F votes. Any two such quorums share a member."""
    return n - tolerated(n, fast)


def fast_quorum(n: int, fast: int = 0) -> int:
    """n - E votes. Any two such quorums share a member with any classic one: so that it can tell which was chosen."""
    return n - fast


def may_be_chosen(votes: int, asked: int, n: int, fast: int = 0) -> bool:
    """Whether all the members of some fast quorum among those ``asked`` can be these ``votes``."""
    return votes >= asked - (n - fast_quorum(n, fast))


class Proposal(Record, frozen=True):
    """Anybody's, in the fast round: vote for this value, if you have not voted."""

    value: Value


class Voted(Record, frozen=True):
    """Phase 2b, to everybody: this is my vote in a round."""

    ballot: int
    value: Value


class FastPaxos(Protocol):
    """One process of Fast Paxos, proposer, acceptor, learner and, if Omega names it, coordinator.

    Attributes:
        fast: how many crashes shall not slow it down (E).
        patience: delays, or milliseconds, that it waits for the fast round, which takes 2; then it starts classic ones.
    """

    name = "fast-paxos"
    messages: ClassVar[tuple[type[Record], ...]] = (Proposal, Prepare, Promise, Accept, Voted, Refused, Decision)
    needs_memories = False
    fast: ClassVar[int] = 0
    patience: ClassVar[float] = 64

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.minimum_round = FAST_ROUND
        self.voted_round = 0
        self.voted_value: Value = None
        self.highest_seen = FAST_ROUND
        self.votes: dict[int, dict[int, Value]] = {}  # round -> acceptor -> what it voted for
        self.collision: Event[None] = process.event()

    async def propose(self, value: Value) -> None:
        self.process.broadcast(Proposal(value))
        await self.process.race(self.accept(), self.count(), self.coordinate(value), learn(self.process))

    async def accept(self) -> None:
        """The acceptor, until this process has learnt the decision and told it to everybody."""
        process = self.process
        while True:
            sender, message = await process.receive(Proposal, Prepare, Accept)
            if isinstance(message, Proposal):
                if self.minimum_round == FAST_ROUND and self.voted_round < FAST_ROUND:
                    self.vote(FAST_ROUND, message.value)
            elif isinstance(message, Prepare) and message.ballot > self.minimum_round:
                self.minimum_round = message.ballot
                process.send(sender, Promise(message.ballot, self.voted_round, self.voted_value))
            elif isinstance(message, Accept) and message.ballot >= self.minimum_round:
                self.vote(message.ballot, message.value)
            else:
                process.send(sender, Refused(message.ballot, self.minimum_round))

    def vote(self, round: int, value: Value) -> None:
        """Vote, and tell all learners."""
        self.minimum_round = self.voted_round = round
        self.voted_value = value
        self.process.broadcast(Voted(round, value))

    async def count(self) -> None:
        """The learner: a quorum of votes for one value in one round decides."""
        process = self.process
        while True:
            sender, vote = await process.receive(Voted)
            votes = self.votes.setdefault(vote.ballot, {})
            votes[sender] = vote.value
            if tally(votes, vote.value) >= self.quorum_of(vote.ballot):
                return decide_and_tell(process, vote.value)
            if vote.ballot == FAST_ROUND and not self.fast_round_may_decide():
                self.collision.set(None)

    def quorum_of(self, round: int) -> int:
        """How many votes choose a value in this round."""
        return (fast_quorum if round == FAST_ROUND else classic_quorum)(self.process.n, self.fast)

    def fast_round_may_decide(self) -> bool:
        """Whether some value can still come to a fast quorum."""
        votes = self.votes[FAST_ROUND]
        unheard = self.process.n - len(votes)
        return any(tally(votes, value) + unheard >= self.quorum_of(FAST_ROUND) for value in votes.values())

    async def coordinate(self, value: Value) -> None:
        """After the fast round, run classic ones whenever Omega names this process."""
        process = self.process
        await process.race(self.collided(), self.lose_patience())
        while not process.decided:
            await process.elected()
            await self.classic_round(value)

    async def collided(self) -> None:
        """Wait until the fast round can not decide any more."""
        await self.collision

    async def lose_patience(self) -> None:
        """Wait until it should have decided, had nobody crashed."""
        await self.process.sleep(self.patience)

    async def classic_round(self, value: Value) -> None:
        """One round of this process's own, until it is chosen or some acceptor refuses it."""
        process = self.process
        round = self.next_round()
        need = classic_quorum(process.n, self.fast)
        promises: list[Promise] = []
        process.broadcast(Prepare(round))
        while True:
            _, reply = await process.receive(Promise, Refused, quorum=need)
            if reply.ballot != round:
                continue  # an answer to an earlier round of this process
            if isinstance(reply, Refused):
                self.highest_seen = max(self.highest_seen, reply.minimum_ballot)
                return
            promises.append(reply)
            if len(promises) == need:
                process.broadcast(Accept(round, self.pick(promises, value)))

    def pick(self, promises: list[Promise], value: Value) -> Value:
        """The value that may have been chosen before, if there is one; else one's own.

        Of a classic round there is only one. Of the fast one it is that for which all voted whom a fast quorum can have
        among those who promised: as any two fast quorums meet among them, there is at most one such value.
        """
        latest = max(promise.accepted_ballot for promise in promises)
        found = [promise.accepted_value for promise in promises if promise.accepted_ballot == latest]
        if latest > FAST_ROUND:
            return found[0]
        votes = dict(enumerate(found)) if latest == FAST_ROUND else {}
        for candidate in votes.values():
            if may_be_chosen(tally(votes, candidate), len(promises), self.process.n, self.fast):
                return candidate
        return value

    def next_round(self) -> int:
        """A classic round of this process alone, above every one that it has seen or used."""
        n = self.process.n
        round = (self.highest_seen // n + 1) * n + self.process.id + 1
        self.highest_seen = round
        return round


def tally(votes: dict[int, Value], value: Value) -> int:
    """How many of the votes are for this value, as it is encoded: 1 and True are two."""
    wanted = ENCODE(value)
    return sum(ENCODE(vote) == wanted for vote in votes.values())
