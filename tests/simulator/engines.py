"""Simulators that have the model itself wrong, to see that the checks of the model notice."""

from __future__ import annotations

from typing import Any

from rayrdma.model.operations import CHANGE_PERMISSION, READ, READ_REGION, WRITE, Operation
from rayrdma.model.outcomes import NAK
from rayrdma.model.regions import Record
from rayrdma.simulator.kernel import Kernel, SimulatedProcess


class PermissionAtIssue(Kernel):
    """Permission is checked when an operation is issued."""

    def issue(self, process: SimulatedProcess, operation: Operation) -> None:
        self._granted = getattr(self, "_granted", {})
        state = self.memories[operation.memory].regions[operation.region]
        self._granted[id(operation)] = operation, state.permission  # the operation lives as long as its number
        super().issue(process, operation)

    def _effect(self, operation: Operation) -> None:
        state = self.memories[operation.memory].regions[operation.region]
        now = state.permission
        if operation.kind is not CHANGE_PERMISSION:
            state.permission = self._granted[id(operation)][1]
        super()._effect(operation)
        if operation.kind is not CHANGE_PERMISSION:
            state.permission = now


class NakWrites(Kernel):
    """A refused write is written all the same."""

    def _effect(self, operation: Operation) -> None:
        super()._effect(operation)
        if operation.kind is WRITE:
            state = self.memories[operation.memory].regions[operation.region]
            state.registers[operation.register] = operation.argument


class PolicyAtCaller(Kernel):
    """The memory believes whoever wants to change a permission."""

    def _effect(self, operation: Operation) -> None:
        state = self.memories[operation.memory].regions[operation.region]
        super()._effect(operation)
        if operation.kind is CHANGE_PERMISSION:
            state.permission = operation.argument


class FreeChangePermission(Kernel):
    """A change of permission costs nothing."""

    def issue(self, process: SimulatedProcess, operation: Operation) -> None:
        self._for_nothing(operation, lambda: super(FreeChangePermission, self).issue(process, operation))

    def _effect(self, operation: Operation) -> None:
        self._for_nothing(operation, lambda: super(FreeChangePermission, self)._effect(operation))

    def _for_nothing(self, operation: Operation, leg: Any) -> None:
        delay = self._delay
        if operation.kind is CHANGE_PERMISSION:
            self._delay = lambda process, memory, now: 0
        leg()
        self._delay = delay


class _NeverBusy(list[Any]):
    def __setitem__(self, memory: Any, operation: Any) -> None:
        pass


class ManyOutstanding(Kernel):
    """A process does not wait for the answer of a memory before it issues the next operation there."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        for process in self.processes:
            process._outstanding = _NeverBusy(process._outstanding)


class DeadMemoriesAnswer(Kernel):
    """A crashed memory answers with an error."""

    def _effect(self, operation: Operation) -> None:
        if operation.memory in self.world.dead_memories:
            self._at(self.now + 1, 2, self._response, (operation, NAK))
        else:
            super()._effect(operation)


class DeadProcessesGoOn(Kernel):
    """Who crashed goes on all the same."""

    def _crash(self, fault: Any) -> None:
        super()._crash(fault)
        if fault.process is not None:
            self.processes[fault.process].crashed = False


class DeadMemoriesWork(Kernel):
    """A crashed memory works on."""

    def _crash(self, fault: Any) -> None:
        super()._crash(fault)
        self.world.dead_memories.clear()


class LinksRepeat(Kernel):
    """A message arrives twice."""

    def _delivery(self, sent: tuple[int, int, Record, int]) -> None:
        super()._delivery(sent)
        super()._delivery(sent)


class BlindReads(Kernel):
    """A read finds nothing where something stands."""

    def _effect(self, operation: Operation) -> None:
        state = self.memories[operation.memory].regions[operation.region]
        registers = state.registers
        if operation.kind in (READ, READ_REGION):
            state.registers = [None] * len(registers)
        super()._effect(operation)
        state.registers = registers


class LosesEffectsOfTheDead(Kernel):
    """What a process issued before it crashed never takes effect."""

    def _effect(self, operation: Operation) -> None:
        process: Any = operation.process
        if not process.crashed:
            super()._effect(operation)
