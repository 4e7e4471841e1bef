"""`rayrdma explore --strategy exhaustive`: every schedule of a small system, and the first one that goes wrong."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from rayrdma.exploration import keep
from rayrdma.model.protocol import Protocol
from rayrdma.reference import check_protocol, resolve
from rayrdma.results.result import Result
from rayrdma.simulator.explore.draw import KINDS, Shape, shapes_of
from rayrdma.simulator.explore.exhaustive.exhaust import Exhausted, exhaust, scenarios_of
from rayrdma.simulator.explore.exhaustive.system import Bounds
from rayrdma.simulator.explore.search import Budget, check_kinds
from rayrdma.simulator.explore.shrink import shrink

DEFAULT_BOUNDS = Bounds()


class Exhaustion(msgspec.Struct, frozen=True):
    """What came of looking at every schedule of small systems.

    Attributes:
        systems: how many were looked at: without a Byzantine process, and with each attack by one.
        finished: nothing is left within these bounds.
        states: that those systems can be in.
        steps: from one of them to another.
        schedules: that those steps make up; too many to run, and none of them can come to anything else.
        outcomes: what they came to; each was run once, and checked.
        violations: outcomes that went wrong.
        wrong, smallest_events, smallest: as in an `Exploration`.
    """

    protocol: str
    processes: int
    memories: int
    elections: int
    lies: int
    preemptions: int | None
    reduced: bool
    seconds: float
    systems: int
    finished: bool
    states: int
    steps: int
    schedules: float
    outcomes: int
    violations: int
    wrong: list[str]
    smallest_events: int | None
    smallest: Result | None


def explore_all(
    protocol: str | type[Protocol],
    budget: str = "60s",
    *,
    processes: int | None = None,
    memories: int | None = None,
    bounds: Bounds = DEFAULT_BOUNDS,
    faults: Sequence[str] = KINDS,
    reduce: bool = True,
    enough: float = 1,
    storage: Path | str | None = None,
    progress: Callable[[Exhausted, float], None] = lambda so_far, seconds: None,
) -> Exhaustion:
    """Look at every schedule of a small system: what can happen, and not only what did.

    What is shown so is safety. That processes and memories may crash is part of it, for nothing tells a slow one from
    one that crashed; with `Bounds.crashes` they do so in a search without reduction.

    Args:
        protocol: a built-in name, ``path/to/file.py:ClassName``, or a class of your own.
        budget: ``60s``, or a number of states.
        processes, memories: how many; None: as few as make sense.
        bounds: on what may happen.
        faults: with ``byzantine`` among them, a protocol for Byzantine processes is also attacked by one.
        reduce: leave out what makes no difference.
        enough: so many outcomes that go wrong end it.
        storage: the folder in which to make a run folder for one that goes wrong; None: nothing is written.
    Raises:
        UsageError: that makes no sense.
    """
    found = resolve(protocol) if isinstance(protocol, str) else check_protocol(protocol)
    check_kinds(faults)
    least = shapes_of(found)[0]
    shape = Shape(least.n if processes is None else processes, least.memories if memories is None else memories)
    limit = Budget.parse(budget)
    began = time.monotonic()
    looked = exhaust(
        scenarios_of(found, faults, shape),
        bounds,
        reduce=reduce,
        seconds=limit.seconds,
        states=limit.schedules,
        enough=enough,
        progress=progress,
    )
    seconds = time.monotonic() - began
    finding = shrink(looked.findings[0]) if looked.findings else None
    return Exhaustion(
        protocol=found.name,
        processes=shape.n,
        memories=shape.memories,
        elections=bounds.elections,
        lies=bounds.lies,
        preemptions=bounds.preemptions,
        reduced=reduce,
        seconds=seconds,
        systems=len(looked.spaces),
        finished=looked.finished,
        states=looked.states,
        steps=looked.steps,
        schedules=float(looked.schedules),
        outcomes=looked.outcomes,
        violations=len(looked.findings),
        wrong=[str(violation) for violation in finding.wrong] if finding is not None else [],
        smallest_events=finding.events if finding is not None else None,
        smallest=keep(finding, storage) if finding is not None else None,
    )
