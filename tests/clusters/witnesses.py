"""Witnesses are held against the graph by counting, whoever found them."""

from __future__ import annotations

from fractions import Fraction

from rayrdma.clusters.tolerance import Bound, CutBound, Expansion
from rayrdma.clusters.topology import Topology


def neighbourhood(topology: Topology, chosen: list[int]) -> set[int]:
    """A set and its neighbours."""
    return set(chosen).union(*(map(int, topology.neighbours(process)) for process in chosen))


def blocks(topology: Topology, bound: Bound) -> None:
    """One crash more than the bound leaves a set that represents too few, unless it leaves nobody."""
    survivors = topology.n - bound.value - 1
    assert len(set(bound.witness)) == len(bound.witness) == survivors
    assert 2 * len(neighbourhood(topology, bound.witness)) <= topology.n


def cuts(topology: Topology, bound: CutBound) -> None:
    """One crash more than the bound leaves a cut (10.5), unless it leaves nobody."""
    survivors = topology.n - bound.value - 1
    if bound.witness is None:
        assert survivors == 0
        return
    s, t, b1, b2 = bound.witness.s, bound.witness.t, bound.witness.b1, bound.witness.b2
    assert sorted([*s, *t, *b1, *b2]) == list(range(topology.n))
    assert min(len(s), len(t)) == survivors > 0
    assert not neighbourhood(topology, s) & {*t, *b2}
    assert not neighbourhood(topology, t) & {*s, *b1}
    assert not neighbourhood(topology, s) & neighbourhood(topology, t)


def expands(topology: Topology, expansion: Expansion) -> None:
    """The set has the expansion."""
    assert expansion.fraction is not None
    h, chosen = Fraction(expansion.fraction), expansion.witness
    assert 1 <= len(chosen) == len(set(chosen)) <= topology.n // 2
    assert Fraction(len(neighbourhood(topology, chosen)) - len(chosen), len(chosen)) == h
    assert expansion.value == float(h)
