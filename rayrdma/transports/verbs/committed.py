"""Operations on registers that are committed by swapping a word."""

from __future__ import annotations

import secrets
from collections.abc import Generator
from functools import partial
from typing import Any

from rayrdma.model.outcomes import ACK, NAK, Nak, Outcome
from rayrdma.transports.connection import Pending

from .exchange import Exchange, Steps
from .in_place import LOOKS, Read, settle
from .layout import INLINE_BYTES, TORN, WORD_BYTES, Committed, Torn, inline_value, inline_word, slot_word, whole_word
from .lines import DONE, Requests, Side, Unknown


def _no_word() -> int:
    """A word that no register holds, and that nobody can guess: a swap that expects it only tells what is there."""
    while whole_word(word := secrets.randbits(64)):
        pass
    return word


class CommittedOperations:
    """Of one process on one region."""

    def __init__(self, exchange: Exchange, side: Side, layout: Committed, process: int) -> None:
        self._exchange = exchange
        self._side = side
        self._layout = layout
        self._process = process
        self._nonce = secrets.randbits(32)
        self._no_word = _no_word()
        self._found = exchange.local(exchange.word, WORD_BYTES)

    def read(self, register: int) -> Any | Pending:
        """One register's value."""
        return self._exchange.begin(self._read_value(register))

    def _read_value(self, register: int) -> Steps:
        return self._side.region.value_of((yield from self.look(register)))

    def look(self, register: int) -> Read:
        """What a register holds."""
        for _ in range(LOOKS):
            if not (yield from self._exchange.get(self._side, register * WORD_BYTES, WORD_BYTES)):
                return NAK
            value = yield from self._follow(register, int.from_bytes(self._exchange.got(WORD_BYTES), "little"))
            if value is not TORN:
                return value
        return (yield from settle(self._exchange, self._side, register))

    def _follow(self, register: int, word: int) -> Generator[None, Any, bytes | Torn | Nak | None]:
        """The value that a word stands for; TORN if its slot was filled anew meanwhile."""
        layout = self._layout
        where = layout.slot_of(register, word)
        if where is None:
            return inline_value(word)
        if not (yield from self._exchange.get(self._side, where, layout.stride)):
            return NAK
        return layout.slot_value(self._exchange.got(layout.stride), word)

    def read_region(self) -> Generator[None, Any, list[bytes | None] | Nak]:
        """All registers, each at an instant of its own."""
        size = self._layout.registers * WORD_BYTES
        if not (yield from self._exchange.get(self._side, 0, size)):
            return NAK
        words = self._exchange.got(size)
        values: list[bytes | None] = []
        for register in range(self._layout.registers):
            word = int.from_bytes(words[register * WORD_BYTES : (register + 1) * WORD_BYTES], "little")
            value = yield from self._follow(register, word)
            if value is TORN:
                value = yield from self.look(register)
            if value is NAK:
                return NAK
            values.append(value)
        return values

    def write(self, register: int, data: bytes) -> Outcome | Pending:
        """Write one register."""
        return self._exchange.begin(self._write(register, data))

    def _write(self, register: int, data: bytes) -> Generator[None, Any, Outcome]:
        """Swap the word, whatever it was, for one that stands for the value."""
        side = self._side
        # With the first key comes what `_fill` has to know.
        if (side.line.broken or not side.keys.write) and not (
            yield from self._exchange.ready(side.line, side, "write")
        ):
            return NAK
        mine, which = self._fill(register, data)
        expected = side.words.get(register, 0)
        while True:
            held = yield from self._swap("write", register, expected, mine, which, len(data))
            if held is NAK:
                return NAK
            if held == expected:
                side.committed(register, mine, which)
                return ACK
            expected = held

    def _fill(self, register: int, data: bytes) -> tuple[int, int | None]:
        """The word for a value, and to which of our slots it goes from the staging, if to any."""
        if len(data) <= INLINE_BYTES:
            return inline_word(data), None
        which = 1 - self._side.slots.get(register, 1)  # never the one that the word may point to
        self._nonce = (self._nonce + 1) % 2**32
        word = slot_word(self._process, which, self._nonce)
        self._exchange.bytes[: self._layout.header + len(data)] = self._layout.heading(word, data) + data
        return word, which

    def _swap(
        self,
        right: str,
        register: int,
        expected: int,
        mine: int,
        which: int | None,
        length: int,
        outcome: int | None = None,
    ) -> Generator[None, Any, int | Nak]:
        """What the word was; it is ``mine`` now if it was ``expected``. First the slot is filled, if there is one.

        Args:
            outcome: of a first attempt that was not done.
        """
        exchange, side, layout = self._exchange, self._side, self._layout
        found, word = self._found, register * WORD_BYTES

        def make(key: int) -> Requests:
            if which is None:
                return side.swap(found, word, key, expected, mine)
            slot = exchange.local(0, layout.header + length), layout.slot(register, self._process, which)
            return side.put_and_swap(*slot, found, word, key, expected, mine)

        key: int = getattr(side.keys, right)
        if outcome is None and key and not side.line.broken:
            exchange.hand_over(side.line, make(key))
            outcome = yield
        while True:
            try:
                if outcome != DONE:
                    outcome = yield from exchange.carry_out(side.line, side, right, make, outcome)
            except Unknown as unknown:
                outcome = None
                if expected == self._no_word:
                    continue  # that changes nothing
                if not (yield from exchange.get(side, word, WORD_BYTES)):
                    raise
                held = int.from_bytes(exchange.got(WORD_BYTES), "little")
                if held == mine and (which is not None or (right == "write" and side.keys.write == unknown.key)):
                    return expected  # a word for a small value is not ours alone, but then somebody's write will do
                if held != expected or inline_value(expected) not in (None, TORN):
                    raise  # it may have been ours, and gone again
                continue
            if outcome != DONE:
                return NAK
            return self._word_found()

    def _word_found(self) -> int:
        exchange = self._exchange
        return int.from_bytes(exchange.bytes[exchange.word : exchange.word + WORD_BYTES], "little")

    def compare_and_swap(self, register: int, expected: Any, new: Any) -> Any | Pending:
        """Swap the word if it stands for a value equal to ``expected``; the value that it stood for."""
        side = self._side
        data = side.region.encode(new)
        guess = self._guess(None if expected is None else side.region.encode(expected))
        if side.keys.swap and not side.line.broken and guess != self._no_word and len(data) <= INLINE_BYTES:
            mine = inline_word(data)
            requests = side.swap(self._found, register * WORD_BYTES, side.keys.swap, guess, mine)
            swapped = partial(self._swapped, register, expected, guess, data)
            return self._exchange.attempt(side.line, requests, swapped)
        return self._exchange.begin(self._compare_and_swap(register, expected, guess, data))

    def _swapped(self, register: int, expected: Any, guess: int, data: bytes, outcome: int) -> Any | Pending:
        if outcome == DONE:
            held = self._word_found()
            found = inline_value(held)
            if held == guess:
                self._side.committed(register, inline_word(data), None)
            value = self._side.region.value_of(found)
            if held == guess or (found is not TORN and value != expected):
                return value
        steps = self._compare_and_swap(register, expected, guess, data, None if outcome == DONE else outcome)
        return self._exchange.begin(steps)

    def _guess(self, data: bytes | None) -> int:
        """The word that stands for a value, if that can be told."""
        if data is None:
            return 0
        return inline_word(data) if len(data) <= INLINE_BYTES else self._no_word

    def _compare_and_swap(
        self, register: int, expected: Any, guess: int, data: bytes, outcome: int | None = None
    ) -> Steps:
        """Go on after a first attempt with ``guess`` that was not done, if there was one."""
        side = self._side
        # With the first key comes what `_fill` has to know.
        if (side.line.broken or not side.keys.swap) and not (yield from self._exchange.ready(side.line, side, "swap")):
            return NAK
        mine, which = self._fill(register, data)
        found: bytes | Torn | Nak | None = inline_value(guess)
        looks = 0
        while True:
            filled = None if guess == self._no_word else which
            held = yield from self._swap("swap", register, guess, mine, filled, len(data), outcome)
            if held is NAK:
                return NAK
            outcome = None
            if held == guess:
                side.committed(register, mine, which)
                return side.region.value_of(found)
            found = inline_value(held)
            if found is TORN:
                found = yield from self._follow(register, held)
            guess = held
            if found is TORN:
                guess, looks = self._no_word, looks + 1
                if looks % LOOKS:
                    continue
                found = yield from settle(self._exchange, side, register)
            # An equal value of other bytes, as 1 and True are, is swapped as those bytes.
            if (value := side.region.value_of(found)) != expected:  # so is NAK
                return value
