"""For a process without a device, on a memory that others reach over verbs: its frames become work requests here.

The memory's own processor must not touch the registers while devices do: an atomic operation is atomic only towards
others of the same device. So the memory's host carries out the frames of such a process through its device, over
queue pairs to itself that have this process's permissions.
"""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

import msgspec

from rayrdma.model.errors import UsageError
from rayrdma.model.operations import CHANGE_PERMISSION, COMPARE_AND_SWAP, WRITE, Kind
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import Permission
from rayrdma.model.regions import ENCODE, UNREADABLE, Region
from rayrdma.transports.connection import PENDING, Connection
from rayrdma.transports.service import ACKED, REFUSED, VALUE, Request, decode_request

_SPIN = 100
_NAP = 0.0002


def as_bytes(regions: Sequence[Region]) -> list[Region]:
    """The same regions, of whose values nothing is decoded."""
    return [replace(region, of=msgspec.Raw) for region in regions]


@dataclass
class Carried:
    """An operation out of a frame."""

    kind: Kind
    region: str
    register: int
    argument: Any


class Relay:
    """One process, to `ChannelServer` what a `MemoryService` is.

    Args:
        connection: over regions `as_bytes`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._instance = -1
        self._closing = False

    def apply(self, process: int, frame: bytes) -> bytes | None:
        """Carry an operation out; the reply, None if the memory has crashed. Nonsense is refused."""
        try:
            request = decode_request(frame)
        except UNREADABLE:
            return ENCODE((0, REFUSED, None))  # no request has the number 0
        if request.instance != self._instance:
            self._instance = request.instance
            self._connection.start(request.instance)
        response: Any = NAK
        with contextlib.suppress(KeyError, IndexError, TypeError, ValueError, UsageError):
            response = self._carry_out(request)
        if response is PENDING:
            return None
        if request.kind == CHANGE_PERMISSION:
            response = None
        if response is ACK:
            return ENCODE((request.number, ACKED, None))
        if response is NAK:
            return ENCODE((request.number, REFUSED, None))
        return ENCODE((request.number, VALUE, _plain(response)))

    def close(self) -> None:
        """Carry out nothing any more."""
        self._closing = True

    def _carry_out(self, request: Request) -> Any:
        argument = request.argument
        if request.kind == WRITE:
            argument = msgspec.Raw(argument)
        elif request.kind == COMPARE_AND_SWAP:
            argument = tuple(None if data is None else msgspec.Raw(data) for data in argument)
        elif request.kind == CHANGE_PERMISSION:
            argument = Permission(*argument)
        answer = self._connection.post(Carried(request.kind, request.region, request.register, argument))
        polls = 0
        while answer is PENDING and self._connection.lost is None and not self._closing:
            polls += 1
            if polls < _SPIN:
                os.sched_yield()
            else:
                time.sleep(_NAP)
            answer = self._connection.poll()
        return answer


def _plain(value: Any) -> Any:
    """Values as bytes, as `FrameCodec` expects them."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return bytes(value) if isinstance(value, msgspec.Raw) else value
