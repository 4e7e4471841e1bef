"""Three protocols that decide after 2 delays over registers with static permissions, and are wrong.

Theorem 6.1 of P19: where permissions never change and at most one process may crash, no consensus algorithm over
registers is 2-deciding, even if no memory ever fails. Whoever decides after 2 delays has issued its writes before it
knew anything; hold them back, and the others, for whom it crashed before it began, decide something else.

Each of these looks right until it meets that adversary (`rayrdma impossibility`).
"""

from __future__ import annotations

from rayrdma.model.outcomes import ACK
from rayrdma.model.permissions import everyone
from rayrdma.model.protocol import Protocol
from rayrdma.model.quorums import majority
from rayrdma.model.regions import Record, Region, Value

from .disk_paxos import DiskPaxosTwoPhase
from .dissemination import Decision, decide_and_tell, learn

SLOTS, PROPOSED = "slots", "proposed"
LEASE = 64.0
"""Delays, or milliseconds, for which everybody believes that the first leader has decided or is dead."""


class Proposed(Record, frozen=True):
    """What its writer proposes."""

    value: Value


class WriteAndLook(Protocol):
    """N1: write one's own slot while reading the others'. Who sees nobody decides; else there is Disk Paxos.

    The slot of a process is on one memory only, which never fails here, so that all goes in parallel.
    """

    name = "naive-write-and-look"
    messages = (Decision,)

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        """The disks' blocks, and a slot for each process."""
        return [*DiskPaxosTwoPhase.regions(n), Region(PROPOSED, registers=n, of=Proposed, permission=everyone(n))]

    async def propose(self, value: Value) -> None:
        await self.process.race(self.look(value), learn(self.process))

    async def look(self, value: Value) -> None:
        """One round trip to everybody's memory."""
        process = self.process
        await process.elected()
        asked = []
        for owner in range(process.n):
            memory = owner % len(process.memories)
            if owner == process.id:
                asked.append(process.write(memory, PROPOSED, owner, Proposed(value)))
            else:
                asked.append(process.read(memory, PROPOSED, owner))
        found = await process.first(process.n, asked)
        if all(answer is ACK or answer is None for answer in found):
            decide_and_tell(process, value)
        else:
            await DiskPaxosTwoPhase(process).lead(value)


class WriteAndDecide(Protocol):
    """N2: Protected Memory Paxos's first attempt without its permissions: an ack of a majority decides."""

    name = "naive-write-and-decide"
    messages = (Decision,)

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        """A slot for each process, which everybody may write."""
        return [Region(SLOTS, registers=n, of=Proposed, permission=everyone(n))]

    async def propose(self, value: Value) -> None:
        await self.process.race(self.lead(value), learn(self.process))

    async def lead(self, value: Value) -> None:
        """Look whether somebody was there before, but for the first leader, who knows that nobody was."""
        process = self.process
        await process.elected()
        if process.id > 0:
            value = await self.find(value)
        await self.write(value)

    async def find(self, value: Value) -> Value:
        """What stands at a majority of memories, or else ``value``."""
        process = self.process
        need = majority(len(process.memories))
        asked = [process.read_region(memory, SLOTS) for memory in process.memories]
        for slots in await process.first(need, asked):
            for slot in slots:
                if slot is not None:
                    value = slot.value
        return value

    async def write(self, value: Value) -> None:
        """One round trip."""
        process = self.process
        need = majority(len(process.memories))
        if await process.write_each(SLOTS, process.id, Proposed(value), need) is ACK:
            decide_and_tell(process, value)


class Lease(WriteAndDecide):
    """N3: as N2, but whoever takes over first waits until the first leader must have decided, or be dead."""

    name = "naive-lease"

    async def find(self, value: Value) -> Value:
        await self.process.sleep(LEASE)
        return await super().find(value)


NAIVE: tuple[type[Protocol], ...] = (WriteAndLook, WriteAndDecide, Lease)
"""N1 to N3."""
