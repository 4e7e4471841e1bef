"""The rows of small sweeps, held against what is known of their graphs by counting every set of survivors."""

from __future__ import annotations

import itertools
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayrdma import EnvironmentProblem, UsageError, tradeoff
from rayrdma.clusters.nic import NicCache
from rayrdma.clusters.topology import Topology, make_topology
from rayrdma.results.tradeoff.points import (
    MESSAGE_PASSING,
    RDMA_FULL,
    RDMA_SCALE,
    Point,
    Tradeoff,
    as_expected,
    percent,
)
from rayrdma.tradeoff import check_sweep, look_at, run_hbo, sweep


def naive_tolerance(topology: Topology) -> int:
    """The most crashes after which any survivors represent more than half."""
    n = topology.n
    reach = [{p, *topology.neighbours(p).tolist()} for p in range(n)]
    for crashed in range(n):
        for survivors in itertools.combinations(range(n), n - crashed):
            if 2 * len(set().union(*(reach[p] for p in survivors))) <= n:
                return crashed - 1
    return n - 1


@pytest.fixture(scope="module")
def swept(tmp_path_factory: pytest.TempPathFactory) -> Tradeoff:
    return sweep((10, 24), (3, 4), seed=3, storage=tmp_path_factory.mktemp("runs"))


def test_every_graph_has_a_row(swept: Tradeoff) -> None:
    assert [(point.processes, point.system, point.degree) for point in swept.points] == [
        (n, system, degree)
        for n in (10, 24)
        for system, degree in ((MESSAGE_PASSING, 0), (RDMA_SCALE, 3), (RDMA_SCALE, 4), (RDMA_FULL, n - 1))
    ]
    assert swept.holds


def test_what_a_graph_takes_is_what_it_has(swept: Tradeoff) -> None:
    for point in swept.points:
        n, degree = point.processes, point.degree
        name = "none" if not degree else "complete" if degree == n - 1 else "random-regular"
        asked = {"degree": degree} if name == "random-regular" else {}
        topology = make_topology(name, processes=n, seed=3, **asked)  # type: ignore[arg-type]
        assert point.topology == topology.name
        assert point.connections == topology.edges
        assert {point.connections_per_nic} == set(topology.degrees.tolist())
        assert point.permissions_per_nic == (degree + 1 if degree else 0)
        assert point.operations_per_round == (2 * (degree + 1) if degree else 0)
        assert point.operation_ns == swept.nic.operation_ns(degree)
        assert point.round_ns == point.operations_per_round * point.operation_ns


def test_the_ends_are_the_formulas(swept: Tradeoff) -> None:
    for point in swept.points:
        n = point.processes
        if point.system == MESSAGE_PASSING:
            assert (point.tolerated, point.kind, point.blocked) == (n // 2 - 1, "exact", n // 2)
        if point.system == RDMA_FULL:
            assert (point.tolerated, point.kind, point.blocked) == (n - 1, "exact", None)


@settings(max_examples=25, deadline=None)
@given(st.integers(4, 11), st.integers(1, 6), st.integers(0, 50))
def test_what_is_said_of_a_small_graph_is_true(n: int, degree: int, seed: int) -> None:
    if degree >= n or n * degree % 2:
        return
    point = look_at(n, degree, seed, NicCache())
    asked = {} if degree == n - 1 else {"degree": degree}
    topology = make_topology("random-regular" if asked else "complete", processes=n, seed=seed, **asked)  # type: ignore[arg-type]
    exact = naive_tolerance(topology)
    assert point.tolerated <= exact
    assert point.blocked is None or point.blocked > exact
    assert (point.kind == "exact") == (point.tolerated == exact)
    assert as_expected([point])


def test_runs_are_at_both_sides_of_the_bound(swept: Tradeoff) -> None:
    for point in swept.points:
        assert point.inside is not None
        assert (point.inside.crashed, point.inside.verdict) == (point.tolerated, "decided")
        assert 2 * point.inside.represented > point.processes
        if point.beyond is None:
            assert point.blocked is None
        else:
            assert (point.beyond.crashed, point.beyond.verdict) == (point.blocked, "blocked")
            assert 2 * point.beyond.represented <= point.processes


def test_a_run_that_does_not_end_as_its_bound_says_is_told() -> None:
    point = look_at(10, 4, 0, NicCache())
    assert as_expected([point])
    assert point.inside is not None
    wrong = msgspec.structs.replace(point, inside=msgspec.structs.replace(point.inside, verdict="blocked"))
    assert not as_expected([point, wrong])
    wrong = msgspec.structs.replace(point, beyond=point.inside)
    assert not as_expected([point, wrong])


def test_half_is_not_enough_to_run_on() -> None:
    ring = make_topology("ring", processes=6)
    assert run_hbo(ring, [0], 0).verdict == "blocked"
    assert run_hbo(ring, [0, 3], 0).verdict == "decided"


def test_the_same_sweep_finds_the_same() -> None:
    def timeless(point: Point) -> Point:
        return msgspec.structs.replace(point, seconds=0.0)

    first, second = (sweep((10, 16), (3,), seed=7) for _ in range(2))
    assert list(map(timeless, first.points)) == list(map(timeless, second.points))


def test_the_complete_graph_of_many_is_not_made() -> None:
    point = look_at(100_000, 99_999, 0, NicCache())
    assert (point.tolerated, point.connections, point.inside, point.beyond) == (99_999, 4_999_950_000, None, None)
    assert point.seconds < 1


def test_all_but_one_is_not_all() -> None:
    assert percent(99_999 / 100_000) == "99.9%"
    assert percent(1 / 2) == "50.0%"


def test_numbers_are_swept_once_and_in_order() -> None:
    assert check_sweep((24, 10, 24), (4, 3), 0) == ([10, 24], [3, 4])


@pytest.mark.parametrize(
    ("processes", "degrees", "seed", "said"),
    [
        ((), (4,), 0, "at least one number of processes and one degree"),
        ((10,), (), 0, "at least one number of processes and one degree"),
        ((10,), (10,), 0, "no graph of 10 processes has degree 10; it takes 11 or more"),
        ((0,), (4,), 0, "no graph of 0 processes"),
        ((100, 9), (4, 3), 0, "9 processes can not have 3 connections each"),
        ((10,), (0,), 0, "degrees are 1 or more, not 0; message passing"),
        ((10,), (-4,), 0, "degrees are 1 or more, not -4"),
        ((10,), (4,), -1, "a seed is 0 or more, not -1"),
    ],
)
def test_a_sweep_that_can_not_be_is_refused(
    processes: tuple[int, ...], degrees: tuple[int, ...], seed: int, said: str, tmp_path: Path
) -> None:
    with pytest.raises(UsageError, match=said):
        sweep(processes, degrees, seed, storage=tmp_path)
    assert not list(tmp_path.iterdir())


def test_what_breaks_a_sweep_off_leaves_no_empty_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*graph: object) -> Point:
        raise EnvironmentProblem("no room")

    monkeypatch.setattr(tradeoff, "look_at", full)
    with pytest.raises(EnvironmentProblem, match="no room"):
        sweep((10,), (4,), storage=tmp_path)
    assert list((tmp_path / "tradeoff").iterdir()) == []
