"""What belongs together in a trace: the two ends of a message, the three moments of an operation."""

from __future__ import annotations

from collections import defaultdict, deque
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rayrdma.model.operations import COMPARE_AND_SWAP, WRITE, Kind
from rayrdma.model.trace import Delivered, Event, Issued, Responded, Sent, TookEffect


@dataclass(slots=True)
class Exchange:
    """One operation of a process on a memory.

    Attributes:
        issued, effect, responded: positions in the trace; None: it is not in there.
        overwritten: what its process had written to that memory last, when this was issued; None: nothing.
        response: what the memory answered, as far as anybody saw it.
        depth: of the response at the process, in delays.
    """

    process: int
    memory: int
    number: int
    operation: Kind
    region: str
    register: int
    argument: Any
    issued: int
    overwritten: Any = None
    effect: int | None = None
    responded: int | None = None
    response: Any = None
    depth: int = 0


@dataclass(slots=True)
class Message:
    """One message; ``sent`` and ``delivered`` are positions in the trace, None: it is not in there."""

    sender: int
    to: int
    message: Any
    sent: int | None
    delivered: int | None = None


def exchanges_of(trace: Sequence[Event]) -> list[Exchange]:
    """All operations, in the order in which they were issued."""
    found: dict[tuple[int, int], Exchange] = {}
    written: dict[tuple[int, int], Any] = {}  # by process and memory
    for position, event in enumerate(trace):
        if isinstance(event, Issued):
            found[event.process, event.number] = Exchange(
                event.process,
                event.memory,
                event.number,
                event.operation,
                event.region,
                event.register,
                event.argument,
                position,
                written.get((event.process, event.memory)),
            )
            if event.operation in (WRITE, COMPARE_AND_SWAP):
                written[event.process, event.memory] = event.argument
        elif isinstance(event, TookEffect | Responded) and (event.process, event.number) in found:
            exchange = found[event.process, event.number]
            exchange.response = event.response
            if isinstance(event, TookEffect):
                exchange.effect = position
            else:
                exchange.responded, exchange.depth = position, event.depth
    return list(found.values())


def messages_of(trace: Sequence[Event]) -> list[Message]:
    """All messages.

    Messages have no number. Of those that say the same to the same process, the one that was sent first is taken to
    arrive first; one that arrives more often than it was sent is there with its end only.
    """
    found: list[Message] = []
    under_way: dict[tuple[int, int, str], deque[Message]] = defaultdict(deque)
    for position, event in enumerate(trace):
        if isinstance(event, Sent):
            message = Message(event.process, event.to, event.message, position)
            found.append(message)
            under_way[event.process, event.to, repr(event.message)].append(message)
        elif isinstance(event, Delivered):
            sent = under_way[event.sender, event.process, repr(event.message)]
            if sent:
                sent.popleft().delivered = position
            else:
                found.append(Message(event.sender, event.process, event.message, None, position))
    return found
