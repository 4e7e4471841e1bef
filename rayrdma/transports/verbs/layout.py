"""How the registers of a region lie in the memory that a device reads and writes. No I/O.

A device moves bytes, not registers: of a READ, or of a WRITE that runs at the same time, it promises no order of the
bytes within a message (IBTA 1.4, 9.5 and 10.8.3.3: only *operations* of one queue pair are ordered, a READ or an atomic
after a WRITE sees what that wrote). Only an atomic operation is atomic, and only towards others of the same device. So
every register says of itself whether it is whole, and there are two ways to lay it out:

* *in place*, where permissions let at most one process write at a time: a record with its length and two sums, written
  by one WRITE of one packet. A writer that dies sends a packet or does not send it; nobody else writes meanwhile.
* *committed*, where several may write, or where a record takes more than a packet: each process has two slots of its
  own a register, and a *word* says which slot is valid. A writer fills its idle slot, and then swaps the word: the
  queue pair keeps this order. A process that dies in between leaves the register as it was. Nobody waits for anybody.
  Values of up to five bytes lie in the word itself.
"""

from __future__ import annotations

import binascii
import struct
import zlib
from enum import Enum
from functools import lru_cache
from typing import Final, Literal

from rayrdma.model.regions import Region


class _Torn(Enum):
    TORN = "torn"


TORN: Final = _Torn.TORN
"""Bytes that nobody wrote as a whole: a write is under way, or they are nonsense."""
Torn = Literal[_Torn.TORN]

PACKET = 1024
"""Bytes of data that every port that we use sends in one packet, at least."""
_HEADER = struct.Struct("<QII")
WORD_BYTES = 8
INLINE_BYTES = 5
_INLINE, _SLOT = 0x80, 0x40
_sum, _other_sum, _check = zlib.crc32, zlib.adler32, binascii.crc_hqx


def _whole(size: int) -> int:
    """Up to the next multiple of 8."""
    return -(-size // 8) * 8


class InPlace:
    """One record a register: 16 bytes of header and the value.

    Attributes:
        size: bytes of the region; its last eight are written by who only asks whether it may.
        stride: from one record to the next.
    """

    header = _HEADER.size

    def __init__(self, region: Region) -> None:
        self.registers = region.registers
        self.limit = region.register_bytes
        self.stride = self.header + _whole(self.limit)
        self.spare = self.registers * self.stride
        self.size = self.spare + WORD_BYTES

    def offset(self, register: int) -> int:
        """Where the register's record begins."""
        return register * self.stride

    @staticmethod
    @lru_cache(maxsize=8)  # mostly one value goes to all memories
    def heading(data: bytes) -> bytes:
        """What stands before a value."""
        return _HEADER.pack(len(data) + 1, _sum(data), _other_sum(data))

    def value(self, record: bytes) -> bytes | Torn | None:
        """The value of these bytes of a register; None if it was never written."""
        length, one, other = _HEADER.unpack_from(record)
        if not length and not one and not other:
            return None
        if not 0 < length <= self.limit + 1:
            return TORN
        data = record[self.header : self.header + length - 1]
        return data if _sum(data) == one and _other_sum(data) == other else TORN

    def look(self, memory: memoryview, register: int) -> bytes | Torn | None:
        """The register's value, for the memory itself."""
        start = self.offset(register)
        return self.value(bytes(memory[start : start + self.stride]))

    def clear(self, memory: memoryview, register: int) -> None:
        """As if it had never been written."""
        start = self.offset(register)
        memory[start : start + self.header] = bytes(self.header)


def _sums(word: int, data: bytes) -> tuple[int, int]:
    """Of a value in a slot: they start from the word, lest the word of one be read with the value of another."""
    return _sum(data, word & 0xFFFF_FFFF), _other_sum(data, word >> 32)


class Committed:
    """A word a register, and two slots for each process and register.

    Attributes:
        size: bytes of the region.
        stride: from one slot to the next.
    """

    header = _HEADER.size

    def __init__(self, region: Region, n: int) -> None:
        self.registers = region.registers
        self.limit = region.register_bytes
        self.stride = self.header + _whole(self.limit)
        self._n = n
        self._slots = _whole(self.registers * WORD_BYTES)
        self.size = self._slots + self.registers * n * 2 * self.stride

    @staticmethod
    def offset(register: int) -> int:
        """Where the register's word is."""
        return register * WORD_BYTES

    def slot(self, register: int, process: int, which: int) -> int:
        """Where one of the two slots of a process is."""
        return self._slots + ((register * self._n + process) * 2 + which) * self.stride

    def slot_of(self, register: int, word: int) -> int | None:
        """Where the slot is that a word points to; None if there is no such slot."""
        kind, process = word & 0xFF, word >> 8 & 0xFF
        points = kind & ~1 == _SLOT and process < self._n and whole_word(word)
        return self.slot(register, process, kind & 1) if points else None

    def slots(self, memory: memoryview, process: int) -> dict[int, int]:
        """Of registers whose word points to a slot of this process: to which of the two."""
        found = {}
        for register in range(self.registers):
            kind, owner = memory[self.offset(register)], memory[self.offset(register) + 1]
            if kind & ~1 == _SLOT and owner == process:
                found[register] = kind & 1
        return found

    @staticmethod
    def heading(word: int, data: bytes) -> bytes:
        """What stands before a value in a slot. No other word than the one that will point to it fits."""
        return _HEADER.pack(len(data) + 1, *_sums(word, data))

    def slot_value(self, slot: bytes, word: int) -> bytes | Torn:
        """The value in these bytes of the slot to which ``word`` points."""
        length, one, other = _HEADER.unpack_from(slot)
        if not 0 < length <= self.limit + 1:
            return TORN
        data = slot[self.header : self.header + length - 1]
        return data if _sums(word, data) == (one, other) else TORN

    def look(self, memory: memoryview, register: int) -> bytes | Torn | None:
        """The register's value, for the memory itself."""
        start = self.offset(register)
        word = int.from_bytes(memory[start : start + WORD_BYTES], "little")
        where = self.slot_of(register, word)
        return (
            inline_value(word) if where is None else self.slot_value(bytes(memory[where : where + self.stride]), word)
        )

    def clear(self, memory: memoryview, register: int) -> None:
        """As if it had never been written."""
        start = self.offset(register)
        memory[start : start + WORD_BYTES] = bytes(WORD_BYTES)


@lru_cache(maxsize=4096)
def inline_word(data: bytes) -> int:
    """The word that is a value of at most five bytes: a byte for its length, the value, and a sum of two bytes."""
    body = bytes((_INLINE | len(data),)) + data.ljust(INLINE_BYTES, b"\0")
    return int.from_bytes(body, "little") | _check(body, 0) << 48


def slot_word(process: int, which: int, nonce: int) -> int:
    """The word that points to a slot. With each value written there comes a new nonce of 32 bits."""
    body = bytes((_SLOT | which, process)) + nonce.to_bytes(4, "little")
    return int.from_bytes(body, "little") | _check(body, 0) << 48


def whole_word(word: int) -> bool:
    """Whether somebody wrote these eight bytes as a word."""
    return not word or _check((word & 0xFFFF_FFFF_FFFF).to_bytes(6, "little"), 0) == word >> 48


@lru_cache(maxsize=4096)
def inline_value(word: int) -> bytes | Torn | None:
    """The value in a word; None if it was never written, TORN if it is not in there."""
    if not word:
        return None
    kind = word & 0xFF
    length = kind & 0x3F
    if not kind & _INLINE or length > INLINE_BYTES or not whole_word(word):
        return TORN
    return word.to_bytes(8, "little")[1 : 1 + length]


def layout_of(region: Region, n: int) -> InPlace | Committed:
    """How a region of a memory for ``n`` processes is laid out."""
    in_place = region.one_writer and InPlace.header + region.register_bytes <= PACKET
    return InPlace(region) if in_place else Committed(region, n)
