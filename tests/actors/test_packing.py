"""Several processes in one actor, and many of them."""

from __future__ import annotations

import pytest

from rayrdma.actors.coordinator import Coordinator
from rayrdma.checks import check
from rayrdma.faults.plan import After, Crash, Pause
from rayrdma.model.errors import UsageError
from rayrdma.protocols import Paxos, ProtectedMemoryPaxos
from rayrdma.scenario import Scenario

pytestmark = pytest.mark.live

FOUR = ("a", "b", "c", "d")


@pytest.mark.parametrize("transport", ["shm", "ray-channel"])
def test_the_crash_of_a_packed_process_stops_it_alone(on_ray: str, transport: str) -> None:
    scenario = Scenario(
        ProtectedMemoryPaxos,
        FOUR,
        3,
        (Crash(process=0, at=After("write", 5)), Crash(process=2, at=0.0)),
        transport=transport,
        processes_per_actor=2,
    )
    with Coordinator.start(scenario) as coordinator:
        pids = coordinator.pids()
        assert pids["p0"] == pids["p1"] != pids["p2"] == pids["p3"]
        deciders = []
        for instance in range(1, 5):
            observation = coordinator.run_round(instance)
            assert check(observation) == []
            assert not observation.undecided
            deciders.append({decided.process for decided in observation.decisions})
        # Process 0 leads and writes three times a round: its fifth write is in the second.
        assert deciders == [{0, 1, 3}, {1, 3}, {1, 3}, {1, 3}]
        assert coordinator.dead() == ([0, 2], [])
        assert sorted(coordinator.pids()) == ["m0", "m1", "m2", "p1", "p3"]


def test_a_packed_process_can_not_be_stopped_alone(on_ray: str) -> None:
    scenario = Scenario(ProtectedMemoryPaxos, FOUR, 3, (Pause(process=1, at=1, until=2),), processes_per_actor=2)
    with pytest.raises(UsageError, match=r"^fault p1@1-2: .*--processes-per-actor 1$"), Coordinator.start(scenario):
        pass


def test_twenty_processes_are_packed_by_default(on_ray: str) -> None:
    values = tuple(f"v{process}" for process in range(20))
    with Coordinator.start(Scenario(ProtectedMemoryPaxos, values, 3, transport="shm")) as coordinator:
        assert coordinator.transports == {"shm": 60}
        pids = coordinator.pids()
        assert len({pids[f"p{process}"] for process in range(20)}) == 10
        for instance in range(1, 6):
            observation = coordinator.run_round(instance)
            assert check(observation) == []
            assert len(observation.decisions) == 20


def test_packed_processes_exchange_messages(on_ray: str) -> None:
    with Coordinator.start(Scenario(Paxos, FOUR, 0, processes_per_actor=4)) as coordinator:
        assert len(set(coordinator.pids().values())) == 1
        for instance in range(1, 6):
            observation = coordinator.run_round(instance)
            assert check(observation) == []
            assert (observation.decisions[0].depth, len(observation.decisions)) == (2, 4)
