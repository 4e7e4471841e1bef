"""The simulator and the batch engine, on the same draws: the same votes, messages, decisions, phase by phase."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings

from rayrdma.clusters.topology import make_topology
from rayrdma.simulator.batch.shard import ARRIVALS, ASYNCHRONOUS, COINS, COMMON, Setting

from .batch import Batch, run_batch
from .drawn import runs
from .simulated import Simulated, simulate

ROUNDS = 6


@given(run=runs())
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_both_engines_take_the_same_course(run: dict[str, Any]) -> None:
    assert_same(run, run_batch(**run, rounds=ROUNDS, shards=2), simulate(*run.values(), ROUNDS))


@pytest.mark.parametrize("arrival", ARRIVALS)
@pytest.mark.parametrize("coin", COINS)
@pytest.mark.parametrize("seed", range(3))
def test_so_they_do_with_64_processes(seed: int, coin: str, arrival: str) -> None:
    rng = random.Random(seed)
    graph = [
        row.tolist()
        for row in map(make_topology("random-regular", processes=64, degree=6, seed=seed).neighbours, range(64))
    ]
    live = sorted(rng.sample(range(64), 20))
    inputs = [rng.randrange(2) for _ in range(64)]
    run = {"graph": graph, "live": live, "inputs": inputs, "setting": Setting(seed, coin, arrival)}
    batch = run_batch(**run, rounds=ROUNDS, shards=3)
    assert_same(run, batch, simulate(*run.values(), ROUNDS))
    assert batch.verdict == ("decided" if coin == COMMON or arrival != ASYNCHRONOUS else "unknown")


def assert_same(run: dict[str, Any], batch: Batch, simulated: Simulated) -> None:
    live, course = run["live"], batch.course
    phases = len(batch.said["propose"])
    assert [dict(zip(live, votes, strict=True)) for votes in batch.said["propose"]] == simulated.votes[:phases]
    touched = [{q: vote for q, vote in enumerate(agreed) if vote != 3} for agreed in batch.said["agree"]]
    assert touched == simulated.agreed[:phases]
    said = [[vote for p in live for _, vote in messages[p]] for messages in simulated.messages]
    assert batch.said["speak"] == said
    assert simulated.violations == []
    if course.value is None:
        assert simulated.decisions == {}
        lacks = f"needs objects for more than {ROUNDS} rounds"
        if course.blocked:
            lacks = f"represented {course.represented} of {len(run['graph'])}, needs > {len(run['graph']) // 2}"
        assert simulated.undecided == dict.fromkeys(live, lacks)
    else:
        assert simulated.decisions == dict.fromkeys(live, course.value)
        assert set(simulated.decided_in.values()) == {course.rounds}
        assert len(simulated.decided_in) == course.own
