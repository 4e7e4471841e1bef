"""Behaviours that fit any protocol."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from rayrdma.faults.behaviour import Behaviour, Facade
from rayrdma.model.permissions import Permission, everyone, exclusive_writer
from rayrdma.model.regions import ENCODE, Record, Value

ANOTHER = "another"
"""What a liar proposes beside its own value."""
FLOOD = 60


class Silent(Behaviour):
    """Says nothing, ever. A crash before the start, with the difference that nobody detects it."""

    name = "silent"

    async def run(self, value: Value) -> None:
        await self.process.event()


class _Selective(Facade):
    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(behaviour.process)
        self._deaf = behaviour.plan.half(self.n) - {self.id}
        self._dark = behaviour.plan.half(len(self.memories), "memories")

    def outgoing(self, to: int, message: Record) -> Iterable[tuple[int, Record]]:
        if to not in self._deaf:
            yield to, message

    def writes(self, memory: int, region: str, register: int, value: Any) -> tuple[Any, ...]:
        return () if memory in self._dark else (value,)


class SelectiveSilence(Behaviour):
    """Honest towards half of the processes and memories, silent towards the others."""

    name = "selective-silence"

    async def run(self, value: Value) -> None:
        self.act(_Selective(self), value)
        await self.go_on()


class _Face(Facade):
    """One of two faces: it sees, and is seen by, its own half only."""

    def __init__(self, behaviour: Behaviour, side: bool) -> None:
        super().__init__(behaviour.process)
        members = frozenset(behaviour.plan.members)
        half, memories = behaviour.plan.half(self.n), behaviour.plan.half(len(self.memories), "memories")
        self._audience = members | {id for id in range(self.n) if (id in half) == side}
        self._memories = {memory for memory in self.memories if (memory in memories) == side}

    def outgoing(self, to: int, message: Record) -> Iterable[tuple[int, Record]]:
        if to in self._audience:
            yield to, message

    def writes(self, memory: int, region: str, register: int, value: Any) -> tuple[Any, ...]:
        return (value,) if memory in self._memories else ()

    def hears(self, sender: int) -> bool:
        return sender in self._audience


class Equivocate(Behaviour):
    """Two honest executions under one identity, with two inputs, towards two halves of the world.

    Colluders divide the world alike, and hear each other on both sides.
    """

    name = "equivocate"

    async def run(self, value: Value) -> None:
        for side, proposed in ((False, value), (True, ANOTHER)):
            self.act(_Face(self, side), proposed)
        await self.go_on()


class _Replaying(Facade):
    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(behaviour.process)
        self._behaviour = behaviour

    def outgoing(self, to: int, message: Record) -> Iterable[tuple[int, Record]]:
        plan, rng = self._behaviour.plan, self._behaviour.rng
        plan.keep(message)
        yield to, message
        for _ in range(2):
            yield to, rng.choice(plan.kept)

    def writes(self, memory: int, region: str, register: int, value: Any) -> tuple[Any, ...]:
        plan, rng = self._behaviour.plan, self._behaviour.rng
        plan.keep(value)
        most = self.regions[region].register_bytes
        kept = [kept for kept in plan.kept if isinstance(kept, Record) == isinstance(value, Record)]
        old = rng.choice(kept) if kept and rng.random() < 0.3 else value
        return (old if len(ENCODE(old)) <= most else value,)


class Replay(Behaviour):
    """Honest, but sends with every message, and writes at times instead, what there was earlier or in old instances."""

    name = "replay"

    async def run(self, value: Value) -> None:
        self.act(_Replaying(self), value)
        await self.go_on(lambda sender, message: self.plan.keep(message))


class _Mutating(Facade):
    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(behaviour.process)
        self._rng = behaviour.rng

    def outgoing(self, to: int, message: Record) -> Iterable[tuple[int, Record]]:
        yield to, mutate(message, self._rng) if self._rng.random() < 0.5 else message

    def writes(self, memory: int, region: str, register: int, value: Any) -> tuple[Any, ...]:
        return (mutate(value, self._rng) if self._rng.random() < 0.5 else value,)


class Mutate(Behaviour):
    """Honest, but in half of what it says one value, ballot, round or signature is changed a little."""

    name = "mutate"

    async def run(self, value: Value) -> None:
        self.act(_Mutating(self), value)
        await self.go_on()


class Noise(Record, frozen=True):
    """A message of no protocol."""

    anything: Any


class Garbage(Behaviour):
    """Sends and writes what makes no sense: wrong types, wrong shapes, deep nests."""

    name = "garbage"

    async def run(self, value: Value) -> None:
        process = self.process
        regions = [region for region in process.regions.values() if not region.covers]
        while True:
            for to in range(process.n):
                process.send(to, Noise(nonsense(self.rng)))
            for region in regions:
                for memory in process.memories:
                    register = self.rng.randrange(region.registers)
                    await process.first(
                        1, [process.write(memory, region.name, register, nonsense(self.rng)), process.sleep(9)]
                    )
            await process.sleep(5)
            if self.rng.random() < 0.1:
                return


class GrabPermissions(Behaviour):
    """Asks for every permission on every region of every memory, again and again, and writes where it gets it."""

    name = "grab"

    async def run(self, value: Value) -> None:
        process = self.process
        nobody = Permission()
        for _ in range(4):
            for wanted in (exclusive_writer(process.id, process.n), everyone(process.n), nobody):
                for region in process.regions.values():
                    asked = [process.change_permission(memory, region.name, wanted) for memory in process.memories]
                    await process.first(1, [*asked, process.sleep(9)])
                    for memory in process.memories:
                        process.write(memory, region.name, self.rng.randrange(region.registers), value)
            await process.sleep(3)


class Flood(Behaviour):
    """Sends everybody a great many of the protocol's own messages, true and mutated."""

    name = "flood"

    async def run(self, value: Value) -> None:
        self.act(_Flooding(self), value)
        await self.go_on()


class _Flooding(_Mutating):
    def outgoing(self, to: int, message: Record) -> Iterable[tuple[int, Record]]:
        yield to, message
        for _ in range(FLOOD // self.n):
            yield to, mutate(message, self._rng)


GENERIC: tuple[type[Behaviour], ...] = (
    Silent,
    SelectiveSilence,
    Equivocate,
    Replay,
    Mutate,
    Garbage,
    GrabPermissions,
    Flood,
)


def mutate(value: Any, rng: Any) -> Any:
    """``value`` with one small part of it changed, somewhere in its depth."""
    if isinstance(value, Record):
        fields = value.__struct_fields__
        if not fields:
            return value
        field = rng.choice(fields)
        return msgspec.structs.replace(value, **{field: mutate(getattr(value, field), rng)})
    if isinstance(value, list | tuple) and value:
        place = rng.randrange(len(value))
        return type(value)(mutate(part, rng) if i == place else part for i, part in enumerate(value))
    if isinstance(value, bool) or value is None:
        return rng.choice((None, True, False, 0))
    if isinstance(value, int | float):
        return max(0, int(value) + rng.choice((-1, 1, 2, 1_000_000)))
    if isinstance(value, bytes):
        return bytes(rng.choice((value[:-1], value[::-1], value + b"\0", b"")))
    return rng.choice((ANOTHER, f"{value}'", "", str(value)[:-1]))


def nonsense(rng: Any) -> Any:
    """Something that msgpack can carry, of any shape."""
    nest: Any = []
    for _ in range(rng.randrange(30)):
        nest = [nest]
    return rng.choice(
        (None, -1, 2**63, 0.5, "", "x" * 200, b"\xff" * 40, [], ["Slot"], ["Slot", "a", "b", "c"], {"a": 1}, nest)
    )
