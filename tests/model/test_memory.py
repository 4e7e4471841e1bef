"""A memory, held against its definition as the checks have it."""

from __future__ import annotations

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from rayrdma.checks.model import replay
from rayrdma.checks.observation import Observation
from rayrdma.model.memory import Memory
from rayrdma.model.operations import CHANGE_PERMISSION, COMPARE_AND_SWAP, READ, READ_REGION, WRITE, Kind
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import Permission, everyone, exclusive_write_to_caller, exclusive_writer
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Region
from rayrdma.model.trace import TookEffect

REGIONS = [
    Region("static", 2, Permission(read=(1,), write=(2,), readwrite=(0,))),
    Region("dynamic", 2, exclusive_writer(0, 3), legal_change=exclusive_write_to_caller),
]


def test_permission_is_checked_when_an_operation_takes_effect() -> None:
    memory = Memory(REGIONS)
    assert memory.apply(0, WRITE, "dynamic", 0, "a") is ACK
    assert memory.apply(1, CHANGE_PERMISSION, "dynamic", 0, exclusive_writer(1, 3)) is None
    assert memory.apply(0, WRITE, "dynamic", 0, "b") is NAK
    assert memory.apply(0, READ, "dynamic", 0, None) == "a"


def test_an_illegal_change_tells_nothing_and_does_nothing() -> None:
    memory = Memory(REGIONS)
    assert memory.apply(1, CHANGE_PERMISSION, "dynamic", 0, everyone(3)) is None
    assert memory.apply(1, CHANGE_PERMISSION, "static", 0, everyone(3)) is None
    assert memory.apply(1, WRITE, "dynamic", 0, "b") is NAK
    assert memory.apply(1, WRITE, "static", 0, "b") is NAK


def test_a_block_read_is_a_snapshot() -> None:
    memory = Memory(REGIONS)
    before = memory.apply(0, READ_REGION, "static", 0, None)
    memory.apply(0, WRITE, "static", 1, "a")
    assert before == (None, None)
    assert memory.apply(0, READ_REGION, "static", 0, None) == (None, "a")


def test_who_may_only_write_can_not_swap() -> None:
    """A swap returns what it found: it reads."""
    memory = Memory(REGIONS)
    assert memory.apply(2, COMPARE_AND_SWAP, "static", 0, (None, "a")) is NAK
    assert memory.apply(1, COMPARE_AND_SWAP, "static", 0, (None, "a")) is NAK
    assert memory.apply(0, COMPARE_AND_SWAP, "static", 0, (None, "a")) is None
    assert memory.apply(0, COMPARE_AND_SWAP, "static", 0, (None, "b")) == "a"
    assert memory.apply(1, READ, "static", 0, None) == "a"


VALUES = st.sampled_from((None, "a", "b"))
PERMISSIONS = st.sampled_from((*(exclusive_writer(p, 3) for p in range(3)), exclusive_writer(1, 2), everyone(3)))
OPERATIONS = st.one_of(
    st.tuples(st.sampled_from((READ, READ_REGION)), st.none()),
    st.tuples(st.just(WRITE), VALUES),
    st.tuples(st.just(COMPARE_AND_SWAP), st.tuples(VALUES, VALUES)),
    st.tuples(st.just(CHANGE_PERMISSION), PERMISSIONS),
)
STEP = st.tuples(
    st.integers(0, 2), st.integers(0, 1), st.sampled_from(("static", "dynamic")), st.integers(0, 1), OPERATIONS
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(STEP, max_size=30))
def test_a_memory_is_what_the_definition_says(steps: list[tuple[int, int, str, int, tuple[Kind, Any]]]) -> None:
    memories = [Memory(REGIONS), Memory(REGIONS)]
    trace = []
    for number, (process, memory, region, register, (kind, argument)) in enumerate(steps):
        response = memories[memory].apply(process, kind, region, register, argument)
        trace.append(TookEffect(0, process, memory, number, kind, region, register, argument, response))
    observation = Observation(Protocol, 3, 2, REGIONS, [], [], trace=trace)
    for effect in replay(observation):
        assert effect.event.response == effect.response
