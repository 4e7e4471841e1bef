"""The batch engine against an engine that one can read in a minute, over random graphs."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from rayrdma.simulator.batch.shard import ARRIVALS, COINS, Setting

from .batch import run_batch
from .drawn import runs
from .naive import UNSURE, Graph, run_naively

ROUNDS = 6


@given(run=runs(), shards=st.integers(1, 3))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_every_vote_and_every_message_is_as_in_the_naive_engine(run: dict[str, Any], shards: int) -> None:
    graph, live, setting = run["graph"], run["live"], run["setting"]
    naive = run_naively(graph, live, run["inputs"], setting.seed, setting.coin, setting.arrival, ROUNDS)
    batch = run_batch(**run, rounds=ROUNDS, shards=shards)
    votes = [[_plain(vote) for vote in said] for said in batch.said["propose"]]
    assert votes == [[phase[p] for p in live] for phase in naive.votes]
    agreed = [[_plain(value) for value in said] for said in batch.said["agree"]]
    assert agreed == [[phase.get(q) for q in range(len(graph))] for phase in naive.agreed]
    assert batch.said["speak"] == [_messages(graph, live, values) for values in batch.said["agree"]]
    assert batch.taken == sorted(many for phase in naive.taken for many in phase.values())
    course = batch.course
    assert course.rounds == naive.rounds
    assert course.represented == naive.represented
    assert course.violation is None
    assert course.blocked == (2 * naive.represented <= len(graph))
    assert ({course.value} if course.own else set()) == set(naive.deciders.values())
    assert (course.own, course.told) == (
        (len(naive.deciders), len(live) - len(naive.deciders)) if course.own else (0, 0)
    )


@pytest.mark.parametrize("arrival", ARRIVALS)
@pytest.mark.parametrize("coin", COINS)
def test_neither_is_a_large_run_another_one(coin: str, arrival: str) -> None:
    """Large enough for receivers to mark most messages without counting."""
    n, seed = 400, 7
    graph = [sorted({(p + d) % n for d in (1, 5, 67, n - 1, n - 5, n - 67)}) for p in range(n)]
    live = [p for p in range(n) if p % 10 in (0, 3, 4, 8)]
    inputs = [p // 3 % 2 for p in range(n)]
    naive = run_naively(graph, live, inputs, seed, coin, arrival, 3)
    batch = run_batch(graph, live, inputs, Setting(seed, coin, arrival), rounds=3, shards=2)
    assert batch.said["propose"] == [[(0, 1, UNSURE).index(phase[p]) for p in live] for phase in naive.votes]
    assert batch.taken == sorted(many for phase in naive.taken for many in phase.values())


def _plain(vote: int) -> object:
    return (0, 1, UNSURE, None)[vote]


def _messages(graph: Graph, live: list[int], values: list[int]) -> list[int]:
    return [values[q] for p in live for q in sorted({p, *graph[p]})]
