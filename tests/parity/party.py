"""One process of a parity test: its connections, and the scripts that it runs on them, wherever it runs.

A *script* is a generator: it yields one operation after the other and is sent the responses; yielding None lets
others go on. So the same script is interleaved step by step in the simulator and is a tight loop in a real process.
"""

from __future__ import annotations

import mmap
import os
from collections.abc import Callable, Generator, Sequence
from inspect import isgenerator
from typing import Any

from rayrdma.model.operations import CHANGE_PERMISSION, COMPARE_AND_SWAP, READ, READ_REGION, WRITE, Kind
from rayrdma.model.permissions import Permission, everyone, exclusive_write_to_caller, exclusive_writer
from rayrdma.model.regions import Region, view
from rayrdma.transports.connection import PENDING, Connection

PROCESSES = 4
MEMORIES = 2
READERS = Permission(read=range(PROCESSES))


def anything(process: int, region: str, old: Permission, new: Permission) -> bool:
    """Whoever asks gets what it asks for."""
    return True


def claim_or_release(process: int, region: str, old: Permission, new: Permission) -> bool:
    """A lock: nobody's permission may be claimed, one's own may be given back."""
    mine = exclusive_writer(process, PROCESSES)
    return (old, new) in ((READERS, mine), (mine, READERS))


LIMIT = 65_536
REGIONS = (
    Region("slots", PROCESSES, exclusive_writer(0, PROCESSES), legal_change=exclusive_write_to_caller),
    Region("big", 2, everyone(PROCESSES), legal_change=anything, register_bytes=LIMIT),
    Region("open", 2, everyone(PROCESSES)),
    Region("rights", 1, Permission(read=[0], write=[1], readwrite=[2])),
    Region("lock", 2, READERS, legal_change=claim_or_release),
)
REGIONS = (*REGIONS, view("some", [REGIONS[2], REGIONS[0], REGIONS[4]]), view("not all", [REGIONS[2], REGIONS[3]]))


class Op:
    """An operation. A script may change and yield it again once it has the response."""

    __slots__ = ("argument", "kind", "memory", "region", "register")

    def __init__(self, kind: Kind, region: str, register: int = 0, argument: Any = None, memory: int = 0) -> None:
        self.kind = kind
        self.region = region
        self.register = register
        self.argument = argument
        self.memory = memory

    def __repr__(self) -> str:
        return f"<{self.kind.name} {self.region}[{self.register}] {self.argument!r} at memory {self.memory}>"


def read(region: str, register: int = 0, memory: int = 0) -> Op:
    return Op(READ, region, register, None, memory)


def read_region(region: str, memory: int = 0) -> Op:
    return Op(READ_REGION, region, 0, None, memory)


def write(region: str, register: int, value: Any, memory: int = 0) -> Op:
    return Op(WRITE, region, register, value, memory)


def change(region: str, permission: Permission, memory: int = 0) -> Op:
    return Op(CHANGE_PERMISSION, region, 0, permission, memory)


def take(region: str, process: int, memory: int = 0) -> Op:
    return change(region, exclusive_writer(process, PROCESSES), memory)


def swap(region: str, register: int, expected: Any, new: Any, memory: int = 0) -> Op:
    return Op(COMPARE_AND_SWAP, region, register, (expected, new), memory)


class Ledger:
    """What the parties know of each other besides the memories under test: words that all of them share.

    A word is written before an operation is issued, or after its response is there, so it orders real time.
    """

    ROWS = 7
    BYTES = 8 * (2 + ROWS * PROCESSES)

    def __init__(self, memory: mmap.mmap | bytearray) -> None:
        words = memoryview(memory).cast("q")
        self._words = words
        self.stop = words[:1]  # whether those who go on until they are told are told
        self.ready, self.tried, self.taken, self.issued, self.acked, self.refused, self.late = (
            words[2 + row * PROCESSES : 2 + (row + 1) * PROCESSES] for row in range(self.ROWS)
        )

    def clear(self) -> None:
        for position in range(len(self._words)):
            self._words[position] = 0


Script = Generator[Op | None, Any, Any]


class Party:
    """A process towards all memories."""

    def __init__(self, id: int, connections: Sequence[Connection], ledger: Ledger) -> None:
        self.id = id
        self.connections = connections
        self.kept: Any = None
        self.ledger = ledger

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The result of ``function(self, *arguments)``, which may be a script."""
        result = function(self, *arguments)
        return self._drive(result) if isgenerator(result) else result

    def _drive(self, script: Script) -> Any:
        connections = self.connections
        response = None
        try:
            while True:
                operation = script.send(response)
                if operation is None:
                    os.sched_yield()
                    response = None
                    continue
                connection = connections[operation.memory]
                response = connection.post(operation)
                while response is PENDING:
                    os.sched_yield()
                    response = connection.poll()
        except StopIteration as stop:
            return stop.value
