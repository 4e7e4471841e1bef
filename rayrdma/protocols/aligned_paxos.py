"""Aligned Paxos (P19, section 5.2): processes and memories are equivalent *agents* of one Paxos.

Assumes: crash faults; n + m >= 2 f + 1 for f crashes counted over processes and memories together, and a process that
lives; reliable links; Omega for termination; dynamic permissions as in Protected Memory Paxos.

Claims: agreement with any minority of the n + m agents crashed, and a first decision after 2 delays (one round trip) in
the common case; 8 after a take-over that needs a memory to answer. Protected Memory Paxos needs a majority of the
memories and no other process, this a majority of all: neither tolerates all that the other does.

Each step has a version for a process, that of Paxos, and one for a memory, that of Protected Memory Paxos; numbers, the
value to adopt, and the majority are common to both.

Invariants:
    M1, M2, M6 of Protected Memory Paxos at each memory, A3 of Paxos at each process, and over agents of both kinds:
    L1  a number is one process's own, and carries one value, whatever the kind of agent.
    L2  an agent accepts nothing below what it has promised, a memory by an announcement.
    L3  any two sets of agents, of whom somebody heard before it proposed or decided, meet in an agent.
    L4  once a majority of the agents accepted (b, v), whatever is proposed with a number above b is v.
    L5  decided values are equal, somebody proposed them, and a majority of the agents accepted them in one number.
    L6  common case: decision at 2 delays, one write a memory, no read, no change of permission.
"""

from __future__ import annotations

from typing import ClassVar, TypeVar

from rayrdma.model.outcomes import NAK
from rayrdma.model.permissions import exclusive_writer
from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.quorums import majority
from rayrdma.model.regions import Record, Region, Value
from rayrdma.model.tasks import Event, Nursery

from .dissemination import Decision, decide_and_tell, learn
from .paxos import Accept, Accepted, Prepare, Promise, Refused
from .protected_memory_paxos import FIRST_LEADER, FIRST_PROPOSAL, SLOTS, ProtectedMemoryPaxos, Slot

Answer = TypeVar("Answer", Promise, Accepted)


class Attempt:
    """One attempt of a leader: a proposal number, and the value that it comes to carry."""

    __slots__ = ("accepted", "announcement", "majority", "number", "nursery", "promises", "proposal", "value")

    def __init__(self, process: Process, nursery: Nursery, announcement: Slot, majority: int, value: Value) -> None:
        self.nursery = nursery
        self.announcement = announcement
        self.number = announcement.minimum_proposal
        self.majority = majority
        self.value = value
        self.accepted = 0  # the accepted proposal that the value came with
        self.promises = 0
        self.proposal: Event[Value] = process.event()
        if self.number == FIRST_PROPOSAL:  # the least number: nothing can have been accepted below it
            self.proposal.set(value)

    def promised(self, accepted: int, value: Value) -> None:
        """analyze1: an agent has promised; of what a majority has accepted the highest number counts.

        Whoever promises later changes nothing: what has been chosen, if anything, the majority has told.
        """
        if accepted > self.accepted:
            self.accepted, self.value = accepted, value
        self.promises += 1
        if self.promises == self.majority:
            self.proposal.set(self.value)


class AlignedPaxos(Protocol):
    """One process of Aligned Paxos: a proposer, and the agent that it is itself."""

    name = "aligned-paxos"
    messages: ClassVar[tuple[type[Record], ...]] = (Prepare, Promise, Accept, Accepted, Refused, Decision)

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.agents = process.n + len(process.memories)
        self.majority = majority(self.agents)
        # As a proposer. The pair of its last phase 2 is kept by an announcement: only the minimum rises.
        self.highest_seen = 0
        self.proposed = 0
        self.proposed_value: Value = None
        # As an agent.
        self.minimum_ballot = 0
        self.accepted_ballot = 0
        self.accepted_value: Value = None

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        """Those of Protected Memory Paxos: one slot a process, and an exclusive writer, at first process 0."""
        return ProtectedMemoryPaxos.regions(n)

    async def propose(self, value: Value) -> None:
        await self.process.race(self.accept(), self.lead(value), learn(self.process))

    async def accept(self) -> None:
        """The agent that this process is, also for itself, until it has learnt the decision and told everybody."""
        process = self.process
        while True:
            proposer, message = await process.receive(Prepare, Accept)
            if isinstance(message, Prepare):
                if message.ballot > self.minimum_ballot:
                    self.minimum_ballot = message.ballot
                    process.send(proposer, Promise(message.ballot, self.accepted_ballot, self.accepted_value))
                    continue
            elif message.ballot >= self.minimum_ballot:
                self.minimum_ballot = self.accepted_ballot = message.ballot
                self.accepted_value = message.value
                process.send(proposer, Accepted(message.ballot))
                continue
            process.send(proposer, Refused(message.ballot, self.minimum_ballot))

    async def lead(self, value: Value) -> None:
        """Attempt whenever Omega names this process, until one attempt decides."""
        process = self.process
        while not process.decided:
            await process.elected()
            await self.attempt(value)

    async def attempt(self, value: Value) -> None:
        """Both phases, at every agent in parallel, until a majority has accepted or one of them refuses."""
        process = self.process
        # The same announcement on every memory: see Protected Memory Paxos, step b.
        announcement = Slot(self.next_number(), self.proposed, self.proposed_value)
        with process.nursery() as nursery:
            attempt = Attempt(process, nursery, announcement, self.majority, value)
            for memory in process.memories:
                nursery.start(self.at_memory(memory, attempt))
            for agent in range(process.n):
                nursery.start(self.at_process(agent, attempt))
            accepted = await nursery.first(self.majority, self.lacking)
        # Here every task of this attempt is fenced: nothing of it acts late, whatever comes next.
        if accepted is not None:
            decide_and_tell(process, attempt.proposal.value)

    def next_number(self) -> int:
        """A number of this process alone, above every one that it has seen or used; once, for process 0, the least."""
        n, process = self.process.n, self.process.id
        first = process == FIRST_LEADER and self.highest_seen == 0
        number = FIRST_PROPOSAL if first else (self.highest_seen // n + 1) * n + process + 1
        self.highest_seen = number
        return number

    async def at_memory(self, memory: int, attempt: Attempt) -> None:
        """Both phases at a memory, as in Protected Memory Paxos. Phase 2 comes after the *same* memory's phase 1."""
        process = self.process
        if attempt.number != FIRST_PROPOSAL:
            # communicate1: take the permission and announce. Refused, it must not go on: see step b there.
            await process.change_permission(memory, SLOTS, exclusive_writer(process.id, process.n))
            if await process.write(memory, SLOTS, process.id, attempt.announcement) is NAK:
                return attempt.nursery.cancel()
            # hearBack1: a write that was acked came before the permission was taken, so it is seen here.
            slots = await process.read_region(memory, SLOTS)
            if slots is NAK:
                return attempt.nursery.cancel()
            found = [slot for slot in slots if slot is not None]
            self.highest_seen = max(self.highest_seen, *(slot.minimum_proposal for slot in found))
            if self.highest_seen > attempt.number:
                return attempt.nursery.cancel()
            best = max(found, key=lambda slot: slot.accepted_proposal)
            attempt.promised(best.accepted_proposal, best.value)
        # communicate2: the ack says that nobody has taken the memory over since phase 1.
        slot = Slot(attempt.number, attempt.number, await self.proposal(attempt))
        if await process.write(memory, SLOTS, process.id, slot) is NAK:
            return attempt.nursery.cancel()

    async def at_process(self, agent: int, attempt: Attempt) -> None:
        """Both phases at a process, as in Paxos; this process is one of them."""
        process = self.process
        if attempt.number != FIRST_PROPOSAL:
            process.send(agent, Prepare(attempt.number))
            promise = await self.hear_back(agent, attempt, Promise)
            if promise is None:
                return attempt.nursery.cancel()
            attempt.promised(promise.accepted_ballot, promise.accepted_value)
        process.send(agent, Accept(attempt.number, await self.proposal(attempt)))
        if await self.hear_back(agent, attempt, Accepted) is None:
            return attempt.nursery.cancel()

    async def proposal(self, attempt: Attempt) -> Value:
        """What phase 2 carries, once a majority has promised."""
        value = await attempt.proposal
        self.proposed, self.proposed_value = attempt.number, value
        return value

    async def hear_back(self, agent: int, attempt: Attempt, answer: type[Answer]) -> Answer | None:
        """A process's answer to *this attempt*; None if it refused."""
        while True:
            _, reply = await self.process.receive(answer, Refused, sender=agent)
            if reply.ballot != attempt.number:
                continue  # an answer to an earlier attempt
            if isinstance(reply, Refused):
                self.highest_seen = max(self.highest_seen, reply.minimum_ballot)
                return None
            assert isinstance(reply, answer)
            return reply

    def lacking(self) -> str:
        """Why it may block: the agents that there are of the majority that is needed."""
        process = self.process
        alive = process.processes_alive() + sum(map(process.memory_answers, process.memories))
        return f"needs {self.majority} of {self.agents} agents, {alive} alive"
