"""A message-passing protocol as a deterministic automaton: told what happens to it, it says what it sends.

Whoever knows everything that happened to a process knows what a correct one sends next. A process runs its own
protocol so, and everybody else's too, to hold what they send against it.
"""

from __future__ import annotations

from collections import deque
from typing import Any, Generic, TypeVar

from rayrdma.model.errors import ProtocolError
from rayrdma.model.operations import Operation
from rayrdma.model.process import Change, Process, Sleep, Watch
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Record
from rayrdma.model.signatures import Signatures, Signed, T

I = TypeVar("I")  # noqa: E741 - the type of an input
EVERYBODY = -1
"""The receiver of a broadcast."""


class Input(Record, Generic[I], frozen=True):
    """The process starts, and proposes this."""

    value: I


class Received(Record, frozen=True):
    """It receives the ``number``-th message of ``sender``."""

    sender: int
    number: int


class Led(Record, frozen=True):
    """Its failure detector names another leader. (Only liveness depends on that, so it is believed.)"""

    leader: int


class Elapsed(Record, frozen=True):
    """Its ``timer``-th timer has run out, counted from 0; likewise."""

    timer: int


class Automaton(Process):
    """What a process ``id`` does that runs ``protocol``.

    Args:
        real: the process on which it is run; of it nothing is used but its knowledge of signatures.
    Raises:
        ProtocolError: from any of the methods by which events come, if the protocol's code fails, or does what
            nobody else could follow: uses memory, draws random numbers, or signs.

    Attributes:
        started: whether it has.
        outbox: what it has sent and nobody has taken yet: (receiver or `EVERYBODY`, message).
        timers: what it has set; their durations are in ``set_timers`` until somebody takes them.
    """

    def __init__(self, real: Process, id: int, protocol: type[Protocol]) -> None:
        super().__init__(id, real.n, {}, 0, "")
        self.real = real
        self.protocol = protocol(self)
        self.outbox: deque[tuple[int, Record]] = deque()
        self.timers: list[Sleep] = []
        self.set_timers: deque[tuple[int, float]] = deque()
        self._leader = 0
        self.started = False

    # Events

    def propose(self, value: Any) -> None:
        """It starts."""
        self.started = True
        self.start(self.protocol.propose(value))
        self._drain()

    def take(self, sender: int, message: Record) -> None:
        """A message arrives."""
        self._deliver(sender, message, 0)
        self._drain()

    def follow(self, leader: int) -> None:
        """Omega's output changes."""
        self._leader = leader
        self._omega_changed()
        self._drain()

    def elapse(self, timer: int) -> None:
        """A timer runs out."""
        self.timers[timer].complete(None, 0)
        self._drain()

    def _drain(self) -> None:
        while self.ready:
            self.ready.popleft().step()

    # What its protocol may do

    def broadcast(self, message: Record) -> None:
        self.outbox.append((EVERYBODY, message))

    def _send(self, to: int, message: Record, depth: int) -> None:
        self.outbox.append((to, message))

    def leader(self) -> int:
        return self._leader

    def _start_timer(self, sleep: Sleep, duration: float) -> None:
        self.set_timers.append((len(self.timers), duration))
        self.timers.append(sleep)

    def note(self, what: str, value: Any) -> None:
        if self.id == self.real.id:
            self.real.note(what, value)

    def refuse(self, liar: int, why: str) -> None:
        if self.id == self.real.id:
            self.real.refuse(liar, why)

    def _on_decide(self) -> None:
        """Who runs it will see."""

    def memory_answers(self, memory: int) -> bool:
        return self.real.memory_answers(memory)

    def processes_alive(self) -> int:
        return self.real.processes_alive()

    def _make_signatures(self) -> Signatures:
        return self.real.signatures

    # What it may not, for nobody else could follow

    @property
    def rng(self) -> Any:
        raise _unfollowable("draws random numbers")

    def sign(self, role: str, value: T) -> Signed[T]:
        raise _unfollowable("signs")

    def _check(self, region: str, register: int) -> None:
        raise _unfollowable("uses memory")

    def _issue(self, operation: Operation) -> None:
        raise _unfollowable("uses memory")

    def _await_change(self, watch: Watch, change: Change) -> None:
        raise _unfollowable("polls memory")


def _unfollowable(what: str) -> ProtocolError:
    return ProtocolError(f"a protocol that {what} can not be checked by others; only messages, timers and Omega can")
