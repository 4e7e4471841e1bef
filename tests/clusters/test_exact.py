"""The solver by itself, without a search that has found the answer before."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings

from rayrdma.clusters.attack import represented
from rayrdma.clusters.exact import expansion_of, largest_blocking_set, largest_cut, least_expanding
from rayrdma.clusters.topology import Topology, make_topology

from .oracle import look_at_every_set
from .test_tolerance import graphs
from .zoo import ZOO

LONG = 60.0
"""Seconds; none of these needs one."""


def solved(topology: Topology) -> None:
    n, naive = topology.n, look_at_every_set(topology)
    blocking, most = largest_blocking_set(topology, LONG)
    assert len(blocking) == most == n - 1 - naive.hbo
    assert represented(topology, blocking) <= n // 2
    side, most = largest_cut(topology, LONG)
    assert most == n - 1 - naive.partition
    assert len(side) >= most
    if n > 1:
        for start in ([0], range(n // 2)):
            least, proved = least_expanding(topology, np.array(start), LONG)
            assert proved
            assert 1 <= len(least) <= n // 2
            assert expansion_of(topology, least) == naive.h


@pytest.mark.parametrize("name", ZOO)
def test_the_zoo(name: str) -> None:
    solved(ZOO[name])


@given(graphs(most=8))
@settings(max_examples=40, deadline=None, derandomize=True)
def test_any_small_graph(topology: Topology) -> None:
    solved(topology)


def test_a_solver_that_gives_up_says_so() -> None:
    topology = make_topology("random-regular", processes=60, degree=5, seed=1)
    blocking, most = largest_blocking_set(topology, 0.0)
    assert len(blocking) < most <= 30
    side, most = largest_cut(topology, LONG, nodes=1)
    assert len(side) < most <= 30
    best, proved = least_expanding(topology, np.array([0, 1]), 0.0)
    assert (best.tolist(), proved) == ([0, 1], False)
