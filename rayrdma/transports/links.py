"""Messages between live processes: ZeroMQ, one inbox a process.

A send is handed to ZeroMQ's own thread and never blocks; the death of a receiver loses its messages only.
Chosen by measurement over Ray actor calls (7 to 10 times the round trip) and Ray channels (one slot, so a
sender would wait for its receiver); `rayrdma bench` measures both again. Messages of an instance that this
process has not started yet are kept for it, those of finished ones are dropped.

A flood can take so much and no more: of each peer `HIGH_WATER_MARK` messages that nobody has read yet, of at most
`MESSAGE_BYTES` each (who sends a longer one is disconnected), and `EARLY` read ones of each sender's number for each of
the next `AHEAD` instances.
"""

from __future__ import annotations

import contextlib
from collections import Counter, deque
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec
import zmq

from rayrdma.model.errors import EnvironmentProblem, UsageError
from rayrdma.model.regions import ENCODE, UNREADABLE, Record

CARRIER = "zeromq"
HIGH_WATER_MARK = 10_000
MESSAGE_BYTES = 65_536
EARLY = 1_000
AHEAD = 16


def _context() -> Any:
    """ZeroMQ's own, with room for every pair of processes: many of them share an operating system's process."""
    context: Any = zmq.Context.instance()
    context.set(zmq.MAX_SOCKETS, context.get(zmq.SOCKET_LIMIT))
    return context


class Envelope(msgspec.Struct, frozen=True, array_like=True):
    """A message under way."""

    instance: int
    sender: int
    depth: int
    payload: msgspec.Raw


class Inbox:
    """Where one process receives."""

    def __init__(self, endpoint: str, n: int) -> None:
        """Listen at ``endpoint`` (``ipc://...``, or ``tcp://host:*`` for a port of its own) to processes 0 to n - 1."""
        self._n = n
        self._socket: Any = _context().socket(zmq.PULL)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.RCVHWM, HIGH_WATER_MARK)
        self._socket.set(zmq.MAXMSGSIZE, MESSAGE_BYTES)
        try:
            self._socket.bind(endpoint)
        except zmq.ZMQError as error:
            self._socket.close()
            raise EnvironmentProblem(f"messages can not be received at {endpoint}: {error}") from error
        self.endpoint: str = self._socket.get(zmq.LAST_ENDPOINT).decode()
        self._decode = msgspec.msgpack.Decoder(Envelope).decode
        self._early: dict[int, deque[Envelope]] = {}
        self._kept: Counter[tuple[int, int]] = Counter()
        self.instance = -1

    def start(self, instance: int) -> None:
        """From now on receive the messages of ``instance``."""
        self.instance = instance
        for old in [early for early in self._early if early < instance]:
            del self._early[old]
        self._kept = Counter({kept: count for kept, count in self._kept.items() if kept[0] > instance})

    def receive(self) -> Envelope | None:
        """The next message of this instance, if one is there."""
        early = self._early.get(self.instance)
        if early:
            return early.popleft()
        while True:
            try:
                frame = self._socket.recv(zmq.NOBLOCK)
            except zmq.Again:
                return None
            with contextlib.suppress(*UNREADABLE):  # what is no message of ours is nobody's
                envelope = self._decode(frame)
                if not 0 <= envelope.sender < self._n:
                    continue
                if envelope.instance == self.instance:
                    return envelope
                self._keep(envelope)

    def _keep(self, envelope: Envelope) -> None:
        """Keep what comes for one of the next instances."""
        mine = envelope.instance, envelope.sender
        if self.instance < envelope.instance <= self.instance + AHEAD and self._kept[mine] < EARLY:
            self._kept[mine] += 1
            self._early.setdefault(envelope.instance, deque()).append(envelope)

    def wait(self, seconds: float, others: Iterable[int] = ()) -> frozenset[int]:
        """Return when a message is there, or after ``seconds``; or when one of ``others`` is readable: which ones."""
        poller = zmq.Poller()
        poller.register(self._socket, zmq.POLLIN)
        for descriptor in others:
            poller.register(descriptor, zmq.POLLIN)
        return frozenset(found for found, _ in poller.poll(max(1, int(seconds * 1000))) if isinstance(found, int))

    def close(self) -> None:
        """Stop listening."""
        self._socket.close()


class Outbox:
    """Where one process sends."""

    def __init__(self, sender: int, endpoints: Mapping[int, str]) -> None:
        self._sender = sender
        self._sockets: dict[int, Any] = {}
        for receiver, endpoint in endpoints.items():
            socket: Any = _context().socket(zmq.PUSH)
            socket.set(zmq.LINGER, 200)  # what was sent just before an orderly end still goes out
            socket.set(zmq.SNDHWM, HIGH_WATER_MARK)
            socket.connect(endpoint)
            self._sockets[receiver] = socket

    def send(self, to: int, instance: int, depth: int, message: Record) -> None:
        """Hand over a message. One to a process that has been dead for long is dropped.

        Raises:
            UsageError: it is longer than anybody takes.
        """
        envelope = ENCODE((instance, self._sender, depth, message))
        if len(envelope) > MESSAGE_BYTES:
            raise UsageError(f"a message of {len(envelope)} bytes is too long, {MESSAGE_BYTES} are the most")
        with contextlib.suppress(zmq.Again):
            self._sockets[to].send(envelope, zmq.NOBLOCK)

    def close(self) -> None:
        """Let all connections go."""
        for socket in self._sockets.values():
            socket.close()
