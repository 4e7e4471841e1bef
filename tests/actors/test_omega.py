"""Omega's steps (P18, section 5): suspicion by the observer's own steps, trust again, twice the patience."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayrdma.actors.omega import HEARTBEATS, PATIENCE, Beating, MemoryBoard, Omega, heartbeat_region
from rayrdma.model.memory import Memory
from rayrdma.transports.connection import PENDING


class Silence:
    """A board that nobody else writes on."""

    def show(self, count: int) -> None:
        pass

    def look(self) -> Mapping[int, int]:
        return {}


class Observed:
    """The Omega of one process, and the counts of the others, which beat or do not."""

    def __init__(self, process: int, n: int) -> None:
        self.omega = Omega(process, n, Silence())
        self.counts = dict.fromkeys(range(n), -1)

    def steps(self, number: int, beating: tuple[int, ...]) -> None:
        for _ in range(number):
            for process in beating:
                self.counts[process] += 1
            self.omega.step(self.counts)


def test_the_first_leader_is_process_0_before_any_heartbeat() -> None:
    assert Omega(2, 3, Silence()).leader == 0


def test_a_leader_that_beats_stays() -> None:
    observed = Observed(2, 3)
    observed.steps(10 * PATIENCE, beating=(0, 1))
    assert observed.omega.leader == 0


def test_a_silent_leader_is_replaced_after_patience_steps_and_not_before() -> None:
    observed = Observed(2, 3)
    observed.steps(1, beating=(0, 1))
    observed.steps(PATIENCE - 1, beating=(1,))
    assert observed.omega.leader == 0
    observed.steps(1, beating=(1,))
    assert observed.omega.leader == 1


def test_the_leader_is_the_least_process_that_is_not_suspected() -> None:
    observed = Observed(3, 5)
    observed.steps(PATIENCE, beating=(2, 4))
    assert observed.omega.leader == 2
    observed.steps(PATIENCE, beating=(4,))
    assert observed.omega.leader == 3, "itself it never suspects"


def test_a_process_never_suspects_itself() -> None:
    observed = Observed(0, 3)
    observed.steps(10 * PATIENCE, beating=())
    assert observed.omega.leader == 0


def test_who_beats_again_is_trusted_again_with_twice_the_patience() -> None:
    observed = Observed(1, 2)
    patience = PATIENCE
    for _ in range(4):
        observed.steps(patience, beating=())
        assert observed.omega.leader == 1
        observed.steps(1, beating=(0,))
        assert observed.omega.leader == 0
        patience *= 2
        observed.steps(patience - 1, beating=())
        assert observed.omega.leader == 0
        observed.steps(1, beating=())
        assert observed.omega.leader == 1
        observed.steps(1, beating=(0,))
        patience *= 2


def test_a_count_that_goes_back_is_no_heartbeat() -> None:
    observed = Observed(1, 2)
    observed.counts[0] = 7
    observed.steps(1, beating=())
    observed.counts[0] = 3
    observed.steps(PATIENCE, beating=())
    assert observed.omega.leader == 1


@given(
    pauses=st.lists(st.integers(min_value=1, max_value=40 * PATIENCE), max_size=12),
    last=st.integers(min_value=1, max_value=1000),
)
def test_whatever_pauses_it_makes_a_process_that_beats_for_ever_is_leader_for_ever(
    pauses: list[int], last: int
) -> None:
    """Eventual accuracy: each false suspicion doubles the patience, so one that beats every k steps ends them."""
    observed = Observed(1, 2)
    for pause in pauses:
        observed.steps(pause, beating=())
        observed.steps(1, beating=(0,))
    suspicions = 0
    for _ in range(20):
        observed.steps(last, beating=())
        suspicions += observed.omega.leader == 1
        observed.steps(1, beating=(0,))
    assert observed.omega.leader == 0
    assert suspicions <= (last // PATIENCE).bit_length()


class Local:
    """A connection to a memory in this process, which may crash."""

    transport = "local"
    lost: str | None = None

    def __init__(self, memory: Memory, process: int) -> None:
        self.memory = memory
        self.process = process
        self.crashed = False

    def start(self, instance: int) -> None:
        pass

    def post(self, operation: Beating) -> object:
        if self.crashed:
            return PENDING
        return self.memory.apply(self.process, operation.kind, HEARTBEATS, operation.register, operation.argument)

    def poll(self) -> object:
        return PENDING

    def close(self) -> None:
        pass


@pytest.mark.parametrize("crashed", [(), (0,), (1, 2)], ids=str)
def test_heartbeats_go_through_any_memory_that_answers(crashed: tuple[int, ...]) -> None:
    memories = [Memory([heartbeat_region(2)]) for _ in range(3)]
    connections = {process: [Local(memory, process) for memory in memories] for process in (0, 1)}
    boards = {process: MemoryBoard(process, connections[process]) for process in (0, 1)}
    omega = Omega(1, 2, boards[1])

    def beat(process: int, count: int) -> None:
        boards[process].show(count)

    for count in range(1, 5):
        beat(0, count)
        omega.step(boards[1].look())
        assert omega.leader == 0
    for process in (0, 1):
        for memory in crashed:
            connections[process][memory].crashed = True
    for count in range(5, 5 + 2 * PATIENCE):
        beat(0, count)
        omega.step(boards[1].look())
        assert omega.leader == 0
    for _ in range(PATIENCE):
        omega.step(boards[1].look())
    assert omega.leader == 1, "its heartbeats stopped"
