"""What happened in a run, as a list of events; checks and diagrams read it, and it replays byte for byte."""

from __future__ import annotations

from typing import Any

import msgspec

from .operations import Kind
from .permissions import Permission


class Event(msgspec.Struct, frozen=True, tag=True, gc=False):
    """Something that happened at ``time`` (delays in the simulator, seconds in a live run).

    Like a `Record` it holds values only, and the garbage collector does not look at it.
    """

    time: float


class Issued(Event, frozen=True):
    """A process issued an operation; ``number`` is its own count of operations."""

    process: int
    memory: int
    number: int
    operation: Kind
    region: str
    register: int
    argument: Any


class TookEffect(Event, frozen=True):
    """An operation took effect at its memory, with this response."""

    process: int
    memory: int
    number: int
    operation: Kind
    region: str
    register: int
    argument: Any
    response: Any


class Responded(Event, frozen=True):
    """The response reached the process, ``depth`` delays deep."""

    process: int
    memory: int
    number: int
    response: Any
    depth: int


class Sent(Event, frozen=True):
    """A process sent a message."""

    process: int
    to: int
    message: Any


class Delivered(Event, frozen=True):
    """A message reached a process."""

    process: int
    sender: int
    message: Any


class Refused(Event, frozen=True):
    """A process did not believe what another one said, or found that it had said two things."""

    process: int
    liar: int
    why: str


class Noted(Event, frozen=True):
    """A process came to something that a check or a reader should know, such as an abort with its value."""

    process: int
    what: str
    value: Any


class LeaderChanged(Event, frozen=True):
    """Omega's output at a process changed."""

    process: int
    leader: int


class Crashed(Event, frozen=True):
    """A process (``what`` = "process") or a memory stopped for ever."""

    what: str
    number: int


class Paused(Event, frozen=True):
    """A process stopped for a while."""

    process: int


class Resumed(Event, frozen=True):
    """A paused process goes on."""

    process: int


class Decided(Event, frozen=True):
    """A process decided, ``depth`` delays deep."""

    process: int
    value: Any
    depth: int


def _plain(value: Any) -> Any:
    if isinstance(value, Permission):
        return {name: sorted(getattr(value, name)) for name in ("read", "write", "readwrite")}
    raise TypeError(f"a trace can not hold {value!r}")


_encode = msgspec.json.Encoder(enc_hook=_plain).encode


def encode_trace(events: list[Any]) -> bytes:
    """The trace as JSON lines, the same bytes for the same run."""
    return b"".join(_encode(event) + b"\n" for event in events)
