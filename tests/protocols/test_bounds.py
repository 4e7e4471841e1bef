"""At its bound a protocol decides, one past it it blocks; in no run is anything violated."""

from __future__ import annotations

from itertools import combinations, product

import pytest

from rayrdma.faults.plan import parse_crashes
from rayrdma.model.quorums import majority
from rayrdma.protocols import AlignedPaxos
from tests.fuzz import run

from .bounds import (
    AT_THE_BOUND,
    INCOMPARABLE,
    MAJORITY_GONE,
    MEMORIES_GONE,
    MINORITY_GONE,
    PROCESSES_GONE,
    Bound,
    crashed_together,
)

SCHEDULES = 1_000
FIVE = ("p0", "p1", "p2", "m0", "m1")


@pytest.mark.parametrize("bound", [*AT_THE_BOUND, *MINORITY_GONE], ids=str)
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
    assert decided_and_crashed > 0 or not bound.crashed_processes


@pytest.mark.parametrize("bound", [*MEMORIES_GONE, *PROCESSES_GONE, *MAJORITY_GONE], ids=str)
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


@pytest.mark.parametrize("bound", MAJORITY_GONE, ids=str)
def test_the_reason_names_the_agents_that_are_missing(bound: Bound) -> None:
    undecided = bound.run(0).observation.undecided
    agents = bound.n + bound.m
    alive = agents - bound.crashed_processes - bound.crashed_memories
    assert undecided[min(undecided)] == f"needs {majority(agents)} of {agents} agents, {alive} alive"


def test_agents_crash_in_all_combinations() -> None:
    assert crashed_together(3, 2, 2) == [(0, 2), (1, 1), (2, 0)]
    assert crashed_together(3, 2, 3) == [(1, 2), (2, 1)]


@pytest.mark.parametrize("which", list(combinations(FIVE, 2)), ids="-".join)
def test_any_two_of_five_agents_may_crash_in_mid_operation(which: tuple[str, str]) -> None:
    """Each right after its k-th operation, for all small k: between two operations of one step no time can strike."""
    for first, second in product(range(5), repeat=2):
        faults = parse_crashes(
            ",".join(f"{party}@{_moment(party, k)}" for party, k in zip(which, (first, second), strict=True))
        )
        outcome = run(AlignedPaxos, 3, 2, 100 * first + second, faults)
        assert not outcome.violations(), outcome
        assert outcome.decided(), outcome


def _moment(party: str, k: int) -> str:
    if k == 0:
        return "0"
    return f"operation:{k}" if party[0] == "m" or k % 2 else f"send:{k}"


@pytest.mark.parametrize("which", list(combinations(FIVE, 3)), ids="-".join)
def test_any_three_of_five_agents_are_too_many(which: tuple[str, ...]) -> None:
    outcome = run(AlignedPaxos, 3, 2, 0, parse_crashes(",".join(f"{party}@0" for party in which)))
    assert not outcome.violations(), outcome
    assert not outcome.observation.decisions, outcome
    alive = {0, 1, 2} - {int(party[1]) for party in which if party[0] == "p"}
    assert set(outcome.observation.undecided) == alive
    if alive:
        assert outcome.observation.undecided[min(alive)] == "needs 3 of 5 agents, 2 alive"


@pytest.mark.parametrize(("decides", "blocks"), INCOMPARABLE, ids=str)
def test_neither_tolerates_all_that_the_other_does(decides: Bound, blocks: Bound) -> None:
    crashed = [(each.n, each.m, each.crashed_processes, each.crashed_memories) for each in (decides, blocks)]
    assert crashed[0] == crashed[1]
    for seed in range(0, 200, 2):
        outcome = decides.run(seed)
        assert decides.verdict(seed, outcome) == "decided", outcome
        outcome = blocks.run(seed)
        assert blocks.verdict(seed, outcome) == "blocked", outcome
