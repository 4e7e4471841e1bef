"""Faults as plain data: what crashes or pauses, and when. They mean the same in both engines.

A time is in delays in the simulator and in seconds on Ray, from the start of the run. An operation count
says: right after that party's k-th operation of that kind. A process that is killed right after it issued
an operation has issued it: it may still take effect. Lost completions and wrong clocks can only be had in
the simulator.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator
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


@dataclass(frozen=True)
class LostCompletion:
    """An operation of a process on a memory takes effect, and the process never hears of it, nor of any later one.

    To that process the memory is one that failed; all others may see what it did there.

    Args:
        process, memory: their numbers.
        at: the operation, counted among those of this process on this memory in the order of their effects.
    """

    process: int
    memory: int
    at: After

    def __post_init__(self) -> None:
        if self.at.operation == "send":
            raise UsageError(f"fault {self}: a message has no completion; name an operation on the memory")

    def __str__(self) -> str:
        return f"p{self.process}-m{self.memory}@{self.at}"


@dataclass(frozen=True)
class ClockSkew:
    """A process's timers run at a rate of their own, from the start until a time.

    Args:
        process: its number.
        rate: 4: they go off in a quarter of the time, 0.25: in four times as much.
        until: a time; later ones are right.
    """

    process: int
    rate: float
    until: float

    def __post_init__(self) -> None:
        if not 0 < self.rate < math.inf:
            raise UsageError(f"a clock can not run at {self.rate:g} times its rate; give more than 0")
        if not 0 < self.until < math.inf:
            raise UsageError(f"a clock can not go wrong until time {self.until:g}; give a time after 0")

    def __str__(self) -> str:
        return f"p{self.process}*{self.rate:g}@0-{self.until:g}"


Fault = Crash | Pause | Byzantine | LostCompletion | ClockSkew

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
    """Raise UsageError unless every fault names a party that is there, and none fails twice at a time in one way."""
    crashed: set[str] = set()
    lawless: set[int] = set()
    paused: dict[int, list[Pause]] = {}
    deaf: set[tuple[int, int]] = set()
    skewed: set[int] = set()
    for fault in faults:
        for kind, number, count in _named(fault, processes, memories):
            if not 0 <= number < count:
                there = f"{kind[0]}0 to {kind[0]}{count - 1}" if count else "none"
                raise UsageError(f"fault {fault} names {kind} {number}, but the run has {there}")
        match fault:
            case Crash():
                _check_crash(fault, crashed)
            case Byzantine(process):
                if process in lawless:
                    raise UsageError(f"process {process} is given two behaviours; write one class that does both")
                lawless.add(process)
            case LostCompletion(process, memory):
                if (process, memory) in deaf:
                    raise UsageError(f"process {process} is to lose memory {memory} twice; the first time is for ever")
                deaf.add((process, memory))
            case ClockSkew(process):
                if process in skewed:
                    raise UsageError(f"the clock of process {process} is given two rates; give one")
                skewed.add(process)
            case Pause():
                for other in paused.setdefault(fault.process, []):
                    if fault.at <= other.until and other.at <= fault.until:
                        raise UsageError(
                            f"pauses {other} and {fault} overlap; make one of them, or leave time in between"
                        )
                paused[fault.process].append(fault)


def _named(fault: Fault, processes: int, memories: int) -> Iterator[tuple[str, int, int]]:
    """The parties that a fault names: what they are, their numbers, and how many of them there are."""
    if fault.process is not None:
        yield "process", fault.process, processes
    memory = fault.memory if isinstance(fault, Crash | LostCompletion) else None
    if memory is not None:
        yield "memory", memory, memories


def _check_crash(fault: Crash, crashed: set[str]) -> None:
    party = f"process {fault.process}" if fault.memory is None else f"memory {fault.memory}"
    if party in crashed:
        raise UsageError(f"{party} is to crash twice; a crash is for ever")
    crashed.add(party)
    if fault.memory is not None and isinstance(fault.at, After) and fault.at.operation == "send":
        raise UsageError(f"fault {fault}: a memory sends no messages")
