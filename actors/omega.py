"""Omega for live processes, by heartbeats in memory (P18, section 5: who is timely is seen by reading).

Every process increments a counter of its own on every memory and reads everybody's, each on a thread and
over connections of its own, so that a busy protocol neither delays heartbeats nor is delayed by them. A
process whose counter did not move for ``patience`` of the *observer's* own steps is suspected; when it moves
again it is trusted again and its patience is doubled, so that false suspicions end. The leader is the least
process that is not suspected. Nobody tells the survivors that a leader died.

Without memories the counters travel as messages.
"""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import msgspec

from rayrdma.model.operations import READ_REGION, WRITE, Kind
from rayrdma.model.outcomes import NAK
from rayrdma.model.permissions import everyone
from rayrdma.model.regions import UNREADABLE, Record, Region
from rayrdma.transports.connection import PENDING, Connection
from rayrdma.transports.links import Inbox, Outbox

HEARTBEATS = "heartbeats"
PERIOD = 0.002
PATIENCE = 30


def heartbeat_region(n: int) -> Region:
    """One counter a process."""
    return Region(HEARTBEATS, registers=n, of=int, permission=everyone(n), register_bytes=16)


class Board(Protocol):
    """Where heartbeats are shown."""

    def show(self, count: int) -> None:
        """Show this process's own count."""

    def look(self) -> Mapping[int, int]:
        """The highest count of each process that could be seen in this step."""


class Beating(NamedTuple):
    """An operation on the heartbeats; no protocol waits for it."""

    kind: Kind
    register: int
    argument: int | None
    region: str = HEARTBEATS


class MemoryBoard:
    """Counters in registers on every memory; any memory that answers will do."""

    def __init__(self, owner: int, connections: Sequence[Connection]) -> None:
        self._owner = owner
        self._connections = connections
        self._busy: list[Beating | None] = [None] * len(connections)
        self._seen: dict[int, int] = {}

    def show(self, count: int) -> None:
        """Write on every memory whose earlier operation is over."""
        self._each(Beating(WRITE, self._owner, count))

    def look(self) -> Mapping[int, int]:
        """Read all counters on every memory whose earlier operation is over."""
        self._each(Beating(READ_REGION, 0, None))
        return self._seen

    def _each(self, operation: Beating) -> None:
        for memory, connection in enumerate(self._connections):
            if self._busy[memory] is not None:
                self._take(memory, connection.poll())
            if self._busy[memory] is None:
                self._busy[memory] = operation
                self._take(memory, connection.post(operation))

    def _take(self, memory: int, response: Any) -> None:
        if response is PENDING:
            return
        operation, self._busy[memory] = self._busy[memory], None
        if operation is not None and operation.kind == READ_REGION and response is not NAK:
            for process, count in enumerate(response):
                if count is not None and count > self._seen.get(process, -1):
                    self._seen[process] = count


class Beat(Record, frozen=True):
    """A heartbeat as a message."""

    count: int


_decode_beat = msgspec.msgpack.Decoder(Beat).decode


class MessageBoard:
    """Counters by messages, where there is no memory."""

    def __init__(self, owner: int, n: int, inbox: Inbox, outbox: Outbox) -> None:
        self._others = [process for process in range(n) if process != owner]
        self._inbox = inbox
        self._outbox = outbox
        self._inbox.start(0)
        self._seen: dict[int, int] = {}

    def show(self, count: int) -> None:
        """Send it to everybody."""
        for other in self._others:
            self._outbox.send(other, 0, 0, Beat(count))

    def look(self) -> Mapping[int, int]:
        """Take what has come."""
        while (envelope := self._inbox.receive()) is not None:
            with contextlib.suppress(*UNREADABLE):
                count = _decode_beat(envelope.payload).count
                self._seen[envelope.sender] = max(count, self._seen.get(envelope.sender, -1))
        return self._seen


class Omega(threading.Thread):
    """The failure detector of one process. ``leader`` is its output.

    Args:
        process: whose it is.
        n: how many processes.
        board: where heartbeats are shown.
        period: seconds between two steps.
    """

    def __init__(self, process: int, n: int, board: Board, period: float = PERIOD) -> None:
        super().__init__(name=f"omega-p{process}", daemon=True)
        self.leader = 0
        self._process = process
        self._board = board
        self._period = period
        self._last = [-1] * n
        self._silent = [0] * n
        self._patience = [PATIENCE] * n
        self._stopped = threading.Event()

    def run(self) -> None:
        """Beat and look, until stopped."""
        count = 0
        while not self._stopped.wait(self._period):
            count += 1
            self._board.show(count)
            self.step(self._board.look())

    def step(self, counts: Mapping[int, int]) -> None:
        """Take the counts of one look into account."""
        for process in range(len(self._last)):
            count = counts.get(process, -1)
            if process == self._process or count > self._last[process]:
                if self._silent[process] >= self._patience[process]:
                    self._patience[process] *= 2  # it was suspected falsely
                self._last[process] = count
                self._silent[process] = 0
            else:
                self._silent[process] += 1
        self.leader = next((q for q, silent in enumerate(self._silent) if silent < self._patience[q]), self._process)

    def trusted(self) -> int:
        """How many processes are not suspected."""
        return sum(silent < patience for silent, patience in zip(self._silent, self._patience, strict=True))

    def stop(self) -> None:
        """Beat no more."""
        self._stopped.set()
