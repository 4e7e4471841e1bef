"""A schedule that is told by what happens, and not by which of the pending events that is."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

from rayrdma.model.operations import Operation
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
                if self._is_it(self._wanted, pending[found][3]):
                    self._wanted = next(self._events, None)
                return found
            self._wanted = next(self._events, None)
        return 0

    def _matches(self, event: Event, in_order: Sequence[tuple[int, Entry]]) -> Iterator[int]:
        """Where such events are; of a process and a memory there is one; timers count from the first."""
        earlier = event.where if event.kind == "timer" else 0
        for position, (_, _, handler, argument) in in_order:
            if self._is_such(event, handler.__name__, argument):
                if not earlier:
                    yield position
                earlier -= 1

    def _is_such(self, event: Event, handler: str, argument: Any) -> bool:
        kind, process, where, number = event
        match kind, handler, argument:
            case "effect", "_effect", operation:
                return bool((operation.process.id, operation.memory) == (process, where))
            case (("effect" | "response"), "_response", (operation, _)):
                return bool((operation.process.id, operation.memory) == (process, where))
            case "delivery", "_delivery", (sender, to, message, _):
                wanted = self._vocabulary.messages.things[number]
                return (to, sender) == (process, where) and key_of(message) == key_of(wanted)
            case "elected", "_omega", (named, leader):
                return bool(named == leader == process)
            case "changed", "_changed", ((changed, _, change), _):
                return changed.id == process and awaited(change)
            case "timer", "_timer", (woken, sleep, _):
                return woken.id == process and awaited(sleep)
        return False

    def _is_it(self, event: Event, argument: Any) -> bool:
        """Whether this is what is wanted, and not what has to be over before."""
        if event.kind != "effect":
            return True
        if not isinstance(argument, Operation):
            return False
        request = self._vocabulary.requests.things[event.number]
        return (argument.kind, argument.region, argument.register, key_of(argument.argument)) == (
            request.kind,
            request.region,
            request.register,
            key_of(request.argument),
        )
