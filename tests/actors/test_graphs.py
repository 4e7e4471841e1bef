"""HBO on real actors: each process has its own memory, which only its neighbours reach."""

from __future__ import annotations

import pytest

from rayrdma.actors.coordinator import Coordinator
from rayrdma.checks import check
from rayrdma.clusters.topology import Topology, make_topology
from rayrdma.experiment import Experiment, RunConfig, ScalingConfig
from rayrdma.faults.plan import After, Crash
from rayrdma.model.protocol import Protocol
from rayrdma.protocols import BenOr, HybridBenOr, HybridBenOrCommonCoin, HybridBenOrRegisters
from rayrdma.scenario import Scenario
from tests.graphs.test_protocols import Trespasser

pytestmark = pytest.mark.live

TRANSPORTS = pytest.mark.parametrize("transport", ["shm", "ray-channel"])
PETERSEN = make_topology("petersen")


def on(
    topology: Topology, protocol: type[Protocol], transport: str, crashes: tuple[Crash, ...] = (), **more: int
) -> Scenario:
    n = topology.n
    inputs = tuple(process % 2 for process in range(n))
    return Scenario(
        protocol, inputs, n, crashes, graph=topology.graph(), transport=transport, processes_per_actor=n // 2, **more
    )


@TRANSPORTS
@pytest.mark.parametrize(
    "protocol", [HybridBenOr, HybridBenOrRegisters, HybridBenOrCommonCoin], ids=lambda protocol: protocol.name
)
def test_rounds_on_a_ring(on_ray: str, transport: str, protocol: type[Protocol]) -> None:
    with Coordinator.start(on(make_topology("ring", processes=6), protocol, transport, rounds=10)) as coordinator:
        assert coordinator.transports == {transport: 18}  # each process has its own memory and two others
        for observation in coordinator.rounds():
            assert check(observation) == []
            assert not observation.undecided
            assert len(observation.decisions) == 6


@TRANSPORTS
def test_inputs_that_agree_take_the_delays_of_the_simulator(on_ray: str, transport: str) -> None:
    run = RunConfig("ray", transport, rounds=5)
    scaling = ScalingConfig(topology=PETERSEN, processes_per_actor=5)
    result = Experiment("hybrid-ben-or", [1] * 10, scaling=scaling, run=run).run()
    assert (result.verdict, result.transports) == ("decided", {transport: 40})
    assert min(round.first_decision_delays or 0 for round in result.round_log) == 6
    assert {round.rounds_taken for round in result.round_log} == {1}


@TRANSPORTS
def test_two_survivors_of_ten_decide_on_the_petersen_graph(on_ray: str, transport: str) -> None:
    crashes = tuple(Crash(process=process, at=0.0 if process % 2 else After("swap", 3)) for process in range(2, 10))
    with Coordinator.start(on(PETERSEN, HybridBenOr, transport, crashes)) as coordinator:
        observation = coordinator.run_round(1)
    assert check(observation) == []
    assert not observation.undecided
    assert {0, 1} <= {decided.process for decided in observation.decisions}


@TRANSPORTS
def test_one_survivor_of_ten_blocks_and_says_why(on_ray: str, transport: str) -> None:
    crashes = tuple(Crash(process=process) for process in range(1, 10))
    scaling = ScalingConfig(topology=PETERSEN, processes_per_actor=5)
    run = RunConfig("ray", transport, timeout=2)
    result = Experiment("hybrid-ben-or", scaling=scaling, run=run, faults=crashes).run()
    assert (result.verdict, result.reason) == ("blocked", "p0 represented 4 of 10, needs > 5")


@TRANSPORTS
def test_the_owner_of_a_memory_is_killed_and_its_neighbours_go_on_with_it(on_ray: str, transport: str) -> None:
    """The centre of a star dies by kill -9 after its first operation; each leaf still speaks for it."""
    star = make_topology("star", processes=4)
    scenario = Scenario(
        HybridBenOr, (0, 1, 0, 1), 4, (Crash(process=0, at=After("swap", 2)),), graph=star.graph(), transport=transport
    )
    with Coordinator.start(scenario) as coordinator:
        observation = coordinator.run_round(1)
        assert coordinator.dead() == ([0], [])
    assert check(observation) == []
    assert {decided.process for decided in observation.decisions} == {1, 2, 3}


@TRANSPORTS
def test_a_memory_refuses_whoever_is_no_neighbour(on_ray: str, transport: str) -> None:
    """It is the memory's side that refuses: whoever is no neighbour does try, and finds a nak."""
    ring = make_topology("ring", processes=6)
    scaling = ScalingConfig(topology=ring, processes_per_actor=3)
    result = Experiment(Trespasser, [1] * 6, scaling=scaling, run=RunConfig("ray", transport)).run()
    assert (result.verdict, len(result.decisions)) == ("decided", 6), result.reason


@TRANSPORTS
def test_sixty_four_processes(on_ray: str, transport: str) -> None:
    topology = make_topology("random-regular", processes=64, degree=4)
    with Coordinator.start(on(topology, HybridBenOrCommonCoin, transport, rounds=2)) as coordinator:
        assert coordinator.transports == {transport: 64 * 5}
        for observation in coordinator.rounds():
            assert check(observation) == []
            assert len(observation.decisions) == 64, observation.undecided


def test_ben_or_needs_messages_only(on_ray: str) -> None:
    with Coordinator.start(Scenario(BenOr, (0, 1, 1, 0, 1), 0, (Crash(process=0), Crash(process=1)))) as coordinator:
        observation = coordinator.run_round(1)
    assert check(observation) == []
    assert {decided.process for decided in observation.decisions} == {2, 3, 4}
