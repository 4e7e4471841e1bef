"""Every protocol over verbs: its decisions, what it did to the memories, and the delays of the common case."""

from __future__ import annotations

from collections import Counter

import pytest

from rayrdma.checks import check
from rayrdma.checks.observation import Observation
from rayrdma.clusters.topology import make_topology
from rayrdma.model.graph import Graph, complete
from rayrdma.model.protocol import Protocol
from rayrdma.protocols import (
    PROTOCOLS,
    AlignedPaxos,
    CheapQuorum,
    DiskPaxos,
    DiskPaxosTwoPhase,
    FastAndRobust,
    HybridBenOr,
    HybridBenOrCommonCoin,
    HybridBenOrRegisters,
    MixedConsensus,
    Paxos,
    PreferentialPaxos,
    ProtectedMemoryPaxos,
    RobustBackupPaxos,
)
from rayrdma.protocols.robust_backup import RobustBackup
from rayrdma.scenario import Scenario
from tests.effects import violations, with_effects
from tests.graphs.runs import ring
from tests.graphs.test_protocols import Trespasser
from tests.protocols.patient import PATIENT
from tests.protocols.test_delays import DELAYS
from tests.verbs.fleet import Fleet

pytestmark = pytest.mark.verbs

ROUNDS = {
    DiskPaxos: 5,
    DiskPaxosTwoPhase: 5,
    ProtectedMemoryPaxos: 10,
    AlignedPaxos: 5,
    CheapQuorum: 3,
    RobustBackupPaxos: 1,
    PreferentialPaxos: 1,
    FastAndRobust: 3,
    HybridBenOr: 5,
    HybridBenOrCommonCoin: 5,
    HybridBenOrRegisters: 3,
    MixedConsensus: 3,
    Paxos: 3,  # it needs no memory, but to elect a leader by
}
AGREED = {HybridBenOr: 6, HybridBenOrCommonCoin: 6, HybridBenOrRegisters: 26}
"""The delays of binary protocols to the first decision, if three inputs agree."""


def test_none_that_needs_memories_is_left_out() -> None:
    assert set(ROUNDS) == {protocol for protocol in PROTOCOLS.values() if protocol.needs_memories} | {Paxos}


def hold(observation: Observation, graph: Graph | None = None) -> None:
    """All checks, on what the memories must have done."""
    assert check(observation) == []
    regions = observation.regions
    found = with_effects(observation, lambda memory: list(regions) if graph is None else graph.regions(memory, regions))
    assert violations(found) == []


@pytest.mark.parametrize("protocol", ROUNDS, ids=lambda protocol: protocol.name)
def test_rounds_decide_in_the_delays_of_the_common_case(protocol: type[Protocol]) -> None:
    n = protocol.usual_processes
    inputs = (1,) * n if protocol.binary else tuple(f"v{process}" for process in range(n))
    graph = complete(n) if protocol.needs_graph else None
    run = PATIENT.get(protocol, protocol)
    scenario = Scenario(run, inputs, n if graph else 3, graph=graph, timeout=90, trace=True)
    depths: Counter[int] = Counter()
    with Fleet(scenario) as fleet:
        for instance in range(1, ROUNDS[protocol] + 1):
            observation = fleet.run_round(instance)
            assert not observation.undecided, observation.undecided
            assert {decided.process for decided in observation.decisions} == set(range(n))
            hold(observation, graph)
            depths[observation.decisions[0].depth] += 1
            if protocol.binary:
                assert {decided.value for decided in observation.decisions} == {1}
        looks = fleet.looks()
    assert not any(lost for look in looks.values() for lost in look["lost"]), looks
    if issubclass(protocol, RobustBackup | MixedConsensus):
        return  # how deep a decision is depends on what has come when they look
    # On a loaded machine Omega may suspect a leader that lives; a take-over takes longer, and nothing is quicker.
    expected = AGREED[protocol] if protocol.binary else DELAYS[protocol]
    assert min(depths) == expected, depths
    assert depths.most_common(1)[0][0] == expected, depths


@pytest.mark.parametrize(
    ("protocol", "graph"),
    [(HybridBenOr, ring(5)), (HybridBenOrRegisters, ring(5)), (HybridBenOr, make_topology("petersen").graph())],
    ids=lambda value: value.name,
)
def test_on_a_sparse_graph(protocol: type[Protocol], graph: Graph) -> None:
    inputs = tuple(process % 2 for process in range(graph.n))
    with Fleet(Scenario(protocol, inputs, graph.n, graph=graph, timeout=90, trace=True)) as fleet:
        for instance in (1, 2):
            observation = fleet.run_round(instance)
            assert not observation.undecided, observation.undecided
            assert len(observation.decisions) == graph.n
            hold(observation, graph)


def test_a_memory_refuses_whoever_is_no_neighbour() -> None:
    """It knows all of them, and gives the keys to its neighbours."""
    graph = ring(4)
    with Fleet(Scenario(Trespasser, (1,) * 4, 4, graph=graph, trace=True)) as fleet:
        observation = fleet.run_round(1)
        assert not observation.undecided, observation.undecided
        assert len(observation.decisions) == 4
        hold(observation, graph)
