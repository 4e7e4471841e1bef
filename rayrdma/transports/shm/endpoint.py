"""Endpoints: one process's end towards one region of a memory, or of several memories at once. Bytes in, bytes out."""

from __future__ import annotations

import struct
from collections.abc import Sequence

from rayrdma.model.errors import UsageError, ValueTooLarge
from rayrdma.model.outcomes import ACK, NAK, Nak, Outcome
from rayrdma.model.permissions import Permission
from rayrdma.model.regions import Region
from rayrdma.transports.connection import PENDING, Pending

from . import kernels
from .context import Context, decode_rights, encode_record
from .segment import BadSegment, Segment

_write = kernels.write

_ANSWERS: dict[int, Outcome | Pending | None] = {
    kernels.DONE: ACK,
    kernels.NEVER_WRITTEN: None,
    kernels.REFUSED: NAK,
    kernels.CRASHED: PENDING,
}


def _context(segments: Sequence[Segment], region: Region, process: int, instance: int) -> Context:
    """A context for `kernels`, after a look at whether everything fits."""
    addresses = []
    for segment in segments:
        layout = segment.regions.get(region.name)
        if layout is None or (layout.registers, layout.register_bytes) != (region.registers, region.register_bytes):
            raise BadSegment(
                f"{segment.path} was made for other regions: it has {', '.join(map(repr, segment.regions))}, "
                f"and not {region.name!r} with {region.registers} registers of {region.register_bytes} bytes"
            )
        if not 0 <= process < segment.process_count:
            raise UsageError(
                f"{segment.path} was made for processes 0 to {segment.process_count - 1}, there is no process {process}"
            )
        addresses.append(segment.address(region.name))
    return Context(addresses, segments[0].regions[region.name], process, instance)


class Endpoint:
    """One process of one instance, towards one region of one memory.

    What a crashed memory would answer is ``PENDING``. Every other call completes within the call.

    Raises:
        BadSegment: the segment has no such region.
        UsageError: the segment was not made for that many processes.
    """

    __slots__ = ("_address", "_context", "_limit", "_memory", "_result", "_segment", "instance", "process", "region")

    def __init__(self, segment: Segment, region: Region, process: int, instance: int) -> None:
        self.region = region
        self.process = process
        self.instance = instance
        self._segment = segment.mapping
        self._context = _context([segment], region, process, instance)
        self._address = self._context.address
        self._memory = self._context.memory
        self._result = self._context.result
        self._limit = region.register_bytes

    def start(self, instance: int) -> None:
        """Operations belong to ``instance`` from now on."""
        self.instance = instance
        self._context.start(instance)

    def write(self, register: int, payload: bytes) -> Outcome | Pending:
        """Write one register.

        Raises:
            ValueTooLarge: more than ``register_bytes``.
        """
        length = len(payload)
        if length > self._limit:
            raise ValueTooLarge(self.region.name, length, self._limit)
        self._memory[:length] = payload
        outcome = kernels.write(self._address, register, length)
        return ACK if outcome == kernels.DONE else _ANSWERS[outcome]  # type: ignore[return-value]

    def read(self, register: int) -> bytes | Nak | Pending | None:
        """Read one register; None if it was never written."""
        length = kernels.read(self._address, register)
        if length < 0:
            return _ANSWERS[-length]  # type: ignore[return-value]
        start = self._result
        return self._memory[start : start + length]

    def read_region(self) -> list[bytes | None] | Nak | Pending:
        """Read all registers, each at an instant of its own, all under one permission."""
        outcome = kernels.read_region(self._address)
        if outcome < 0:
            return _ANSWERS[-outcome]  # type: ignore[return-value]
        memory, stride = self._memory, self._context.result_stride
        registers = self.region.registers
        lengths = struct.unpack_from(f"<{registers}q", memory, self._result)
        start = self._result + 8 * registers
        values: list[bytes | None] = []
        for length in lengths:
            values.append(memory[start : start + length] if length >= 0 else None)
            start += stride
        return values

    def compare_and_swap(self, register: int, expected: bytes | None, new: bytes) -> bytes | Nak | Pending | None:
        """Write ``new`` if the register holds ``expected`` (None: was never written). Returns what it held.

        Raises:
            ValueTooLarge: more than ``register_bytes``.
        """
        length = len(new)
        if length > self._limit:
            raise ValueTooLarge(self.region.name, length, self._limit)
        memory = self._memory
        memory[:length] = new
        expected_length = -kernels.NEVER_WRITTEN
        if expected is not None:
            expected_length = min(len(expected), self._limit + 1)  # one too long to be there compares by its length
            start = self._context.expected
            memory[start : start + expected_length] = expected[:expected_length]
        old_length = kernels.compare_and_swap(self._address, register, expected_length, length)
        if old_length < 0:
            return _ANSWERS[-old_length]  # type: ignore[return-value]
        start = self._result
        return memory[start : start + old_length]

    def change_permission(self, new: Permission) -> Pending | None:
        """Put ``new`` in force if the region's policy finds that legal, else do nothing; the answer does not tell.

        What names a process that there is not is never legal.
        """
        context, region = self._context, self.region
        while True:
            outcome = kernels.read_permission(self._address)
            if outcome != kernels.DONE:
                break
            rights = self._memory[context.rights : context.record_end]
            if not region.legal_change(self.process, region.name, decode_rights(rights), new):
                break
            try:
                record = encode_record(self.instance, new, len(rights))
            except UsageError:
                break
            self._memory[: len(record)] = record
            outcome = kernels.change_permission(self._address, kernels.MOVING)
            if outcome != kernels.OVERTAKEN:
                break
        return PENDING if outcome == kernels.CRASHED else None


class Fan:
    """One process of one instance, towards the same region of several memories: one call writes to all.

    Raises:
        BadSegment, UsageError: as `Endpoint`; or more memories than one call can tell the outcomes of.
    """

    __slots__ = ("_address", "_context", "_limit", "_memory", "_segments", "region")

    def __init__(self, segments: Sequence[Segment], region: Region, process: int, instance: int) -> None:
        if not 1 <= len(segments) <= kernels.MAX_BATCH:
            raise UsageError(f"one call writes to 1 to {kernels.MAX_BATCH} memories, not {len(segments)}")
        self.region = region
        self._segments = [segment.mapping for segment in segments]
        self._context = _context(segments, region, process, instance)
        self._address = self._context.address
        self._memory = self._context.memory
        self._limit = region.register_bytes

    def start(self, instance: int) -> None:
        """Operations belong to ``instance`` from now on."""
        self._context.start(instance)

    def write(self, register: int, payload: bytes) -> int:
        """Write the same to one register of every memory.

        Returns:
            0 if all acked; else the outcomes, OUTCOME_BITS each, the first memory lowest (see `answers`).
        Raises:
            ValueTooLarge: more than ``register_bytes``.
        """
        length = len(payload)
        if length > self._limit:
            raise ValueTooLarge(self.region.name, length, self._limit)
        self._memory[:length] = payload
        return _write(self._address, register, length)

    def answers(self, outcomes: int) -> list[Outcome | Pending]:
        """What each memory answered to a `write`."""
        bits = kernels.OUTCOME_BITS
        mask = (1 << bits) - 1
        return [_ANSWERS[outcomes >> bits * memory & mask] for memory in range(len(self._segments))]  # type: ignore[misc]
