"""At its bound HBO always decides; one past it, with the worst survivors, it always blocks, and says why."""

from __future__ import annotations

import pytest

from rayrdma.faults.plan import Crash
from rayrdma.protocols import HybridBenOr
from tests.clusters.zoo import ZOO

from .bounds import PAST, TOLERATED, at_the_bound, graph, past_the_bound, worst_survivors
from .runs import run_on

SEEDS = range(500)


def test_the_table_names_the_whole_zoo() -> None:
    assert set(TOLERATED) == set(ZOO)


@pytest.mark.parametrize("name", TOLERATED)
def test_at_the_bound_everybody_alive_decides(name: str) -> None:
    values = set()
    for seed in SEEDS:
        outcome = at_the_bound(name, seed)
        assert outcome.violations() == [], outcome
        assert outcome.decided(), outcome
        values |= {decided.value for decided in outcome.observation.decisions}
    assert values == {0, 1}


@pytest.mark.parametrize("name", PAST)
def test_one_past_it_nobody_does(name: str) -> None:
    n = graph(name).n
    represented = len(graph(name).represented(worst_survivors(name, n - TOLERATED[name] - 1)))
    assert 2 * represented <= n
    for seed in SEEDS:
        outcome = past_the_bound(name, seed)
        assert outcome.violations() == [], outcome
        assert outcome.kernel.quiescent, outcome
        assert outcome.observation.decisions == [], outcome
        reason = f"represented {represented} of {n}, needs > {n // 2}"
        assert set(outcome.observation.undecided.values()) == {reason}, outcome


def test_memories_that_die_with_their_owners_take_the_point_away() -> None:
    """The survivor of a star's centre speaks for everybody, but not without their memories."""
    star = graph("star")
    crashes = [Crash(process=p) for p in range(1, star.n)]
    assert run_on(HybridBenOr, star, 0, crashes).decided()
    lost = run_on(HybridBenOr, star, 0, [*crashes, *(Crash(memory=p) for p in range(1, star.n))])
    assert list(lost.observation.undecided) == [0]
