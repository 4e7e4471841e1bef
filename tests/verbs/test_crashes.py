"""Over verbs: leaders killed in mid-write, leaders revoked in mid-write, and memories that die."""

from __future__ import annotations

import os
import random
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from rayrdma.checks import check
from rayrdma.checks.observation import Observation
from rayrdma.faults.plan import After, Crash
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.quorums import majority
from rayrdma.model.regions import Value
from rayrdma.model.trace import Issued, Responded
from rayrdma.protocols.dissemination import learn
from rayrdma.protocols.protected_memory_paxos import SLOTS, ProtectedMemoryPaxos
from rayrdma.scenario import Scenario
from tests.effects import violations, with_effects
from tests.parity.live import state, until
from tests.verbs.fleet import Fleet, Fork

pytestmark = pytest.mark.verbs

INPUTS = ("v0", "v1", "v2", "v3")
MEMORIES = 3
LEADERS = 3
MOST_ROUNDS = 60
POINTS = {"write": 6, "operation": 8, "permission": 3}
"""Of a leader that has taken over; within about two rounds."""


def hold(observation: Observation, deciders: set[int]) -> None:
    assert check(observation) == []
    assert not observation.undecided, observation.undecided
    assert deciders <= {decided.process for decided in observation.decisions}


def effects_hold(observation: Observation) -> None:
    """If nobody has died, who would have known of effects."""
    assert violations(with_effects(observation, lambda memory: list(observation.regions))) == []


@pytest.mark.parametrize("seed", range(2))
def test_leaders_are_killed_right_after_they_posted_an_operation(seed: int) -> None:
    """It may still take effect: it is in the device's hands."""
    rng = random.Random(seed)
    faults = [Crash(process=0, at=After("write", rng.randint(1, 6)))]
    for leader in range(1, LEADERS):
        operation = rng.choice(list(POINTS))
        faults.append(Crash(process=leader, at=After(operation, rng.randint(1, POINTS[operation]))))
    with Fleet(Scenario(ProtectedMemoryPaxos, INPUTS, MEMORIES, tuple(faults), timeout=90)) as fleet:
        for instance in range(1, MOST_ROUNDS):
            observation = fleet.run_round(instance)
            hold(observation, set(range(len(INPUTS))) - fleet.dead)
            if len(fleet.dead) == LEADERS:
                break
        assert fleet.dead == set(range(LEADERS))
        hold(fleet.run_round(MOST_ROUNDS), {LEADERS})


@pytest.mark.parametrize("seed", range(2))
def test_leaders_are_killed_at_any_moment_of_a_round(seed: int) -> None:
    rng = random.Random(seed)
    with Fleet(Scenario(ProtectedMemoryPaxos, INPUTS, MEMORIES, timeout=90)) as fleet:
        began = time.monotonic()
        hold(fleet.run_round(1), set(range(len(INPUTS))))
        longest = time.monotonic() - began
        for leader in range(LEADERS):
            fleet.reset(leader + 2)
            with later(rng.uniform(0, longest), fleet.processes[leader]):
                fleet.begin_round(leader + 2)
                observation = fleet.end_round(leader + 2)
            hold(observation, set(range(leader + 1, len(INPUTS))))
        hold(fleet.run_round(MOST_ROUNDS), {LEADERS})


@contextmanager
def later(seconds: float, victim: Fork) -> Iterator[None]:
    """Meanwhile, kill it then."""
    killer = threading.Timer(seconds, os.kill, (victim.pid, signal.SIGKILL))
    killer.start()
    yield
    killer.join()
    until(lambda: not victim.running, "its death")
    victim.alive = False


class Halting(ProtectedMemoryPaxos):
    """Process 0 stops, heartbeats and all, just before its first write to one of the memories; it has all keys."""

    name = "halting"
    halts_at = 0

    async def propose(self, value: Value) -> None:
        if self.process.id == 0:
            for memory in self.process.memories:
                await self.process.read(memory, SLOTS, 0)
            connection = self.process._connections[self.halts_at]
            post = connection.post

            def halted(operation: object) -> object:
                connection.post = post
                signal.pthread_kill(threading.get_ident(), signal.SIGSTOP)  # else another thread may see it first
                return post(operation)

            connection.post = halted
        await super().propose(value)


@pytest.mark.parametrize("written", range(MEMORIES))
def test_a_leader_that_is_revoked_while_it_writes_is_refused_by_the_devices(written: int) -> None:
    """It stops when ``written`` memories have its value, the others take over, and it goes on.

    They needed a majority of the memories, and had it before; to the rest they may come after it.
    """

    class HaltingThere(Halting):
        halts_at = written

    scenario = Scenario(HaltingThere, INPUTS[:3], MEMORIES, timeout=90, trace=True)
    with Fleet(scenario) as fleet:
        leader = fleet.processes[0]
        fleet.reset(1)
        fleet.begin_round(1)
        until(lambda: state(leader.pid) == "T", "the leader's stop")
        fleet.processes[1].call("settled", 1)
        os.kill(leader.pid, signal.SIGCONT)
        observation = fleet.end_round(1)
    hold(observation, {0, 1, 2})
    effects_hold(observation)
    answers = {
        event.memory: event.response
        for event in observation.log
        if isinstance(event, Responded) and event.process == 0 and MEMORIES < event.number <= 2 * MEMORIES
    }
    assert all(answers[memory] is ACK for memory in answers if memory < written), answers
    late = [memory for memory, answer in answers.items() if answer is ACK and memory >= written]
    assert len(late) <= MEMORIES - majority(MEMORIES), answers
    if 2 * written < MEMORIES:
        refused = list(answers.values()).count(NAK)
        assert observation.refused_by_devices[0] >= refused >= 1, "one is enough for it to know"
        assert observation.decisions[0].process != 0, "what it wrote it did not decide; it was told"
    else:
        assert {decided.value for decided in observation.decisions} == {"v0"}, "a majority had it"


class Contending(ProtectedMemoryPaxos):
    """Two processes take over at about the same time, whatever they think of the leader."""

    name = "contending"

    async def propose(self, value: Value) -> None:
        if self.process.id < 2:
            await self.process.sleep(self.process.rng.uniform(0, 5))
            await self.attempt(value)
        await self.process.race(self.lead(value), learn(self.process))


def test_two_leaders_contend_for_the_memories() -> None:
    refused = 0
    with Fleet(Scenario(Contending, INPUTS[:3], MEMORIES, timeout=90, trace=True)) as fleet:
        for instance in range(1, 21):
            observation = fleet.run_round(instance)
            hold(observation, {0, 1, 2})
            effects_hold(observation)
            refused += bool(observation.refused_by_devices)
    assert refused, "in no round did a leader meet the other's revocation"


def test_a_memory_dies_and_the_others_go_on_and_without_a_majority_nothing_is_made_up() -> None:
    scenario = Scenario(ProtectedMemoryPaxos, INPUTS[:3], MEMORIES, timeout=8, trace=True)
    with Fleet(scenario) as fleet:
        hold(fleet.run_round(1), {0, 1, 2})
        fleet.reset(2)
        with later(0.01, fleet.memories[2]):
            fleet.begin_round(2)
            observation = fleet.end_round(2)
        hold(observation, {0, 1, 2})
        effects_hold(observation)
        for instance in (3, 4):
            observation = fleet.run_round(instance)
            hold(observation, {0, 1, 2})
            effects_hold(observation)
            assert observation.decisions[0].depth == 2
        fleet.memories[0].kill()
        observation = fleet.run_round(5)
        looks = fleet.looks()
    assert check(observation) == []
    assert not observation.decisions
    assert set(observation.undecided) == {0, 1, 2}
    assert all("of 3 memories" in wait for process, wait in observation.undecided.items() if process == 0)
    effects_hold(observation)
    answered = {event.memory for event in observation.log if isinstance(event, Responded)}
    asked = {event.memory for event in observation.log if isinstance(event, Issued)}
    assert (answered, asked) == ({1}, {0, 1, 2})
    assert not any(lost for look in looks.values() for lost in look["lost"]), looks
