"""Disk Paxos (Gafni and Lamport, 2003; names as in the TLA+ module DiskSynod).

Assumes: crash faults; n >= f_P + 1 processes; m >= 2 f_M + 1 memories ("disks"); Omega for termination;
static permissions: every process may read and write every block.

Claims: agreement with all but one process crashed. A phase writes, then reads: 4 delays (two round trips).
With a leader agreed on beforehand the first ballot skips phase 1: 4 delays; else 8. It can not skip the
read: nothing but reading tells it that it is alone.

Invariants:
    D1  in a block mbal and bal never decrease, and bal <= mbal.
    D2  one input a ballot.
    D3  once (b, v) is chosen, every block with bal above b carries v. Chosen: on a majority of disks its phase 2
        block was written, and read back without meeting a ballot above b.
    D4  decided values are equal, somebody proposed them, and they are chosen.
    D5  nobody reads a disk in a phase before its own write of that phase is on it.
"""

from __future__ import annotations

from rayrdma.model.outcomes import NAK
from rayrdma.model.permissions import everyone
from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.quorums import majority
from rayrdma.model.regions import Record, Region, Value
from rayrdma.model.tasks import Nursery

from .dissemination import Decision, decide_and_tell, learn

BLOCKS = "blocks"
FIRST_LEADER = 0
FIRST_BALLOT = 1


class Block(Record, frozen=True):
    """A process's block on a disk: the ballot it has joined, the last one it wrote in phase 2, and its value."""

    mbal: int
    bal: int
    inp: Value


class Phase:
    """What one phase of a ballot has seen, over all disks."""

    __slots__ = ("nursery", "seen")

    def __init__(self, nursery: Nursery, own: Block) -> None:
        self.nursery = nursery
        self.seen = [own]


class DiskPaxosTwoPhase(Protocol):
    """One process of Disk Paxos, with both phases of every ballot."""

    name = "disk-paxos-two-phase"
    messages = (Decision,)

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.majority = majority(len(process.memories))
        self.block = Block(0, 0, None)
        self.highest_seen = 0

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        """One block a process, and everybody may write all of them: the disk model."""
        return [Region(BLOCKS, registers=n, of=Block, permission=everyone(n))]

    async def propose(self, value: Value) -> None:
        await self.process.race(self.lead(value), learn(self.process))

    async def lead(self, value: Value) -> None:
        """Run ballots whenever Omega names this process, until one of them decides."""
        process = self.process
        while not process.decided:
            await process.elected()
            if await self.choose_value(value):
                await self.commit()

    async def choose_value(self, value: Value) -> bool:
        """Phase 1 of a new ballot; False if somebody has joined a higher one."""
        self.block = Block(self.next_ballot(), self.block.bal, self.block.inp)  # bal and inp stay: D3 needs them
        blocks = await self.phase()
        if blocks is None:
            return False
        latest = max(blocks, key=lambda block: block.bal)
        self.block = Block(self.block.mbal, self.block.mbal, latest.inp if latest.bal > 0 else value)
        return True

    async def commit(self) -> None:
        """Phase 2: if nobody has joined a higher ballot, this ballot's value is decided."""
        if await self.phase() is not None:
            decide_and_tell(self.process, self.block.inp)

    def next_ballot(self) -> int:
        """A ballot of this process alone, above every ballot that it has seen or used."""
        n = self.process.n
        ballot = (self.highest_seen // n + 1) * n + self.process.id + 1
        self.highest_seen = ballot
        return ballot

    async def phase(self) -> list[Block] | None:
        """Write the own block and then read all blocks, on a majority of disks. None: a higher ballot was met."""
        with self.process.nursery() as nursery:
            phase = Phase(nursery, self.block)
            for disk in self.process.memories:
                nursery.start(self.at_disk(disk, phase))
            return phase.seen if await nursery.first(self.majority) is not None else None

    async def at_disk(self, disk: int, phase: Phase) -> None:
        """One phase on one disk. Reading before the own write is there would let two leaders miss each other."""
        process = self.process
        if await process.write(disk, BLOCKS, process.id, self.block) is NAK:
            return phase.nursery.cancel()
        blocks = await process.read_region(disk, BLOCKS)
        if blocks is NAK:
            return phase.nursery.cancel()
        for owner, block in enumerate(blocks):
            if block is not None and owner != process.id:
                phase.seen.append(block)
                self.highest_seen = max(self.highest_seen, block.mbal)
        if self.highest_seen > self.block.mbal:
            return phase.nursery.cancel()


class DiskPaxos(DiskPaxosTwoPhase):
    """Disk Paxos with process 0 agreed on beforehand: its first ballot starts in phase 2."""

    name = "disk-paxos"

    async def choose_value(self, value: Value) -> bool:
        process = self.process
        if process.id == FIRST_LEADER and self.highest_seen == 0:
            # The least ballot of all: no lower one exists whose value phase 1 could find.
            self.highest_seen = FIRST_BALLOT
            self.block = Block(FIRST_BALLOT, FIRST_BALLOT, value)
            return True
        return await super().choose_value(value)
