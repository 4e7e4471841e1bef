"""Protected Memory Paxos (P19, section 5.1).

Assumes: crash faults; n >= f_P + 1 processes; m >= 2 f_M + 1 memories; Omega for termination; dynamic
permissions: at any time exactly one process may write a memory, the last one that asked for it.

Claims: agreement with all but one process crashed, and a first decision after 2 delays (one round trip) in
the common case; 8 after a take-over.

It is Disk Paxos without the last read. Because the writer of a memory holds its *exclusive* write
permission, "my write was acked" means "nobody took this memory over before my write".

Invariants:
    M1  each memory has one writer at each instant.
    M2  in a slot the minimum proposal never decreases, and accepted proposal <= minimum proposal.
    M3  at most one value is ever written with one accepted proposal number.
    M4  once (b, v) was acked at a majority, whatever is accepted with a number above b is v.
    M5  decided values are equal, somebody proposed them, and a majority acked them.
    M6  step h acked at a memory: its permission did not change since this attempt's step a (or the start).
    M7  common case: decision at 2 delays, one write a memory, no read, no change of permission.
"""

from __future__ import annotations

from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import exclusive_write_to_caller, exclusive_writer
from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.quorums import majority
from rayrdma.model.regions import Record, Region, Value
from rayrdma.model.tasks import Event, Nursery

from .dissemination import Decision, decide_and_tell, learn

SLOTS = "slots"
FIRST_LEADER = 0
FIRST_PROPOSAL = 1


class Slot(Record, frozen=True):
    """What one process wrote on a memory: the paper's (minProp, accProp, value)."""

    minimum_proposal: int
    accepted_proposal: int
    value: Value


class Attempt:
    """One attempt of a leader: a proposal number and the value that it has come to carry."""

    __slots__ = ("accepted", "announcement", "number", "nursery", "prepared", "ready", "value", "writing")

    def __init__(self, process: Process, nursery: Nursery, announcement: Slot, value: Value) -> None:
        self.nursery = nursery
        self.announcement = announcement
        self.number = announcement.minimum_proposal
        self.value = value
        self.accepted = 0  # the accepted proposal that the value came with
        self.ready = 0
        self.writing = False
        self.prepared: Event[None] = process.event()


class ProtectedMemoryPaxos(Protocol):
    """One process of Protected Memory Paxos."""

    name = "protected-memory-paxos"
    messages = (Decision,)

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.majority = majority(len(process.memories))
        self.highest_seen = FIRST_PROPOSAL
        # The pair of this process's last step h. An announcement (step b) keeps it: only the minimum rises.
        self.accepted_proposal = 0
        self.accepted_value: Value = None

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        """One slot a process; whoever asks gets the exclusive write permission, at first process 0 has it."""
        return [
            Region(
                SLOTS,
                registers=n,
                of=Slot,
                permission=exclusive_writer(FIRST_LEADER, n),
                legal_change=exclusive_write_to_caller,
            )
        ]

    async def propose(self, value: Value) -> None:
        process = self.process
        if process.id == FIRST_LEADER == process.leader():
            # The first attempt is step h alone, with the least number. Only process 0 may do so, and only once: it
            # has had the write permission on every memory since the start, so where its write is acked nothing was
            # accepted.
            self.accepted_proposal, self.accepted_value = FIRST_PROPOSAL, value
            slot = Slot(FIRST_PROPOSAL, FIRST_PROPOSAL, value)
            if await process.write_each(SLOTS, process.id, slot, need=self.majority) is ACK:
                return decide_and_tell(process, value)
        await process.race(self.lead(value), learn(process))

    async def lead(self, value: Value) -> None:
        """Attempt whenever Omega names this process, until one attempt decides."""
        while not self.process.decided:
            await self.process.elected()
            await self.attempt(value)

    async def attempt(self, value: Value) -> None:
        """All steps, on every memory in parallel, until a majority is written or one task gives up."""
        process = self.process
        # Step b keeps what this process accepted in earlier attempts. It is the same on every memory: on a late
        # one, what this attempt accepts meanwhile would look in step e like somebody else's.
        announcement = Slot(self.next_number(), self.accepted_proposal, self.accepted_value)
        with process.nursery() as nursery:
            attempt = Attempt(process, nursery, announcement, value)
            for memory in process.memories:
                nursery.start(self.at_memory(memory, attempt))
            written = await nursery.first(self.majority)
        # Here every task of this attempt is fenced: nothing of it acts late, whatever comes next.
        if written is not None:
            decide_and_tell(process, attempt.value)

    def next_number(self) -> int:
        """A proposal number of this process alone, above every number that it has seen or used."""
        n = self.process.n
        number = (self.highest_seen // n + 1) * n + self.process.id + 1
        self.highest_seen = number
        return number

    async def at_memory(self, memory: int, attempt: Attempt) -> None:
        """Steps a to h of the paper on one memory. The order is the proof (P19, lemma of section 5.1)."""
        process = self.process
        # a: take the exclusive write permission, and wait until that is done.
        await process.change_permission(memory, SLOTS, exclusive_writer(process.id, process.n))
        # b: announce the number. Refused, it must not go on: a lower number would not meet this one in its step d.
        if await process.write(memory, SLOTS, process.id, attempt.announcement) is NAK:
            return attempt.nursery.cancel()
        # c: read all slots after b. A write of an older leader that was acked came before a, so it is seen here.
        slots = await process.read_region(memory, SLOTS)
        if slots is NAK:
            return attempt.nursery.cancel()
        found = [slot for slot in slots if slot is not None]
        self.highest_seen = max(self.highest_seen, *(slot.minimum_proposal for slot in found))
        # d: somebody has announced a higher number.
        if self.highest_seen > attempt.number:
            return attempt.nursery.cancel()
        # e: adopt the value accepted with the highest number, unless this attempt already writes its own.
        best = max(found, key=lambda slot: slot.accepted_proposal)
        if best.accepted_proposal > attempt.accepted:
            if attempt.writing:
                return attempt.nursery.cancel()
            attempt.accepted, attempt.value = best.accepted_proposal, best.value
        # f, g: a majority of memories has been read, so every value that may be decided has been seen.
        attempt.ready += 1
        if attempt.ready == self.majority:
            attempt.prepared.set(None)
        await attempt.prepared
        attempt.writing = True
        # h: the ack says that nobody has taken the memory over since a.
        self.accepted_proposal, self.accepted_value = attempt.number, attempt.value
        slot = Slot(attempt.number, attempt.number, attempt.value)
        if await process.write(memory, SLOTS, process.id, slot) is NAK:
            return attempt.nursery.cancel()
