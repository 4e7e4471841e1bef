"""A process that writes values that tell whether they are whole, and one that reads them, over a connection each."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

from rayrdma.model.operations import READ, READ_REGION, WRITE
from rayrdma.model.outcomes import ACK
from rayrdma.model.permissions import Permission, everyone
from rayrdma.model.regions import Region
from rayrdma.transports.connection import PENDING
from rayrdma.transports.verbs.connection import VerbsConnection
from rayrdma.transports.verbs.device import Device
from rayrdma.transports.verbs.layout import INLINE_BYTES, PACKET, TORN, InPlace
from rayrdma.transports.verbs.lines import Port
from tests.parity.party import Op
from tests.verbs.together import secret

N = 2
REGISTERS = 3
RECORD = PACKET - InPlace.header
ONE = Permission(readwrite=[0], read=[1])
REGIONS = (
    Region("a packet", REGISTERS, ONE, of=bytes, register_bytes=RECORD),
    Region("in the word and not", REGISTERS, everyone(N), of=bytes, register_bytes=2 * INLINE_BYTES),
    Region("three packets", REGISTERS, ONE, of=bytes, register_bytes=3 * PACKET),
    Region("64 KiB", REGISTERS, everyone(N), of=bytes, register_bytes=1 << 16),
)
HEADING = 5
"""What a value takes in a register beside its bytes, at most; 2 in a short one."""
NEW = 60
"""Values that the reader has to see, each newer than those before."""


def sealed(number: int, most: int) -> bytes:
    """A value that tells whether it is whole: the number, and as many more bytes as that says, all alike."""
    size = INLINE_BYTES - 2 + number % 2 if most <= 2 * INLINE_BYTES else most - HEADING - number % 9
    return number.to_bytes(3, "little") + bytes([number % 251]) * (size - 3)


class End:
    """A process and its connection to the memory."""

    def __init__(self, process: int, endpoint: str) -> None:
        self.connection = VerbsConnection(Port(Device()), endpoint, secret(process), REGIONS, process, N, 1)
        self.connection.open(60)
        able = sorted(os.sched_getaffinity(0))
        os.sched_setaffinity(0, [able[process % len(able)]])

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(self, *arguments)

    def operate(self, operation: Op) -> Any:
        response = self.connection.post(operation)
        while response is PENDING:
            os.sched_yield()
            response = self.connection.poll()
        return response

    def write(self, region: str, most: int) -> None:
        """For ever."""
        number = 0
        while True:
            number += 1
            assert self.operate(Op(WRITE, region, number % REGISTERS, sealed(number, most))) is ACK

    def read(self, region: str, most: int) -> tuple[int, int]:
        """How many reads it took to see so many new values, and how often bytes were not a whole."""
        torn = count_torn(self.connection, region)
        last, new, reads = [0] * REGISTERS, 0, 0
        while new < NEW:
            reads += 1
            which = reads % (REGISTERS + 1)
            if which == REGISTERS:
                found = list(enumerate(self.operate(Op(READ_REGION, region))))
            else:
                found = [(which, self.operate(Op(READ, region, which)))]
            for register, value in found:
                number = int.from_bytes(value[:3], "little") if value is not None else 0
                assert value is None or value == sealed(number, most), f"torn: {value[:80].hex()}..., reading {which}"
                assert number >= last[register], f"{number} came back after {last[register]}"
                new += number > last[register]
                last[register] = number
        return reads, torn[0]


def count_torn(connection: VerbsConnection, region: str) -> list[int]:
    """How often the reader's layout calls bytes torn from now on."""
    layout: Any = connection.side(region).layout
    name = "value" if isinstance(layout, InPlace) else "slot_value"
    look, seen = getattr(layout, name), [0]

    def counting(*arguments: Any) -> Any:
        value = look(*arguments)
        seen[0] += value is TORN
        return value

    setattr(layout, name, counting)
    return seen
