"""Where everything lies in a segment: computed from its description, which stands in the segment itself.

A segment is a header (magic, layout version, size, the crash word, the description) and then its regions. A
region is a header with its permission word, its permission records, and its registers; see `kernels` for what
they mean. All words are little-endian and aligned; what different parties swap stands in cache lines of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cached_property

import msgspec

from rayrdma.model.errors import UsageError
from rayrdma.model.regions import Region

from . import kernels

MAGIC = b"rayrdma\n"
VERSION = 1

PREAMBLE = "<8sqqq"  # magic, layout version, size of the segment, size of the description; all in bytes
CRASH_WORD = 64
DESCRIPTION = 128

MAX_PROCESSES = (kernels.SLOT_MASK + 1) // 2 - 2
"""How many processes the slots of a control word can tell apart, one owner besides."""

_LINE = 64


def _round_up(size: int) -> int:
    return -(-size // _LINE) * _LINE


class RegionLayout(msgspec.Struct, frozen=True, array_like=True, dict=True):
    """One region of a segment for ``processes`` processes. Sizes in bytes."""

    name: str
    registers: int
    register_bytes: int
    processes: int

    @cached_property
    def buffer_stride(self) -> int:
        return _round_up(kernels.BUFFER_HEADER + self.register_bytes)

    @cached_property
    def register_stride(self) -> int:
        return kernels.FIRST_BUFFER + 2 * self.processes * self.buffer_stride

    @cached_property
    def record_stride(self) -> int:
        return _round_up(kernels.RIGHTS + self.processes + 1)

    @cached_property
    def first_register(self) -> int:
        return kernels.REGION_HEADER + (2 * (self.processes + 1) + 1) * self.record_stride

    @cached_property
    def size(self) -> int:
        return self.first_register + self.registers * self.register_stride

    def header(self, offset: int) -> dict[int, int]:
        """The fields that the kernels read, for a region at ``offset`` of its segment."""
        return {
            kernels.REGISTERS: self.registers,
            kernels.BUFFER_STRIDE: self.buffer_stride,
            kernels.REGISTER_STRIDE: self.register_stride,
            kernels.FIRST_REGISTER: self.first_register,
            kernels.RECORD_STRIDE: self.record_stride,
            kernels.FIRST_RECORD: kernels.REGION_HEADER,
            kernels.CRASH_WORD: CRASH_WORD - offset,
        }


class SegmentLayout:
    """The regions of a segment and their offsets.

    Raises:
        UsageError: more processes than slots can name, or two regions of one name.
    """

    def __init__(self, process_count: int, regions: Iterable[RegionLayout]) -> None:
        if not 1 <= process_count <= MAX_PROCESSES:
            raise UsageError(f"a shared-memory segment serves 1 to {MAX_PROCESSES} processes, not {process_count}")
        self.process_count = process_count
        self.regions: dict[str, RegionLayout] = {}
        self.offsets: dict[str, int] = {}
        for region in regions:
            if region.name in self.regions:
                raise UsageError(f"two regions of one memory are called {region.name!r}; give each its own name")
            self.regions[region.name] = region
        self.description = msgspec.msgpack.encode((process_count, tuple(self.regions.values())))
        self.size = _round_up(DESCRIPTION + len(self.description))
        for region in self.regions.values():
            self.offsets[region.name] = self.size
            self.size += region.size

    @classmethod
    def of(cls, process_count: int, regions: Iterable[Region]) -> SegmentLayout:
        """The layout for these regions of the model."""
        return cls(
            process_count,
            (RegionLayout(region.name, region.registers, region.register_bytes, process_count) for region in regions),
        )

    @classmethod
    def from_description(cls, description: bytes) -> SegmentLayout:
        """The layout that a segment's own header describes.

        Raises:
            msgspec.DecodeError: the bytes describe none.
        """
        return cls(*msgspec.msgpack.decode(description, type=tuple[int, tuple[RegionLayout, ...]]))
