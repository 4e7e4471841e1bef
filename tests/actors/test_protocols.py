"""Every protocol on real actors, over every transport: it decides, agrees, and counts the simulator's delays."""

from __future__ import annotations

from collections import Counter

import pytest

from rayrdma.actors.coordinator import Coordinator
from rayrdma.checks import check
from rayrdma.model.protocol import Protocol
from rayrdma.protocols.fast_paxos import FastPaxos
from rayrdma.protocols.robust_backup import RobustBackup
from rayrdma.scenario import Scenario
from tests.protocols.patient import PATIENT
from tests.protocols.test_delays import DELAYS

pytestmark = pytest.mark.live

ROUNDS = 25
CASES = [
    pytest.param(protocol, transport, id=f"{protocol.name}-{transport}")
    for protocol in DELAYS
    for transport in (("shm", "ray-channel") if protocol.needs_memories else ("auto",))
]


@pytest.mark.parametrize(("protocol", "transport"), CASES)
def test_rounds_decide_in_the_delays_of_the_common_case(on_ray: str, protocol: type[Protocol], transport: str) -> None:
    memories = 3 if protocol.needs_memories else 0
    inputs = ("a", "a", "a") if protocol is FastPaxos else ("a", "b", "c")  # where all propose, values would collide
    scenario = Scenario(PATIENT.get(protocol, protocol), inputs, memories, rounds=ROUNDS, transport=transport)
    with Coordinator.start(scenario) as coordinator:
        assert coordinator.transports == ({transport: 9} if memories else {})
        observations = list(coordinator.rounds())
    for observation in observations:
        assert check(observation) == []
        assert {decided.process for decided in observation.decisions} == {0, 1, 2}
        assert not observation.undecided
    depths = Counter(observation.decisions[0].depth for observation in observations)
    if issubclass(protocol, RobustBackup):
        return  # they look at each other's books: how deep a decision is depends on what has come when they look
    # On a loaded machine Omega may suspect a leader that lives; a take-over takes longer, and nothing is quicker.
    assert min(depths) == DELAYS[protocol], depths
    assert depths.most_common(1)[0][0] == DELAYS[protocol], depths
