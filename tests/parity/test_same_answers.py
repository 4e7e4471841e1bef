"""Any sequence of operations gives the same answers: the model's memory, shared memory, and a memory behind frames."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rayrdma.model.memory import Memory
from rayrdma.model.operations import CHANGE_PERMISSION, COMPARE_AND_SWAP, WRITE, Kind
from rayrdma.model.outcomes import NAK
from rayrdma.model.permissions import Permission
from rayrdma.transports.connection import PENDING, Connection
from rayrdma.transports.ray_channel import RayChannelConnection
from rayrdma.transports.service import MemoryService
from rayrdma.transports.shm import Segment, ShmConnection

from .party import PROCESSES, REGIONS, Op

FEW = st.sampled_from([None, 0, 1, True, 1.0, "", "a", b"", b"a"])
"""So few that a compare-and-swap often meets what it expects, in one shape or another."""

VALUES = st.one_of(
    FEW,
    st.integers(-(2**63), 2**64 - 1),
    st.floats(allow_nan=False),
    st.text(st.characters(exclude_categories=["Cs"]), max_size=60),
    st.binary(max_size=250),
)


@st.composite
def permissions(draw: st.DrawFn) -> Permission:
    rights = draw(st.lists(st.integers(0, 3), min_size=PROCESSES, max_size=PROCESSES))
    read, write, both = ([p for p, right in enumerate(rights) if right == kind] for kind in (1, 2, 3))
    return Permission(read, write, both)


PERMISSIONS = st.one_of(
    st.sampled_from([region.permission for region in REGIONS]),
    st.integers(0, PROCESSES - 1).map(lambda p: Permission([q for q in range(PROCESSES) if q != p], (), [p])),
    permissions(),
)


@st.composite
def operations(draw: st.DrawFn) -> tuple[int, Op]:
    kind = draw(st.sampled_from(Kind))
    region = draw(st.sampled_from(REGIONS))
    argument: Any = None
    if kind is WRITE:
        argument = draw(VALUES)
    elif kind is COMPARE_AND_SWAP:
        argument = (draw(FEW), draw(VALUES))
    elif kind is CHANGE_PERMISSION:
        argument = draw(PERMISSIONS)
    register = draw(st.integers(0, region.registers - 1))
    return draw(st.integers(0, PROCESSES - 1)), Op(kind, region.name, register, argument)


STEPS = st.lists(st.one_of(operations(), st.sampled_from(["reset"]), st.integers(0, PROCESSES - 1)), max_size=80)
"""An operation; a new instance opened at the memory; or a process that goes over to it."""


class Direct:
    """An end of a channel whose other end is in the same process."""

    transport = "direct"
    lost: str | None = None

    def __init__(self, service: MemoryService, process: int) -> None:
        self._service = service
        self._process = process
        self._numbers = 0
        self._replies: list[bytes | None] = []

    def number(self) -> int:
        self._numbers += 1
        return self._numbers

    def submit(self, frame: bytes) -> None:
        self._replies.append(self._service.apply(self._process, frame))

    def take(self) -> bytes | None:
        return self._replies.pop(0) if self._replies else None


class Sides:
    """The same memory three times."""

    def __init__(self, folder: Path) -> None:
        self.instance = 0
        self.segment = Segment.create(folder / "memory", PROCESSES, REGIONS)
        self.service = MemoryService(REGIONS, PROCESSES)
        self.shm: list[Connection] = [ShmConnection(self.segment, REGIONS, p, 0) for p in range(PROCESSES)]
        ends: list[Any] = [Direct(self.service, process) for process in range(PROCESSES)]
        self.frames: list[Connection] = [RayChannelConnection(end, REGIONS) for end in ends]
        self.refresh()

    def refresh(self) -> None:
        self.reset()
        self.instances = [self.instance] * PROCESSES
        for process in range(PROCESSES):
            self.join(process)

    def reset(self) -> None:
        self.instance += 1
        self.model = Memory(REGIONS)
        self.segment.reset(self.instance)
        self.service.reset(self.instance)

    def join(self, process: int) -> None:
        self.instances[process] = self.instance
        self.shm[process].start(self.instance)
        self.frames[process].start(self.instance)

    def apply(self, process: int, operation: Op) -> None:
        if self.instances[process] == self.instance:
            expected = self.model.apply(
                process, operation.kind, operation.region, operation.register, operation.argument
            )
        else:
            expected = None if operation.kind is CHANGE_PERMISSION else NAK
        shm = self.shm[process].post(operation)
        frames = self.frames[process].post(operation)
        while frames is PENDING:
            frames = self.frames[process].poll()
        # repr tells 1 from True and 1.0, as == does not
        assert repr(shm) == repr(expected), f"shm answers {shm!r}, the model {expected!r}"
        assert repr(frames) == repr(expected), f"frames answer {frames!r}, the model {expected!r}"


@pytest.fixture(scope="module")
def sides() -> Iterator[Sides]:
    with tempfile.TemporaryDirectory(prefix="parity-", dir="/dev/shm") as folder:
        sides = Sides(Path(folder))
    yield sides
    sides.segment.close()


@settings(deadline=None, max_examples=500, suppress_health_check=[HealthCheck.too_slow], print_blob=True)
@given(STEPS)
def test_any_sequence_of_operations_gives_the_same_answers(sides: Sides, steps: list[Any]) -> None:
    sides.refresh()
    for step in steps:
        if step == "reset":
            sides.reset()
        elif isinstance(step, int):
            sides.join(step)
        else:
            sides.apply(*step)
