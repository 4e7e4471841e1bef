"""All states that a system can come to, each looked at once; and the schedules that lead through them, counted."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

from .symmetry import Symmetry
from .system import Event, State, System

Path = tuple[Event, ...]


@dataclass
class Space:
    """What has been looked at.

    Attributes:
        states: how many.
        steps: from one to another.
        schedules: that those make up, from the beginning to where nothing more can come; 0 until it is ``finished``.
        finished: there is nothing else.
        ended: somebody wanted no more.
    """

    states: int = 0
    steps: int = 0
    schedules: int = 0
    finished: bool = False
    ended: bool = False


@dataclass
class _Visit:
    """A state on the way that is being looked at: what is left to try there, and the schedules found from there on."""

    state: State
    rest: Iterator[tuple[tuple[Event, ...], State]]
    schedules: int


@dataclass
class Walk:
    """Through a system, depth first.

    Args:
        system: it.
        seen: called once for every outcome of all processes together, with its state and a path to it; it says whether
            that is enough.
        symmetric: states are the same that differ in the order of memories alone.
    """

    system: System
    seen: Callable[[State, Path], bool]
    symmetric: bool
    space: Space = field(default_factory=Space)

    def __post_init__(self) -> None:
        self._symmetry = Symmetry(self.system.automata, self.system.m)
        self._outcomes: set[object] = set()
        self._schedules: dict[State, int] = {}  # from a state on, where all of them are known
        self._way: list[_Visit] = []
        self._enter(self.system.initial())

    def go_on(self, until: float = float("inf"), states: float = float("inf")) -> None:
        """Look at more, until this time by `time.monotonic`, or until that many states have been seen."""
        way, known, space = self._way, self._schedules, self.space
        while way and not space.ended:
            visit = way[-1]
            for _, state in visit.rest:
                if self.symmetric:
                    state = self._symmetry.canonical(state)
                schedules = known.get(state)
                if schedules is None:
                    self._enter(state)
                    break
                visit.schedules += schedules
            else:
                known[visit.state] = visit.schedules
                way.pop()
                if way:
                    way[-1].schedules += visit.schedules
                else:
                    if self.symmetric:
                        self._symmetry.check()
                    space.schedules, space.finished = visit.schedules, True
            if space.states >= states or (not space.states % 64 and time.monotonic() > until):
                return

    def _enter(self, state: State) -> None:
        space = self.space
        outcome = self.system.outcome(state), self.system.error(state)
        followers = [] if outcome[1] else self.system.successors(state)
        self._way.append(_Visit(state, iter(followers), 0 if followers else 1))
        self._schedules[state] = 0  # who comes back here goes round, and that is no schedule
        space.states += 1
        space.steps += len(followers)
        if outcome not in self._outcomes:
            self._outcomes.add(outcome)
            space.ended = self.seen(*self._real())

    def _real(self) -> tuple[State, Path]:
        """The state that has been come to, and the way there, with each memory under one number from first to last."""
        state = self.system.initial()
        path: list[Event] = []
        for visit in self._way[1:]:
            path_on, state = next(
                (events, after)
                for events, after in self.system.successors(state)
                if (self._symmetry.canonical(after) if self.symmetric else after) == visit.state
            )
            path += path_on
        return state, tuple(path)
