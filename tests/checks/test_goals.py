"""What a run shows that should be seen sometimes: each goal by a trace that meets it, and by one that nearly does."""

from __future__ import annotations

from typing import Any

import pytest

from rayrdma.checks import goals
from rayrdma.checks.goals import goals_of, met
from rayrdma.checks.observation import Observation
from rayrdma.model.operations import CHANGE_PERMISSION, WRITE, Kind
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.trace import Crashed, Decided, Event, Issued, LeaderChanged, Refused, TookEffect
from rayrdma.protocols import PROTOCOLS, BenOr, CheapQuorum, DiskPaxos, FastAndRobust, Paxos, ProtectedMemoryPaxos
from rayrdma.scenario import Scenario
from rayrdma.simulator.engine import simulate


def issued(process: int, memory: int, value: str = "v", kind: Kind = WRITE) -> Event:
    return Issued(0, process, memory, 1, kind, "slots", 0, value)


def effect(process: int, memory: int, response: Any = ACK, value: str = "v", kind: Kind = WRITE) -> Event:
    return TookEffect(0, process, memory, 1, kind, "slots", 0, value, response)


def write(process: int, memory: int, response: Any = ACK, value: str = "v") -> list[Event]:
    return [issued(process, memory, value), effect(process, memory, response, value)]


def take(process: int, memory: int) -> list[Event]:
    kind = CHANGE_PERMISSION
    return [issued(process, memory, kind=kind), effect(process, memory, None, kind=kind)]


def decided(process: int, value: str) -> Event:
    return Decided(0, process, value, 2)


def observed(trace: list[Event]) -> Observation:
    return Observation(ProtectedMemoryPaxos, 3, 3, [], ["v0", "v1", "v2"], [], trace=trace)


MEMORY_DIES, PROCESS_DIES = Crashed(0, "memory", 2), Crashed(0, "process", 0)
MEETS: list[tuple[str, list[Event]]] = [
    (goals.LEADER_CHANGED, [LeaderChanged(0, 1, 1), decided(1, "v1")]),
    (goals.ADOPTED, [decided(1, "v0")]),
    (goals.OUTLIVED, [issued(0, 0), PROCESS_DIES, effect(0, 0)]),
    (goals.MEMORY_DIED, [*write(0, 0), MEMORY_DIES, *write(0, 1)]),
    (goals.DEPOSED, [issued(0, 0), *take(1, 0), effect(0, 0, NAK)]),
    (goals.HALF_WRITTEN, [*write(0, 0), *write(0, 1, NAK)]),
    (goals.HALF_WRITTEN, [*write(0, 0, NAK), *write(0, 1)]),
    (goals.TOOK_OVER, [*take(1, 0), decided(1, "v1")]),
    (goals.NOT_BELIEVED, [Refused(0, 1, 0, "a vote that its signer did not sign")]),
]
NEARLY: list[tuple[str, list[Event]]] = [
    (goals.LEADER_CHANGED, [decided(1, "v1"), LeaderChanged(0, 1, 1)]),
    (goals.ADOPTED, [decided(1, "v1"), decided(0, "v1")]),
    (goals.OUTLIVED, [*write(0, 0), PROCESS_DIES]),
    (goals.OUTLIVED, [issued(0, 0), PROCESS_DIES, effect(0, 0, NAK)]),
    (goals.MEMORY_DIED, [MEMORY_DIES, *write(0, 0), *write(0, 1)]),
    (goals.MEMORY_DIED, [*write(0, 0), MEMORY_DIES, *write(0, 1, value="another")]),
    (goals.DEPOSED, [*take(1, 0), *write(0, 0, NAK)]),
    (goals.DEPOSED, [issued(0, 0), *take(1, 1), effect(0, 0, NAK)]),
    (goals.DEPOSED, [issued(0, 0), *take(1, 0), effect(0, 0)]),
    (goals.HALF_WRITTEN, [*write(0, 0), *write(0, 1, NAK, "another")]),
    (goals.HALF_WRITTEN, [*write(0, 0), *write(1, 1, NAK)]),
    (goals.TOOK_OVER, [*take(1, 0), decided(0, "v0")]),
]


@pytest.mark.parametrize(("goal", "trace"), MEETS)
def test_a_goal_is_met(goal: str, trace: list[Event]) -> None:
    assert met(observed(trace)) == {goal}


@pytest.mark.parametrize(("goal", "trace"), NEARLY)
def test_a_goal_is_nearly_met(goal: str, trace: list[Event]) -> None:
    assert goal not in met(observed(trace))


def test_the_common_case_meets_none() -> None:
    for protocol in (Paxos, DiskPaxos, ProtectedMemoryPaxos, CheapQuorum):
        for round in simulate(Scenario(protocol, ("v0", "v1", "v2"), 3 if protocol.needs_memories else 0)):
            assert met(round.observation) == set()


def test_goals_are_those_that_a_protocol_can_meet() -> None:
    assert goals_of(BenOr) == []
    assert goals.DEPOSED not in goals_of(DiskPaxos)
    assert {goals.DEPOSED, goals.TOOK_OVER} <= set(goals_of(ProtectedMemoryPaxos))
    assert goals.TOOK_OVER not in goals_of(FastAndRobust), "nobody takes a permission there, but from the leader"
    assert goals.NOT_BELIEVED in goals_of(FastAndRobust)
    everything = {goal for protocol in PROTOCOLS.values() for goal in goals_of(protocol)}
    assert everything == {goal for goal, _ in MEETS}
