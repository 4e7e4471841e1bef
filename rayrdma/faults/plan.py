"""Faults as plain data: what crashes or pauses, and when. They mean the same in both engines.

A time is in delays in the simulator and in seconds on Ray, from the start of the run. An operation count
says: right after that party's k-th operation of that kind. A process that is killed right after it issued
an operation has issued it: it may still take effect.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from dataclasses import dataclass

from rayrdma.model.errors import UsageError

from .behaviour import Behaviour

OPERATIONS = ("read", "write", "permission", "swap", "send", "operation")
"""What can be counted; ``operation`` counts every operation on a memory, ``send`` messages."""


@dataclass(frozen=True)
class After:
    """Right after the ``count``-th ``operation`` of the party that fails."""

    operation: str
    count: int

    def __post_init__(self) -> None:
        if self.operation not in OPERATIONS:
            raise UsageError(f"there is no operation {self.operation!r} to crash at; use {', '.join(OPERATIONS)}")
        if self.count < 1:
            raise UsageError(f"operations count from 1, there is no {self.operation}:{self.count}")

    def __str__(self) -> str:
        return f"{self.operation}:{self.count}"


@dataclass(frozen=True)
class Crash:
    """A process or a memory stops for ever.

    Args:
        process: its number; or
        memory: its number.
        at: a time, or `After` an operation.
    """

    process: int | None = None
    memory: int | None = None
    at: float | After = 0.0

    def __post_init__(self) -> None:
        if (self.process is None) == (self.memory is None):
            raise UsageError("a crash names either a process or a memory")
        if not isinstance(self.at, After) and not 0 <= self.at < math.inf:
            raise UsageError(f"a crash can not happen at time {self.at:g}; times count from 0")

    def __str__(self) -> str:
        at = self.at if isinstance(self.at, After) else f"{self.at:g}"
        return f"{'m' if self.process is None else 'p'}{self.memory if self.process is None else self.process}@{at}"


@dataclass(frozen=True)
class Pause:
    """A process takes no step from ``at`` until ``until``."""

    process: int
    at: float
    until: float

    def __post_init__(self) -> None:
        if not 0 <= self.at < self.until < math.inf:
            raise UsageError(f"a pause goes from a time to a later one, not from {self.at:g} to {self.until:g}")

    def __str__(self) -> str:
        return f"p{self.process}@{self.at:g}-{self.until:g}"


@dataclass(frozen=True)
class Byzantine:
    """A process does something else than its protocol, from the start.

    Args:
        process: its number.
        behaviour: what it does: a class, or the name of one in the library.
    Raises:
        UsageError: the library has no behaviour of that name.
    """

    process: int
    behaviour: type[Behaviour] | str

    def __post_init__(self) -> None:
        if not issubclass(self.does, Behaviour):
            raise UsageError(f"{self.does.__qualname__} is no behaviour; derive a class from rayrdma.Behaviour")

    @property
    def does(self) -> type[Behaviour]:
        """The behaviour itself."""
        if not isinstance(self.behaviour, str):
            return self.behaviour
        from .byzantine import find_behaviour  # the library knows the protocols; most plans need neither

        return find_behaviour(self.behaviour)

    def __str__(self) -> str:
        return f"p{self.process}:{self.does.name}"


Fault = Crash | Pause | Byzantine

_CRASH = re.compile(r"([pm])(\d+)@(?:([a-z]+):(\d+)|(\d+(?:\.\d+)?))")
_PAUSE = re.compile(r"p(\d+)@(\d+(?:\.\d+)?)-(\d+(?:\.\d+)?)")


def parse_crashes(text: str) -> list[Crash]:
    """``p0@write:2,m2@0`` as crashes.

    Raises:
        UsageError: a part of it is no crash.
    """
    crashes = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _CRASH.fullmatch(part)
        if match is None:
            raise UsageError(f"{part!r} is no crash; write p0@write:2 (after an operation) or m2@0 (at a time)")
        kind, number, operation, count, time = match.groups()
        at: float | After = After(operation, int(count)) if operation else float(time)
        crashes.append(Crash(process=int(number), at=at) if kind == "p" else Crash(memory=int(number), at=at))
    return crashes


def parse_pauses(text: str) -> list[Pause]:
    """``p0@3-9`` as pauses.

    Raises:
        UsageError: a part of it is no pause.
    """
    pauses = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        match = _PAUSE.fullmatch(part)
        if match is None:
            raise UsageError(f"{part!r} is no pause; write p0@3-9 (from time 3 to time 9)")
        process, at, until = match.groups()
        pauses.append(Pause(int(process), float(at), float(until)))
    return pauses


def check_faults(faults: Iterable[Fault], processes: int, memories: int) -> None:
    """Raise UsageError unless every fault names a party that is there, and none crashes or pauses twice at a time."""
    crashed: set[str] = set()
    lawless: set[int] = set()
    paused: dict[int, list[Pause]] = {}
    for fault in faults:
        memory = fault.memory if isinstance(fault, Crash) else None
        kind, number, count = ("process", fault.process, processes) if memory is None else ("memory", memory, memories)
        if number is None or not 0 <= number < count:
            there = f"{kind[0]}0 to {kind[0]}{count - 1}" if count else "none"
            raise UsageError(f"fault {fault} names {kind} {number}, but the run has {there}")
        if isinstance(fault, Crash):
            party = f"{kind} {number}"
            if party in crashed:
                raise UsageError(f"{party} is to crash twice; a crash is for ever")
            crashed.add(party)
            if memory is not None and isinstance(fault.at, After) and fault.at.operation == "send":
                raise UsageError(f"fault {fault}: a memory sends no messages")
        elif isinstance(fault, Byzantine):
            if fault.process in lawless:
                raise UsageError(f"process {fault.process} is given two behaviours; write one class that does both")
            lawless.add(fault.process)
        else:
            for other in paused.setdefault(fault.process, []):
                if fault.at <= other.until and other.at <= fault.until:
                    raise UsageError(f"pauses {other} and {fault} overlap; make one of them, or leave time in between")
            paused[fault.process].append(fault)
