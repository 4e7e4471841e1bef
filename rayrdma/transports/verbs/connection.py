"""A process's connection to a memory over verbs: what each operation is, in requests to the device and to the agent.

An operation is a generator. It yields whenever it waits, for the completion of what it posted or for the reply to what
it asked, and is sent the outcome by `VerbsConnection.poll`; so the happy path and every repair read from top to bottom.
`lines` has what a completion means.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Generator, Sequence
from typing import Any

from rayrdma.model.errors import EnvironmentProblem
from rayrdma.model.operations import CHANGE_PERMISSION, READ, READ_REGION, WRITE
from rayrdma.model.outcomes import ACK, NAK, Nak
from rayrdma.model.regions import Region
from rayrdma.transports.connection import PENDING, Call, Pending

from .device import Memory, Registration
from .handshake import Caller, Change, Connect, Learn, Reply, Settle
from .layout import INLINE_BYTES, TORN, WORD_BYTES, Committed, InPlace, Torn, inline_value, inline_word, slot_word
from .lines import DONE, REFUSED, Line, Port, Side, Unknown

_LOOKS = 8
"""So often a register that can not be read is looked at again before the memory itself is asked."""
_NO_WORD = 2**64 - 1
"""No register holds this word; a swap that expects it changes nothing, and tells what the register holds."""
_AGAIN_SECONDS = 1.0
"""An unanswered question is asked again, lest a lost link had taken it along."""
_POLLS = 512
"""So many polls from one look at the clock to the next."""
_IN_A_LIST = 64
Steps = Generator[None, Any, Any]


class VerbsConnection:
    """One process towards one memory, in one instance after the other; a `rayrdma.transports.connection.Connection`.

    Args:
        port: the process's own.
        endpoint: where the memory's agent is asked.
        secret: by which the agent knows the process.
        n: how many processes the memory was made for.
    Attributes:
        refused: how often the memory's device refused an operation.
        reconnected: how often a queue pair was connected anew.
    """

    transport = "verbs"

    def __init__(
        self, port: Port, endpoint: str, secret: str, regions: Sequence[Region], process: int, n: int, instance: int = 0
    ) -> None:
        self.lost: str | None = None
        self.refused = self.reconnected = 0
        self._port = port
        self._process = process
        self._instance, self._known = instance, -1
        self._caller = Caller(endpoint, secret)
        self._sides = {region.name: Side(region, n) for region in regions if not region.covers}
        self._views = {region.name: region for region in regions if region.covers}
        self._reading = Line(None)
        self._lines = [self._reading, *(side.line for side in self._sides.values())]
        out = max((side.layout.header + region_room(side) for side in self._sides.values()), default=0)
        self._word = out
        self._in = out + WORD_BYTES
        self._staging = Memory(self._in + max((side.reading_room for side in self._sides.values()), default=0))
        self._bytes = self._staging.bytes
        self._registration = Registration(port.domain, self._staging, 0)
        self._nonce = secrets.randbits(32)
        self._steps: Steps | None = None
        self._asked: tuple[int, Learn | Connect | Change | Settle] | None = None
        self._outcome: int | None = None
        self._polls = 0
        self._due = 0.0

    # A connection

    def open(self, seconds: float) -> None:
        """Connect the queue pairs that will surely be used.

        Raises:
            EnvironmentProblem: the memory's agent refused, or does not answer for so long.
        """
        deadline = time.monotonic() + seconds
        answer = self._begin(self._open())
        while answer is PENDING and self.lost is None:
            if time.monotonic() > deadline:
                raise EnvironmentProblem(
                    f"the agent of a memory did not answer within {seconds:g} s; is its port open?"
                )
            answer = self.poll()
        if self.lost is not None:
            raise EnvironmentProblem(self.lost)

    def _open(self) -> Steps:
        for line in self._lines:
            if line.region is None or self._sides[line.region].may_ever_write(self._process):
                yield from self._connect(line)

    def start(self, instance: int) -> None:
        """Operations belong to ``instance`` from now on. What is under way may have any end, but none that counts."""
        self._instance = instance
        if self._steps is not None:
            for line in self._lines:
                line.broken |= line.used
        self._steps = self._asked = None
        self._port.forget(self)
        for side in self._sides.values():
            side.empty()

    def post(self, operation: Call) -> Any | Pending:
        """Begin an operation."""
        if operation.region not in self._views:
            self._sides[operation.region].region.check_register(operation.register)
        return self._begin(self._operation(operation))

    def _begin(self, steps: Steps) -> Any | Pending:
        self._steps = steps
        return self._go_on(None)

    def poll(self) -> Any | Pending:
        """The response to the operation under way, or ``PENDING``."""
        if self._asked is not None:
            return self._poll_agent()
        if self._outcome is None:
            self._port.collect()
            if self._outcome is None:
                return PENDING
        outcome, self._outcome = self._outcome, None
        return self._go_on(outcome)

    def _poll_agent(self) -> Any | Pending:
        try:
            reply = self._caller.take()
        except EnvironmentProblem as error:
            self.lost, self._steps, self._asked = str(error), None, None
            return PENDING
        if reply is not None:
            self._asked = None
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

    def completed(self, outcome: int) -> None:
        """For the port: what was posted last has come to an end."""
        self._outcome = outcome

    @property
    def descriptor(self) -> int:
        """Readable when the agent may have answered."""
        return self._caller.descriptor

    @property
    def queue_pairs(self) -> int:
        """How many it has to this memory."""
        return sum(line.pair is not None for line in self._lines)

    def close(self) -> None:
        """Give everything back."""
        self._port.forget(self)
        self._caller.close()
        for line in self._lines:
            line.close()
        self._registration.close()

    # The agent

    def _ask(self, what: Learn | Connect | Change | Settle) -> Generator[None, Any, Reply]:
        self._asked = self._instance, what
        self._due = time.monotonic() + _AGAIN_SECONDS
        self._caller.ask(self._instance, what)
        reply: Reply = yield
        self._known = reply.instance
        for name, keys in reply.keys.items():
            self._sides[name].take(keys)
        return reply

    def _connect(self, line: Line) -> Steps:
        """(Re)connect a queue pair; the keys come along."""
        line.broken = True
        if line.pair is None:
            line.pair = self._port.queue_pair()
        else:
            line.pair.reset()
            self.reconnected += 1
        reply = yield from self._ask(Connect(line.region, line.pair.address()))
        if reply.address is None:
            raise Unknown(f"the memory has no region {line.region!r}")
        line.pair.connect(reply.address)
        line.broken = False

    # Lists of work requests

    def _carry_out(self, line: Line, side: Side, right: str, make: Any, pinned: bool = False) -> Steps:
        """Post a list until it took effect or the process has no permission: `DONE`, or `REFUSED`.

        Args:
            right: "read" or "write".
            make: the list, for a key.
            pinned: return None rather than go on with another key than at first.
        Raises:
            Unknown: the device can not tell. The queue pair is connected again, nothing is under way.
        """
        first = getattr(side.keys, right)
        while True:
            if line.broken:
                yield from self._connect(line)
            key = getattr(side.keys, right)
            if not key or self._known != self._instance:
                yield from self._ask(Learn())  # somebody may have given it to us
                key = getattr(side.keys, right)
                if not key or self._known != self._instance:
                    return REFUSED
            if pinned and first not in (0, key):
                return None
            assert line.pair is not None
            line.used = True
            self._port.post(self, line.pair, make(key))
            outcome = yield
            line.used = False
            if outcome == DONE:
                return DONE
            line.broken = True
            if outcome == REFUSED:
                self.refused += 1
                yield from self._connect(line)
                if getattr(side.keys, right) == key:
                    return REFUSED
            elif outcome == Port.UNKNOWN:
                yield from self._connect(line)
                raise Unknown(self._port.why, key)

    def _get(self, side: Side, offset: int, length: int) -> Generator[None, Any, bool]:
        """READ into the staging; whether that was allowed. Reading once more does no harm."""
        while True:
            try:
                done = yield from self._carry_out(
                    self._reading, side, "read", lambda key: side.get(self._local(self._in, length), offset, key)
                )
            except Unknown:
                continue
            return bool(done == DONE)

    def _local(self, offset: int, length: int) -> tuple[int, int, int]:
        return self._staging.address + offset, length, self._registration.local_key

    def _got(self, offset: int, length: int) -> bytes:
        return self._bytes[self._in + offset : self._in + offset + length]

    # Operations

    def _operation(self, operation: Call) -> Steps:
        kind = operation.kind
        view = self._views.get(operation.region)
        if view is not None:
            return (yield from self._read_view(view, kind))
        side = self._sides[operation.region]
        region = side.region
        if kind == WRITE:
            data = region.encode(operation.argument)
            if isinstance(side.layout, InPlace):
                return (yield from self._write_in_place(side, side.layout, operation.register, data))
            return (yield from self._commit(side, side.layout, operation.register, data))
        if kind == READ:
            return region.value_of((yield from self._read(side, operation.register)))
        if kind == READ_REGION:
            values = yield from self._read_region(side)
            return tuple(map(region.value_of, values)) if isinstance(values, list) else values
        if kind == CHANGE_PERMISSION:
            new = operation.argument
            yield from self._ask(Change(region.name, sorted(new.read), sorted(new.write), sorted(new.readwrite)))
            return None
        return (yield from self._compare_and_swap(side, operation))

    def _read_view(self, view: Region, kind: int) -> Steps:
        """A region that lies over others can be read, by who may read all of them, and nothing else."""
        if kind != READ_REGION:
            yield from self._ask(Learn())  # a memory that has crashed answers nothing
            return None if kind == CHANGE_PERMISSION else NAK
        values: list[Any] = []
        for name in view.covers:
            side = self._sides[name]
            found = yield from self._read_region(side)
            if not isinstance(found, list):
                return found
            values += map(side.region.value_of, found)
        return tuple(values)

    def _read(self, side: Side, register: int) -> Generator[None, Any, bytes | Nak | None]:
        layout = side.layout
        for _ in range(_LOOKS):
            value: bytes | Torn | Nak | None
            if isinstance(layout, InPlace):
                if not (yield from self._get(side, layout.offset(register), layout.stride)):
                    return NAK
                value = layout.value(self._got(0, layout.stride))
            else:
                if not (yield from self._get(side, layout.offset(register), WORD_BYTES)):
                    return NAK
                value = yield from self._follow(
                    side, layout, register, int.from_bytes(self._got(0, WORD_BYTES), "little")
                )
            if value is not TORN:
                return value
        return (yield from self._settle(side, register))

    def _follow(
        self, side: Side, layout: Committed, register: int, word: int
    ) -> Generator[None, Any, bytes | Torn | Nak | None]:
        """The value that a word stands for; TORN if its slot was filled anew meanwhile."""
        where = layout.slot_of(register, word)
        if where is None:
            return inline_value(word)
        if not (yield from self._get(side, where, layout.stride)):
            return NAK
        return layout.slot_value(self._got(0, layout.stride), word)

    def _settle(self, side: Side, register: int) -> Generator[None, Any, bytes | Nak | None]:
        reply = yield from self._ask(Settle(side.region.name, register))
        return reply.value if self._known == self._instance and side.keys.read else NAK

    def _read_region(self, side: Side) -> Generator[None, Any, list[bytes | None] | Nak]:
        """All registers, each at an instant of its own."""
        layout = side.layout
        found: list[bytes | Torn | None]
        if isinstance(layout, InPlace):
            if not (yield from self._get(side, 0, layout.spare)):
                return NAK
            records = self._got(0, layout.spare)
            stride = layout.stride
            found = [layout.value(records[start : start + stride]) for start in range(0, layout.spare, stride)]
        else:
            if not (yield from self._get(side, 0, layout.registers * WORD_BYTES)):
                return NAK
            words = self._got(0, layout.registers * WORD_BYTES)
            found = [
                inline_value(int.from_bytes(words[start : start + WORD_BYTES], "little"))
                for start in range(0, len(words), WORD_BYTES)
            ]
        values: list[bytes | None] = []
        for register, value in enumerate(found):
            if value is TORN:
                whole = yield from self._read(side, register)
                if whole is NAK:
                    return NAK
                values.append(whole)
            else:
                values.append(value)
        return values

    def _write_in_place(self, side: Side, layout: InPlace, register: int, data: bytes) -> Steps:
        record = layout.heading(data) + data
        length = len(record)
        self._bytes[:length] = record
        offset = layout.offset(register)
        while True:
            try:
                done = yield from self._carry_out(
                    side.line, side, "write", lambda key: side.put(self._local(0, length), offset, key)
                )
            except Unknown as unknown:
                if (yield from self._read(side, register)) == data:
                    return ACK
                if side.keys.write != unknown.key:
                    raise  # somebody else may have written since, and so may we
                self._bytes[:length] = record
                continue
            return ACK if done == DONE else NAK

    def _commit(self, side: Side, layout: Committed, register: int, data: bytes) -> Steps:
        """Swap the word, whatever it was, for one that stands for the value."""
        mine, which = self._fill(side, layout, register, data)
        expected = side.words.get(register, 0)
        while True:
            held = yield from self._swap(side, layout, register, expected, mine, which, len(data))
            if held is NAK:
                return NAK
            if held == expected:
                side.committed(register, mine, which)
                return ACK
            expected = held

    def _fill(self, side: Side, layout: Committed, register: int, data: bytes) -> tuple[int, int | None]:
        """The word for a value, and which of our slots it goes to, if any; there it goes from the staging."""
        if len(data) <= INLINE_BYTES:
            return inline_word(data), None
        which = 1 - side.slots.get(register, 1)
        self._nonce = (self._nonce + 1) % 2**32
        word = slot_word(self._process, which, self._nonce)
        self._bytes[: layout.header + len(data)] = layout.heading(word, data) + data
        return word, which

    def _swap(
        self, side: Side, layout: Committed, register: int, expected: int, mine: int, which: int | None, length: int
    ) -> Generator[None, Any, int | Nak]:
        """What the word was; it is ``mine`` now if it was ``expected``. First the slot is filled, if there is one."""
        slot = None if which is None else layout.slot(register, self._process, which)

        def make(key: int) -> tuple[Any, ...]:
            swap = side.swap(self._local(self._word, WORD_BYTES), layout.offset(register), key, expected, mine)
            if slot is None:
                return swap
            return side.put_and_swap(self._local(0, layout.header + length), slot, key, swap)

        while True:
            try:
                done = yield from self._carry_out(side.line, side, "write", make)
            except Unknown:
                if not (yield from self._get(side, layout.offset(register), WORD_BYTES)):
                    raise
                held = int.from_bytes(self._got(0, WORD_BYTES), "little")
                if which is not None and held == mine:
                    return expected
                if held != expected or inline_value(expected) not in (None, TORN):
                    raise  # it may have been ours, and gone again
                continue
            if done != DONE:
                return NAK
            return int.from_bytes(self._bytes[self._word : self._word + WORD_BYTES], "little")

    def _compare_and_swap(self, side: Side, operation: Call) -> Steps:
        """Compare values, where the memory compares bytes: an equal value of other bytes is tried as those bytes."""
        region = side.region
        expected, new = operation.argument
        data = region.encode(new)
        tried = None if expected is None else region.encode(expected)
        while True:
            if isinstance(side.layout, InPlace):
                held = yield from self._swap_in_place(side, side.layout, operation.register, tried, data)
            else:
                held = yield from self._swap_committed(side, side.layout, operation.register, tried, data)
            value = region.value_of(held)
            if not isinstance(held, bytes) or held == tried or value != expected:
                return value
            tried = held

    def _swap_committed(
        self, side: Side, layout: Committed, register: int, expected: bytes | None, data: bytes
    ) -> Generator[None, Any, bytes | Nak | None]:
        if not side.keys.read:  # who may only write can have the device swap, but the model says no
            yield from self._ask(Learn())
            if not side.keys.read:
                return NAK
        mine, which = self._fill(side, layout, register, data)
        if expected is None:
            guess = 0
        elif len(expected) <= INLINE_BYTES:
            guess = inline_word(expected)
        else:
            guess = _NO_WORD
        while True:
            hopeless = guess == _NO_WORD
            held = yield from self._swap(side, layout, register, guess, mine, None if hopeless else which, len(data))
            if held is NAK:
                return NAK
            if held == guess:
                side.committed(register, mine, which)
                return expected
            value = yield from self._follow(side, layout, register, held)
            if value is TORN:
                guess = _NO_WORD
                continue
            if value is NAK or value != expected:
                return value
            guess = held

    def _swap_in_place(
        self, side: Side, layout: InPlace, register: int, expected: bytes | None, data: bytes
    ) -> Generator[None, Any, bytes | Nak | None]:
        """Nobody else may write as long as we may: read, compare and write, all under one key."""
        while True:
            if not side.keys.write:
                yield from self._ask(Learn())
            key = side.keys.write
            held = yield from self._read(side, register)
            if held is NAK or not key:
                return NAK
            if held == expected:
                record, offset = layout.heading(data) + data, layout.offset(register)
            else:
                record, offset = bytes(WORD_BYTES), layout.spare  # may we?
            self._bytes[: len(record)] = record
            length = len(record)
            if side.keys.write != key:
                continue
            done = yield from self._carry_out(
                side.line,
                side,
                "write",
                lambda key, length=length, offset=offset: side.put(self._local(0, length), offset, key),
                pinned=True,
            )
            if done == REFUSED:
                return NAK
            if done == DONE:
                return held


def region_room(side: Side) -> int:
    """The most bytes that a value of a region takes."""
    return side.region.register_bytes
