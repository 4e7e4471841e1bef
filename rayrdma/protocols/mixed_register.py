"""Atomic registers out of messages and sparse shared memory, of optimal resilience.

Attiya, Kumari and Schiller (OPODIS 2020) show that in systems which mix the two, registers can be had exactly as long
as crashes can not partition the system. This is ABD (Attiya, Bar-Noy, Dolev, JACM 1995) with one thing changed: who
stores a value stores it in every memory that it reaches, and who is asked for one looks into every memory that it
reaches. Each process p has one register that p writes and all read.

Assumes: crash faults; a shared-memory graph; the memory of a crashed process stays accessible; reliable links; at most
f = ``graph.resilience`` crashes, the most for which the graph has no SM-cut (P18; algorithms 10.5): any two sets of
n - f processes then reach a common memory.

Claims: write and read are atomic, wait-free up to f crashes, and safe whatever crashes. The graph decides f: n - 1 on a
star and on the Petersen graph, where HBO tolerates 4 of 8 and 8 of 10; the minority, as in ABD, without edges. If
nobody else asks for anything a write takes 4 delays (message, memory, message), a collect 4, and a read 6, or 8 if it
finds something that few have stored. The other two of a read's second half are spared who keeps it already.

Why it is atomic: a write or the second half of a read ends when n - f processes have its value, or a later one, in all
memories that they reach (R3). Whoever begins a read or collect after that waits for n - f processes who look into all
memories that they reach, and some memory is among both. So nobody who begins later misses it, be it written or read.
A collect, which is a read without its second half, is a *regular* read of every register: it sees all that was
completely written before it began, and what is being written perhaps.

Invariants:
    R1  what stands in a memory never goes back: a process's later copies are as late, for every register, or later.
    R2  a register's k-th value is one value, everywhere; its writer was the first to name it.
    R3  a process says that it has stored something when that, or later, stands in all memories that it reaches.
    R4  a process answers a collect with what stood in these memories when it was asked, or later.
"""

from __future__ import annotations

from typing import ClassVar

from rayrdma.model.errors import UsageError
from rayrdma.model.graph import complete
from rayrdma.model.permissions import everyone
from rayrdma.model.process import Process
from rayrdma.model.regions import Record, Region

COPIES = "copies"

Content = tuple[int, ...]
"""What a register holds: whole numbers; () has never been written."""
Copy = tuple[int, Content]
"""A register's k-th value, with k. Of two copies of one register the greater is the later."""
Copies = tuple[Copy, ...]
"""A copy of every process's register."""


class Store(Record, frozen=True):
    """Keep these, or later ones, where others find them."""

    request: int
    copies: Copies


class Stored(Record, frozen=True):
    """The answer to a `Store`."""

    request: int


class Collect(Record, frozen=True):
    """What do you find?"""

    request: int


class Collected(Record, frozen=True):
    """The answer to a `Collect`."""

    request: int
    copies: Copies


class MixedRegisters:
    """The n registers, as one process has them. It does one operation at a time, and lets `serve` run beside it.

    Attributes:
        need: how many processes have to answer.
    Raises:
        UsageError: nobody has found out what the graph tolerates.
    """

    messages: ClassVar[tuple[type[Record], ...]] = (Store, Stored, Collect, Collected)

    def __init__(self, process: Process) -> None:
        graph = process.graph or complete(process.n)
        if graph.resilience is None:
            raise UsageError(f"nobody has said how many crashes can not partition {graph.name}; set its resilience")
        self.process = process
        self.need = process.n - graph.resilience
        self.known: Copies = ((0, ()),) * process.n  # the latest of everything that came by
        self.kept: Copies = self.known  # what certainly stands in all memories that this process reaches
        self.request = 0  # the number of its own last one
        self.stores: list[tuple[int, int]] = []  # who waits for it to store something, with the number of the request
        self.collects: list[tuple[int, int]] = []
        self.called = process.event()

    @staticmethod
    def regions(n: int, content_bytes: int) -> list[Region]:
        """One register for each process: X[x][p] in memory x is what p, and p alone, keeps there.

        Args:
            n: how many processes.
            content_bytes: the most that a `Content` takes, encoded.
        """
        return [Region(COPIES, n, everyone(n), of=Copies, register_bytes=3 + n * (10 + content_bytes))]

    # The operations

    async def write(self, content: Content) -> None:
        """Write this process's own register."""
        own = self.process.id
        times, _ = self.known[own]
        self.known = (*self.known[:own], (times + 1, content), *self.known[own + 1 :])
        await self.store(self.known)

    async def read(self, owner: int) -> Content:
        """Read a register, atomically: what is returned, later readers will find, or what is later still."""
        copies = await self.latest()
        await self.store(copies)
        return copies[owner][1]

    async def collect(self) -> list[Content]:
        """Read every register, as of a regular one: of two readers during a write the later may miss it."""
        return [content for _, content in await self.latest()]

    # What a process asks of others

    async def store(self, copies: Copies) -> None:
        """Have ``copies`` kept by n - f processes."""
        self.request += 1
        self.process.broadcast(Store(self.request, copies))
        await self.answers(Stored)

    async def latest(self) -> Copies:
        """The latest of what n - f processes find."""
        self.request += 1
        self.process.broadcast(Collect(self.request))
        await self.answers(Collected)
        return self.known

    async def answers(self, kind: type[Stored] | type[Collected]) -> None:
        """Wait until n - f processes have answered this request; late answers to earlier ones say nothing."""
        heard: set[int] = set()
        while len(heard) < self.need:
            sender, answer = await self.process.receive(
                kind, lacking=lambda: f"answers of {len(heard)} processes, needs {self.need}"
            )
            if answer.request == self.request:
                heard.add(sender)
                if isinstance(answer, Collected):
                    self.learn(answer.copies)

    # What a process does for others

    async def serve(self) -> None:
        """Answer requests, for ever: also while this process waits for answers itself, and when it wants no more."""
        await self.process.race(self.listen(), self.work())

    async def listen(self) -> None:
        """Take in requests."""
        while True:
            sender, request = await self.process.receive(Store, Collect)
            if isinstance(request, Store):
                self.learn(request.copies)
                self.stores.append((sender, request.request))
            else:
                self.collects.append((sender, request.request))
            self.called.set(None)

    async def work(self) -> None:
        """Do at once what all who wait have asked for: a memory takes one operation at a time of a process."""
        process = self.process
        while True:
            await self.called
            self.called = process.event()
            stores, self.stores = self.stores, []
            if stores:
                await self.keep(self.known)
                for sender, request in stores:
                    process.send(sender, Stored(request))
            collects, self.collects = self.collects, []
            if collects:
                await self.look()
                for sender, request in collects:
                    process.send(sender, Collected(request, self.known))

    async def keep(self, copies: Copies) -> None:
        """Write ``copies`` to all memories that this process reaches, unless they stand there already."""
        if copies != self.kept:
            process = self.process
            writes = [process.write(memory, COPIES, process.id, copies) for memory in process.reach]
            await process.first(len(writes), writes)
            self.kept = copies

    async def look(self) -> None:
        """Learn what stands in all memories that this process reaches, whoever wrote it."""
        process = self.process
        reads = [process.read_region(memory, COPIES) for memory in process.reach]
        blocks = await process.first(len(reads), reads)
        self.learn(*{copies for block in blocks for copies in block if copies is not None})

    def learn(self, *others: Copies) -> None:
        """Keep the later one of every copy. So what is known never goes back (R1)."""
        self.known = tuple(map(max, zip(self.known, *others, strict=True)))
