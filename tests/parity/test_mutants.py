"""Memories with one mistake in them: the parity tests have to find each out."""

from __future__ import annotations

import random
from collections.abc import Callable
from typing import Any

import pytest

from rayrdma.model.memory import Memory
from rayrdma.model.operations import CHANGE_PERMISSION, COMPARE_AND_SWAP, READ, READ_REGION, WRITE, Kind
from rayrdma.model.outcomes import ACK, NAK

from . import test_failures, test_permission, test_races, test_values
from .arms import Arm, SimulatedArm, SimulatedConnection


class Checked(SimulatedConnection):
    """Permission is checked when an operation is issued, not when it takes effect."""

    def post(self, operation: Any) -> Any:
        state = self._arm.memories[self._memory].regions[operation.region]
        self.permission_then = state.permission
        return super().post(operation)

    def take_effect(self) -> None:
        operation = self._under_way
        assert operation is not None
        state = self._arm.memories[self._memory].regions[operation.region]
        now = state.permission
        if operation.kind != CHANGE_PERMISSION:
            state.permission = self.permission_then
        super().take_effect()
        if operation.kind != CHANGE_PERMISSION:
            state.permission = now


class EvaluatedByCaller(SimulatedConnection):
    """The policy is evaluated on the permission that there was when the change was asked for."""

    def post(self, operation: Any) -> Any:
        self.permission_then = self._arm.memories[self._memory].regions[operation.region].permission
        return super().post(operation)

    def take_effect(self) -> None:
        operation = self._under_way
        assert operation is not None
        state = self._arm.memories[self._memory].regions[operation.region]
        if operation.kind == CHANGE_PERMISSION:
            now, state.permission = state.permission, self.permission_then
            super().take_effect()
            if state.permission is self.permission_then:
                state.permission = now
        else:
            super().take_effect()


class EarlyAck(SimulatedConnection):
    """A write is acked before it takes effect."""

    def fetch(self) -> Any:
        response = super().fetch()
        operation = self._under_way
        if response is not None and operation is not None and operation.kind == WRITE and self._may_write():
            self._under_way = None
            late = SimulatedConnection(self._arm, self._process, self._memory)
            late.post(operation)
            self._arm.issued[:] = [late if other is self else other for other in self._arm.issued[:-1]]
            return ACK
        return response

    def _may_write(self) -> bool:
        operation = self._under_way
        assert operation is not None
        return self._process in self._arm.memories[self._memory].regions[operation.region].permission.writers


class Slow(SimulatedConnection):
    """A compare-and-swap is a read and, some time later, a write."""

    compared: Any = None

    def take_effect(self) -> None:
        operation = self._under_way
        assert operation is not None
        if operation.kind != COMPARE_AND_SWAP:
            super().take_effect()
            return
        memory = self._arm.memories[self._memory]
        if self.compared is not operation:
            self.compared, (expected, _) = operation, operation.argument
            self.old = memory.apply(self._process, READ, operation.region, operation.register, None)
            self.equal = self.old is not NAK and self.old == expected
            self._arm.issued.append(self)
            return
        self.compared = None
        if self.equal:
            memory.apply(self._process, WRITE, operation.region, operation.register, operation.argument[1])
        self._response = self.old


class Torn(SimulatedConnection):
    """A long value goes in by halves; whoever is killed in between leaves one."""

    halves: Any = None

    def take_effect(self) -> None:
        operation = self._under_way
        assert operation is not None
        value = operation.argument
        if operation.kind != WRITE or not isinstance(value, bytes) or len(value) < 1000:
            super().take_effect()
            return
        state = self._arm.memories[self._memory].regions[operation.region]
        if self.halves is not operation and self._process in state.permission.writers:
            self.halves = operation
            half = len(value) // 2
            state.registers[operation.register] = value[:half] + (state.registers[operation.register] or value)[half:]
            self._arm.issued.append(self)
            return
        self.halves = None
        super().take_effect()


class Chatty(SimulatedConnection):
    """A crashed memory refuses."""

    def fetch(self) -> Any:
        return NAK if self._memory in self._arm.crashed and self._under_way is not None else super().fetch()


class Broken(Memory):
    """A memory whose mistakes need no time."""

    __slots__ = ("rng",)

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self.rng = random.Random(0)


class TracesOfRefused(Broken):
    """A refused write has an effect, now and then."""

    def apply(self, process: int, kind: Kind, region: str, register: int, argument: Any) -> Any:
        response = super().apply(process, kind, region, register, argument)
        if kind is WRITE and response is NAK and self.rng.random() < 0.01:
            self.regions[region].registers[register] = argument
        return response


class Forgetful(Broken):
    """An acked write has no effect, now and then."""

    def apply(self, process: int, kind: Kind, region: str, register: int, argument: Any) -> Any:
        if kind is WRITE and self.rng.random() < 0.01 and process in self.regions[region].permission.writers:
            return ACK
        return super().apply(process, kind, region, register, argument)


class Lazy(Broken):
    """A change of permission takes effect after its completion, now and then."""

    __slots__ = ("late",)

    def apply(self, process: int, kind: Kind, region: str, register: int, argument: Any) -> Any:
        late, self.late = getattr(self, "late", None), None
        if kind is CHANGE_PERMISSION and self.rng.random() < 0.01:
            self.late = (process, kind, region, register, argument)
            response = None
        else:
            response = super().apply(process, kind, region, register, argument)
        if late is not None:
            super().apply(*late)
        return response


class Lawless(Broken):
    """Every change is legal."""

    def apply(self, process: int, kind: Kind, region: str, register: int, argument: Any) -> Any:
        if kind is CHANGE_PERMISSION:
            self.regions[region].permission = argument
            return None
        return super().apply(process, kind, region, register, argument)


class Open(Broken):
    """Everybody may read."""

    def apply(self, process: int, kind: Kind, region: str, register: int, argument: Any) -> Any:
        if kind is READ:
            return self.regions[region].registers[register]
        return super().apply(process, kind, region, register, argument)


class OpenBlocks(Broken):
    """Everybody may read blocks."""

    def apply(self, process: int, kind: Kind, region: str, register: int, argument: Any) -> Any:
        if kind is READ_REGION:
            return tuple(self.regions[region].registers)
        return super().apply(process, kind, region, register, argument)


class SwapsWithoutReading(Broken):
    """To write is enough for a compare-and-swap."""

    def apply(self, process: int, kind: Kind, region: str, register: int, argument: Any) -> Any:
        state = self.regions[region]
        if kind is COMPARE_AND_SWAP and process in state.permission.writers and process not in state.permission.readers:
            return state.registers[register]
        return super().apply(process, kind, region, register, argument)


class NothingIsEmpty(Broken):
    """What was never written reads as an empty value."""

    def apply(self, process: int, kind: Kind, region: str, register: int, argument: Any) -> Any:
        response = super().apply(process, kind, region, register, argument)
        return "" if kind is READ and response is None else response


MUTANTS: list[tuple[type[SimulatedConnection] | type[Memory], Callable[[Arm], None]]] = [
    (Checked, test_races.test_revocation_is_a_barrier),
    (Checked, test_permission.test_what_was_issued_with_permission_and_comes_after_the_revocation_is_refused),
    (Checked, test_failures.test_whoever_is_killed_leaves_nothing_half_made),
    (EarlyAck, test_races.test_revocation_is_a_barrier),
    (EvaluatedByCaller, test_races.test_permissions_can_be_a_lock),
    (Slow, test_races.test_no_compare_and_swap_is_lost_or_counted_twice),
    (Torn, test_races.test_a_reader_never_sees_a_torn_value),
    (Torn, test_failures.test_whoever_is_killed_leaves_nothing_half_made),
    (Torn, test_failures.test_whoever_is_stopped_holds_nobody_up),
    (Chatty, test_failures.test_a_crashed_memory_never_answers),
    (Chatty, test_values.test_a_memory_that_does_not_answer_keeps_its_own_operations_alone),
    (TracesOfRefused, test_races.test_revocation_is_a_barrier),
    (TracesOfRefused, test_races.test_revocation_is_a_barrier_among_many),
    (Forgetful, test_races.test_revocation_is_a_barrier),
    (Lazy, test_races.test_revocation_is_a_barrier),
    (Lazy, test_permission.test_what_was_issued_with_permission_and_comes_after_the_revocation_is_refused),
    (Lawless, test_permission.test_a_change_that_is_not_legal_is_silent_and_does_nothing),
    (Lawless, test_races.test_permissions_can_be_a_lock),
    (Open, test_permission.test_reading_and_writing_are_separate_rights),
    (OpenBlocks, test_permission.test_reading_and_writing_are_separate_rights),
    (SwapsWithoutReading, test_permission.test_compare_and_swap_needs_both_rights),
    (NothingIsEmpty, test_values.test_a_value_comes_back_as_it_was_written),
]


@pytest.mark.parametrize(
    ("mutant", "test"),
    [pytest.param(mutant, test, id=f"{mutant.__name__}-{test.__name__[5:]}") for mutant, test in MUTANTS],
)
def test_a_mistake_is_found(mutant: type[Any], test: Callable[[Arm], None]) -> None:
    arm_type = type("MutantArm", (SimulatedArm,), {"memory" if issubclass(mutant, Memory) else "connection": mutant})
    arm = arm_type()
    arm.refresh()
    with pytest.raises(AssertionError):
        test(arm)
