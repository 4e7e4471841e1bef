"""At its bound a protocol decides, one past it it blocks; in no run is anything violated."""

from __future__ import annotations

import pytest

from rayrdma.model.quorums import majority

from .bounds import AT_THE_BOUND, MEMORIES_GONE, PAST_THE_BOUND, PROCESSES_GONE, Bound

SCHEDULES = 1_000


@pytest.mark.parametrize("bound", AT_THE_BOUND, ids=str)
def test_at_the_bound_every_live_process_decides(bound: Bound) -> None:
    survivors = crashed_midway = 0
    for seed in range(SCHEDULES):
        outcome = bound.run(seed)
        assert not outcome.violations(), outcome
        assert outcome.decided(), outcome
        dead = outcome.kernel.world.dead_processes
        survivors += len(dead) == bound.crashed_processes
        crashed_midway += any(decision.process in dead for decision in outcome.observation.decisions)
    # The crashes did happen, and some of them after a decision: uniform agreement was at stake.
    assert survivors > SCHEDULES // 10
    assert crashed_midway > 0


@pytest.mark.parametrize("bound", PAST_THE_BOUND, ids=str)
def test_past_the_bound_nobody_decides(bound: Bound) -> None:
    for seed in range(SCHEDULES // 2):
        outcome = bound.run_crashed_from_the_start(seed)
        assert not outcome.violations(), outcome
        assert outcome.kernel.quiescent, outcome
        assert not outcome.observation.decisions, outcome
        assert len(outcome.observation.undecided) == bound.n - bound.crashed_processes, outcome


@pytest.mark.parametrize("bound", PAST_THE_BOUND, ids=str)
def test_past_the_bound_a_run_decides_in_time_or_blocks(bound: Bound) -> None:
    blocked = 0
    for seed in range(SCHEDULES // 2):
        outcome = bound.run(seed)
        assert not outcome.violations(), outcome
        assert outcome.kernel.quiescent, outcome
        blocked += bool(outcome.observation.undecided)
    assert 0 < blocked < SCHEDULES // 2


@pytest.mark.parametrize("bound", MEMORIES_GONE, ids=str)
def test_the_reason_names_the_memories_that_are_missing(bound: Bound) -> None:
    outcome = bound.run_crashed_from_the_start(0)
    leader = min(outcome.observation.undecided)
    alive = bound.m - bound.crashed_memories
    assert f"needs {majority(bound.m)} of {bound.m} memories, {alive} alive" in outcome.observation.undecided[leader]


@pytest.mark.parametrize("bound", PROCESSES_GONE, ids=str)
def test_the_reason_names_the_processes_that_are_missing(bound: Bound) -> None:
    outcome = bound.run_crashed_from_the_start(0)
    leader = min(outcome.observation.undecided)
    alive = bound.n - bound.crashed_processes
    assert outcome.observation.undecided[leader] == f"needs {majority(bound.n)} of {bound.n} processes, {alive} alive"
