"""Operations on registers that are laid out in place: one READ, or one WRITE."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import Any

from rayrdma.model.outcomes import ACK, NAK, Nak, Outcome
from rayrdma.transports.connection import Pending

from .exchange import Exchange, Steps
from .handshake import Recall, Settle
from .layout import TORN, WORD_BYTES, InPlace
from .lines import DONE, REFUSED, Side, Stretch, Unknown

LOOKS = 8
"""So often a register that can not be read is looked at again before the memory itself is asked."""
Read = Generator[None, Any, bytes | Nak | None]


def settle(exchange: Exchange, side: Side, register: int) -> Read:
    """What the memory itself says that a register holds, which can not be read."""
    reply = yield from exchange.ask(Settle(side.region.name, register))
    return reply.value if exchange.current and side.keys.read else NAK


class InPlaceOperations:
    """Of one process on one region."""

    def __init__(self, exchange: Exchange, side: Side, layout: InPlace) -> None:
        self._exchange = exchange
        self._side = side
        self._layout = layout

    def read(self, register: int) -> Any | Pending:
        """One register's value. As with `write`."""
        exchange, side = self._exchange, self._side
        key = side.keys.read
        if key and not exchange.reading.broken:
            stride = self._layout.stride
            requests = side.get(exchange.local(exchange.room, stride), register * stride, key)
            return exchange.attempt(exchange.reading, requests, partial(self._seen, register))
        return exchange.begin(self._read_value(register))

    def _seen(self, register: int, outcome: int) -> Any | Pending:
        layout, exchange = self._layout, self._exchange
        if outcome == DONE:
            value = layout.value(exchange.got(layout.stride))
            if value is not TORN:
                return self._side.region.value_of(value)
        return exchange.begin(self._read_value(register, None if outcome == DONE else outcome))

    def _read_value(self, register: int, outcome: int | None = None) -> Steps:
        return self._side.region.value_of((yield from self.look(register, outcome)))

    def look(self, register: int, outcome: int | None = None) -> Read:
        """What a register holds; ``outcome`` is that of a first attempt that was not done."""
        exchange, side, layout = self._exchange, self._side, self._layout
        for _ in range(LOOKS):
            if not (yield from exchange.get(side, register * layout.stride, layout.stride, outcome)):
                return NAK
            outcome = None
            value = layout.value(exchange.got(layout.stride))
            if value is not TORN:
                return value
        return (yield from settle(exchange, side, register))

    def read_region(self) -> Generator[None, Any, list[bytes | None] | Nak]:
        """All registers, each at an instant of its own."""
        layout = self._layout
        if not (yield from self._exchange.get(self._side, 0, layout.spare)):
            return NAK
        records, stride = self._exchange.got(layout.spare), layout.stride
        values: list[bytes | None] = []
        for register in range(layout.registers):
            value = layout.value(records[register * stride : (register + 1) * stride])
            whole = (yield from self.look(register)) if value is TORN else value
            if whole is NAK:
                return NAK
            values.append(whole)
        return values

    def write(self, register: int, data: bytes) -> Outcome | Pending:
        """Write one register. Where nothing goes wrong there is nothing to remember but the answer."""
        exchange, side, line = self._exchange, self._side, self._side.line
        record = self._layout.heading(data) + data
        length = len(record)
        exchange.bytes[:length] = record
        local, offset = exchange.local(0, length), register * self._layout.stride
        key = side.keys.write
        if key and not line.broken:
            return exchange.attempt(
                line, side.put(local, offset, key), partial(self._written, register, data, local, offset, key)
            )
        return exchange.begin(self._write(register, data, local, offset, 0, None))

    def _written(self, register: int, data: bytes, local: Stretch, offset: int, key: int, outcome: int) -> Any:
        if outcome == DONE:
            return ACK
        return self._exchange.begin(self._write(register, data, local, offset, key, outcome))

    def _write(
        self, register: int, data: bytes, local: Stretch, offset: int, key: int, outcome: int | None
    ) -> Generator[None, Any, Outcome]:
        """Go on after a first attempt with ``key`` that was not done, if there was one."""
        exchange, side = self._exchange, self._side
        while True:
            if outcome is None and not (key := (yield from exchange.ready(side.line, side, "write"))):
                return NAK
            done, doubtful = yield from self._put(local, offset, key, outcome)
            if done == DONE or (doubtful and (yield from self._left(register, key)) == data):
                return ACK
            if done == REFUSED:
                return NAK
            outcome = None

    def _put(
        self, local: Stretch, offset: int, key: int, outcome: int | None = None
    ) -> Generator[None, Any, tuple[int | None, bool]]:
        """WRITE with this key and no other: `DONE`, `REFUSED`, or None if the process has another one by now.

        As long as it is the same, nobody else can have written, and what may have taken effect can be done again. If it
        was not done in the end, the second value says whether one attempt may have taken effect all the same.
        """
        side, doubtful = self._side, False
        while True:
            try:
                done = yield from self._exchange.carry_out(
                    side.line, side, "write", lambda key: side.put(local, offset, key), outcome, pinned=True
                )
            except Unknown:
                outcome, doubtful = None, True
                if side.keys.write != key:
                    return None, True
            else:
                return done, doubtful

    def _left(self, register: int, key: int) -> Generator[None, Any, bytes | None]:
        """What the register held at the end of the time in which ``key`` was ours, and so nobody else could write."""
        reply = yield from self._exchange.ask(Recall(self._side.region.name, register, key))
        return reply.value

    def compare_and_swap(self, register: int, expected: Any, new: Any) -> Any | Pending:
        """Write a register if its value equals ``expected``; the value that it had."""
        return self._exchange.begin(self._compare_and_swap(register, expected, self._side.region.encode(new)))

    def _compare_and_swap(self, register: int, expected: Any, data: bytes) -> Steps:
        """Nobody else may write as long as we may: read, compare and write, all under one key."""
        exchange, side, layout = self._exchange, self._side, self._layout
        while True:
            key = yield from exchange.ready(side.line, side, "swap")
            if not key:
                return NAK
            held = side.region.value_of((yield from self.look(register)))
            if held is NAK:
                return NAK
            if side.keys.write != key:
                continue
            if held == expected:
                record, offset = layout.heading(data) + data, register * layout.stride
            else:
                record, offset = bytes(WORD_BYTES), layout.spare  # may we?
            exchange.bytes[: len(record)] = record
            done, doubtful = yield from self._put(exchange.local(0, len(record)), offset, key)
            if done == DONE or (doubtful and held == expected and (yield from self._left(register, key)) == data):
                return held
            if done == REFUSED:
                return NAK
