"""What memories' devices refused is counted for each process and each round, and told in the result."""

from __future__ import annotations

import io
import json
import tempfile
import time
from collections.abc import Iterator
from typing import Any

import pytest
from rich.console import Console

from rayrdma.actors.loop import Loop
from rayrdma.actors.seat import Dialled
from rayrdma.actors.wiring import Report, Wiring, observe
from rayrdma.faults.byzantine import BEHAVIOURS
from rayrdma.faults.plan import Byzantine
from rayrdma.model.memory import Memory
from rayrdma.model.outcomes import NAK
from rayrdma.model.permissions import exclusive_writer
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Region, Value
from rayrdma.results.recording import Recording
from rayrdma.results.terminal import show_result
from rayrdma.scenario import Scenario
from rayrdma.transports.connection import PENDING, Call


class Knocking(Protocol):
    """Everybody writes where process 0 alone may, twice."""

    name = "knocking"
    elects = False

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        return [Region("door", 1, exclusive_writer(0, n), of=str)]

    async def propose(self, value: Value) -> None:
        for memory in self.process.memories:
            for _ in range(2):
                await self.process.write(memory, "door", 0, value)
        self.process.decide("v0")


class ThroughDevice:
    """A connection to a memory in this process, which refuses as a device does."""

    transport = "a device"
    lost: str | None = None

    def __init__(self, memory: Memory, process: int) -> None:
        self.memory = memory
        self.process = process
        self.refused = 0

    def start(self, instance: int) -> None:
        pass

    def post(self, operation: Call) -> Any:
        kind, argument = operation.kind, operation.argument
        response = self.memory.apply(self.process, kind, operation.region, operation.register, argument)
        self.refused += response is NAK
        return response

    def poll(self) -> Any:
        return PENDING

    def close(self) -> None:
        pass


@pytest.fixture
def folder() -> Iterator[str]:
    with tempfile.TemporaryDirectory(prefix="rr-", dir="/tmp") as made:  # short, for sockets stand in it
        yield made


def test_a_report_counts_the_refusals_of_its_round(folder: str) -> None:
    scenario = Scenario(Knocking, ("v0", "v1"), 2)
    memories = [Memory(scenario.regions()) for _ in range(scenario.memories)]
    loop = Loop(Wiring.of(scenario, folder), [0, 1], "127.0.0.1")
    try:
        for id, seat in loop._seats.items():
            seat.dialled = [Dialled(ThroughDevice(memory, id), ThroughDevice(memory, id)) for memory in memories]
        listens = loop.listens()
        loop.meet(listens["inboxes"], listens["pulses"], listens["keys"])
        for instance in (1, 2, 3):
            reports = loop.run_round(instance, {0: "v0", 1: "v1"}, 30.0, time.perf_counter_ns())
            assert [report.refused_by_devices for report in reports] == [0, 4]
    finally:
        loop.close()


def report(process: int, refused: int) -> Report:
    return Report(process, True, "v0", 2, 0.1, 1.0 + process, False, "", None, refused_by_devices=refused)


@pytest.mark.parametrize(
    ("refused", "line"),
    [
        ([(0, 0, 0)], None),
        ([(0, 0, 1)], "  refused     1 operation by devices (p2)"),
        ([(0, 0, 1), (0, 0, 2)], "  refused     3 operations by devices (p2)"),
        ([(3, 0, 0), (1, 0, 2)], "  refused     6 operations by devices (p0 4, p2 2)"),
    ],
)
def test_the_result_adds_up_what_was_refused_to_byzantine_processes_too(
    refused: list[tuple[int, ...]], line: str | None
) -> None:
    scenario = Scenario(Knocking, ("v0", "v1", "v2"), faults=(Byzantine(2, BEHAVIOURS["grab"]),), rounds=len(refused))
    with Recording(scenario, "ray", None) as recording:
        for counts in refused:
            recording.add(observe(scenario, [report(process, count) for process, count in enumerate(counts)]))
    result = recording.result()
    shown = io.StringIO()
    show_result(Console(file=shown, width=120), result)
    assert [shown for shown in shown.getvalue().splitlines() if shown.startswith("  refused")] == [line] * bool(line)
    told = json.loads(result.json())
    assert told["refused_by_devices"] == result.refused_by_devices
    assert sum(result.refused_by_devices.values()) == sum(map(sum, refused))
    assert [round["refused_by_devices"].get("p2", 0) for round in told["round_log"]] == [r[2] for r in refused]
