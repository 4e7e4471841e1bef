"""Two worlds, one after the other, for processes that did not see the first."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rayrdma.faults.behaviour import Behaviour, Facade
from rayrdma.model.process import Process
from rayrdma.model.regions import Value
from rayrdma.model.tasks import Completion
from rayrdma.protocols.broadcast import EVERYTHING, book_of
from rayrdma.protocols.robust_backup import RobustBackup

from .generic import ANOTHER

FIRST_WORLD = 300
"""Delays, or milliseconds, after which the second one begins."""


class _Changed(Completion[Any]):
    """What an operation answers, changed before anybody sees it."""

    __slots__ = ("_change",)

    def __init__(self, process: Process, operation: Completion[Any], change: Callable[[Any], Any]) -> None:
        super().__init__(process)
        self._change = change
        operation.waiter = self
        if operation.done:
            self.wake(operation)

    def wake(self, operation: Completion[Any]) -> None:
        """It has answered."""
        self.complete(self._change(operation.value), operation.depth)


class _Blind(Facade):
    """It sees the books of the plan's members only."""

    def __init__(self, behaviour: Behaviour) -> None:
        super().__init__(behaviour.process)
        self._members = behaviour.plan.members

    def read_region(self, memory: int, region: str) -> Completion[Any]:
        read = super().read_region(memory, region)
        return _Changed(self, read, self._books) if region == EVERYTHING else read

    def _books(self, answer: Any) -> Any:
        if not isinstance(answer, tuple):
            return answer
        return tuple(book if holder in self._members else None for holder, book in enumerate(answer))


class TwoWorlds(Behaviour):
    """Honest for a while. Then all its books vanish, and with its colluders, seeing nobody else, it begins anew.

    A process that was slow so far finds the second world, if its colluders are enough to certify it.
    """

    name = "two-worlds"
    attacks = (RobustBackup,)

    async def run(self, value: Value) -> None:
        process = self.process
        first = Facade(process)
        honest = first.start(self.protocol(first).propose(value))
        await process.sleep(FIRST_WORLD)
        honest.fence()
        for memory in process.memories:
            process.write(memory, book_of(process.id), 0, ())
        await process.sleep(FIRST_WORLD / 10)  # until those of the others have vanished too
        self.act(_Blind(self), ANOTHER)
        await process.event()
