from __future__ import annotations

from fractions import Fraction
from functools import cache

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayrdma.clusters.tolerance import (
    ATTACK,
    CERTIFIED,
    EXACT,
    Tolerance,
    analyse,
    hbo_tolerance,
    paper_formula,
    partition_bound,
    slide_formula,
)
from rayrdma.clusters.topology import Topology, make_topology

from .oracle import look_at_every_set
from .witnesses import blocks, cuts, expands, neighbourhood
from .zoo import ZOO

NONE: list[int] = []
TABLE = (
    # graph, n, degrees, h, paper, slide (open), HBO, no cut, survivors that block HBO
    ("K_4", 4, (3, 3), "1", 2, 1, 3, 3, NONE),
    ("K_5", 5, (4, 4), "3/2", 3, 3, 4, 4, NONE),
    ("K_8", 8, (7, 7), "1", 5, 3, 7, 7, NONE),
    ("no edges, n=5", 5, (0, 0), "0", 2, None, 2, 2, [1, 3]),
    ("no edges, n=8", 8, (0, 0), "0", 3, None, 3, 3, [0, 2, 4, 7]),
    ("C_5", 5, (2, 2), "1", 3, 2, 4, 4, NONE),
    ("C_6", 6, (2, 2), "2/3", 4, 1, 4, 4, [0]),
    ("C_8", 8, (2, 2), "1/2", 5, -1, 5, 5, [0, 1]),
    ("C_9", 9, (2, 2), "1/2", 5, -1, 6, 6, [0, 1]),
    ("C_12", 12, (2, 2), "1/3", 7, -7, 7, 7, [0, 1, 2, 3]),
    ("C_16", 16, (2, 2), "1/4", 9, -17, 9, 9, [0, 1, 2, 3, 4, 5]),
    ("2 x K_3 + bridge", 6, (2, 3), "1/3", 3, -4, 3, 3, [0, 1]),
    ("2 x K_4 + bridge", 8, (3, 4), "1/4", 4, -9, 4, 4, [0, 1, 2]),
    ("2 x K_5 + bridge", 10, (4, 5), "1/5", 5, -16, 5, 5, [0, 1, 2, 3]),
    ("2 x K_3", 6, (2, 2), "0", 2, None, 2, 2, [0, 1, 2]),
    ("Q_3", 8, (3, 3), "3/4", 5, 2, 6, 6, [0]),
    ("Q_4", 16, (4, 4), "3/4", 11, 5, 13, 13, [0, 1]),
    ("Petersen", 10, (3, 3), "4/5", 7, 3, 8, 9, [0]),
    ("K_3,3", 6, (3, 3), "1", 4, 2, 5, 5, NONE),
    ("star", 8, (1, 7), "1/4", 4, -9, 4, 7, [1, 2, 3]),
    ("circulant 13 {1,5}", 13, (4, 4), "1", 9, 6, 11, 12, [0]),
    ("torus 4x4", 16, (4, 4), "3/4", 11, 5, 13, 13, [0, 1]),
)


@cache
def analysed(name: str) -> Tolerance:
    return analyse(ZOO[name])


@pytest.mark.parametrize("row", TABLE, ids=lambda row: row[0])
def test_the_table_of_worked_examples(
    row: tuple[str, int, tuple[int, int], str, int, int | None, int, int, list[int]],
) -> None:
    name, n, degrees, h, paper, slide, hbo, partition, stuck = row
    topology, found = ZOO[name], analysed(name)
    assert (found.n, found.degree_min, found.degree_max) == (n, *degrees)
    assert found.expansion is not None
    assert (found.expansion.fraction, found.expansion.kind) == (h, EXACT)
    assert found.paper_bound is not None
    assert (found.paper_bound.value, found.paper_bound.kind) == (paper, EXACT)
    assert found.slide_bound_closed == found.paper_bound
    assert (found.slide_bound_open and found.slide_bound_open.value) == slide
    assert (found.hbo_tolerance.value, found.hbo_tolerance.kind) == (hbo, EXACT)
    assert (found.partition_bound.value, found.partition_bound.kind) == (partition, EXACT)
    assert len(stuck) == n - 1 - hbo
    assert 2 * len(neighbourhood(topology, stuck)) <= n
    assert found.expansion_attack is found.hbo_attack is found.partition_attack is None


def test_the_table_and_the_zoo_have_the_same_graphs() -> None:
    assert {row[0] for row in TABLE} | {"clusters 5+1+1"} == set(ZOO)


def test_clusters_that_share_memory_only_inside() -> None:
    assert analysed("clusters 5+1+1").hbo_tolerance.value == 4


@pytest.mark.parametrize("name", ZOO)
def test_every_witness_is_one(name: str) -> None:
    topology, found = ZOO[name], analysed(name)
    blocks(topology, found.hbo_tolerance)
    cuts(topology, found.partition_bound)
    assert found.expansion is not None
    expands(topology, found.expansion)


@pytest.mark.parametrize("name", ZOO)
def test_every_answer_is_that_of_looking_at_every_set(name: str) -> None:
    holds_against_every_set(ZOO[name], analysed(name))


@pytest.mark.parametrize("name", ZOO)
def test_a_certificate_is_no_more_and_an_attack_no_less(name: str) -> None:
    between(ZOO[name], analyse(ZOO[name], seconds=0))


@st.composite
def graphs(draw: st.DrawFn, most: int = 9) -> Topology:
    n = draw(st.integers(1, most))
    pairs = [(a, b) for a in range(n) for b in range(a)]
    chosen = draw(st.lists(st.sampled_from(pairs), unique=True)) if pairs else []
    return Topology.from_edges(n, np.array(chosen, int).reshape(-1, 2), "drawn")


@given(graphs())
@settings(max_examples=60, deadline=None, derandomize=True)
def test_any_small_graph(topology: Topology) -> None:
    found = analyse(topology)
    holds_against_every_set(topology, found)
    assert {found.hbo_tolerance.kind, found.partition_bound.kind} == {EXACT}
    between(topology, analyse(topology, seconds=0))


def holds_against_every_set(topology: Topology, found: Tolerance) -> None:
    naive = look_at_every_set(topology)
    assert (found.hbo_tolerance.value, found.partition_bound.value) == (naive.hbo, naive.partition)
    blocks(topology, found.hbo_tolerance)
    cuts(topology, found.partition_bound)
    assert naive.hbo <= naive.partition
    if naive.h is None:
        assert found.expansion is found.paper_bound is None
        return
    assert found.expansion is not None
    expands(topology, found.expansion)
    assert found.expansion.fraction == str(naive.h)
    assert found.paper_bound is not None
    assert found.message_passing <= naive.hbo
    assert found.paper_bound.value <= naive.hbo


def between(topology: Topology, found: Tolerance) -> None:
    """Without the solver, certificates and attacks have the truth between them."""
    naive = look_at_every_set(topology)
    for bound, against, truth in (
        (found.hbo_tolerance, found.hbo_attack, naive.hbo),
        (found.partition_bound, found.partition_attack, naive.partition),
    ):
        if against is None:
            assert (bound.kind, bound.value) == (EXACT, truth)
        else:
            assert (bound.kind, against.kind) == (CERTIFIED, ATTACK)
            assert bound.value <= truth <= against.value
    if found.hbo_attack is not None:
        blocks(topology, found.hbo_attack)
    if found.partition_attack is not None:
        cuts(topology, found.partition_attack)
    if found.expansion_attack is not None:
        expands(topology, found.expansion_attack)
        assert naive.h is not None
        assert found.expansion is not None
        assert found.expansion.kind == CERTIFIED
        assert found.expansion_attack.fraction is not None
        assert found.expansion.value <= naive.h <= Fraction(found.expansion_attack.fraction)


@pytest.mark.parametrize("h", [Fraction(1, 5), Fraction(3, 4), Fraction(1), Fraction(3, 2)])
def test_the_slide_read_with_the_closed_neighbourhood_is_the_papers_formula(h: Fraction) -> None:
    for n in range(1, 60):
        f = paper_formula(n, h)
        assert f < (1 - 1 / (2 * (1 + h))) * n <= f + 1
        assert slide_formula(n, 1 + h) == f
        assert slide_formula(n, h) <= f


@pytest.mark.parametrize("n", range(5, 17))
def test_rings(n: int) -> None:
    assert hbo_tolerance(make_topology("ring", processes=n)).value == (n + 1) // 2 + 1


def test_exact_tolerance_of_a_random_4_regular_graph_of_32() -> None:
    topology = make_topology("random-regular", processes=32, degree=4, seed=0)
    found = hbo_tolerance(topology)
    assert (found.value, found.kind) == (23, EXACT)
    blocks(topology, found)


def test_a_partition_bound_that_is_too_hard_is_a_certificate_and_the_same_again() -> None:
    """Used when a protocol starts, so it must not depend on how fast the machine is."""
    topology = make_topology("random-regular", processes=48, degree=4, seed=1)
    bound = partition_bound(topology)
    assert bound == partition_bound(topology)
    assert (bound.kind, bound.witness) == (CERTIFIED, None)
    assert 23 < bound.value <= 36  # between message passing and a cut that was found


def test_one_seed_gives_one_answer() -> None:
    topology = make_topology("random-regular", processes=90, degree=6, seed=5)
    first = analyse(topology, seconds=0, seed=3)
    assert first == analyse(topology, seconds=0, seed=3)
    assert first.hbo_attack is not None
    assert first.hbo_tolerance.value < first.hbo_attack.value


def test_it_is_one_json_object() -> None:
    found = analysed("Petersen")
    encoded = msgspec.json.encode(found)
    assert msgspec.json.decode(encoded, type=Tolerance) == found
    keys = {"n", "degree_min", "degree_max", "expansion", "paper_bound", "hbo_tolerance", "partition_bound"}
    assert keys <= set(msgspec.json.decode(encoded))


def test_nobody_expands_alone() -> None:
    found = analyse(make_topology("none", processes=1))
    assert found.expansion is found.paper_bound is found.slide_bound_open is None
    assert (found.hbo_tolerance.value, found.partition_bound.value) == (0, 0)
