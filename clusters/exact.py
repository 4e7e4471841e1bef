"""Exact answers by integer programming (HiGHS, through scipy).

Choose W with |W| <= n/2 so that as many processes v as can be have all of N[v] in W: these are the largest set of
survivors with which HBO blocks. Choose S and T, both large, without a pair at distance two or less: these are the sides
of an SM-cut. (With a colour for each memory instead, those that S or T can reach, it takes three times as long.) And
for the vertex expansion (Dinkelbach's method): is there a set with q |N[C]| - (p + q) |C| < 0, where p/q is the least
ratio so far?

Measured on random 4-regular graphs, on two cores: HiGHS needs about 1 second for the first question for n = 32, 3 for
40, 5 for 48, 20 for 56 and 60 for 64, for cubic graphs 30 for 80. CP-SAT of OR-tools needs 5 times as long for 32, and
has proved next to nothing for 40 after 2 minutes (its bound was 36 where HiGHS had proved 10). So it is HiGHS.

A solver works in floating point: integers are within 1e-6, on coefficients of 0 and +-1. What it finds is
counted again in integers; that there is nothing better is its word.
"""

from __future__ import annotations

import math
import time
from fractions import Fraction
from typing import Any

import numpy as np
import numpy.typing as npt

from .attack import represented, within_two
from .topology import Topology

Processes = npt.NDArray[np.int64]
Numbers = npt.NDArray[np.float64]

TOLERANCE = 1e-6


def largest_blocking_set(topology: Topology, seconds: float, nodes: int | None = None) -> tuple[Processes, int]:
    """The largest set of survivors that represents n/2 processes or less.

    Args:
        seconds: after which the solver gives up.
        nodes: of the search tree, after which it gives up; unlike the time, the same everywhere.
    Returns:
        The set, ascending, and a size that no such set exceeds: its own, unless the solver gave up.
    """
    from scipy.sparse import block_array

    n, half = topology.n, topology.n // 2
    who, whom, each = _entries(*topology.closed())
    matrix = block_array([[-who, whom], [None, -each]])  # in C, in W
    low = np.concatenate([np.zeros(who.shape[0]), [-half]])
    solution, bound = _maximise(np.repeat([1.0, 0.0], n), matrix, low, np.ones(2 * n), seconds, nodes)
    return _seeing_only(topology, solution[n:] > 0.5), _whole(bound, half)


def largest_cut(topology: Topology, seconds: float, nodes: int | None = None) -> tuple[Processes, int]:
    """One side of an SM-cut, as large as it can be with as many others that can reach no memory in common with it.

    Returns:
        The side, ascending, and a size that no side exceeds if the other is as large; its own or less, unless the
        solver gave up.
    """
    from scipy.sparse import block_array

    n, half = topology.n, topology.n // 2
    who, whom, each = _entries(*within_two(topology))
    one = np.ones((1, 1))
    matrix = block_array([[-who, -whom, None], [each, None, -one], [None, each, -one]])  # in S, in T, the smaller size
    low = np.concatenate([-np.ones(who.shape[0]), [0, 0]])
    highest = np.append(np.ones(2 * n), half)
    solution, bound = _maximise(np.append(np.zeros(2 * n), 1.0), matrix, low, highest, seconds, nodes)
    return np.flatnonzero(solution[:n] > 0.5), _whole(bound, half)


def least_expanding(topology: Topology, best: Processes, seconds: float) -> tuple[Processes, bool]:
    """A set of 1 to n/2 processes with the fewest neighbours a member.

    Args:
        best: the set to start from.
    Returns:
        The set, ascending, and whether it is proved that none has fewer.
    """
    from scipy.sparse import block_array

    n = topology.n
    who, whom, each = _entries(*topology.closed())
    matrix = block_array([[-who, whom], [each, None], [-each, None]])
    low = np.concatenate([np.zeros(who.shape[0]), [1, -(n // 2)]])
    until = time.monotonic() + seconds
    while True:
        least = expansion_of(topology, best)
        p, q = least.numerator, least.denominator
        objective = np.repeat([float(p + q), float(-q)], n)
        solution, bound = _maximise(objective, matrix, low, np.ones(2 * n), until - time.monotonic())
        found = np.flatnonzero(solution[:n] > 0.5)
        if 1 <= len(found) <= n // 2 and expansion_of(topology, found) < least:
            best = found
        else:
            return best, bound < 1 - TOLERANCE * n


def expansion_of(topology: Topology, chosen: Processes) -> Fraction:
    """How many neighbours outside a set has, a member."""
    return Fraction(represented(topology, chosen) - len(chosen), len(chosen))


def _entries(indptr: Processes, indices: npt.NDArray[np.int32]) -> tuple[Any, Any, Any]:
    """For each entry of the rows, who sees, and whom; and one row over everybody."""
    from scipy.sparse import csr_array

    count, n = len(indices), len(indptr) - 1
    rows = np.arange(count + 1)
    who = csr_array((np.ones(count), np.repeat(np.arange(n), np.diff(indptr)), rows), shape=(count, n))
    return who, csr_array((np.ones(count), indices, rows), shape=(count, n)), np.ones((1, n))


def _maximise(
    objective: Numbers, matrix: Any, low: Numbers, highest: Numbers, seconds: float, nodes: int | None = None
) -> tuple[Numbers, float]:
    """The best integers found with ``matrix @ x >= low``, ``0 <= x <= highest``, zeros if none; and what bounds all."""
    from scipy.optimize import Bounds, LinearConstraint, milp

    options: dict[str, float] = {"time_limit": max(0.0, seconds), "mip_rel_gap": 0.0}
    if nodes is not None:
        options["node_limit"] = nodes
    result = milp(
        -objective,
        integrality=np.ones(len(objective)),
        bounds=Bounds(0, highest),
        constraints=LinearConstraint(matrix, low, np.inf),
        options=options,
    )
    solution: Numbers = np.zeros(len(objective)) if result.x is None else result.x
    bound = math.inf if result.mip_dual_bound is None else -float(result.mip_dual_bound)
    return solution, bound


def _seeing_only(topology: Topology, colour: npt.NDArray[np.bool_]) -> Processes:
    """The processes whose closed neighbourhood has this colour throughout."""
    return np.flatnonzero(colour & (topology.matrix() @ ~colour == 0))


def _whole(bound: float, most: int) -> int:
    return math.floor(min(bound + TOLERANCE, most))
