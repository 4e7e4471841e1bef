"""Whose answers a process was counting when it decided, as far as a trace tells.

A trace does not say what protocol code waits for; it says after which event a process decided. From that:

* If it was the answer of a memory, counted are the answers that the decider got, until it decided, to the same
  operation (kind, region, register and value) on each memory. A read says nothing of its phase; so it has to follow
  the same last write of the decider to that memory. Where a process looked again and again, only answers as deep as the
  last one belong to its last look. A decision is exactly as deep as the deepest answer that it counts: if it is not,
  the quorum is not known.
* If it was a message, counted are the messages of the same type and phase that the decider got until it decided: those
  that are equal to it but for who signed them and for what lists they carry.
* If the decider asked memories in the step in which it last said something to several processes, or to any while it
  asked memories, answers of both kinds count.
* If it was a message of a type that its sender sent after its own decision only, the decider was told: it counted
  nobody. It may have got that message earlier, and looked at it only after an answer that does not fit its decision.

These are the answers of the last wait. What a protocol counted in earlier phases is not in it.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import msgspec

from rayrdma.model.operations import NAMES, READ, READ_REGION
from rayrdma.model.outcomes import NAK
from rayrdma.model.regions import Record
from rayrdma.model.signatures import Signed
from rayrdma.model.trace import Decided, Delivered, Event, Issued, LeaderChanged, Responded, Resumed, Sent

from .story import Exchange, Message, exchanges_of, messages_of
from .words import tell, tell_parties, tell_place

READS = READ, READ_REGION


@dataclass(frozen=True)
class Deciding:
    """How one process came to its decision.

    Attributes:
        position: of the decision in the trace.
        exchanges, messages: the answers that it counted; none: it was told, or the trace does not tell.
        told_by: who told it the decision.
        unknown: why the trace does not tell.
    """

    decided: Decided
    position: int
    exchanges: tuple[Exchange, ...] = ()
    messages: tuple[Message, ...] = ()
    told_by: int | None = None
    unknown: str = ""

    @property
    def parties(self) -> tuple[str, ...]:
        """Whose answers it counted: ``m0``, ``p2``."""
        memories = sorted({exchange.memory for exchange in self.exchanges})
        processes = sorted({message.sender for message in self.messages})
        return *(f"m{memory}" for memory in memories), *(f"p{process}" for process in processes)

    @property
    def refusals(self) -> tuple[str, ...]:
        """Those of them that answered with a nak."""
        return tuple(sorted({f"m{exchange.memory}" for exchange in self.exchanges if exchange.response is NAK}))

    def __str__(self) -> str:
        """One sentence."""
        who = f"p{self.decided.process} decided {tell(self.decided.value, 60)}"
        if self.told_by is not None:
            return f"{who} because p{self.told_by}, which had decided, told it."
        if self.unknown:
            return f"{who}; whose answers it counted, the trace does not tell: {self.unknown}."
        return f"{who} after {' and '.join(filter(None, (self._tell_exchanges(), self._tell_messages())))}."

    def _tell_exchanges(self) -> str:
        if not self.exchanges:
            return ""
        one = self.exchanges[0]
        what = f"{NAMES[one.operation]} of {tell_place(one.operation, one.region, one.register)}"
        refused = f", {tell_parties(self.refusals)} with a nak," if self.refusals else ""
        memories = tell_parties(party for party in self.parties if party[0] == "m")
        return f"{memories} had answered its {what}{refused}".rstrip(",")

    def _tell_messages(self) -> str:
        if not self.messages:
            return ""
        one = self.messages[0].message
        equal = all(message.message == one for message in self.messages)
        what = tell(one, 60) if equal else f"a {type(one).__name__} of the same phase"
        return f"{tell_parties(party for party in self.parties if party[0] == 'p')} had sent it {what}"


@dataclass(frozen=True)
class Trace:
    """A trace with what belongs together in it.

    Args:
        live: it has no effects, and times are those of a clock.
    """

    events: Sequence[Event]
    live: bool

    @cached_property
    def exchanges(self) -> list[Exchange]:
        """All operations."""
        return exchanges_of(self.events)

    @cached_property
    def messages(self) -> list[Message]:
        """All messages."""
        return messages_of(self.events)

    def deciding(self) -> list[Deciding]:
        """Every decision, in the order of the trace."""
        return [
            self._deciding(position, event) for position, event in enumerate(self.events) if isinstance(event, Decided)
        ]

    def _deciding(self, position: int, decided: Decided) -> Deciding:
        cause = next(
            (
                (at, event)
                for at in range(position - 1, -1, -1)
                if isinstance(event := self.events[at], Responded | Delivered) and event.process == decided.process
            ),
            None,
        )
        if cause is None:
            return Deciding(decided, position, unknown="it had got no answer and no message")
        at, event = cause
        if not self.live and event.time != decided.time:
            return self._unlike(position, decided, "it decided without an answer or a message that came just then")
        if isinstance(event, Responded):
            return self._by_memories(position, decided, event.number)
        return self._by_messages(position, decided, at)

    def _by_memories(self, position: int, decided: Decided, number: int) -> Deciding:
        last = self._own[decided.process].get(number)
        if last is None:
            return Deciding(decided, position, unknown="the operation that was answered last is not in the trace")
        alike = self._alike(last, position)
        asked = self._last_asked(decided.process, position)
        own = self._own[decided.process].values()
        if any(self._asked_with(asked, exchange) for exchange in own if _same_phase(exchange, last)):
            return Deciding(decided, position, tuple(alike), tuple(self._answers(asked, position)))
        if max(exchange.depth for exchange in alike) != decided.depth:
            return self._unlike(position, decided, f"it is {decided.depth} delays deep, the answers before it are not")
        return Deciding(decided, position, tuple(alike))

    def _by_messages(self, position: int, decided: Decided, at: int) -> Deciding:
        received = self._received[decided.process]
        last = received[at]
        if self._told(last, decided):
            return Deciding(decided, position, told_by=last.sender)
        alike = [
            message
            for delivered, message in received.items()
            if delivered < position
            and type(message.message) is type(last.message)
            and _content(message.message) == _content(last.message)
        ]
        asked = self._last_asked(decided.process, position)
        issued = [each for each in self._own[decided.process].values() if self._asked_with(asked, each)]
        exchanges = self._alike(issued[-1], position) if issued else []
        return Deciding(decided, position, tuple(exchanges), tuple(alike))

    def _alike(self, last: Exchange, position: int) -> list[Exchange]:
        """What was answered before this position of the operations in the same phase as ``last``, one a memory."""
        alike = [
            exchange
            for exchange in self._own[last.process].values()
            if exchange.responded is not None and exchange.responded < position and _same_phase(exchange, last)
        ]
        if len({exchange.memory for exchange in alike}) < len(alike):
            alike = [exchange for exchange in alike if exchange.depth == last.depth]
        return alike

    def _answers(self, asked: Sequence[Message], position: int) -> list[Message]:
        """What those that were asked said to all appearance in answer: what most of them sent afterwards."""
        kinds: dict[str, list[Message]] = defaultdict(list)
        own = {message.delivered for message in asked}  # what a process asks it asks itself, too
        for delivered, message in self._received[asked[0].sender].items():
            if (asked[0].sent or 0) < delivered < position and delivered not in own:
                kinds[repr(_content(message.message))].append(message)
        return max(kinds.values(), key=len, default=[])

    def _asked_with(self, asked: Sequence[Message], exchange: Exchange) -> bool:
        """Whether an operation was issued in a step of its process in which it said this."""
        steps = self._steps[exchange.process]
        return any(steps[exchange.issued] == steps[message.sent] for message in asked if message.sent is not None)

    def _unlike(self, position: int, decided: Decided, unknown: str) -> Deciding:
        """Of a decision that does not fit what came before it."""
        received = self._received[decided.process].items()
        told = (message for at, message in received if at < position and self._told(message, decided))
        by = next(told, None)
        return Deciding(decided, position, told_by=by.sender) if by else Deciding(decided, position, unknown=unknown)

    def _told(self, last: Message, decided: Decided) -> bool:
        """Whether its sender sent messages of this type after its own decision only, which was the same one."""
        value, said = self._when_deciding.get(last.sender, (None, frozenset()))
        return last.sender in self._when_deciding and value == decided.value and type(last.message) not in said

    @cached_property
    def _own(self) -> dict[int, dict[int, Exchange]]:
        """The operations of each process by their numbers."""
        found: dict[int, dict[int, Exchange]] = defaultdict(dict)
        for exchange in self.exchanges:
            found[exchange.process][exchange.number] = exchange
        return found

    @cached_property
    def _received(self) -> dict[int, dict[int, Message]]:
        """The messages that each process got, by their positions in the trace."""
        found: dict[int, dict[int, Message]] = defaultdict(dict)
        for message in self.messages:
            if message.delivered is not None:
                found[message.to][message.delivered] = message
        return found

    @cached_property
    def _steps(self) -> dict[int, dict[int, int]]:
        """For each process, of each position at which it asks or says something that at which its step began."""
        began: dict[int, int] = defaultdict(lambda: -1)
        found: dict[int, dict[int, int]] = defaultdict(dict)
        for position, event in enumerate(self.events):
            if isinstance(event, Issued | Sent):
                found[event.process][position] = began[event.process]
            elif isinstance(event, Responded | Delivered | LeaderChanged | Resumed):
                began[event.process] = position
        return found

    def _last_asked(self, process: int, position: int) -> list[Message]:
        """What a process last said to several, or while it asked memories, before this position; to each of them."""
        steps = self._steps[process]
        asking = {steps[exchange.issued] for exchange in self._own[process].values()}
        alike: dict[str, list[Message]] = {}
        for message in self._said[process]:
            if message.sent is not None and message.sent < position:
                alike.setdefault(repr(message.message), []).append(message)
        asked = [
            messages
            for messages in alike.values()
            if len({message.to for message in messages}) > 1 or steps[messages[0].sent or 0] in asking
        ]
        return max(asked, key=lambda messages: messages[-1].sent or 0, default=[])

    @cached_property
    def _said(self) -> dict[int, list[Message]]:
        """The messages that each process sent."""
        found: dict[int, list[Message]] = defaultdict(list)
        for message in self.messages:
            found[message.sender].append(message)
        return found

    @cached_property
    def _when_deciding(self) -> dict[int, tuple[Any, frozenset[type]]]:
        """What each process decided, and the types of the messages that it had sent by then."""
        said: dict[int, set[type]] = defaultdict(set)
        found: dict[int, tuple[Any, frozenset[type]]] = {}
        for event in self.events:
            if isinstance(event, Sent):
                said[event.process].add(type(event.message))
            elif isinstance(event, Decided):
                found.setdefault(event.process, (event.value, frozenset(said[event.process])))
        return found


def _same_phase(one: Exchange, other: Exchange) -> bool:
    """Whether these are the same operation in the same phase of their process, on whatever memories."""
    alike = one.operation, one.region, one.register
    if alike != (other.operation, other.region, other.register) or one.argument != other.argument:
        return False
    return one.operation not in READS or one.overwritten == other.overwritten


def _content(message: Any) -> Any:
    """What the messages of one phase have in common, whoever sends them."""
    if isinstance(message, Signed):
        return message.role, _content(message.value)
    if isinstance(message, Record):
        return type(message).__name__, *map(_content, msgspec.structs.astuple(message))
    return "a list" if isinstance(message, tuple | list) else repr(message)


def disagreement(deciding: Sequence[Deciding]) -> tuple[Deciding, Deciding] | None:
    """The first two that decided differently."""
    return next(
        (
            (first, other)
            for number, other in enumerate(deciding)
            for first in deciding[:number]
            if repr(first.decided.value) != repr(other.decided.value)
        ),
        None,
    )


def root(of: Deciding, deciding: Sequence[Deciding]) -> Deciding:
    """The decision that it goes back to: its own, or that of who told it."""
    seen = {of.decided.process}
    while of.told_by is not None and of.told_by not in seen:
        seen.add(of.told_by)
        of = next(other for other in deciding if other.decided.process == of.told_by)
    return of
