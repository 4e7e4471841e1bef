"""First decisions in delays: the table of the paper, as the simulator counts (P19, section 3)."""

from __future__ import annotations

import pytest

from rayrdma.faults.plan import Crash
from rayrdma.model.protocol import Protocol
from rayrdma.protocols import (
    PBFT,
    PROTOCOLS,
    AlignedPaxos,
    CheapQuorum,
    DiskPaxos,
    DiskPaxosTwoPhase,
    FaB,
    FastAndRobust,
    FastPaxos,
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
    FastPaxos: 2,
    DiskPaxos: 4,
    DiskPaxosTwoPhase: 8,
    ProtectedMemoryPaxos: 2,
    AlignedPaxos: 2,
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
    FastPaxos: 4,
    DiskPaxos: 8,
    DiskPaxosTwoPhase: 8,
    ProtectedMemoryPaxos: 8,
    AlignedPaxos: 8,
    PBFT: 4,
    FaB: 3,
    RobustBackupPaxos: 56,
    PreferentialPaxos: 70,
    FastAndRobust: 76,
}
LATER: dict[type[Protocol], tuple[int, int]] = {
    FastPaxos: (0, 0),
    CheapQuorum: (8, 8),
    FastAndRobust: (8, 8),
    RobustBackupPaxos: (12, 20),
    PreferentialPaxos: (14, 22),
}
"""How much later processes 1 and 2 decide: in Fast Paxos all count votes, in Cheap Quorum they look five times, from
the backup they are told."""
WAITED: dict[type[Protocol], float] = {FastPaxos: FastPaxos.patience}
"""How long it takes until somebody takes over, where that is no election, but a clock. So it is with views, too."""


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
    if protocol not in LATER or protocol in WAITED:  # there they set up the backup while they wait
        waited = protocol.first_time_out if issubclass(protocol, ViewProtocol) else WAITED.get(protocol, 0)
        assert first.time == first.depth + waited


def test_take_over_from_a_leader_that_crashed_after_its_first_write() -> None:
    """Omega's detection takes time, but no message and no operation: it adds no causal depth."""
    outcome = run(ProtectedMemoryPaxos, 3, 3, 0, [Crash(process=0, at=1)], by=Constant())
    first = outcome.observation.decisions[0]
    assert outcome.violations() == []
    assert (first.process, first.value, first.depth) == (1, "v0", 8)
    assert first.time == 1 + Constant.detection + 8


class WithOneToSpare(FastPaxos):
    """Fast Paxos of four processes, one of which may crash, and that without slowing it down: n > 2E + F."""

    name = "fast-paxos-with-one-to-spare"
    fast = 1


class OwnFirst(Constant):
    """Everybody hears its own first message before those of the others."""

    def delay(self, process: int, memory: int, now: int) -> int:
        return 1 if now or memory == -1 - process else 2


def test_a_collision_costs_a_classic_round() -> None:
    """Two votes tell that nobody can have all of them: the leader does not wait until its patience ends."""
    outcome = run(FastPaxos, 3, 0, 0, by=OwnFirst())
    first = outcome.observation.decisions[0]
    assert outcome.violations() == []
    assert (first.value, first.depth, first.time) == ("v0", 6, 6)


def test_a_spare_acceptor_keeps_it_fast() -> None:
    for crashed, depth in ((0, 2), (1, 2), (2, None)):
        faults = [Crash(process=process) for process in range(crashed)]
        outcome = run(WithOneToSpare, 4, 0, 0, faults, by=Constant())
        assert outcome.violations() == []
        depths = [decision.depth for decision in outcome.observation.decisions[:1]]
        assert depths == ([] if depth is None else [depth])
