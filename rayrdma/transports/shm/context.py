"""A context: what a kernel needs to know, in private memory, so that a call passes one address and few numbers."""

from __future__ import annotations

import ctypes
import mmap
import struct
from collections.abc import Sequence
from functools import lru_cache

from rayrdma.model.errors import UsageError
from rayrdma.model.permissions import Permission

from . import kernels
from .layout import RegionLayout


class Context:
    """One process of one instance, towards the same region of one or more memories.

    Attributes:
        address: what the kernels take.
        memory: the bytes that the kernels read arguments from and put results into.
        expected, result: offsets into ``memory``; the argument is at 0.
        result_stride: from one register's value to the next in a block that was read.
        record, rights, record_end: offsets of a permission record that was read, of its rights, and of its end.
    """

    __slots__ = (
        "_export", "_instance", "address", "expected", "memory", "record", "record_end", "result", "result_stride",
        "rights",
    )  # fmt: skip

    def __init__(self, regions: Sequence[int], layout: RegionLayout, process: int, instance: int) -> None:
        self.result_stride = layout.buffer_stride
        self.expected = max(layout.buffer_stride, layout.record_stride)
        self.result = self.expected + layout.buffer_stride
        self.record = self.result + 8  # after the permission word
        self.rights = self.record + kernels.RIGHTS
        self.record_end = self.rights + layout.processes
        header = self.result + max(8 + layout.record_stride, layout.registers * (8 + self.result_stride))
        size = header + kernels.CONTEXT_HEADER + 8 * len(regions)
        self.memory = mmap.mmap(-1, size, flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)  # shared with no fork
        # The export keeps the memory mapped for as long as somebody may call a kernel with its address.
        self._export = (ctypes.c_char * size).from_buffer(self.memory)
        base = ctypes.addressof(self._export)
        self.address = base + header
        fields = {
            kernels.PROCESS: process,
            kernels.INSTANCE: instance,
            kernels.ARGUMENT: base,
            kernels.EXPECTED: base + self.expected,
            kernels.RESULT: base + self.result,
            kernels.RESULT_STRIDE: self.result_stride,
            kernels.MEMORIES: len(regions),
        }
        for field, value in fields.items():
            struct.pack_into("<q", self.memory, header + field, value)
        struct.pack_into(f"<{len(regions)}q", self.memory, header + kernels.REGIONS, *regions)
        self._instance = header + kernels.INSTANCE

    def start(self, instance: int) -> None:
        """Operations belong to ``instance`` from now on."""
        struct.pack_into("<q", self.memory, self._instance, instance)


@lru_cache(maxsize=4096)
def encode_rights(permission: Permission, processes: int) -> bytes:
    """One byte of rights a process.

    Raises:
        UsageError: the permission names a process that there is not.
    """
    rights = bytearray(processes)
    for members, right in (
        (permission.read, kernels.READ), (permission.write, kernels.WRITE), (permission.readwrite, kernels.READ_WRITE),
    ):  # fmt: skip
        for process in members:
            if not 0 <= process < processes:
                raise UsageError(f"{permission!r} names process {process}; there are processes 0 to {processes - 1}")
            rights[process] = right
    return bytes(rights)


@lru_cache(maxsize=4096)
def decode_rights(rights: bytes) -> Permission:
    """The permission that `encode_rights` made these bytes of."""

    def having(right: int) -> list[int]:
        return [process for process, rights_of_it in enumerate(rights) if rights_of_it == right]

    return Permission(having(kernels.READ), having(kernels.WRITE), having(kernels.READ_WRITE))


def encode_record(instance: int, permission: Permission, processes: int) -> bytes:
    """A permission record: the instance, and the rights."""
    return struct.pack("<q", instance) + encode_rights(permission, processes)
