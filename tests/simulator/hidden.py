"""Protocols with a mistake each that shows only if one thing goes wrong, or much sooner then."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from rayrdma.model.outcomes import ACK
from rayrdma.model.permissions import everyone, exclusive_write_to_caller, exclusive_writer
from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Record, Region, Value

REGION = "r"


class Ping(Record, frozen=True):
    """Says nothing."""


class Done(Record, frozen=True):
    """What process 0 proposes, after it has left its mark."""

    value: Value


class Proposal(Record, frozen=True):
    """What a process proposes."""

    value: Value


class TakesSilenceForDeath(Protocol):
    """Who heard nobody during a dozen messages to itself takes all others for dead: wrong if it was cut off."""

    name = "takes-silence-for-death"
    messages = (Ping, Proposal)
    needs_memories = False
    elects = False

    async def propose(self, value: Value) -> None:
        process = self.process
        for other in range(process.n):
            if other != process.id:
                process.send(other, Proposal(value))
        process.send(process.id, Ping())
        heard: list[Value] = []
        pings = 0
        while len(heard) < process.n - 1 and (heard or pings < 12):
            _, message = await process.receive(Ping, Proposal)
            if isinstance(message, Proposal):
                heard.append(message.value)
            else:
                pings += 1
                process.send(process.id, Ping())
        process.decide(min([value, *heard]))


class TakesSilenceForNoEffect(Protocol):
    """Process 0 leaves one mark: where no answer comes in time, it leaves it elsewhere. Wrong if only that was lost."""

    name = "takes-silence-for-no-effect"
    messages = (Done,)
    elects = False

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        return [Region(REGION, 1, everyone(n))]

    async def propose(self, value: Value) -> None:
        process = self.process
        if process.id == 0:
            for memory in process.memories:
                if await in_time(process, process.write(memory, REGION, 0, "mark")) is not None:
                    break
            for other in range(1, process.n):
                process.send(other, Done(value))
            return process.decide(value)
        _, done = await process.receive(Done)
        marks = [await in_time(process, process.read(memory, REGION, 0)) for memory in process.memories]
        process.decide(value if marks.count("mark") > 1 else done.value)


async def in_time(process: Process, operation: Awaitable[Any]) -> Any:
    """The answer of an operation; None if it takes four times as long as it may."""

    async def answer() -> Any:
        return await operation

    async def patience() -> None:
        await process.sleep(100)

    return await process.race(answer(), patience())


class TrustsClocks(Protocol):
    """Process 0 writes after 20 delays, the others look after 80: wrong if their clocks differ."""

    name = "trusts-clocks"
    elects = False

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        return [Region(REGION, 1, everyone(n))]

    async def propose(self, value: Value) -> None:
        process = self.process
        await process.sleep(80 if process.id else 20)
        found = await process.read(0, REGION, 0)
        if found is None:
            await process.write(0, REGION, 0, value)
        process.decide(value if found is None else found)


class Exclusive(Protocol):
    """Whoever asks may write."""

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        return [Region(REGION, 1, exclusive_writer(0, n), legal_change=exclusive_write_to_caller)]

    async def take(self, value: Value) -> Value:
        """One attempt on one memory: what it wrote; None if it was refused."""
        process = self.process
        await process.change_permission(0, REGION, exclusive_writer(process.id, process.n))
        found = await process.read(0, REGION, 0)
        value = value if found is None else found
        return value if await process.write(0, REGION, 0, value) is ACK else None


class NeverRefusedTwice(Exclusive):
    """It does not think of being refused twice in a row: wrong if rivals come one right after the other."""

    name = "never-refused-twice"

    async def propose(self, value: Value) -> None:
        await self.process.elected()
        taken = await self.take(value)
        if taken is None:
            taken = await self.take(value)
        if taken is None:
            raise ValueError("refused twice")
        self.process.decide(taken)


class LeadsTwiceAtATime(Exclusive):
    """Named again it attempts again, and does not fence the attempt before: wrong if that is still under way."""

    name = "leads-twice-at-a-time"

    async def propose(self, value: Value) -> None:
        process, leads = self.process, False
        with process.nursery() as attempts:
            for _ in range(40):
                if process.leader() == process.id and not leads:
                    attempts.start(self.attempt(value))
                leads = process.leader() == process.id
                await process.sleep(2)

    async def attempt(self, value: Value) -> None:
        taken = await self.take(value)
        if taken is not None and not self.process.decided:
            self.process.decide(taken)
