"""What a finished run left to be checked, and what a check says of it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from rayrdma.model.graph import Graph
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Region, Value
from rayrdma.model.trace import Decided, Event, Noted


@dataclass(frozen=True)
class Observation:
    """One instance of a protocol, as it went.

    Attributes:
        protocol: its class.
        n: processes.
        memories: memories.
        regions: of every memory.
        graph: who may reach which memory; None: everybody every one.
        inputs: what each process proposed.
        decisions: every decision, of processes that crashed later too, in the order of time.
        undecided: live processes that have not decided although nothing can happen any more, with what
            each waits for; only meaningful if a decision had to come.
        trace: every event, memory effects included; None if effects were not recorded.
        byzantine: the processes that were; what they did binds nobody, and they decide nothing.
        survivors: the correct processes that are up at the end, if nothing can happen any more although a majority of
            the memories answers; else empty.
        signatures: how many each process made and how many it checked, of those that needed any.
        rounds_taken: the most rounds of a randomised protocol that one of those who decided took; else 0.
        refused_by_devices: how many operations of each process, Byzantine or not, the devices of memories refused, of
            those of whom they refused any.
        log: what the processes saw of a live run, if they kept it: events, but no effects.
        derived: what one check has worked out and others need too, under the function that does.
    """

    protocol: type[Protocol]
    n: int
    memories: int
    regions: Sequence[Region]
    inputs: Sequence[Value]
    decisions: Sequence[Decided]
    undecided: Mapping[int, str] = field(default_factory=dict)
    trace: Sequence[Event] | None = None
    byzantine: frozenset[int] = frozenset()
    survivors: frozenset[int] = frozenset()
    signatures: Mapping[int, tuple[int, int]] = field(default_factory=dict)
    rounds_taken: int = 0
    refused_by_devices: Mapping[int, int] = field(default_factory=dict)
    log: Sequence[Event] = ()
    graph: Graph | None = None
    derived: dict[Any, Any] = field(default_factory=dict, repr=False, compare=False)


def notes(observation: Observation, what: str) -> list[tuple[int, Noted]]:
    """(position in the trace, note) of all that correct processes noted under ``what``."""
    noted: dict[str, list[tuple[int, Noted]]] | None = observation.derived.get(notes)
    if noted is None:
        noted = observation.derived[notes] = {}
        for position, event in enumerate(observation.trace or ()):
            if type(event) is Noted and event.process not in observation.byzantine:
                noted.setdefault(event.what, []).append((position, event))
    return noted.get(what, [])


@dataclass(frozen=True)
class Violation:
    """A property that did not hold: its name (``agreement``, ``M4``) and what happened, in one line."""

    check: str
    what: str

    def __str__(self) -> str:
        return f"{self.check}: {self.what}"


Check = Callable[[Observation], Violation | None]
"""A check returns the first violation that it finds, or None."""
