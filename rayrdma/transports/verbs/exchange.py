"""One process's dealings with one memory: work requests to the device, questions to the agent, and what goes wrong.

Everything that takes time is a generator. It yields whenever it waits, for the completion of what it posted or for the
reply to what it asked, and is sent the outcome by `Exchange.poll`; so the happy path and every repair read from top to
bottom. Only what is one work request does without, until something goes wrong. `lines` has what a completion means.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Sequence
from typing import Any

from rayrdma.model.errors import EnvironmentProblem
from rayrdma.transports.connection import PENDING, Pending

from .device import Memory, Registration
from .handshake import Caller, Connect, Learn, Question, Reply
from .layout import WORD_BYTES
from .lines import DONE, REFUSED, Line, Port, Requests, Side, Stretch, Unknown

_AGAIN_SECONDS = 1.0
"""An unanswered question is asked again, lest a lost link had taken it along."""
_POLLS = 512
"""So many polls from one look at the clock to the next."""
Steps = Generator[None, Any, Any]


class Exchange:
    """What a connection's operations are made of.

    Attributes:
        lost: why nothing will ever be answered any more, if that is known.
        refused: how often the memory's device refused an operation.
        reconnected: how often a queue pair was connected anew.
        bytes: what is sent begins here at 0; the word that a swap found comes to ``word``, what is read to ``room``.
    """

    def __init__(self, port: Port, endpoint: str, secret: str, sides: Sequence[Side], instance: int) -> None:
        self.lost: str | None = None
        self.refused = self.reconnected = 0
        self.port = port
        self._instance, self._known = instance, -1
        self._sides = {side.region.name: side for side in sides}
        self.reading = Line(None)
        self._lines = [self.reading, *(side.line for side in sides)]
        self.word = max((side.layout.header + side.region.register_bytes for side in sides), default=0)
        self.room = self.word + WORD_BYTES
        self._staging = Memory(self.room + max((side.reading_room for side in sides), default=0))
        self.bytes = self._staging.bytes
        self._registration = Registration(port.domain, self._staging, 0)
        self._address, self._local_key = self._staging.address, self._registration.local_key
        self._caller = Caller(endpoint, secret)
        self._steps: Steps | None = None
        self._attempt: Callable[[int], Any] | None = None
        self._line: Line | None = None
        self._asked = False
        self.outcome: int | None = None
        self._polls = 0
        self._due = 0.0

    def abandon(self, instance: int) -> None:
        """Go over to another instance. What is under way may have any end, but none that counts."""
        under_way = self._attempt is not None or (self._steps is not None and not self._asked)
        if under_way and self._line is not None:
            self._line.end()
        self._instance = instance
        self._steps, self._attempt, self.outcome, self._asked = None, None, None, False
        self.port.forget(self)
        for side in self._sides.values():
            side.empty()

    # What drives the generators

    def begin(self, steps: Steps) -> Any | Pending:
        """Go as far as it goes: what it returned, or ``PENDING``."""
        self._steps, self._asked = steps, False
        return self._go_on(None)

    def attempt(self, line: Line, requests: Requests, then: Callable[[int], Any]) -> Pending:
        """Post a list; what ``then`` makes of its outcome is the response, or begins the steps that lead to it."""
        self._steps, self._asked = None, False
        self._attempt = then
        self._line = line
        self.port.post(self, line.post, requests)
        return PENDING

    def poll(self) -> Any | Pending:
        """The response to the operation under way, or ``PENDING``."""
        if self._asked:
            return self._poll_agent()
        if self.outcome is None:
            self.port.collect()
        outcome = self.outcome
        if outcome is None:
            return PENDING
        self.outcome = None
        then = self._attempt
        if then is None:
            return self._go_on(outcome)
        self._attempt = None
        return then(outcome)

    def _poll_agent(self) -> Any | Pending:
        try:
            reply = self._caller.take()
        except EnvironmentProblem as error:
            self.lost, self._steps, self._asked = str(error), None, False
            return PENDING
        if reply is not None:
            self._asked = False
            return self._go_on(reply)
        self._polls += 1
        if self._polls % _POLLS == 0 and time.monotonic() > self._due:
            self._due = time.monotonic() + _AGAIN_SECONDS
            self._caller.repeat()
        return PENDING

    def _go_on(self, outcome: Any) -> Any | Pending:
        steps = self._steps
        if steps is None:
            return PENDING
        try:
            steps.send(outcome)
        except StopIteration as stop:
            self._steps = None
            return stop.value
        except Unknown as unknown:
            self.lost, self._steps = str(unknown), None
        except BaseException:
            self._steps = None
            raise
        return PENDING

    # The agent

    def ask(self, what: Question) -> Generator[None, Any, Reply]:
        """The agent's reply; the keys in it are used from now on."""
        self._asked = True
        self._due = time.monotonic() + _AGAIN_SECONDS
        self._caller.ask(self._instance, what)
        reply: Reply = yield
        self._known = reply.instance
        for name, keys in reply.keys.items():
            self._sides[name].take(keys)
        return reply

    @property
    def current(self) -> bool:
        """Whether the memory was in our instance when its agent last answered."""
        return self._known == self._instance

    def connect(self, line: Line) -> Steps:
        """(Re)connect a queue pair; what was under way on it has ended then. The keys come along."""
        line.broken = True
        if line.pair is None:
            line.take(self.port.queue_pair())
        else:
            line.pair.reset()
            self.reconnected += 1
        pair = line.pair
        assert pair is not None
        reply = yield from self.ask(Connect(line.region, pair.address()))
        if reply.address is None:
            raise Unknown(f"the memory has no region {line.region!r}")
        pair.connect(reply.address)
        line.broken = False

    # The device

    def hand_over(self, line: Line, requests: Requests) -> None:
        """Post a list; what it yields next is the outcome."""
        self._line = line
        self.port.post(self, line.post, requests)

    def ready(self, line: Line, side: Side, right: str) -> Generator[None, Any, int]:
        """Be connected, and ask for the key if there is none: the key, 0 if the process has no permission."""
        if not getattr(side.keys, right) or not self.current:
            yield from self.ask(Learn())  # somebody may have given it to us
        if line.broken and getattr(side.keys, right):
            yield from self.connect(line)
        return getattr(side.keys, right) if self.current else 0

    def carry_out(
        self,
        line: Line,
        side: Side,
        right: str,
        make: Callable[[int], Requests],
        outcome: int | None = None,
        pinned: bool = False,
    ) -> Generator[None, Any, int | None]:
        """Post a list until it took effect or the process has no permission: `DONE`, or `REFUSED`.

        Args:
            right: "read", "write" or "swap".
            make: the list, for a key.
            outcome: of a first attempt that was not done.
            pinned: return None rather than go on with another key than at first.
        Raises:
            Unknown: the device can not tell. The queue pair is connected again, nothing is under way.
        """
        first = key = getattr(side.keys, right)
        while True:
            if outcome is None:
                key = yield from self.ready(line, side, right)
                if not key:
                    return REFUSED
                if pinned and first not in (0, key):
                    return None
                self.hand_over(line, make(key))
                outcome = yield
            if outcome == DONE:
                return DONE
            line.broken = True
            if outcome == REFUSED:
                self.refused += 1
                yield from self.connect(line)
                if getattr(side.keys, right) == key:
                    return REFUSED
            else:
                yield from self.connect(line)
                raise Unknown(self.port.why, key)
            outcome = None

    def get(self, side: Side, offset: int, length: int, outcome: int | None = None) -> Generator[None, Any, bool]:
        """READ into the room for it; whether that was allowed. Reading once more does no harm.

        Args:
            outcome: of a first attempt that was not done.
        """
        local = self.local(self.room, length)
        if outcome is None and side.keys.read and not self.reading.broken:
            self.hand_over(self.reading, side.get(local, offset, side.keys.read))
            outcome = yield
            if outcome == DONE:
                return True
        while True:
            try:
                done = yield from self.carry_out(
                    self.reading, side, "read", lambda key: side.get(local, offset, key), outcome
                )
            except Unknown:
                outcome = None
                continue
            return done == DONE

    def local(self, offset: int, length: int) -> Stretch:
        """A stretch of the staging, as a work request names it."""
        return self._address + offset, length, self._local_key

    def got(self, length: int) -> bytes:
        """What was read last."""
        return self.bytes[self.room : self.room + length]

    def side(self, region: str) -> Side:
        """What we know of a region."""
        return self._sides[region]

    @property
    def queue_pairs(self) -> int:
        """How many it has to this memory."""
        return sum(line.pair is not None for line in self._lines)

    def close(self) -> None:
        """Give everything back."""
        self.port.forget(self)
        self._caller.close()
        for line in self._lines:
            line.close()
        self._registration.close()
