"""Whole runs, with all shards in this process."""

from __future__ import annotations

import statistics
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rayrdma.clusters.topology import Topology, make_topology
from rayrdma.model.errors import UsageError
from rayrdma.results.scale import ScaleResult
from rayrdma.scale import ScaleConfig, run_scale
from rayrdma.simulator.batch.rounds import Stage
from tests.cli.command import ROOT, environment
from tests.clusters.zoo import ZOO
from tests.graphs.bounds import PAST, TOLERATED, worst_survivors

SEEDS = 20
REGULAR = make_topology("random-regular", processes=400, degree=8, seed=1)


def run(topology: Topology = REGULAR, **more: Any) -> ScaleResult:
    return run_scale(ScaleConfig(topology, engine="sim", **more))


@pytest.mark.parametrize("name", TOLERATED)
def test_at_the_bound_the_worst_survivors_decide(name: str) -> None:
    graph = ZOO[name]
    survivors = worst_survivors(name, graph.n - TOLERATED[name])
    for seed in range(SEEDS):
        result = run(graph, survivors=survivors, coin="common", seed=seed)
        assert result.verdict == "decided", result
        assert result.decided_own + result.decided_told == len(survivors)


@pytest.mark.parametrize("name", PAST)
def test_one_past_it_they_block_and_say_why(name: str) -> None:
    graph = ZOO[name]
    survivors = worst_survivors(name, graph.n - TOLERATED[name] - 1)
    for seed in range(SEEDS):
        result = run(graph, survivors=survivors, coin="common", seed=seed)
        assert (result.verdict, result.exit_code) == ("blocked", 2), result
        assert result.reason == f"represented {result.represented} of {graph.n}, needs > {graph.n // 2}"
        assert 2 * result.represented <= graph.n


def test_the_worst_crashes_are_worse_than_random_ones_and_tolerated_up_to_the_certified_number() -> None:
    graph = make_topology("random-regular", processes=100, degree=8, seed=1)
    random = run(graph, crash="random", fraction=0.7, coin="common", seed=1)
    worst = run(graph, crash="worst", fraction=0.7, coin="common", seed=1)
    assert worst.survivors == random.survivors == 30
    assert worst.represented < random.represented
    assert worst.verdict == "decided"
    assert worst.messages_mean > random.messages_mean
    certified = run(graph, crash="worst", coin="common", seed=1)
    assert certified.verdict == "decided"
    assert certified.survivors < 50, "more crashes than messages alone tolerate"
    crashed = 100 - certified.survivors
    assert certified.crashed_by == f"the worst crashes found, {crashed}: as many as are known to be tolerated"
    assert run(graph, crash="worst", fraction=0.9, coin="common", seed=1).verdict == "blocked"


@pytest.mark.parametrize("name", ZOO)
def test_if_no_fraction_is_given_as_many_crash_as_are_tolerated(name: str) -> None:
    result = run(ZOO[name], crash="worst", coin="common")
    assert result.verdict == "decided", result
    assert result.processes - result.survivors == TOLERATED[name]


@pytest.mark.parametrize("arrival", ["asynchronous", "synchronous"])
def test_if_all_start_with_one_value_they_decide_it_in_the_first_round(arrival: str) -> None:
    result = run(crash="random", fraction=0.7, inputs="equal", arrival=arrival, seed=3)
    assert (result.verdict, result.decision, result.rounds) == ("decided", 1, 1)
    assert (result.survivors, result.decided_own, result.decided_told) == (120, 120, 0)
    zeros = run(crash="random", fraction=0.7, inputs=[0] * 400, arrival=arrival, seed=3)
    assert (zeros.verdict, zeros.decision, zeros.inputs) == ("decided", 0, "given")


def test_a_common_coin_needs_few_rounds_where_local_ones_need_too_many() -> None:
    local = run(crash="random", fraction=0.7, max_rounds=30)
    assert (local.verdict, local.exit_code, local.rounds) == ("unknown", 2, 30)
    assert "use --coin common" in local.reason
    common = [run(crash="random", fraction=0.7, coin="common", seed=seed) for seed in range(SEEDS)]
    assert {result.verdict for result in common} == {"decided"}
    assert {result.decision for result in common} == {0, 1}
    assert max(result.rounds for result in common) < 10


def test_local_coins_are_enough_where_everybody_hears_everybody() -> None:
    results = [run(crash="random", fraction=0.5, arrival="synchronous", seed=seed) for seed in range(SEEDS)]
    assert {result.verdict for result in results} == {"decided"}
    assert all(result.messages_mean == result.messages_p99 == 200 for result in results)


def test_rounds_with_local_coins_grow_exponentially_with_n() -> None:
    """Ben-Or, which is HBO without edges. In a sparse graph it is the same, later; with a common coin it is not so."""
    local, common = {}, {}
    for n in (8, 12, 16):
        graph = make_topology("none", processes=n)
        for coin, rounds in (("local", local), ("common", common)):
            results = [run(graph, coin=coin, seed=seed, max_rounds=5000) for seed in range(40)]
            assert {result.verdict for result in results} == {"decided"}
            rounds[n] = statistics.mean(result.rounds for result in results)
    assert local[12] > 1.5 * local[8], local
    assert local[16] > 1.5 * local[12], local
    assert max(common.values()) < 4, common


def test_the_example_shows_it() -> None:
    command = [sys.executable, str(ROOT / "examples/local_coins.py")]
    shown = subprocess.run(command, env=environment(), capture_output=True, text=True, check=True).stdout
    head, *rows = (line.split() for line in shown.splitlines())
    assert head == ["n", "no", "edges", "ring", "common", "coin"]
    assert [row[0] for row in rows] == ["4", "8", "12", "16"]
    none, ring, common = zip(*(map(float, row[1:]) for row in rows), strict=True)
    assert all(later > 1.5 * earlier for earlier, later in pairwise(none)), none
    assert list(ring) == sorted(ring)
    assert max(common) < 3


def test_a_run_depends_on_its_seed_and_on_nothing_else() -> None:
    def course(**more: Any) -> dict[str, Any]:
        result = run(crash="random", fraction=0.6, coin="common", **more)
        timed = ("seconds", "phase_seconds", "peak_bytes", "shards")
        return {name: value for name, value in msgspec.to_builtins(result).items() if name not in timed}

    assert course(seed=1, shards=1) == course(seed=1, shards=3) == course(seed=1, shards=100)
    assert course(seed=1) != course(seed=2)


def test_more_shards_than_survivors_are_not_made() -> None:
    assert run(survivors=[0, 1, 2], shards=10).shards == 3


def test_the_run_folder_has_the_result(tmp_path: Path) -> None:
    result = run(inputs="equal", storage=tmp_path)
    assert result.folder is not None
    assert Path(result.folder).parent == tmp_path / "scale"
    assert (tmp_path / "scale/latest/scale.json").read_bytes() == result.json()
    assert msgspec.json.decode(result.json(), type=ScaleResult) == result


def test_what_is_told_of_a_run() -> None:
    stages: list[Stage] = []
    result = run_scale(ScaleConfig(REGULAR, engine="sim", coin="common", seed=4), stages.append)
    assert [(stage.round, stage.phase) for stage in stages[:-1]] == [
        (round, phase) for round in range(1, result.rounds + 1) for phase in "RP"
    ]
    assert [stage.decided for stage in stages] == [0] * (len(stages) - 1) + [400]
    assert stages[-1].exchanged == result.exchanged_bytes == 2 * result.rounds * (400 + 400 + 9 * 400)
    assert result.represented == 400


@pytest.mark.parametrize(
    ("wrong", "says"),
    [
        ({"crash": "some"}, "there is no crash 'some'; choose one of none, random, worst"),
        ({"coin": "fair"}, "there is no coin 'fair'; choose one of local, common"),
        ({"arrival": "late"}, "there is no arrival 'late'; choose one of asynchronous, synchronous"),
        ({"engine": "spark"}, "there is no engine 'spark'"),
        ({"inputs": "odd"}, "there is no kind of inputs 'odd'; choose one of equal, mixed"),
        ({"inputs": [0, 1]}, "400 processes need 400 inputs, one each; 2 were given"),
        ({"inputs": [2] * 400}, "every input must be 0 or 1"),
        ({"crash": "random"}, "random crashes need the fraction"),
        ({"fraction": 0.5}, "a fraction of the processes crashes only"),
        ({"crash": "random", "fraction": 1.0}, "0 or more, and less than 1, not 1"),
        ({"crash": "random", "fraction": -0.1}, "0 or more, and less than 1, not -0.1"),
        ({"crash": "random", "fraction": float("nan")}, "0 or more, and less than 1, not nan"),
        ({"crash": "random", "fraction": 0.9999}, "crashes all of 400 processes; at least one must survive"),
        ({"crash": "random", "fraction": 0.5, "survivors": [1]}, "either given or chosen"),
        ({"survivors": []}, "one or more of the processes 0 to 399"),
        ({"survivors": [400]}, "one or more of the processes 0 to 399"),
        ({"seed": -1}, "a seed is 0 or more"),
        ({"seed": 2**63}, "below 2^63"),
        ({"shards": 0}, "shards must be 1 or more, not 0"),
        ({"max_rounds": 0}, "max_rounds must be 1 or more, not 0"),
    ],
    ids=str,
)
def test_wrong_usage_is_one_line(wrong: dict[str, Any], says: str) -> None:
    with pytest.raises(UsageError) as raised:
        run_scale(ScaleConfig(REGULAR, **{"engine": "sim", **wrong}))
    assert says in str(raised.value)
    assert "\n" not in str(raised.value)
