"""The actors used from Python directly, without an experiment or a coordinator: what one is made of."""

from __future__ import annotations

import os
import tempfile
import time
from typing import Any

import pytest
import ray

from rayrdma.actors.by_value import dump_class
from rayrdma.actors.coordinator_host import CoordinatorActor, Plan
from rayrdma.actors.memory import MemoryActor
from rayrdma.actors.omega import PERIOD
from rayrdma.actors.process import ProcessActor
from rayrdma.actors.wiring import MemoryAddress, Report, Wiring
from rayrdma.protocols import ProtectedMemoryPaxos

pytestmark = pytest.mark.live


def wiring(folder: str, n: int, memories: int) -> Wiring:
    return Wiring(n, memories, dump_class(ProtectedMemoryPaxos), None, 0, folder, PERIOD)


@pytest.mark.parametrize("transport", ["shm", "ray-channel"])
def test_two_processes_and_a_memory(on_ray: str, transport: str) -> None:
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        plan = wiring(folder, n=2, memories=1)
        memory = MemoryActor.remote(plan, [0])
        actors = [ProcessActor.remote(plan, [process]) for process in range(2)]
        try:
            secrets = {process: f"the secret of p{process}" for process in range(2)}
            files = ray.get(memory.open.remote(transport, secrets))
            address = MemoryAddress(0, memory, ray.get(memory.whereabouts.remote())["node"], files.get(0))
            found: list[dict[str, Any]] = ray.get([actor.whereabouts.remote() for actor in actors])
            assert len({there["pid"] for there in found} | {os.getpid()}) == 3
            inboxes = {process: there["inboxes"][process] for process, there in enumerate(found)}
            keys = {process: there["keys"][process] for process, there in enumerate(found)}
            chosen = ray.get(
                [
                    actor.connect.remote(actor, [address], inboxes, {}, keys, {process: secrets[process]})
                    for process, actor in enumerate(actors)
                ]
            )
            assert chosen == [[(transport, 0)]] * 2
            ray.get([memory.forget.remote(), *(actor.beat.remote() for actor in actors)])
            for instance in (1, 2):
                ray.get(memory.reset.remote(instance))
                calls = [
                    actor.run_round.remote(instance, {0: "a", 1: "b"}, 30.0, time.perf_counter_ns()) for actor in actors
                ]
                reports: list[Report] = [report for reports in ray.get(calls) for report in reports]
                assert [(report.process, report.value) for report in reports] == [(0, "a"), (1, "a")]
            ray.get([actor.close.remote() for actor in (*actors, memory)])
        finally:
            for actor in (*actors, memory):
                ray.kill(actor)


def test_a_coordinator_actor(on_ray: str) -> None:
    coordinator = CoordinatorActor.remote(
        wiring("", n=3, memories=3),
        Plan(("a", "b", "c"), faults=(), transport="ray-channel", timeout=30.0, processes_per_actor=3),
    )
    try:
        assert ray.get(coordinator.set_up.remote()) == {"ray-channel": 9}
        pids = ray.get(coordinator.pids.remote())
        assert pids["p0"] == pids["p1"] == pids["p2"]
        reports: list[Report] = ray.get(coordinator.run_round.remote(1))
        assert [(report.process, report.value, report.decided) for report in reports] == [
            (process, "a", True) for process in range(3)
        ]
        assert ray.get(coordinator.dead.remote()) == ([], [])
        ray.get(coordinator.close.remote())
    finally:
        ray.kill(coordinator)
