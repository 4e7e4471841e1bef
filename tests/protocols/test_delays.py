"""First decisions in delays: the table of the paper, as the simulator counts (P19, section 3)."""

from __future__ import annotations

import pytest

from rayrdma.faults.plan import Crash
from rayrdma.model.protocol import Protocol
from rayrdma.protocols import (
    PBFT,
    PROTOCOLS,
    CheapQuorum,
    DiskPaxos,
    DiskPaxosTwoPhase,
    FaB,
    FastAndRobust,
    Paxos,
    PaxosTwoPhase,
    PreferentialPaxos,
    ProtectedMemoryPaxos,
    RobustBackupPaxos,
)
from rayrdma.protocols.views import ViewProtocol
from rayrdma.simulator.schedule import Constant
from tests.fuzz import run

DELAYS: dict[type[Protocol], int] = {
    Paxos: 2,
    PaxosTwoPhase: 4,
    DiskPaxos: 4,
    DiskPaxosTwoPhase: 8,
    ProtectedMemoryPaxos: 2,
    PBFT: 3,
    FaB: 2,
    CheapQuorum: 2,
    RobustBackupPaxos: 22,
    PreferentialPaxos: 34,
    FastAndRobust: 2,
}
DELAYS_AFTER_TAKE_OVER: dict[type[Protocol], int] = {
    Paxos: 4,
    PaxosTwoPhase: 4,
    DiskPaxos: 8,
    DiskPaxosTwoPhase: 8,
    ProtectedMemoryPaxos: 8,
    PBFT: 4,
    FaB: 3,
    RobustBackupPaxos: 56,
    PreferentialPaxos: 70,
    FastAndRobust: 76,
}
LATER: dict[type[Protocol], tuple[int, int]] = {
    CheapQuorum: (8, 8),
    FastAndRobust: (8, 8),
    RobustBackupPaxos: (12, 20),
    PreferentialPaxos: (14, 22),
}
"""How much later processes 1 and 2 decide: in Cheap Quorum they look five times, from the backup they are told."""


def test_the_table_names_every_protocol() -> None:
    assert set(DELAYS) == {protocol for protocol in PROTOCOLS.values() if not protocol.binary}  # see `tests.graphs`
    assert set(DELAYS) - set(DELAYS_AFTER_TAKE_OVER) == {CheapQuorum}  # without its leader it aborts


@pytest.mark.parametrize("protocol", DELAYS, ids=lambda protocol: protocol.name)
def test_common_case(protocol: type[Protocol]) -> None:
    outcome = run(protocol, protocol.usual_processes, 3, 0, by=Constant())
    first = outcome.observation.decisions[0]
    assert outcome.violations() == []
    assert outcome.decided()
    assert (first.process, first.depth, first.time) == (0, DELAYS[protocol], DELAYS[protocol])


@pytest.mark.parametrize("protocol", DELAYS, ids=lambda protocol: protocol.name)
def test_every_decision_is_as_deep_as_it_is_late_when_every_leg_takes_one_delay(protocol: type[Protocol]) -> None:
    for decision in run(protocol, protocol.usual_processes, 3, 0, by=Constant()).observation.decisions:
        assert decision.depth == decision.time
        # A leader tells the others; of PBFT and FaB everybody counts votes.
        later = LATER.get(protocol, (0,) * 9 if protocol.byzantine else (1, 1))
        assert decision.depth == DELAYS[protocol] + (0, *later)[decision.process]


@pytest.mark.parametrize("protocol", DELAYS_AFTER_TAKE_OVER, ids=lambda protocol: protocol.name)
def test_first_leader_crashed_before_it_began(protocol: type[Protocol]) -> None:
    outcome = run(protocol, protocol.usual_processes, 3, 0, [Crash(process=0)], by=Constant())
    first = outcome.observation.decisions[0]
    assert outcome.violations() == []
    assert outcome.decided()
    assert (first.process, first.value, first.depth) == (1, "v1", DELAYS_AFTER_TAKE_OVER[protocol])
    if protocol not in LATER:  # there they set up the backup while they wait
        waited = protocol.first_time_out if issubclass(protocol, ViewProtocol) else 0  # not an election, but a clock
        assert first.time == first.depth + waited


def test_take_over_from_a_leader_that_crashed_after_its_first_write() -> None:
    """Omega's detection takes time, but no message and no operation: it adds no causal depth."""
    outcome = run(ProtectedMemoryPaxos, 3, 3, 0, [Crash(process=0, at=1)], by=Constant())
    first = outcome.observation.decisions[0]
    assert outcome.violations() == []
    assert (first.process, first.value, first.depth) == (1, "v0", 8)
    assert first.time == 1 + Constant.detection + 8
