"""A segment: one memory of the model as a file on a memory file system, mapped by every process of a host."""

from __future__ import annotations

import ctypes
import errno
import math
import mmap
import os
import struct
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

import msgspec

from rayrdma.model.errors import EnvironmentProblem, UsageError
from rayrdma.model.regions import Region

from . import kernels
from .context import Context, encode_record
from .layout import CRASH_WORD, DESCRIPTION, MAGIC, PREAMBLE, VERSION, SegmentLayout


def _free(directory: Path) -> float:
    """Bytes that a new file may take."""
    status = os.statvfs(directory)
    return status.f_bavail * status.f_frsize if status.f_blocks else math.inf  # no blocks: a tmpfs without a limit


class NoRoom(EnvironmentProblem):
    """The file system can not hold a segment."""

    def __init__(self, directory: Path, needed: int) -> None:
        super().__init__(
            f"a memory needs {needed} bytes in {directory}, where {_free(directory)} are free; free some, make it "
            "larger (docker run --shm-size=..., mount -o remount,size=... /dev/shm), or lower register_bytes or n"
        )


class BadSegment(EnvironmentProblem):
    """A file is not a segment that this version can use."""


class Segment:
    """One memory, mapped into this process. Made by `create` and `attach`.

    A mapping lives until its segment is closed *and* the last endpoint on it is gone.

    Attributes:
        path: the file.
        process_count: how many processes may operate on it, 0 to n - 1.
        regions: their layouts, by name.
    """

    def __init__(self, path: Path, memory: mmap.mmap, layout: SegmentLayout) -> None:
        self.path = path
        self.process_count = layout.process_count
        self.regions = layout.regions
        self._offsets = layout.offsets
        self._export: ctypes.Array[ctypes.c_char] | None = (ctypes.c_char * layout.size).from_buffer(memory)

    @classmethod
    def create(cls, path: str | Path, process_count: int, regions: Sequence[Region], instance: int = 0) -> Segment:
        """Make a new memory with empty registers, open to operations of ``instance`` (0 or more).

        Raises:
            NoRoom: the file system has not enough space; nothing is left behind.
            UsageError: there is such a file, or the numbers make no sense.
        """
        path = Path(path)
        regions = [region for region in regions if not region.covers]  # the others have no registers of their own
        layout = SegmentLayout.of(process_count, regions)
        records = [encode_record(instance, region.permission, process_count) for region in regions]
        if _free(path.parent) < layout.size:
            raise NoRoom(path.parent, layout.size)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except FileExistsError:
            raise UsageError(f"{path} is there already; a new memory needs a path of its own") from None
        try:
            # Every page is there from now on: lack of room is an error here, never a SIGBUS in an operation.
            os.posix_fallocate(descriptor, 0, layout.size)
            memory = mmap.mmap(descriptor, layout.size)
        except BaseException as error:
            os.unlink(path)
            if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.ENOMEM, errno.EDQUOT, errno.EFBIG):
                raise NoRoom(path.parent, layout.size) from None
            raise
        finally:
            os.close(descriptor)
        struct.pack_into("<q", memory, CRASH_WORD, -1)
        memory[DESCRIPTION : DESCRIPTION + len(layout.description)] = layout.description
        for (name, offset), record in zip(layout.offsets.items(), records, strict=True):
            for field, value in layout.regions[name].header(offset).items():
                struct.pack_into("<q", memory, offset + field, value)
            start = offset + kernels.REGION_HEADER
            memory[start : start + len(record)] = record
        # The magic comes last: a segment whose maker was killed half-way is not one.
        preamble = struct.pack(PREAMBLE, MAGIC, VERSION, layout.size, len(layout.description))
        memory[len(MAGIC) : len(preamble)] = preamble[len(MAGIC) :]
        memory[: len(MAGIC)] = MAGIC
        return cls(path, memory, layout)

    @classmethod
    def attach(cls, path: str | Path) -> Segment:
        """Map a memory that somebody else made.

        Raises:
            BadSegment: there is no such file, or it is not a whole segment of this version.
        """
        path = Path(path)
        try:
            descriptor = os.open(path, os.O_RDWR | os.O_CLOEXEC)
        except OSError as error:
            raise BadSegment(f"{path} can not be opened as a memory: {error.strerror}; has its run ended?") from None
        try:
            size = os.fstat(descriptor).st_size
            if size < DESCRIPTION:
                raise BadSegment(f"{path} is not a memory of rayrdma: {size} bytes are less than its header")
            flags = mmap.MAP_SHARED | mmap.MAP_POPULATE  # no page fault in an operation
            memory = mmap.mmap(descriptor, size, flags=flags)
        finally:
            os.close(descriptor)
        magic, version, whole, described = struct.unpack_from(PREAMBLE, memory)
        if magic != MAGIC:
            raise BadSegment(f"{path} is not a memory of rayrdma, or whoever made it did not finish")
        if version != VERSION:
            raise BadSegment(f"{path} has layout version {version}, this is {VERSION}; run one version of rayrdma")
        try:
            layout = SegmentLayout.from_description(memory[DESCRIPTION : DESCRIPTION + described])
        except (msgspec.DecodeError, UsageError) as error:
            raise BadSegment(f"{path} has a damaged description: {error}") from None
        if not size == whole == layout.size:
            raise BadSegment(f"{path} has {size} bytes where its header promises {layout.size}: it was truncated")
        return cls(path, memory, layout)

    @property
    def mapping(self) -> ctypes.Array[ctypes.c_char]:
        """The mapped bytes; whoever keeps an address into them keeps this too.

        Raises:
            UsageError: the segment is closed.
        """
        if self._export is None:
            raise UsageError(f"the memory {self.path} is closed; attach it again")
        return self._export

    def address(self, region: str) -> int:
        """Where a region lies in this process."""
        return ctypes.addressof(self.mapping) + self._offsets[region]

    def crash(self, instance: int) -> None:
        """Crash this memory: operations of ``instance`` and earlier ones are never answered from now on."""
        kernels.crash(ctypes.addressof(self.mapping) + CRASH_WORD, instance)

    def reset(self, instance: int) -> None:
        """Open the next instance: the initial permissions, all registers empty. For the memory's owner alone.

        No operation of an earlier instance takes effect after this returns. Killed half-way, it can be done again.

        Raises:
            UsageError: ``instance`` is not higher than the present one.
        """
        openings = [Opening(self, name, instance) for name in self.regions]
        present = min((opening.present() for opening in openings), default=instance - 1)
        if present >= instance:
            raise UsageError(f"the memory {self.path} is at instance {present}; the next one needs a higher number")
        for opening in openings:
            opening.run()

    def close(self) -> None:
        """Give the mapping back, as soon as no endpoint uses it."""
        self._export = None

    def unlink(self) -> None:
        """Remove the file; those who have it mapped may go on."""
        self.path.unlink(missing_ok=True)

    def __enter__(self) -> Segment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Opening:
    """The owner's change of one region to a new instance."""

    def __init__(self, segment: Segment, region: str, instance: int) -> None:
        layout = segment.regions[region]
        self.instance = instance
        self.context = Context([segment.address(region)], layout, segment.process_count, instance)
        initial = ctypes.string_at(segment.address(region) + kernels.REGION_HEADER, layout.record_stride)
        self.context.memory[: len(initial)] = struct.pack("<q", instance) + initial[kernels.RIGHTS :]

    def present(self) -> int:
        """The instance that the region is open to."""
        kernels.read_permission(self.context.address)
        return int.from_bytes(self.context.memory[self.context.record : self.context.rights], "little", signed=True)

    def run(self) -> None:
        """Open the instance, unless that is done."""
        while self.present() < self.instance:
            kernels.change_permission(self.context.address, kernels.EMPTYING)
