"""A process whose engine is the test: it answers operations and delivers messages by hand."""

from __future__ import annotations

from collections.abc import Coroutine
from typing import Any

from rayrdma.model.operations import Operation
from rayrdma.model.permissions import everyone
from rayrdma.model.process import Change, Process, Sleep, Watch
from rayrdma.model.regions import Record, Region
from rayrdma.model.signatures import Signatures
from rayrdma.model.tasks import Task
from rayrdma.simulator.keys import identities

REGION = "r"


class HandProcess(Process):
    """Process 0 of three, with some memories of one region each.

    Attributes:
        issued: the operations that are under way, in the order of issue.
        sent: (to, message, depth).
        omega: what its failure detector says.
    """

    def __init__(self, memories: int = 3) -> None:
        super().__init__(0, 3, {REGION: Region(REGION, 3, everyone(3))}, memories, "seed")
        self.issued: list[Operation] = []
        self.sent: list[tuple[int, Record, int]] = []
        self.timers: list[Sleep] = []
        self.dead: set[int] = set()
        self.omega = 0

    def leader(self) -> int:
        return self.omega

    def memory_answers(self, memory: int) -> bool:
        return memory not in self.dead

    def processes_alive(self) -> int:
        return self.n

    def _issue(self, operation: Operation) -> None:
        self.issued.append(operation)

    def _send(self, to: int, message: Record, depth: int) -> None:
        self.sent.append((to, message, depth))

    def _start_timer(self, sleep: Sleep, duration: float) -> None:
        self.timers.append(sleep)

    def _make_signatures(self) -> Signatures:
        return identities(self.n)[self.id].signatures(0)

    def _await_change(self, watch: Watch, change: Change) -> None:
        raise NotImplementedError

    def note(self, what: str, value: Any) -> None:
        pass

    def refuse(self, liar: int, why: str) -> None:
        pass

    def _on_decide(self) -> None:
        pass

    # What the test does

    def run(self, coroutine: Coroutine[Any, None, Any]) -> Task[Any]:
        """Start the main task."""
        task = self.start(coroutine)
        self.drain()
        return task

    def on(self, memory: int) -> Operation:
        """The one operation that is under way on this memory."""
        [operation] = [operation for operation in self.issued if operation.memory == memory]
        return operation

    def respond(self, memory: int, response: Any = None) -> None:
        """Answer what is under way on this memory."""
        operation = self.on(memory)
        self.issued.remove(operation)
        self._respond(operation, response)
        self.drain()

    def deliver(self, sender: int, message: Record, depth: int = 1) -> None:
        self._deliver(sender, message, depth)
        self.drain()

    def elect(self, leader: int) -> None:
        self.omega = leader
        self._omega_changed()
        self.drain()

    def drain(self) -> None:
        while self.ready:
            self.ready.popleft().step()
