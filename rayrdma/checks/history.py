"""Histories: what clients asked of objects, when, and what came of it; and the files that hold them.

A history file is text in UTF-8, one JSON object a line. The first line is the header:

    {"format": "rayrdma-history", "version": 1, "object": "register"}

``object`` is ``register`` (operations ``read`` and ``write``) or ``compare-and-swap-register`` (``compare_and_swap``
too). The others are events, in the order in which they happened: invocations, and what came of them.

    {"event": "invoke", "client": "a", "key": "x", "operation": "write", "argument": 1}
    {"event": "invoke", "client": "b", "key": "x", "operation": "read", "argument": null}
    {"event": "ok", "client": "b", "response": 1}
    {"event": "unknown", "client": "a"}
    {"event": "end", "events": 4}

Clients and keys are texts or whole numbers; every key has an object of its own, which holds null at first. Values are
null, true, false, numbers, texts and lists of values, up to 100 deep, and compare as in Python (1 and true are one).
``compare_and_swap`` takes ``[expected, new]`` and returns the old value; ``write`` returns null.

An event says what came of its client's last invocation: ``ok``, with the response; ``fail``: it never took effect, and
never will; ``unknown``: it may take effect at any time after its invocation, also later, or never. The same holds for
one without any such event. A client has one operation under way at a time, and may go on after any of the three. The
last line says how many events there were, so that a file that was cut is known as one. No field may be left out, and
there are no others.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from rayrdma.model.errors import UsageError
from rayrdma.model.regions import UNREADABLE

from .specifications import SPECIFICATIONS, Specification

FORMAT = "rayrdma-history"
VERSION = 1
DEPTH = 100
LONG = 60
"""Characters of a value that are shown."""

Name = str | int


class Outcome(enum.Enum):
    """What came of an operation."""

    OK = "ok"
    FAIL = "fail"
    UNKNOWN = "unknown"


OK, FAIL, UNKNOWN = Outcome


class Operation(msgspec.Struct, frozen=True):
    """An operation of a client on the object of a key.

    Attributes:
        invoked, responded: the numbers of these events' lines in a file, whose first event is on line 2; None: never.
        response: of one that is ok.
    """

    client: Name
    key: Name
    operation: str
    argument: Any
    invoked: int
    outcome: Outcome = UNKNOWN
    response: Any = None
    responded: int | None = None

    def __str__(self) -> str:
        argument = "" if self.argument is None else f" {text_of(self.argument)}"
        came = f"-> {text_of(self.response)}" if self.outcome is OK else f"({self.outcome.value})"
        return f"{self.client} {self.operation}{argument} {came}"

    @property
    def ends(self) -> float:
        """The line after which it takes no effect any more; infinite if that is unknown."""
        return self.responded if self.responded is not None and self.outcome is not UNKNOWN else float("inf")


class History:
    """A history that is written down event by event.

    Args:
        specification: what the objects are.

    Attributes:
        operations: in the order of their invocations.
    """

    def __init__(self, specification: Specification) -> None:
        self.specification = specification
        self.operations: list[Operation] = []
        self._line = 1
        self._under_way: dict[Name, int] = {}

    def invoke(self, client: Name, key: Name, operation: str, argument: Any = None) -> None:
        """A client invokes an operation.

        Raises:
            UsageError: it has one under way, or the object has no such operation.
        """
        if client in self._under_way:
            other = self.operations[self._under_way[client]]
            raise UsageError(
                f"client {client!r} invokes {operation}, but its {other.operation} of line {other.invoked} is under "
                f"way; say first what came of that (ok, fail or unknown)"
            )
        known = self.specification.operations
        if operation not in known:
            raise UsageError(f"a {self.specification.name} has no operation {operation!r}; it has {', '.join(known)}")
        try:
            argument = hashable(msgspec.convert(argument, known[operation]))
        except msgspec.ValidationError as error:
            raise UsageError(f"{operation} does not take the argument {text_of(argument)}: {error}") from error
        self._line += 1
        self._under_way[client] = len(self.operations)
        self.operations.append(Operation(client, key, operation, argument, self._line))

    def ok(self, client: Name, response: Any = None) -> None:
        """What a client has under way is done, with this response."""
        self._respond(client, OK, hashable(response))

    def fail(self, client: Name) -> None:
        """What a client has under way never took effect, and never will."""
        self._respond(client, FAIL)

    def unknown(self, client: Name) -> None:
        """A client does not wait any more for what it has under way, which may take effect later, or never."""
        self._respond(client, UNKNOWN)

    def _respond(self, client: Name, outcome: Outcome, response: Any = None) -> None:
        if client not in self._under_way:
            raise UsageError(f"client {client!r} has nothing under way that could be {outcome.value}; invoke it first")
        self._line += 1
        number = self._under_way.pop(client)
        self.operations[number] = msgspec.structs.replace(
            self.operations[number], outcome=outcome, response=response, responded=self._line
        )


class Heading(msgspec.Struct, frozen=True):
    """What tells a history file of this version from any other file."""

    format: str
    version: int


class Header(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The first line of a history file."""

    format: str
    version: int
    object: str


class _Event(msgspec.Struct, frozen=True, tag_field="event", forbid_unknown_fields=True):
    pass


class Invoke(_Event, frozen=True, tag="invoke"):
    """A line: a client invokes an operation."""

    client: Name
    key: Name
    operation: str
    argument: Any


class Ok(_Event, frozen=True, tag="ok"):
    """A line: it is done."""

    client: Name
    response: Any


class Fail(_Event, frozen=True, tag="fail"):
    """A line: it never took effect."""

    client: Name


class Unknown(_Event, frozen=True, tag="unknown"):
    """A line: nobody knows."""

    client: Name


class End(_Event, frozen=True, tag="end"):
    """The last line."""

    events: int


_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder(Invoke | Ok | Fail | Unknown | End).decode


def write_history(path: Path, history: History) -> None:
    """Write a history file."""
    path.write_bytes(b"".join(_encode(line) + b"\n" for line in _lines(history)))


def _lines(history: History) -> Iterator[msgspec.Struct]:
    yield Header(FORMAT, VERSION, history.specification.name)
    events: list[tuple[int, msgspec.Struct]] = []
    for each in history.operations:
        events.append((each.invoked, Invoke(each.client, each.key, each.operation, each.argument)))
        if each.responded is not None:
            came = Ok(each.client, each.response) if each.outcome is OK else _CAME[each.outcome](each.client)
            events.append((each.responded, came))
    yield from (event for _, event in sorted(events, key=lambda event: event[0]))
    yield End(len(events))


_CAME: dict[Outcome, Callable[[Name], msgspec.Struct]] = {FAIL: Fail, UNKNOWN: Unknown}


def read_history(path: Path, own: Sequence[Specification] = ()) -> History:
    """The history in a file.

    Args:
        path: the file.
        own: specifications that its header may name beside the library's.

    Raises:
        UsageError: it can not be read, or is no history file of this version: which line is wrong, and how.
    """
    try:
        lines = path.read_bytes().split(b"\n")
    except OSError as error:
        raise UsageError(f"can not read {path}: {error.strerror}; give a history file ({_FIRST})") from error
    if not lines[-1]:
        lines.pop()
    number = 1
    try:
        history = History(_specification(lines[0] if lines else b"", own))
        for number, line in enumerate(lines[1:], 2):
            event = _event(line)
            if isinstance(event, End):
                _end(event, number, lines)
                return history
            _record(history, event)
    except UsageError as error:
        raise UsageError(f"{path}, line {number}: {error}") from error
    raise UsageError(f"{path}, line {number}: the file was cut after it, for the last line says {_LAST}")


_FIRST = f'its first line is {{"format": "{FORMAT}", "version": {VERSION}, "object": "{SPECIFICATIONS[0].name}"}}'
_LAST = '{"event": "end", "events": ...}'


def _specification(line: bytes, own: Sequence[Specification]) -> Specification:
    try:
        heading = msgspec.json.decode(line, type=Heading)
    except UNREADABLE as error:
        raise UsageError(f"this is no history file; {_FIRST}") from error
    if heading.format != FORMAT:
        raise UsageError(f"this is a {heading.format!r} file, not a {FORMAT!r} one; {_FIRST}")
    if heading.version != VERSION:
        raise UsageError(f"the format's version is {heading.version}, but this rayrdma reads version {VERSION}")
    try:
        header = msgspec.json.decode(line, type=Header)
    except msgspec.MsgspecError as error:
        raise UsageError(f"this is no header: {error}; {_FIRST}") from error
    known = {each.name: each for each in (*SPECIFICATIONS, *own)}
    if header.object not in known:
        raise UsageError(f"there is no object {header.object!r}; there is {', '.join(known)}")
    return known[header.object]


def _event(line: bytes) -> Invoke | Ok | Fail | Unknown | End:
    try:
        event: Invoke | Ok | Fail | Unknown | End = _decode(line)
        return event
    except UNREADABLE as error:
        raise UsageError(
            f"this is no event: {error}; an event is invoke (with client, key, operation, argument), "
            f"ok (client, response), fail (client), unknown (client) or end (events)"
        ) from error


def _record(history: History, event: Invoke | Ok | Fail | Unknown) -> None:
    if isinstance(event, Invoke):
        history.invoke(event.client, event.key, event.operation, event.argument)
    elif isinstance(event, Ok):
        history.ok(event.client, event.response)
    elif isinstance(event, Fail):
        history.fail(event.client)
    else:
        history.unknown(event.client)


def _end(event: End, number: int, lines: list[bytes]) -> None:
    if event.events != number - 2:
        raise UsageError(f"there should be {event.events} events before it, but there are {number - 2}; lines are lost")
    if number != len(lines):
        raise UsageError(f"the history ends here, but {len(lines) - number} more lines follow; take them away")


def hashable(value: Any, depth: int = 0) -> Any:
    """A value as something that can be put into sets: lists become tuples.

    Raises:
        UsageError: there is something else in it that can not, or it is too deep.
    """
    if isinstance(value, list | tuple):
        if depth == DEPTH:
            raise UsageError(f"a value has more than {DEPTH} lists in one another; values are no deeper than that")
        return tuple(hashable(each, depth + 1) for each in value)
    try:
        hash(value)
    except TypeError as error:
        raise UsageError(
            f"{value!r} is no value of an object; values are null, true, false, numbers, texts and lists of values"
        ) from error
    return value


def text_of(value: Any) -> str:
    """A value as a file has it, or the beginning of it, if it is long."""
    text = _encode(value).decode()
    return text if len(text) <= LONG else f"{text[:LONG]}..."
