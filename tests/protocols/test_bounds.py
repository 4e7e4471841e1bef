"""At its bound a protocol decides, one past it it blocks; in no run is anything violated."""

from __future__ import annotations

import pytest

from rayrdma.model.quorums import majority

from .bounds import AT_THE_BOUND, MEMORIES_GONE, PROCESSES_GONE, Bound

SCHEDULES = 1_000


@pytest.mark.parametrize("bound", AT_THE_BOUND, ids=str)
def test_at_the_bound_every_live_process_decides(bound: Bound) -> None:
    all_crashed = decided_and_crashed = 0
    for seed in range(SCHEDULES):
        outcome = bound.run(seed)
        assert bound.verdict(seed, outcome) == "decided", outcome
        dead = outcome.kernel.world.dead_processes
        all_crashed += len(dead) == bound.crashed_processes
        decided_and_crashed += any(decision.process in dead for decision in outcome.observation.decisions)
    # The crashes did happen, and some of them after a decision: uniform agreement was at stake.
    assert all_crashed > SCHEDULES // 10
    assert decided_and_crashed > 0


@pytest.mark.parametrize("bound", [*MEMORIES_GONE, *PROCESSES_GONE], ids=str)
def test_past_the_bound_it_blocks_or_had_decided_before(bound: Bound) -> None:
    blocked = 0
    for seed in range(SCHEDULES):
        outcome = bound.run(seed)
        verdict = bound.verdict(seed, outcome)
        assert verdict in (("blocked",) if bound.must_block(seed) else ("blocked", "decided")), outcome
        blocked += verdict == "blocked"
        if bound.must_block(seed):
            assert len(outcome.observation.undecided) == bound.n - bound.crashed_processes, outcome
    assert SCHEDULES // 2 < blocked < SCHEDULES, "of those that might decide in time some do and some do not"


@pytest.mark.parametrize("bound", MEMORIES_GONE, ids=str)
def test_the_reason_names_the_memories_that_are_missing(bound: Bound) -> None:
    undecided = bound.run(0).observation.undecided
    alive = bound.m - bound.crashed_memories
    assert undecided[min(undecided)] == f"needs {majority(bound.m)} of {bound.m} memories, {alive} alive"


@pytest.mark.parametrize("bound", PROCESSES_GONE, ids=str)
def test_the_reason_names_the_processes_that_are_missing(bound: Bound) -> None:
    undecided = bound.run(0).observation.undecided
    alive = bound.n - bound.crashed_processes
    assert undecided[min(undecided)] == f"needs {majority(bound.n)} of {bound.n} processes, {alive} alive"
