"""A process of the simulator: what it asks for becomes events of its kernel."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rayrdma.faults.plan import After, Crash
from rayrdma.model.graph import Graph
from rayrdma.model.operations import Operation
from rayrdma.model.process import Change, Process, Sleep, Watch
from rayrdma.model.regions import Record, Region
from rayrdma.model.signatures import Signatures

from .keys import identities

if TYPE_CHECKING:
    from .kernel import Kernel


class SimulatedProcess(Process):
    """A process whose operations are events of a kernel."""

    def __init__(
        self,
        kernel: Kernel,
        id: int,
        n: int,
        regions: Mapping[str, Region],
        memories: int,
        seed: str,
        graph: Graph | None = None,
    ) -> None:
        super().__init__(id, n, regions, memories, seed, graph)
        self._kernel = kernel
        self.crashed = False
        self.byzantine = False
        self.held: deque[tuple[Any, Any]] | None = None  # what arrives while it is paused
        self.watched: list[tuple[After, Crash]] = []
        self.omega = 0
        self.woken = -1  # when a change in memory last woke it: reads that it issues then are under way already

    def leader(self) -> int:
        return self.omega

    def memory_answers(self, memory: int) -> bool:
        world = self._kernel.world
        return memory not in world.dead_memories and (self.id, memory) not in world.deaf

    def processes_alive(self) -> int:
        return sum(not (process.crashed or process.byzantine) for process in self._kernel.processes)

    def _issue(self, operation: Operation) -> None:
        self._kernel.issue(self, operation)

    def _send(self, to: int, message: Record, depth: int) -> None:
        if not self.crashed:
            self._kernel.send(self, to, message, depth)

    def _start_timer(self, sleep: Sleep, duration: float) -> None:
        self._kernel.start_timer(self, sleep, duration)

    def _make_signatures(self) -> Signatures:
        return identities(self.n)[self.id].signatures(self._kernel.instance)

    def _await_change(self, watch: Watch, change: Change) -> None:
        self._kernel.await_change(self, watch, change)

    def note(self, what: str, value: Any) -> None:
        self._kernel.noted(self.id, what, value)

    def refuse(self, liar: int, why: str) -> None:
        self._kernel.refused(self.id, liar, why)

    def _on_decide(self) -> None:
        if self.crashed or self.byzantine:  # it died within this step; or what it decides binds nobody
            self.decided = False
        else:
            self._kernel.decided(self)
