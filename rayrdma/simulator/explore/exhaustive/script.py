"""A schedule that is told by what happens, and not by which of the pending events that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rayrdma.simulator.explore.pending import DELIVERY, EFFECT, ELECTED, RESPONSE, TIMER, What, what
from rayrdma.simulator.stepper import Entry

from .automata import Vocabulary, key_of
from .local import awaited
from .system import Event


class Script:
    """Chooses one event after the other, as a path through a system has them; then the common case.

    A simulated process that finds something changed, or that leads already, need not wait for an event that says so.
    So such an event may be missing, and is passed over; and the process may have looked at a memory once more, which
    has to be over before what is wanted can come.

    Attributes:
        length: how many events it took.
    """

    def __init__(self, events: Sequence[Event], vocabulary: Vocabulary) -> None:
        self.length = 0
        self._events = iter(events)
        self._vocabulary = vocabulary
        self._wanted = next(self._events, None)

    def __call__(self, pending: Sequence[Entry]) -> int:
        while self._wanted is not None:
            in_order = sorted(enumerate(pending), key=lambda entry: entry[1][1])
            found = next(self._matches(self._wanted, in_order), None)
            if found is not None:
                self.length += 1
                if self._is_it(self._wanted, what(pending[found])):
                    self._wanted = next(self._events, None)
                return found
            self._wanted = next(self._events, None)
        return 0

    def _matches(self, event: Event, in_order: Sequence[tuple[int, Entry]]) -> Iterator[int]:
        """Where such events are; of a process and a memory there is one; timers count from the first."""
        earlier = event.where if event.kind == TIMER else 0
        for position, entry in in_order:
            if self._is_such(event, what(entry)):
                if not earlier:
                    yield position
                earlier -= 1

    def _is_such(self, event: Event, offered: What) -> bool:
        kind, process, other, about = offered
        if process != event.process:
            return False
        if event.kind == EFFECT:
            return kind in (EFFECT, RESPONSE) and other == event.where
        if kind != event.kind:
            return False
        if kind == RESPONSE:
            return other == event.where
        if kind == DELIVERY:
            return other == event.where and key_of(about) == key_of(self._vocabulary.messages.things[event.number])
        if kind == ELECTED:
            return other == process
        return awaited(about)

    def _is_it(self, event: Event, offered: What) -> bool:
        """Whether this is what is wanted, and not what has to be over before."""
        if event.kind != EFFECT:
            return True
        kind, _, _, operation = offered
        if kind != EFFECT:
            return False
        request = self._vocabulary.requests.things[event.number]
        return (operation.kind, operation.region, operation.register, key_of(operation.argument)) == (
            request.kind,
            request.region,
            request.register,
            key_of(request.argument),
        )
