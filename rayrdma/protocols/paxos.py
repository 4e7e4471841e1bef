"""Paxos over messages (Lamport, 1998), single decree: the baseline without memories.

Assumes: crash faults; n >= 2 f_P + 1 processes; reliable links; Omega for termination; no memory.

Claims: 4 delays (two round trips) with both phases; 2 when a leader agreed on beforehand owns the least
ballot and skips phase 1. Half of the processes crashed: it blocks, for it relies on *other processes* to
answer.

Invariants:
    A1  one value a ballot.
    A2  once a majority accepted (b, v), every proposal above b carries v.
    A3  an acceptor's minimum ballot never decreases, and accepted ballot <= minimum ballot.
    A4  what is decided, a majority accepted in one ballot.
"""

from __future__ import annotations

from typing import ClassVar

from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.quorums import majority
from rayrdma.model.regions import Record, Value

from .dissemination import Decision, decide_and_tell, learn

FIRST_LEADER = 0
FIRST_BALLOT = 1


class Prepare(Record, frozen=True):
    """Phase 1a: promise me not to accept a lower ballot."""

    ballot: int


class Promise(Record, frozen=True):
    """Phase 1b: promised; this is what I accepted last."""

    ballot: int
    accepted_ballot: int
    accepted_value: Value


class Accept(Record, frozen=True):
    """Phase 2a: accept this value."""

    ballot: int
    value: Value


class Accepted(Record, frozen=True):
    """Phase 2b: accepted."""

    ballot: int


class Refused(Record, frozen=True):
    """To either phase: I have promised a higher ballot."""

    ballot: int
    minimum_ballot: int


class PaxosTwoPhase(Protocol):
    """One process of Paxos, proposer, acceptor and learner, with both phases of every ballot."""

    name = "paxos-two-phase"
    messages: ClassVar[tuple[type[Record], ...]] = (Prepare, Promise, Accept, Accepted, Refused, Decision)
    needs_memories = False

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.majority = majority(process.n)
        self.minimum_ballot = 0
        self.accepted_ballot = 0
        self.accepted_value: Value = None
        self.highest_seen = 0

    async def propose(self, value: Value) -> None:
        await self.process.race(self.accept(), self.lead(value), learn(self.process))

    async def accept(self) -> None:
        """The acceptor, until this process has learnt the decision and told it to everybody."""
        process = self.process
        while True:
            sender, message = await process.receive(Prepare, Accept)
            if isinstance(message, Prepare):
                if message.ballot > self.minimum_ballot:
                    self.minimum_ballot = message.ballot
                    process.send(sender, Promise(message.ballot, self.accepted_ballot, self.accepted_value))
                    continue
            elif message.ballot >= self.minimum_ballot:
                self.minimum_ballot = self.accepted_ballot = message.ballot
                self.accepted_value = message.value
                process.send(sender, Accepted(message.ballot))
                continue
            process.send(sender, Refused(message.ballot, self.minimum_ballot))

    async def lead(self, value: Value) -> None:
        """Run ballots whenever Omega names this process, until one of them decides."""
        process = self.process
        while not process.decided:
            await process.elected()
            ballot = self.next_ballot()
            promises = await self.phase(Prepare(ballot), Promise)
            if promises is not None:
                await self.commit(ballot, self.choose_value(promises, value))

    def choose_value(self, promises: list[Promise], value: Value) -> Value:
        """The value accepted with the highest ballot, if any was; else one's own."""
        latest = max(promises, key=lambda promise: promise.accepted_ballot)
        return latest.accepted_value if latest.accepted_ballot > 0 else value

    async def commit(self, ballot: int, value: Value) -> None:
        """Phase 2: a majority of acceptances decides."""
        if await self.phase(Accept(ballot, value), Accepted) is not None:
            decide_and_tell(self.process, value)

    def next_ballot(self) -> int:
        """A ballot of this process alone, above every ballot that it has seen or used."""
        n = self.process.n
        ballot = (self.highest_seen // n + 1) * n + self.process.id + 1
        self.highest_seen = ballot
        return ballot

    async def phase(self, request: Prepare | Accept, answer: type[Record]) -> list[Promise] | None:
        """Ask all acceptors; the answers of a majority to *this ballot*, or None if one of them refused."""
        process = self.process
        process.broadcast(request)
        answers: dict[int, Promise] = {}
        while len(answers) < self.majority:
            sender, reply = await process.receive(answer, Refused, quorum=self.majority)
            if reply.ballot != request.ballot:
                continue  # an answer to an earlier ballot of this process
            if isinstance(reply, Refused):
                self.highest_seen = max(self.highest_seen, reply.minimum_ballot)
                return None
            answers[sender] = reply
        return list(answers.values())


class Paxos(PaxosTwoPhase):
    """Paxos with a stable leader: process 0 owns the least ballot and starts it in phase 2."""

    name = "paxos"

    async def lead(self, value: Value) -> None:
        process = self.process
        if process.id == FIRST_LEADER:
            await process.elected()
            # The least ballot, used once: nothing can have been accepted below it, so phase 1 would find nothing.
            self.highest_seen = FIRST_BALLOT
            await self.commit(FIRST_BALLOT, value)
        await super().lead(value)
