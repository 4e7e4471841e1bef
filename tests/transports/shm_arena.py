"""Real processes for the tests of the shm transport: a clean interpreter that forks parties, and leaves none behind."""

from __future__ import annotations

import ctypes
import mmap
import multiprocessing
import os
import signal
import struct
import sys
import traceback
from collections.abc import Callable, Iterable
from multiprocessing.connection import Connection
from typing import Any

from rayrdma.model.permissions import Permission
from rayrdma.model.regions import Region
from rayrdma.transports.shm import Segment, kernels
from rayrdma.transports.shm.context import Context, encode_record

_PR_SET_PDEATHSIG = 1


def _die_with_parent() -> None:
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def in_arena(function: Callable[..., Any], *arguments: Any, timeout: float = 240) -> Any:
    """The result of ``function(*arguments)`` in a process of its own, which has one thread and so may fork."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe(duplex=False)
    process = context.Process(target=_arena, args=(there, function, arguments))
    process.start()
    there.close()
    try:
        assert here.poll(timeout), f"no result after {timeout} s"
        succeeded, result = here.recv()
    finally:
        here.close()
        try:
            os.killpg(process.pid or 0, signal.SIGKILL)  # the parties too, also stopped ones
        except ProcessLookupError:
            process.kill()
        process.join()
    assert succeeded, result
    return result


def _arena(channel: Connection, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    os.setsid()
    _die_with_parent()
    try:
        channel.send((True, function(*arguments)))
    except BaseException:
        channel.send((False, traceback.format_exc()))
    signal.pause()


def fork(function: Callable[..., Any], *arguments: Any) -> int:
    """Run a party as a process; its number."""
    pid = os.fork()
    if pid == 0:
        _die_with_parent()
        code = 1
        try:
            function(*arguments)
            code = 0
        except BaseException:
            traceback.print_exc(file=sys.stderr)
        finally:
            os._exit(code)
    return pid


def join(pids: Iterable[int]) -> None:
    """Wait until these parties are through, all of them well."""
    for pid in pids:
        _, status = os.waitpid(pid, 0)
        assert status == 0, f"a party failed with status {status}; its traceback is on stderr"


def ledger(words: int) -> memoryview:
    """Words that all parties forked from now on share: what they know of each other besides the memory under test."""
    return memoryview(mmap.mmap(-1, 8 * words)).cast("q")


class Party:
    """A process at its kernels, with everything staged that can be: the shortest time between two operations."""

    def __init__(self, segment: Segment, region: Region, process: int, instance: int = 0) -> None:
        self.layout = segment.regions[region.name]
        self.segment = segment
        address = segment.address(region.name)
        self.context = Context([address], self.layout, process, instance)
        self.changing = Context([address], self.layout, process, instance)
        self.instance = instance

    def stage(self, payload: bytes) -> None:
        self.context.memory[: len(payload)] = payload

    def stage_number(self, number: int, size: int = 8) -> None:
        self.stage(struct.pack("<q", number) * (size // 8))

    def stage_permission(self, permission: Permission) -> None:
        record = encode_record(self.instance, permission, self.layout.processes)
        self.changing.memory[: len(record)] = record

    def take(self) -> None:
        """Put the staged permission in force, unless the instance is over."""
        address = self.changing.address
        while kernels.read_permission(address) == kernels.DONE:
            if kernels.change_permission(address, kernels.MOVING) == kernels.DONE:
                return

    def write(self, register: int, length: int = 8) -> int:
        return kernels.write(self.context.address, register, length)

    def number(self, register: int) -> int:
        """The number that was written there, 0 if none was."""
        length = kernels.read(self.context.address, register)
        if length == -kernels.NEVER_WRITTEN:
            return 0
        assert length >= 8, f"a read came back with {length}"
        value = self.context.memory[self.context.result : self.context.result + length]
        (number,) = struct.unpack_from("<q", value)
        assert value == value[:8] * (length // 8), f"torn: {struct.unpack(f'<{length // 8}q', value)}"
        return int(number)
