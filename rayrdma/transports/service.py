"""The memory's side of every transport that carries operations as frames, and how frames look.

A request is (number, instance, kind, region, register, argument), a reply (number, answer, value). Values
are bytes here: a memory never decodes what processes write. Who is calling is fixed by the connection.
"""

from __future__ import annotations

import contextlib
import os
import signal
import threading
from collections.abc import Sequence
from typing import Any, Protocol

import msgspec

from rayrdma.faults.plan import After
from rayrdma.model.memory import Memory
from rayrdma.model.operations import (
    CHANGE_PERMISSION,
    COMPARE_AND_SWAP,
    NAMES,
    READ_REGION,
    WRITE,
    Kind,
)
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import Permission
from rayrdma.model.regions import ENCODE, UNREADABLE, Region

from .connection import Call

VALUE, ACKED, REFUSED = 0, 1, 2
FRAME_OVERHEAD = 512


class Request(msgspec.Struct, frozen=True, array_like=True):
    """An operation under way."""

    number: int
    instance: int
    kind: Kind
    region: str
    register: int
    argument: Any


class Reply(msgspec.Struct, frozen=True, array_like=True):
    """The response to request ``number``."""

    number: int
    answer: int
    value: Any


decode_request = msgspec.msgpack.Decoder(Request).decode
decode_reply = msgspec.msgpack.Decoder(Reply).decode


def frame_bytes(regions: Sequence[Region]) -> int:
    """The most bytes that a frame of these regions takes."""
    return FRAME_OVERHEAD + max((region.registers * (region.register_bytes + 16) for region in regions), default=0)


class Serves(Protocol):
    """What stands behind a channel."""

    def apply(self, process: int, frame: bytes) -> bytes | None:
        """Carry out an operation of ``process``; the reply, None after a crash."""


class MemoryService:
    """One memory that applies frames, one at a time."""

    def __init__(self, regions: Sequence[Region], n: int) -> None:
        self._regions = {region.name: region for region in regions}
        self._memory = Memory(regions)
        self._n = n
        self._instance = -1
        self._lock = threading.Lock()
        self._crash_after: After | None = None
        self._counted = 0
        self._crashed = False

    def reset(self, instance: int) -> None:
        """Empty registers, initial permissions; operations of other instances are refused from now on."""
        with self._lock:
            self._memory = Memory(self._regions.values())
            self._instance = instance

    def crash(self) -> None:
        """Answer nothing any more."""
        with self._lock:
            self._crashed = True

    def crash_after(self, after: After) -> None:
        """Die right after an operation has taken effect, without answering it."""
        self._crash_after = after

    def apply(self, process: int, frame: bytes) -> bytes | None:
        """Let an operation of ``process`` take effect; the reply, None after a crash. Nonsense is refused."""
        try:
            request = decode_request(frame)
        except UNREADABLE:
            return ENCODE((0, REFUSED, None))  # no request has the number 0
        with self._lock:
            if self._crashed:
                return None
            response: Any = NAK
            with contextlib.suppress(KeyError, IndexError, TypeError, ValueError):
                response = self._effect(process, request)
        if request.kind == CHANGE_PERMISSION:
            response = None  # it tells nothing, not even that the instance is over
        if response is ACK:
            return ENCODE((request.number, ACKED, None))
        if response is NAK:
            return ENCODE((request.number, REFUSED, None))
        return ENCODE((request.number, VALUE, response))

    def _effect(self, process: int, request: Request) -> Any:
        if request.instance != self._instance:
            return NAK
        region = self._regions[request.region]
        if not 0 <= request.register < region.registers:
            return NAK
        argument = request.argument
        if request.kind == CHANGE_PERMISSION:
            argument = Permission(*argument)
            if any(not 0 <= member < self._n for member in argument.readers | argument.write):
                return NAK
        elif request.kind in (WRITE, COMPARE_AND_SWAP):
            data = argument if request.kind == WRITE else argument[1]
            if not isinstance(data, bytes) or len(data) > region.register_bytes:
                return NAK
            if request.kind == COMPARE_AND_SWAP:
                argument = tuple(argument)
        response = self._memory.apply(process, request.kind, request.region, request.register, argument)
        after = self._crash_after
        if after is not None and after.operation in (NAMES[request.kind], "operation"):
            self._counted += 1
            if self._counted == after.count:
                os.kill(os.getpid(), signal.SIGKILL)
        return response


class FrameCodec:
    """One operation at a time as frames, for connections."""

    def __init__(self, regions: Sequence[Region], instance: int) -> None:
        self._regions = {region.name: region for region in regions}
        self._instance = instance
        self._operation: Call | None = None
        self._tried: bytes | None = None

    def start(self, instance: int) -> None:
        """Operations belong to ``instance`` from now on."""
        self._instance = instance
        self._operation = None

    def request(self, number: int, operation: Call) -> bytes:
        """The frame for an operation."""
        self._operation = operation
        region = self._regions[operation.region]
        argument: Any = None
        if operation.kind == WRITE:
            argument = region.encode(operation.argument)
        elif operation.kind == COMPARE_AND_SWAP:
            expected, new = operation.argument
            self._tried = None if expected is None else region.encode(expected)
            argument = (self._tried, region.encode(new))
        elif operation.kind == CHANGE_PERMISSION:
            permission = operation.argument
            argument = (sorted(permission.read), sorted(permission.write), sorted(permission.readwrite))
        return ENCODE((number, self._instance, operation.kind, operation.region, operation.register, argument))

    def response(self, reply: Reply) -> Any:
        """What a reply means to the operation."""
        operation = self._operation
        assert operation is not None
        if reply.answer == ACKED:
            return ACK
        if reply.answer == REFUSED:
            return NAK
        region = self._regions[operation.region]
        if operation.kind == READ_REGION:
            covered = [self._regions[name] for name in region.covers] or [region]
            owners = [part for part in covered for _ in range(part.registers)]
            return tuple(part.value_of(data) for part, data in zip(owners, reply.value, strict=True))
        return region.value_of(reply.value)

    def retry(self, number: int, reply: Reply) -> bytes | None:
        """A memory compares bytes: if it holds an equal value of other bytes, the swap is asked again with those."""
        operation = self._operation
        assert operation is not None
        if operation.kind != COMPARE_AND_SWAP or reply.answer != VALUE:
            return None
        held = reply.value
        expected, new = operation.argument
        region = self._regions[operation.region]
        if held is None or held == self._tried or region.value_of(held) != expected:
            return None
        self._tried = held
        return ENCODE(
            (number, self._instance, operation.kind, operation.region, operation.register, (held, region.encode(new)))
        )
