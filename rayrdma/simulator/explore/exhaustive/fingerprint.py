"""When two processes that have come different ways are in the same state: both will do the same, whatever comes.

The state of a process is all that its coroutines can reach: where each of them is, its variables, what it waits for.
It is written down as a sequence of plain values, with a number for each object that can be reached in two ways. What
nothing depends on is left out: counts of delays, the numbers of operations, and all that nobody waits for any more.
Where an object is of a kind that is not understood, the state is taken for one that never was before: that costs time,
and hides nothing.
"""

from __future__ import annotations

import enum
import gc
import random
import struct
from collections import deque
from collections.abc import Hashable, Iterable
from functools import cache
from itertools import count
from types import (
    BuiltinFunctionType,
    CellType,
    CodeType,
    CoroutineType,
    FrameType,
    FunctionType,
    GeneratorType,
    MethodType,
    ModuleType,
    UnionType,
)
from typing import Any

import msgspec

from rayrdma.model.permissions import Permission
from rayrdma.model.signatures import Signatures
from rayrdma.model.tasks import Completion, Task

from .local import LocalProcess

ATOMS = (type(None), bool, int, float, complex, str, bytes, enum.Enum, Permission, range, type(...))
FIXED = (type, ModuleType, CodeType, UnionType, Signatures)
"""They are what they are, from the beginning to the end of a run."""
EMPTY: tuple[Iterable[Any], ...] = ([], (), {}, {}.values(), {}.items(), set(), range(0), "", b"")
ITERATORS: tuple[type, ...] = (*(type(iter(empty)) for empty in EMPTY), enumerate, zip, reversed)
UNIMPORTANT = {
    "depth",
    "decision_depth",
    "number",
    "_posted",
    "process",
    "current",
    "signatures",
    "regions",
    "graph",
    "looks",
}
"""Attributes, of the library's classes, that change nothing, or are the same in all of a process's states."""
POINTER = struct.calcsize("P")
_never_before = count()
_fixed: dict[int, Any] = {}
"""Those that were met, kept so that their numbers stay theirs."""


def fingerprint(process: LocalProcess, main: Task[Any]) -> tuple[tuple[Hashable, ...], frozenset[int]]:
    """What is the same for two states of one process only if it will do the same in both.

    And the memories that need tell it nothing more: it has lost sight of what it asked them, and queued nothing.
    """
    walk = _Walk(process)
    walk.all((process.decided, process.decision, process.omega, process.named, main))
    for waits in (process.receivers, process.elections, process.changes, process.sleeps):
        walk.all(waits)
    walk.all(process.inbox)
    walk.all(process.notes)
    walk.one(process.__dict__.get("rng"))
    walk.all(process.queued)
    out_of_sight = set()
    for memory, operation in enumerate(process.outstanding):
        if operation is None or walk.has_met(operation):
            walk.one(operation)
        else:
            walk.one("out of sight")
            if not process.queued[memory]:
                out_of_sight.add(memory)
    return tuple(walk.tokens), frozenset(out_of_sight)


class _Walk:
    """Writes down what it meets, depth first."""

    def __init__(self, process: LocalProcess) -> None:
        self.tokens: list[Hashable] = []
        self._met: dict[int, int] = {id(process): 0}
        self._kept: list[Any] = []  # so that no number is given twice

    def all(self, things: Iterable[Any]) -> None:
        for thing in things:
            self.one(thing)
        self.tokens.append("end")

    def has_met(self, thing: object) -> bool:
        """Whether one of the things so far leads to it."""
        return id(thing) in self._met

    def one(self, thing: Any) -> None:
        kind = type(thing)
        if isinstance(thing, ATOMS):
            self.tokens.append((kind, thing))
            return
        if isinstance(thing, FIXED) or kind.__module__.startswith("msgspec."):
            self.tokens.append(id(_fixed.setdefault(id(thing), thing)))
            return
        known = self._met.get(id(thing))
        if known is not None:
            self.tokens.append(known)
            return
        self._met[id(thing)] = len(self._met)
        self._kept.append(thing)
        self.tokens.append(id(_fixed.setdefault(id(kind), kind)))
        self._parts(thing)

    def _parts(self, thing: Any) -> None:
        kind: Any = type(thing)
        if isinstance(thing, Completion):
            self._completion(thing)
        elif isinstance(thing, tuple | list | deque):
            self.all(thing)
        elif isinstance(thing, dict):
            self.all(part for item in thing.items() for part in item)
        elif isinstance(thing, set | frozenset):
            self._unordered(thing)
        elif isinstance(thing, CoroutineType):
            self._coroutine(thing, thing.cr_frame)
        elif isinstance(thing, GeneratorType):
            self._coroutine(thing, thing.gi_frame)
        elif isinstance(thing, MethodType):
            self.all((thing.__func__, thing.__self__))
        elif isinstance(thing, FunctionType):
            self.all((thing.__code__, thing.__closure__, thing.__defaults__, thing.__kwdefaults__))
        elif isinstance(thing, BuiltinFunctionType):
            self.all((thing.__name__, thing.__self__))
        elif isinstance(thing, CellType):
            self.all(gc.get_referents(thing))
        elif isinstance(thing, random.Random):
            self.one(thing.getstate())
        elif isinstance(thing, msgspec.Struct):
            self.all(getattr(thing, field) for field in thing.__struct_fields__)
        elif isinstance(thing, ITERATORS):
            self.one(thing.__reduce__())
        elif _is_plain(kind):
            self._attributes(thing)
        else:
            self.tokens.append(("never before", next(_never_before)))

    def _completion(self, completion: Completion[Any]) -> None:
        if completion.done:
            self.all(("done", completion.value))
        elif isinstance(completion, Task) and completion.fenced:
            self.tokens.append("fenced")
        else:
            self._attributes(completion)

    def _unordered(self, things: Iterable[Any]) -> None:
        members: list[Hashable] = []
        for thing in things:
            if not isinstance(thing, ATOMS):
                members.append(("never before", next(_never_before)))
            else:
                members.append((type(thing).__qualname__, repr(thing)))
        self.tokens += sorted(members, key=repr)
        self.tokens.append("end")

    def _coroutine(self, coroutine: Any, frame: FrameType | None) -> None:
        if frame is None:
            self.tokens.append("over")
            return
        names = frame.f_locals
        self.tokens.append((id(frame.f_code), frame.f_lasti, tuple(names)))
        # Beside its variables it may hold what it has computed of an expression: that has no name.
        parts = [part for part in gc.get_referents(coroutine) if part is not names and not isinstance(part, FrameType)]
        self.all(names.values())
        self.all(parts)

    def _attributes(self, thing: Any) -> None:
        kind: Any = type(thing)
        ours = kind.__module__.startswith("rayrdma.model.") or isinstance(thing, LocalProcess)
        for name in _slots(kind):
            if not (ours and name in UNIMPORTANT):
                self.tokens.append(name)
                self.one(getattr(thing, name, "never set"))
        for name, value in getattr(thing, "__dict__", {}).items():
            if not (ours and name in UNIMPORTANT):
                self.tokens.append(name)
                self.one(value)
        self.tokens.append("end")


@cache
def _slots(kind: Any) -> tuple[str, ...]:
    return tuple(name for base in kind.__mro__ for name in _of(base) if name not in ("__dict__", "__weakref__"))


def _of(base: type) -> tuple[str, ...]:
    slots = base.__dict__.get("__slots__", ())
    return (slots,) if isinstance(slots, str) else tuple(slots)


@cache
def _is_plain(kind: Any) -> bool:
    """Whether its objects hold nothing but their attributes: there is no room in them for anything else."""
    own = len(_slots(kind)) + (kind.__weakrefoffset__ > 0) + (kind.__dictoffset__ > 0)
    return bool(kind.__basicsize__ == object.__basicsize__ + own * POINTER)
