"""Consensus of optimal resilience: it decides where HBO blocks, and beyond its bound nothing can."""

from __future__ import annotations

import random

import pytest

from rayrdma.model.trace import Noted
from rayrdma.protocols import HybridBenOr
from rayrdma.protocols.ben_or import DECIDED_IN
from rayrdma.protocols.mixed_consensus import MixedConsensus
from rayrdma.simulator.schedule import Constant
from tests.fuzz import Run
from tests.graphs.runs import schedule as without_cliques
from tests.mutation import Mutant

from .mixed import RESILIENCE, Cliques, Parted, crashes, graph, partition, run_on
from .mixed_mutants import CONSENSUS

PARTITIONED = [name for name in RESILIENCE if RESILIENCE[name] < graph(name).n - 1]


def rounds(outcome: Run) -> set[int]:
    """The rounds in which somebody came to a decision, and was not told it."""
    return {e.value for e in outcome.kernel.trace or () if isinstance(e, Noted) and e.what == DECIDED_IN}


@pytest.mark.parametrize("name", ["star", "Petersen"])
def test_whoever_survives_alone_decides(name: str) -> None:
    """The others crash before the start, or at any moment; schedules are the adversary's, random, or of cliques."""
    n = graph(name).n
    assert RESILIENCE[name] == n - 1
    values, decided_and_crashed = set(), 0
    for seed in range(700):
        rng = random.Random(seed)
        faults = crashes([rng.randrange(n)], n, rng if seed % 4 < 2 else None)
        by = Cliques(seed, n) if seed % 5 == 4 else without_cliques(seed, n)
        outcome = run_on(MixedConsensus, graph(name), seed, faults, by=by)
        assert outcome.violations() == [], outcome
        assert outcome.decided(), outcome
        values |= {decided.value for decided in outcome.observation.decisions}
        decided_and_crashed += len(outcome.observation.decisions) > 1
    assert values == {0, 1}
    assert decided_and_crashed > 0


@pytest.mark.parametrize(
    ("name", "survivors", "reason"),
    [("star", {1, 2, 3}, "represented 4 of 8, needs > 4"), ("Petersen", {0}, "represented 4 of 10, needs > 5")],
)
def test_hbo_blocks_where_this_decides(name: str, survivors: set[int], reason: str) -> None:
    n = graph(name).n
    for seed in range(500):
        blocked = run_on(HybridBenOr, graph(name), seed, crashes(survivors, n))
        assert blocked.kernel.quiescent
        assert blocked.observation.undecided == dict.fromkeys(sorted(survivors), reason)
        decides = run_on(MixedConsensus, graph(name), seed, crashes(survivors, n))
        assert decides.decided()
        assert {decided.process for decided in decides.observation.decisions} == survivors


@pytest.mark.parametrize("name", RESILIENCE)
def test_at_the_bound_everybody_alive_decides(name: str) -> None:
    n, resilience = graph(name).n, RESILIENCE[name]
    for seed in range(40):
        rng = random.Random(f"{name}/{seed}")
        faults = crashes(rng.sample(range(n), n - resilience), n, rng if seed % 2 else None)
        outcome = run_on(MixedConsensus, graph(name), seed, faults)
        assert outcome.violations() == [], outcome
        assert outcome.decided(), outcome


@pytest.mark.parametrize("name", PARTITIONED)
def test_one_past_it_nobody_does(name: str) -> None:
    n, resilience = graph(name).n, RESILIENCE[name]
    reason = f"answers of {n - resilience - 1} processes, needs {n - resilience}"
    for seed in range(500 if name in ("C_8", "2 x K_4 + bridge") else 20):
        survivors = sorted(random.Random(f"{name}/{seed}").sample(range(n), n - resilience - 1))
        outcome = run_on(MixedConsensus, graph(name), seed, crashes(survivors, n))
        assert outcome.violations() == [], outcome
        assert outcome.kernel.quiescent, outcome
        assert outcome.observation.undecided == dict.fromkeys(survivors, reason), outcome


@pytest.mark.parametrize("name", PARTITIONED)
def test_who_does_not_wait_for_enough_decides_on_both_sides_of_a_cut(name: str) -> None:
    """P18's proof as a run: all but two sides crash, who reach no common memory and hear each other late."""
    n, past = graph(name).n, RESILIENCE[name] + 1
    sides = partition(name, past)
    assert sides is not None
    one, other = sides
    faults = crashes(one | other, n)
    inputs = [int(process in other) for process in range(n)]
    torn = run_on(MixedConsensus, graph(name, past), 0, faults, inputs=inputs, by=Parted(sides))
    assert torn.decided()
    assert {(decided.process, decided.value) for decided in torn.observation.decisions} == {
        *((process, 0) for process in one),
        *((process, 1) for process in other),
    }
    assert [violation.check for violation in torn.violations()] == ["agreement", "C1"]
    # With the answers that it needs it waits for the other side instead, and decides with it.
    whole = run_on(MixedConsensus, graph(name), 0, faults, inputs=inputs, by=Parted(sides))
    assert whole.violations() == []
    assert whole.decided()


@pytest.mark.parametrize("name", RESILIENCE)
@pytest.mark.parametrize("value", [0, 1])
def test_if_inputs_agree_a_write_and_a_collect_decide_them(name: str, value: int) -> None:
    n = graph(name).n
    outcome = run_on(MixedConsensus, graph(name), 0, inputs=[value] * n, by=Constant())
    first = outcome.observation.decisions[0]
    assert outcome.violations() == []
    assert outcome.decided()
    assert (first.value, first.depth, rounds(outcome)) == (value, 8, {1})


@pytest.mark.parametrize(
    ("name", "delays"), [("star", 16), ("Petersen", 16), ("C_6", 16), ("C_8", 20), ("no edges, n=5", 20), ("Q_4", 20)]
)
def test_if_somebody_is_missing_they_are_decided_in_the_second_round(name: str, delays: int) -> None:
    n, resilience = graph(name).n, RESILIENCE[name]
    outcome = run_on(MixedConsensus, graph(name), 0, crashes(range(resilience, n), n), inputs=[1] * n, by=Constant())
    first = outcome.observation.decisions[0]
    assert outcome.decided()
    # Of three who ask each other, two are answered together, after the first.
    assert (first.value, first.depth, rounds(outcome)) == (1, delays, {2})


def test_inputs_that_agree_are_decided_by_the_second_round_whatever_the_schedule() -> None:
    for seed in range(200):
        value = seed // 2 % 2
        outcome = run_on(MixedConsensus, graph("C_5"), seed, inputs=[value] * 5)
        assert {decided.value for decided in outcome.observation.decisions} == {value}, outcome
        assert rounds(outcome) <= {1, 2}, outcome


@pytest.mark.parametrize("mutant", CONSENSUS, ids=str)
def test_mutant_is_caught(mutant: Mutant) -> None:
    assert mutant.first_caught(range(mutant.budget)) is not None
