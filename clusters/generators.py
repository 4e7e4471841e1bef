"""Shared-memory graphs by rule: each function gives the number of processes and the edges, as arrays.

Parameters are named as on the command line; what a function takes is what its graph needs. Edges are pairs in any
order, of which `Topology.from_edges` merges the repeated ones. Everything is vectorised: 100,000 processes of degree 32
take a second or two.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from rayrdma.model.errors import UsageError

from .regular import random_regular_edges
from .room import require_bytes

Edges = tuple[int, npt.NDArray[np.int32]]

BYTES_PER_EDGE = 80
"""The peak while edges become sorted rows: the pairs, both directions of them as one key, and one sort of these."""
BYTES_PER_PROCESS = 32
MOST_PROCESSES = 2**31 - 1
"""So that a process fits 32 bits."""


def complete(processes: int) -> Edges:
    """Everybody with everybody: RDMA in full."""
    n = _at_least(1, processes, "a complete graph")
    _fits(n, n * (n - 1) // 2)
    return n, _clique(n)


def none(processes: int) -> Edges:
    """No shared memory: message passing."""
    n = _at_least(1, processes, "a graph")
    _fits(n, 0)
    return n, np.empty((0, 2), np.int32)


def ring(processes: int) -> Edges:
    """A cycle."""
    n = _at_least(3, processes, "a ring")
    return circulant(n, (1,))


def path(processes: int) -> Edges:
    """A line."""
    n = _at_least(1, processes, "a path")
    _fits(n, n - 1)
    left = np.arange(n - 1, dtype=np.int32)
    return n, _pairs(left, left + 1)


def star(processes: int) -> Edges:
    """Process 0 with everybody else."""
    n = _at_least(2, processes, "a star")
    _fits(n, n - 1)
    return n, _pairs(np.zeros(n - 1, np.int32), np.arange(1, n, dtype=np.int32))


def hypercube(processes: int) -> Edges:
    """2^d processes; neighbours differ in one bit."""
    n = _at_least(2, processes, "a hypercube")
    if n & (n - 1):
        below = 1 << (n.bit_length() - 1)
        raise UsageError(f"a hypercube has a power of two of processes, {below} or {2 * below}, not {n}")
    dimensions = n.bit_length() - 1
    _fits(n, n * dimensions // 2)
    every = np.arange(n, dtype=np.int32)
    return n, np.concatenate([_pairs(low := every[every >> d & 1 == 0], low | 1 << d) for d in range(dimensions)])


def torus(sizes: Sequence[int]) -> Edges:
    """A grid that wraps around, of these sizes in each dimension."""
    if not sizes or min(sizes) < 2:
        raise UsageError(f"a torus needs sizes of 2 or more, such as 4,4, not {_tell(sizes)}")
    n = math.prod(sizes)
    _fits(n, n * len(sizes))
    every = np.arange(n, dtype=np.int32).reshape(sizes)
    return n, np.concatenate([_pairs(every.ravel(), np.roll(every, -1, axis).ravel()) for axis in range(len(sizes))])


def petersen() -> Edges:
    """The Petersen graph: 10 processes of degree 3, any two at distance 2 or less."""
    outer = np.arange(5, dtype=np.int32)
    inner = outer + 5
    edges = (_pairs(outer, (outer + 1) % 5), _pairs(outer, inner), _pairs(inner, 5 + (outer + 2) % 5))
    return 10, np.concatenate(edges)


def random_regular(processes: int, degree: int, seed: int) -> Edges:
    """Every process with ``degree`` others, chosen at random: an expander, almost surely."""
    n = _at_least(1, processes, "a random regular graph")
    if not 0 <= degree < n:
        raise UsageError(f"a process of {n} has 0 to {n - 1} neighbours, not {degree}")
    if n * degree % 2:
        raise UsageError(
            f"no graph has {n} processes of degree {degree}: processes times degree must be even; "
            f"take {n + 1} processes or degree {degree + 1 if degree + 1 < n else degree - 1}"
        )
    _fits(n, n * degree // 2 if 2 * degree < n else n * (n - 1) // 2)
    return n, random_regular_edges(n, degree, np.random.default_rng(seed))


def margulis_gabber_galil(processes: int) -> Edges:
    """An explicit expander on k x k processes: (x, y) with (x + 2y, y), (x + 2y + 1, y), (x, y + 2x), (x, y + 2x + 1).

    The construction gives an 8-regular graph with loops and parallel edges. These are dropped here, since a process
    needs no connection to itself nor two to another, so that some processes have fewer than 8 neighbours.
    """
    n = _at_least(1, processes, "a Margulis-Gabber-Galil graph")
    side = math.isqrt(n)
    if side * side != n:
        raise UsageError(
            f"a Margulis-Gabber-Galil graph has a square of processes, {side**2} or {(side + 1) ** 2}, not {n}"
        )
    _fits(n, 4 * n)
    every = np.arange(n)
    x, y = every // side, every % side
    to = [(x + shift) % side * side + y for shift in (2 * y, 2 * y + 1)]
    to += [x * side + (y + shift) % side for shift in (2 * x, 2 * x + 1)]
    return n, _without_loops(np.concatenate([_pairs(every, other) for other in to]))


def chordal_cycle(processes: int) -> Edges:
    """An explicit expander on a prime p of processes: a cycle, and x with 1/x modulo p.

    The construction gives a 3-regular graph with loops (at 0, 1 and p - 1) and parallel edges. These are dropped
    here, so that some processes have 2 neighbours.
    """
    p = _at_least(3, processes, "a chordal cycle")
    if not _is_prime(p):
        raise UsageError(f"a chordal cycle has a prime number of processes, {_near(p, _is_prime)}, not {p}")
    _fits(p, 2 * p)
    every = np.arange(p)
    inverse = np.array([0, *(pow(x, -1, p) for x in range(1, p))])
    return p, _without_loops(np.concatenate([_pairs(every, (every + 1) % p), _pairs(every, inverse)]))


def paley(processes: int) -> Edges:
    """x with y where x - y is a square modulo the prime p = 4k + 1: degree (p - 1)/2, and the best expansion of it.

    For another modulus the relation is not symmetric, or not over a field (prime powers are not offered).
    """
    q = _at_least(2, processes, "a Paley graph")

    def fits(number: int) -> bool:
        return number % 4 == 1 and _is_prime(number)

    if not fits(q):
        raise UsageError(
            f"a Paley graph has a prime number 4k + 1 of processes, {_near(q, fits)}, not {q}: "
            f"elsewhere its edges have a direction"
        )
    _fits(q, q * (q - 1) // 4)
    squares = np.unique(np.arange(1, q, dtype=np.int64) ** 2 % q)
    return circulant(q, squares[squares <= q // 2].tolist())


def circulant(processes: int, offsets: Sequence[int]) -> Edges:
    """Process x with x + o and x - o for each offset o, modulo n."""
    n = _at_least(2, processes, "a circulant graph")
    if not offsets or min(offsets) < 1 or max(offsets) > n // 2 or len(set(offsets)) < len(offsets):
        raise UsageError(f"offsets among {n} processes are different numbers from 1 to {n // 2}, not {_tell(offsets)}")
    _fits(n, n * len(offsets))
    every = np.arange(n, dtype=np.int64)
    return n, np.concatenate([_pairs(every, (every + offset) % n) for offset in offsets])


def complete_bipartite(sizes: Sequence[int]) -> Edges:
    """Everybody of one side with everybody of the other."""
    if len(sizes) != 2 or min(sizes) < 1:
        raise UsageError(f"a complete bipartite graph needs two sizes, such as 3,3, not {_tell(sizes)}")
    left, right = sizes
    n = left + right
    _fits(n, left * right)
    edges = _pairs(np.repeat(np.arange(left), right), np.tile(np.arange(left, n), left))
    return n, edges


def bridged_cliques(processes: int) -> Edges:
    """Two complete graphs of n/2 and one edge between them."""
    n = _at_least(2, processes, "a pair of cliques")
    if n % 2:
        raise UsageError(f"two cliques of one size have an even number of processes, {n - 1} or {n + 1}, not {n}")
    return barbell((n // 2, 0))


def barbell(sizes: Sequence[int]) -> Edges:
    """Two complete graphs of the first size, and between them a path over as many processes as the second says."""
    if len(sizes) != 2 or sizes[0] < 1 or sizes[1] < 0:
        raise UsageError(
            f"a barbell needs the sizes of a clique and of the path between, such as 5,2, not {_tell(sizes)}"
        )
    clique, between = sizes
    n = 2 * clique + between
    _fits(n, clique * (clique - 1) + between + 1)
    along = np.arange(clique - 1, clique + between + 1)
    one = _clique(clique)
    return n, np.concatenate([one, _pairs(along[:-1], along[1:]), one + np.int32(clique + between)])


def disjoint_clusters(sizes: Sequence[int]) -> Edges:
    """Complete graphs of these sizes side by side: clusters that share memory only inside."""
    if not sizes or min(sizes) < 1:
        raise UsageError(f"clusters need sizes of 1 or more, such as 5,1,1, not {_tell(sizes)}")
    starts = [0]
    for size in sizes:
        starts.append(starts[-1] + size)
    _fits(starts[-1], sum(size * (size - 1) // 2 for size in sizes))
    return starts[-1], np.concatenate([_clique(end - start) + np.int32(start) for start, end in pairwise(starts)])


def _clique(n: int) -> npt.NDArray[np.int32]:
    one, other = np.triu_indices(n, 1)
    return _pairs(one, other)


def _pairs(one: npt.NDArray[np.integer], other: npt.NDArray[np.integer]) -> npt.NDArray[np.int32]:
    return np.stack([one, other], axis=1).astype(np.int32, copy=False)


def _without_loops(edges: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    kept: npt.NDArray[np.int32] = edges[edges[:, 0] != edges[:, 1]]
    return kept


def _at_least(least: int, processes: int, what: str) -> int:
    if processes < least:
        raise UsageError(f"{what} needs {least} or more processes, not {processes}")
    return processes


def _fits(n: int, edges: int) -> None:
    if n > MOST_PROCESSES:
        raise UsageError(f"{n:,} processes are too many: {MOST_PROCESSES:,} is the most")
    require_bytes(n * BYTES_PER_PROCESS + edges * BYTES_PER_EDGE, f"a graph of {n:,} processes and {edges:,} edges")


def _is_prime(number: int) -> bool:
    return number >= 2 and all(number % divisor for divisor in range(2, math.isqrt(number) + 1))


def _near(number: int, fits: Callable[[int], bool]) -> str:
    """The next such numbers on both sides, as words."""
    below = next((lower for lower in range(number - 1, 1, -1) if fits(lower)), None)
    above = next(higher for higher in range(number + 1, 4 * number + 8) if fits(higher))
    return str(above) if below is None else f"{below} or {above}"


def _tell(numbers: Sequence[int]) -> str:
    return ",".join(map(str, numbers)) or "nothing"
