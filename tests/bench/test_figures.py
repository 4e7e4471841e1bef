import os

import msgspec
import pytest

from rayrdma.bench import MEMORIES, SETS, Arena, shared_memory, simulator
from rayrdma.explorer_bench import explorer
from rayrdma.protocols import PROTOCOLS
from rayrdma.results.figures import Bench, Figure, against, figure


def test_a_figure_is_the_median_and_the_99th_percentile() -> None:
    measured = figure("x", [1000 * n for n in range(1, 101)])
    assert (measured.p50, measured.p99, measured.unit) == (50.5, 100.0, "us")


def test_ratios_go_both_ways() -> None:
    slow, fast = Figure("slow", 100.0, 200.0, "us"), Figure("fast", 4.0, 8.0, "us")
    assert against(slow, "fast", fast).ratio == 25
    compared = against(fast, "slow", slow, faster=True)
    assert (compared.ratio, compared.faster, compared.bare_p50) == (25, True, 100.0)


def test_the_simulator_is_measured_in_runs_and_events() -> None:
    runs, events = simulator(seconds=0.05)
    assert 0 < runs.p50 < events.p50


def test_the_explorer_is_measured_for_each_protocol_and_on_two_cores() -> None:
    figures = explorer(seconds=0.001, turns=1)
    for name, measured in zip(PROTOCOLS, figures, strict=False):
        assert measured.name == f"explorer, {name}, schedules a second"
        assert measured.p50 > 0
    assert [bare.name for bare in figures[len(PROTOCOLS) :: 2]] == [
        two.bare for two in figures[len(PROTOCOLS) + 1 :: 2]
    ]
    assert len(figures) == len(PROTOCOLS) + (2 if len(os.sched_getaffinity(0)) > 1 else 0)


@pytest.mark.live
def test_decisions_over_shared_memory_are_measured_beside_the_bare_copies() -> None:
    bare, decision, write, read = shared_memory(bursts=3)
    assert 0 < bare.p50 < decision.p50
    assert decision.ratio == pytest.approx(decision.p50 / bare.p50)
    assert min(write.p50, read.p50) > 0


@pytest.mark.live
def test_every_process_of_the_arena_decides_in_two_delays(tmp_path) -> None:  # type: ignore[no-untyped-def]
    arena = Arena(str(tmp_path))
    for instance in (1, 2):
        processes = arena.processes(instance)
        for process in processes:
            process.begin("v")
        assert [(p.decision, p.decision_depth) for p in processes] == [("v", 2)] * SETS
        assert all(len(p.memories) == MEMORIES for p in processes)


def test_a_bench_is_one_json_object() -> None:
    bench = Bench([Figure("x", 1.0, None, "1/s")], {"python": "3"})
    assert msgspec.json.decode(msgspec.json.encode(bench), type=Bench) == bench
