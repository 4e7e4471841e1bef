"""What is shown of something that one points at: all that the trace has of it."""

from __future__ import annotations

from collections.abc import Callable

from rayrdma.model.operations import NAMES
from rayrdma.model.trace import Crashed, Decided, Event, LeaderChanged, Noted, Refused

from .holders import Change
from .story import Exchange, Message
from .words import tell, tell_place

When = Callable[[int], str]
"""The time at a position of the trace, in words."""


def tell_exchange(exchange: Exchange, when: When, change: Change | None) -> str:
    """An operation: what it was, its three moments, and its response."""
    what = f"{NAMES[exchange.operation]} {tell_place(exchange.operation, exchange.region, exchange.register)}"
    lines = [f"p{exchange.process} → m{exchange.memory}: {what}"]
    if exchange.argument is not None:
        lines.append(f"value: {tell(exchange.argument)}")
    moments = [f"issued at {when(exchange.issued)} as its operation {exchange.number}"]
    if exchange.effect is not None:
        moments.append(f"took effect at {when(exchange.effect)}")
    if exchange.responded is not None:
        moments.append(f"answered at {when(exchange.responded)}, {exchange.depth} delays deep")
    else:
        moments.append("no answer arrived")
    lines.append("; ".join(moments))
    if change is not None:
        changed = "from then on" if change.before != change.after else "it changed nothing: as before"
        lines.append(f"{changed} {tell(change.after)}")
    elif exchange.effect is not None or exchange.responded is not None:
        lines.append(f"response: {tell(exchange.response)}")
    return "\n".join(lines)


def tell_message(message: Message, when: When) -> str:
    """A message and its two ends."""
    sent = "sent more than once" if message.sent is None else f"sent at {when(message.sent)}"
    got = "not delivered" if message.delivered is None else f"delivered at {when(message.delivered)}"
    return f"p{message.sender} → p{message.to}: {tell(message.message)}\n{sent}; {got}"


def tell_happening(event: Event) -> str:
    """What happened to a party, or what it found; empty for what is drawn otherwise."""
    match event:
        case Crashed():
            return f"{event.what[0]}{event.number} crashed"
        case Decided():
            return f"p{event.process} decided {tell(event.value)}, {event.depth} delays deep"
        case LeaderChanged():
            return f"Omega names p{event.leader} to p{event.process}"
        case Noted():
            return f"p{event.process} notes {event.what}: {tell(event.value)}"
        case Refused():
            return f"p{event.process} does not believe p{event.liar}: {event.why}"
    return ""
