"""What a process and a memory's agent tell each other beside the reads and writes: requests over ZeroMQ.

Connecting queue pairs, changing permissions, learning the keys of an instance. A request says who asks by a secret
that its run gave to that process alone, so that no process can ask in another's name, and strangers get nothing.
ZeroMQ connects again by itself after a link was repaired; a memory that has died never answers.
"""

from __future__ import annotations

import contextlib
from secrets import randbits as random_bits
from typing import Annotated, Any

import msgspec
import zmq

from rayrdma.model.errors import EnvironmentProblem
from rayrdma.model.regions import ENCODE, UNREADABLE

VERSION = 1
REQUEST_BYTES = 1 << 20
_CUT_MS = 3000
"""A link that takes nothing for so long is cut; it is tried anew as often, where TCP would wait longer each time."""


_Of24Bits = Annotated[int, msgspec.Meta(ge=0, lt=1 << 24)]


class Address(msgspec.Struct, frozen=True, array_like=True):
    """Where a queue pair is to be found: what its peer needs to know. None other is taken from a wire."""

    gid: Annotated[str, msgspec.Meta(pattern=r"^[0-9a-f]{4}(:[0-9a-f]{4}){7}\Z")]
    lid: Annotated[int, msgspec.Meta(ge=0, lt=1 << 16)]
    number: _Of24Bits
    first_packet: _Of24Bits


class Keys(msgspec.Struct, frozen=True, array_like=True):
    """What one process may do with one region, as its device has to be told: 0 where it has no key.

    ``base`` is the region's address on the memory's side. ``slots`` are, of registers whose word points to a slot of
    the process, which of its two that is: also one that it committed in a life before this one.
    """

    base: int
    read: int
    write: int
    slots: dict[int, int] = {}

    @property
    def swap(self) -> int:
        """For compare-and-swap one must be allowed to read and to write."""
        return self.write if self.read else 0


class Learn(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Which keys do I have in this instance?"""


class Connect(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """(Re)connect the queue pair for writes to a region, or the one for reads (None), to mine."""

    region: str | None
    address: Address


class Change(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """Change a region's permission, if that is legal."""

    region: str
    read: list[int]
    write: list[int]
    readwrite: list[int]


class Settle(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """This register can not be read: let nobody write for a moment, and say what it holds."""

    region: str
    register: int


class Recall(msgspec.Struct, frozen=True, tag=True, array_like=True):
    """This key of mine is of no use any more: what did a register hold at the end of its time?"""

    region: str
    register: int
    key: int


Question = Learn | Connect | Change | Settle | Recall


class Request(msgspec.Struct, frozen=True, array_like=True):
    """What is asked, in which instance, and under which number; ``secret`` says by whom."""

    version: int
    secret: str
    number: int
    instance: int
    what: Question


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """The answer to request ``number``.

    ``instance`` is the memory's; ``keys`` are the caller's in it, of all regions or of the one that it asked about;
    ``problem``, if not empty, is why nothing was done.
    """

    number: int
    instance: int
    keys: dict[str, Keys]
    address: Address | None = None
    value: bytes | None = None
    problem: str = ""


_decode_request = msgspec.msgpack.Decoder(Request).decode
_decode_reply = msgspec.msgpack.Decoder(Reply).decode
_decode_any = msgspec.msgpack.Decoder(list[Any]).decode


class Caller:
    """The process's end: one request at a time."""

    def __init__(self, endpoint: str, secret: str) -> None:
        self._secret = secret
        self._number = random_bits(62)  # the agent must not take the first for one that it has answered already
        self._frame = b""
        self._socket: Any = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.TCP_MAXRT, _CUT_MS)
        self._socket.set(zmq.CONNECT_TIMEOUT, _CUT_MS)
        self._socket.connect(endpoint)
        self.descriptor: int = self._socket.get(zmq.FD)

    def ask(self, instance: int, what: Question) -> None:
        """Send a request; the reply to an earlier one is not waited for any more."""
        self._number += 1
        self._frame = ENCODE(Request(VERSION, self._secret, self._number, instance, what))
        self.repeat()

    def repeat(self) -> None:
        """Send the same once more: the agent does it once."""
        with contextlib.suppress(zmq.Again):
            self._socket.send(self._frame, zmq.NOBLOCK)

    def take(self) -> Reply | None:
        """The reply to the latest request, if it is there.

        Raises:
            EnvironmentProblem: the memory wants nothing to do with us.
        """
        while True:
            try:
                frame = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return None
            try:
                reply = _decode_reply(frame)
            except UNREADABLE as error:
                raise EnvironmentProblem("what answers as a memory is none of this version of rayrdma") from error
            if reply.problem:
                raise EnvironmentProblem(reply.problem)
            if reply.number == self._number:
                return reply

    def close(self) -> None:
        """Stop asking."""
        self._socket.close()


class Counter:
    """The memory's end: requests come in at one endpoint, each known by who asks."""

    def __init__(self, host: str, secrets: dict[str, int]) -> None:
        """Listen at a port of its own on ``host``; ``secrets`` says which process has which."""
        self._secrets = secrets
        self._socket: Any = zmq.Context.instance().socket(zmq.ROUTER)
        self._socket.set(zmq.LINGER, 200)
        self._socket.set(zmq.MAXMSGSIZE, REQUEST_BYTES)
        self._socket.bind(f"tcp://{host}:*")
        self.endpoint: str = self._socket.get(zmq.LAST_ENDPOINT).decode()
        self._poller = zmq.Poller()
        self._poller.register(self._socket, zmq.POLLIN)

    def next(self, milliseconds: int) -> tuple[bytes, int, Request] | None:
        """A request, with where the reply goes and which process asks; what is none was answered already."""
        if not self._poller.poll(milliseconds):
            return None
        to, frame = self._socket.recv_multipart()[:2]
        with contextlib.suppress(*UNREADABLE):
            (version, *_) = _decode_any(frame) or [None]
            if version != VERSION:
                both = f"this memory speaks version {VERSION} of the handshake, and not {version!r}"
                self.refuse(to, 0, f"{both}; run the same rayrdma on all hosts")
                return None
        try:
            request = _decode_request(frame)
        except UNREADABLE:
            return None
        process = self._secrets.get(request.secret)
        if process is None:
            self.refuse(to, request.number, "this memory belongs to another run: whoever asks must be part of it")
            return None
        return to, process, request

    def refuse(self, to: bytes, number: int, problem: str) -> None:
        """Say why nothing was done."""
        self.answer(to, Reply(number, -1, {}, problem=problem))

    def answer(self, to: bytes, reply: Reply) -> None:
        """Send a reply; whoever asked and is gone misses it."""
        self._socket.send_multipart([to, ENCODE(reply)])

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()
