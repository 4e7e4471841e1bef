"""Real kills: leaders and memories by ``kill -9``, processes stopped and let go on (P19, sections 4 and 5)."""

from __future__ import annotations

import os
import signal
import threading

import pytest

from rayrdma.actors.coordinator import Coordinator
from rayrdma.checks import check
from rayrdma.checks.observation import Observation
from rayrdma.experiment import Experiment, RunConfig
from rayrdma.faults.plan import After, Crash, Pause
from rayrdma.model.errors import UsageError
from rayrdma.model.outcomes import NAK
from rayrdma.model.trace import Responded
from rayrdma.protocols.protected_memory_paxos import ProtectedMemoryPaxos
from rayrdma.scenario import Scenario
from tests.actors.kills import INPUTS, kill_leaders
from tests.actors.leftovers import wait_for

pytestmark = pytest.mark.live

TRANSPORTS = pytest.mark.parametrize("transport", ["shm", "ray-channel"])
LEADERS = 8
"""Killed over each transport; 50 of them take minutes: `python -m tests.actors.kills`."""
STOPPED = 0.5
"""Seconds; several times what it takes to suspect a process."""


def scenario(transport: str, **more: object) -> Scenario:
    return Scenario(ProtectedMemoryPaxos, INPUTS, 3, transport=transport, **more)  # type: ignore[arg-type]


def all_decide(observation: Observation) -> bool:
    return check(observation) == [] and {decided.process for decided in observation.decisions} == {0, 1, 2}


@TRANSPORTS
def test_a_survivor_decides_and_all_agree_whenever_the_leader_is_killed(on_ray: str, transport: str) -> None:
    kills = kill_leaders(transport, LEADERS, seed=1)
    assert len(kills.points) == LEADERS
    assert kills.adopted, "no leader died with its value in memory: nothing was shown about adoption"


@TRANSPORTS
def test_one_killed_memory_of_three_changes_nothing_and_two_block(on_ray: str, transport: str) -> None:
    with Coordinator.start(scenario(transport, timeout=1.0)) as coordinator:
        assert all_decide(coordinator.run_round(1))
        os.kill(coordinator.pids()["m2"], signal.SIGKILL)
        for instance in range(2, 12):
            assert all_decide(coordinator.run_round(instance))
        wait_for(lambda: coordinator.dead() == ([], [2]), "the coordinator to notice the death of m2")
        os.kill(coordinator.pids()["m0"], signal.SIGKILL)
        wait_for(lambda: coordinator.dead() == ([], [0, 2]), "the coordinator to notice the death of m0")
        blocked = coordinator.run_round(12)
    assert blocked.decisions == []
    assert blocked.undecided[0] == "needs 2 of 3 memories, 1 alive"
    assert set(blocked.undecided) == {0, 1, 2}


@TRANSPORTS
def test_planned_crashes_of_memories(on_ray: str, transport: str) -> None:
    faults = [Crash(memory=2, at=0.0), Crash(memory=1, at=0.5)]
    result = Experiment(
        ProtectedMemoryPaxos, faults=faults, run=RunConfig("ray", transport, rounds=1_000_000, timeout=1.0)
    ).run()
    assert (result.verdict, result.exit_code) == ("blocked", 2)
    assert "needs 2 of 3 memories, 1 alive" in result.reason
    assert result.faults == ["m2@0", "m1@0.5"]
    assert result.rounds > 1, "with one crashed memory it decides"
    assert {round.first_decision_delays for round in result.round_log[:-1]} & {2}
    assert all(round.decided == 3 for round in result.round_log[:-1])


def test_a_memory_that_answers_by_itself_can_crash_right_after_an_operation(on_ray: str) -> None:
    faults = [Crash(memory=0, at=After("write", 7))]
    result = Experiment(
        ProtectedMemoryPaxos, faults=faults, run=RunConfig("ray", "ray-channel", rounds=20, timeout=10.0)
    ).run()
    assert (result.verdict, result.rounds) == ("decided", 20)


def test_a_memory_that_nobody_asks_can_not_crash_at_an_operation(on_ray: str) -> None:
    faults = [Crash(memory=0, at=After("write", 1))]
    with pytest.raises(UsageError, match=r"use --transport ray-channel$"):
        Experiment(ProtectedMemoryPaxos, faults=faults, run=RunConfig("ray", "shm")).run()


@TRANSPORTS
def test_a_stopped_leader_is_replaced_and_its_write_is_refused_when_it_goes_on(on_ray: str, transport: str) -> None:
    with Coordinator.start(scenario(transport, trace=True)) as coordinator:
        assert all_decide(coordinator.run_round(1))
        leader = coordinator.pids()["p0"]
        os.kill(leader, signal.SIGSTOP)
        awakening = threading.Timer(STOPPED, os.kill, (leader, signal.SIGCONT))
        awakening.start()
        observation = coordinator.run_round(2)
        awakening.join()
        assert all_decide(observation)
        assert observation.decisions[0].process != 0
        answers = [event.response for event in observation.log if isinstance(event, Responded) and event.process == 0]
        assert NAK in answers
        for instance in range(3, 10):
            assert all_decide(coordinator.run_round(instance))


def test_a_stopped_process_that_stays_stopped_is_reported_after_the_time_out(on_ray: str) -> None:
    with Coordinator.start(scenario("ray-channel", timeout=1.0)) as coordinator:
        stopped = coordinator.pids()["p2"]
        os.kill(stopped, signal.SIGSTOP)
        observation = coordinator.run_round(1)
        assert {decided.process for decided in observation.decisions} == {0, 1}
        assert observation.undecided == {2: "its actor to answer"}
        os.kill(stopped, signal.SIGCONT)
        assert all_decide(coordinator.run_round(2))


def test_a_planned_pause(on_ray: str) -> None:
    # From the start, for a leader that is stopped between its decision and its report has led that round all the same;
    # and for longer than anybody's patience, which false suspicions on a busy machine have doubled again and again.
    faults = (Pause(process=0, at=0.0, until=8 * STOPPED),)
    firsts = []
    with Coordinator.start(scenario("auto", faults=faults)) as coordinator:
        for instance in range(1, 10_000):
            observation = coordinator.run_round(instance)
            assert all_decide(observation)
            firsts.append(observation.decisions[0].process)
            if firsts[-1] == 0:
                break
    assert firsts[0] != 0, "it was away"
    assert firsts[-1] == 0, "and leads again"
