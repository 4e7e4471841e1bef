"""The simulator with the order of events in somebody else's hands: any event that is pending may come next.

The model is asynchronous: whatever is under way may take any finite time, so every such order is a run of it. Events
are offered in the order of the common case, so that choosing the first one again and again is the constant schedule;
choosing another one makes those before it late. Faults and what Omega says are events like any other: one that is
planned for some time comes then, or before if it is chosen, or after if others are. A timer is never early, no pause
begins after its end, and once Omega is accurate it stays so.

A run is told by its choices, and those are small numbers, most of them 0; that is what makes it easy to shrink.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from rayrdma.faults.plan import Pause

from .kernel import EVENT_LIMIT, Kernel
from .schedule import Constant, Leadership

Entry = tuple[int, int, Any, Any]
"""A pending event: when it is due, its number, what handles it, and of what."""
Chooser = Callable[[Sequence[Entry]], int]
"""Which of the pending events comes next: its position."""


class Given(Constant):
    """The common case but for Omega, which says what it is told to until it ``stabilises``."""

    def __init__(self, leaderships: Sequence[Leadership] = (), stabilises: int = 0) -> None:
        self._leaderships = leaderships
        self.stabilises = stabilises

    def leaderships(self) -> Sequence[Leadership]:
        return self._leaderships


class Stepper(Kernel):
    """A kernel whose next event is chosen.

    Attributes:
        choices: that were made, up to the last one that is not 0.
        numbers: of the events, in the order in which they came.
    """

    choices: list[int]
    numbers: list[int]
    _accurate = False

    def run_by(self, choose: Chooser, event_limit: int = EVENT_LIMIT) -> None:
        """As `run`, but ``choose`` says what comes next.

        Raises:
            ProtocolError: the protocol did what no protocol may do.
        """
        self.choices, self.numbers = [], []
        choices, numbers = self.choices, self.numbers
        self._over: list[Pause] = []
        pending = self._heap
        last = latest = 0
        sorted_until = -1
        try:
            self._begin()
            now = self.now
            while pending and len(numbers) < event_limit:
                if self._sequence != sorted_until:  # somebody pushed
                    pending.sort()  # still a heap, for whoever pushes
                    sorted_until = self._sequence
                choice = choose(pending)  # also where there is no choice: choices are counted
                key, number, handler, argument = pending.pop(choice)
                time, rank = key >> 2, key & 3
                if time > now:
                    self.now = now = time
                elif rank < latest:
                    self.now = now = now + 1  # at each time effects come before deliveries
                latest = rank
                choices.append(choice)
                numbers.append(number)
                if choice:
                    last = len(choices)
                handler(argument)
        finally:
            self.events = len(self.numbers)
            self.world.time = self.now
            del self.choices[last:]

    def _omega(self, output: tuple[int, int]) -> None:
        if not self._accurate:
            super()._omega(output)

    def _stabilise(self, _: None) -> None:
        self._accurate = False
        super()._stabilise(None)
        self._accurate = True

    def _recheck(self, _: None) -> None:
        if self._accurate:  # which may come later than it was planned for
            super()._recheck(None)

    def _pause(self, fault: Pause) -> None:
        if fault not in self._over:
            super()._pause(fault)

    def _resume(self, fault: Pause) -> None:
        self._over.append(fault)
        super()._resume(fault)


def first(pending: Sequence[Entry]) -> int:
    """The common case."""
    return 0


class Follow:
    """The choices of an earlier run; after them, and where there are fewer to choose from, the common case."""

    def __init__(self, choices: Sequence[int]) -> None:
        self._choices = iter(choices)

    def __call__(self, pending: Sequence[Entry]) -> int:
        choice = next(self._choices, 0)
        return choice if choice < len(pending) else 0


class Trail:
    """The events of another run of the same, in the order in which they came there."""

    def __init__(self, numbers: Sequence[int]) -> None:
        self._numbers = iter(numbers)

    def __call__(self, pending: Sequence[Entry]) -> int:
        wanted = next(self._numbers, None)
        return next((position for position, entry in enumerate(pending) if entry[1] == wanted), 0)
