"""A memory and its processes in one process of the operating system: what happens, happens one after the other."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence
from typing import Any

import pyverbs.enums as e

from rayrdma.model.regions import Region
from rayrdma.transports.connection import PENDING
from rayrdma.transports.verbs.agent import Revocation, VerbsMemory
from rayrdma.transports.verbs.connection import VerbsConnection
from rayrdma.transports.verbs.device import SWAP, Device, QueuePair, request, set_swap, set_target
from rayrdma.transports.verbs.lines import Line, Port
from tests.parity.party import PROCESSES, REGIONS, Op

SECONDS = 60.0
HERE = "127.0.0.1"


def secret(process: int) -> str:
    return f"the secret of p{process}"


class Together:
    """A context manager: leaving it gives everything back.

    Attributes:
        connections: of the processes, by their numbers.
    """

    def __init__(
        self,
        revocation: Revocation | None = None,
        regions: Sequence[Region] = REGIONS,
        memory_type: type[VerbsMemory] = VerbsMemory,
        n: int = PROCESSES,
    ) -> None:
        self.device = Device()
        self.regions, self.n = regions, n
        self.memory = memory_type(self.device, HERE, regions, {secret(p): p for p in range(n)}, revocation)
        self.memory.reset(1)
        self.instance = 1
        self.ports: list[Port] = []
        self.connections: list[VerbsConnection] = []
        for process in range(n):
            self.connect(process)

    def connect(self, process: int) -> None:
        """A port and a connection of a process, instead of those that it had."""
        for old in (*self.connections[process : process + 1], *self.ports[process : process + 1]):
            old.close()
        port = Port(self.device)
        made = VerbsConnection(
            port, self.memory.endpoint, secret(process), self.regions, process, self.n, self.instance
        )
        self.ports[process : process + 1], self.connections[process : process + 1] = [port], [made]
        made.open(SECONDS)

    def reset(self) -> None:
        """The next instance, at the memory alone."""
        self.instance += 1
        self.memory.reset(self.instance)

    def refresh(self) -> None:
        """The next instance, for all."""
        self.reset()
        for process, connection in enumerate(self.connections):
            if connection.lost is None:
                connection.start(self.instance)
                self.answer(process)
            else:
                self.connect(process)
            self.connections[process].refused = self.connections[process].reconnected = 0

    def operate(self, process: int, operation: Op) -> Any:
        """The response."""
        return self.answer(process, self.connections[process].post(operation))

    def answer(self, process: int, response: Any = PENDING) -> Any:
        """The response to what is under way, if this is none."""
        connection = self.connections[process]

        def answered() -> bool:
            nonlocal response
            if response is PENDING:
                response = connection.poll()
            assert connection.lost is None, connection.lost
            return response is not PENDING

        wait_until(answered, "an answer")
        return response

    def __enter__(self) -> Together:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self.connections:
            connection.close()
        for port in self.ports:
            port.close()
        self.memory.close()
        self.device.close()


def wait_until(happened: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + SECONDS
    while not happened():
        assert time.monotonic() < deadline, f"{what} did not come within {SECONDS:g} s"
        os.sched_yield()


def lose_acknowledgement(
    port: Port,
    line: Line,
    meanwhile: Callable[[], None] = lambda: None,
    skipped: int = 0,
    status: int = e.IBV_WC_RETRY_EXC_ERR,
) -> None:
    """What is posted next takes effect, ``meanwhile`` happens, and then the device says that it had no answer.

    Next on this line, and after so many that it answers. If ``status`` is `SUCCESS`, the answer is late, and not lost.
    """
    poll, pair = port._poll, line.pair
    assert pair is not None

    def instead(most: int) -> tuple[int, Sequence[Any]]:
        nonlocal skipped
        count, found = poll(most)
        if count and found[0].qp_num == pair.number:
            assert count == 1, "one operation at a time, and nothing failed"
            skipped -= 1
        if skipped < 0:
            port._poll = poll
            meanwhile()
            found[0].status = status
        return count, found

    port._poll = instead


def raw(port: Port, pair: QueuePair, made: Any) -> int:
    """Post a work request past the connection: its status."""
    made.wr_id = 0  # nobody's
    pair.post(made)
    found: Any = None

    def completed() -> bool:
        nonlocal found
        count, found = port.completions.queue.poll(1)
        return bool(count)

    wait_until(completed, "a completion")
    return int(found[0].status)


def post(together: Together, process: int, line: Line, opcode: int, base: int, key: int, length: int = 8) -> int:
    """The status of one request past the connection, of so many bytes at the beginning of its staging."""
    connection = together.connections[process]
    made = request(opcode, connection.local(0, length))
    if opcode == SWAP:
        set_swap(made, base, key, 0, 1)
    else:
        set_target(made, base, key)
    assert line.pair is not None
    status = raw(together.ports[process], line.pair, made)
    line.broken = True
    return status


def connected(together: Together, process: int, region: str | None) -> Line:
    """A line of this process, connected anew."""
    connection = together.connections[process]
    line = connection.reading if region is None else connection.side(region).line
    connection.begin(connection.connect(line))
    wait_until(lambda: connection.poll() is PENDING and not line.broken, "a queue pair")
    return line
