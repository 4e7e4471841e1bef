"""What a pending event is. Nothing else here knows what the kernel's handlers are called and what they are given."""

from __future__ import annotations

from typing import Any

from rayrdma.simulator.stepper import Entry

EFFECT, RESPONSE, DELIVERY, TIMER, CHANGED, ELECTED = "effect", "response", "delivery", "timer", "changed", "elected"
NOBODY = -1
"""Whose faults are, and that Omega becomes accurate; their kinds are their own."""

What = tuple[str, int, int, Any]
"""Of an event: its kind; whose it is, who asked for the effect or who hears; the memory, the sender or whom Omega
names; the operation, the message, what is awaited or the fault. A plain tuple, for a search makes very many."""


def what(entry: Entry) -> What:
    """What a pending event is."""
    _, _, handler, argument = entry
    match handler.__name__:
        case "_effect":
            return EFFECT, argument.process.id, argument.memory, argument
        case "_response":
            operation = argument[0]
            return RESPONSE, operation.process.id, operation.memory, operation
        case "_delivery":
            return DELIVERY, argument[1], argument[0], argument[2]
        case "_timer":
            return TIMER, argument[0].id, NOBODY, argument[1]
        case "_changed":
            return CHANGED, argument[0][0].id, NOBODY, argument[0][2]
        case "_omega":
            return ELECTED, argument[0], argument[1], None
        case kind:
            return kind, NOBODY, NOBODY, argument


def stabilises(entry: Entry) -> bool:
    """Whether by this event Omega becomes accurate."""
    return bool(entry[2].__name__ == "_stabilise")
