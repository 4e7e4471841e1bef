"""The worst crashes that a search finds: survivors that speak for as few processes as possible.

Survivors grow greedily from several processes, and then single ones are exchanged (simulated annealing). Nothing here
proves that there is no worse set; what is found is checked by counting, so an attack is always real. (It found an
optimal one for every graph that was also solved exactly, up to 64 processes.) The same search on the graph of distances
up to two finds both sides of an SM-cut. A search depends on its seed and not on the clock.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import numpy.typing as npt

from rayrdma.model.errors import UsageError

from .topology import Topology

Rows = tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]
Processes = npt.NDArray[np.int64]

STARTS = 8
"""Processes to grow a set from: one of the least degree, the others by chance."""
ROUNDS = 8
"""Of annealing, each with a larger or smaller aim than the last."""
WORK_PER_ENTRY, MOST_WORK = 50_000, 400_000_000
"""Entries of rows that annealing looks at: some ten seconds at most."""
LARGEST_SQUARE = 40_000_000
"""Entries of the graph of distances up to two, 4 bytes each, beyond which no SM-cut is searched for."""


def represented(topology: Topology, survivors: npt.ArrayLike) -> int:
    """How many processes these survivors speak for: themselves and their neighbours."""
    alive = np.zeros(topology.n, bool)
    alive[np.asarray(survivors, np.int64)] = True
    return int(np.count_nonzero(alive | (topology.matrix() @ alive > 0)))


def attack(topology: Topology, survivors: int, *, seed: int = 0) -> Processes:
    """So many survivors that speak for as few processes as the search can have it; everybody else is to crash.

    Returns:
        The survivors, ascending.
    Raises:
        UsageError: not 1 to n survivors.
    """
    from . import attack_kernels as kernels

    n = topology.n
    if not 1 <= survivors <= n:
        raise UsageError(f"1 to {n} processes can survive, not {survivors}")
    rows = topology.closed()
    grown = (kernels.grow(*rows, start, survivors, n, 0) for start in _starts(topology, seed))
    chosen, covers = min(grown, key=lambda each: int(each[1][-1]))
    if survivors < n:
        annealed, cover = kernels.anneal(*rows, chosen, _work(rows), seed)
        chosen = annealed if cover < covers[-1] else chosen
    return np.sort(chosen)


def blocking_set(topology: Topology, *, most: int | None = None, seed: int = 0) -> Processes:
    """The largest set found that speaks for no more than half of all processes: HBO blocks if only these live.

    Args:
        most: a size with which to be content.
    Returns:
        The set, ascending; empty if no process speaks for so few.
    """
    return _largest(topology, topology.closed(), topology.n // 2, 0, most, seed)


def cut_side(topology: Topology, *, most: int | None = None, seed: int = 0) -> Processes:
    """One side of an SM-cut, as large as the search can have it: as many others share no reachable memory with it.

    Args:
        most: a size with which to be content.
    Returns:
        The side, ascending; empty if none was found, or the graph is too large to look for one.
    """
    if not _has_square(topology):
        return np.empty(0, np.int64)
    return _largest(topology, within_two(topology), topology.n, 1, most, seed)


def within_two(topology: Topology) -> Rows:
    """The processes at distance two or less, as rows: those with which a process can reach a common memory."""
    near = topology.matrix().astype(bool)
    near.setdiag(True)
    square = near @ near
    square.sort_indices()
    return square.indptr.astype(np.int64), square.indices.astype(np.int32)


def all_within_two(topology: Topology) -> bool:
    """Any two processes reach a common memory, so that there is no SM-cut; said of large graphs only if it is plain."""
    if topology.degree_max == topology.n - 1:
        return True
    return _has_square(topology) and int(np.diff(within_two(topology)[0]).min()) == topology.n


def _has_square(topology: Topology) -> bool:
    return int((topology.degrees**2).sum()) <= LARGEST_SQUARE


def least_expanding(topology: Topology, *, least: Fraction = Fraction(0), seed: int = 0) -> Processes:
    """A set of at most n/2 with the fewest neighbours a member that was found; n is 2 or more.

    Args:
        least: an expansion with which to be content.
    """
    from . import attack_kernels as kernels

    n, rows = topology.n, topology.closed()
    best, fewest = np.empty(0, np.int64), Fraction(n)
    for start in _starts(topology, seed):
        order, covers = kernels.grow(*rows, start, n // 2, n, 0)
        ratios = covers / np.arange(1, len(order) + 1)
        at = int(ratios.argmin()) + 1
        found = Fraction(int(covers[at - 1]) - at, at)
        if found < fewest:
            best, fewest = order[:at], found
    for size in dict.fromkeys([len(best), n // 2]):
        if fewest == least:
            break
        start = kernels.grow(*rows, best[:size].copy(), size, n, 0)[0]
        chosen, cover = kernels.anneal(*rows, start, _work(rows) // 2, seed)
        found = Fraction(int(cover) - size, size)
        if found < fewest:
            best, fewest = chosen, found
    return np.sort(best)


def _largest(topology: Topology, rows: Rows, limit: int, slope: int, most: int | None, seed: int) -> Processes:
    """The largest set found that covers no more than ``limit - slope * size``."""
    from . import attack_kernels as kernels

    n = topology.n
    if np.diff(rows[0]).min() + slope > limit:
        return np.empty(0, np.int64)
    best = np.empty(0, np.int64)
    for start in _starts(topology, seed):
        if rows[0][start[0] + 1] - rows[0][start[0]] + slope <= limit:
            best = max(best, kernels.grow(*rows, start, n, limit, slope)[0], key=len)
    each = _work(rows) // ROUNDS
    more = 0
    for turn in range(ROUNDS):
        if len(best) + more >= n or (most is not None and len(best) >= most):
            break
        aimed = kernels.grow(*rows, best, len(best) + more, n, 0)[0]
        chosen, cover = kernels.anneal(*rows, aimed, each, seed + turn)
        if cover + slope * len(chosen) <= limit:
            larger = kernels.grow(*rows, chosen, n, limit, slope)[0]
            more = max(1, len(larger) - len(best))
            best = larger
        else:
            more = max(1, more // 2)
    return np.sort(best)


def _starts(topology: Topology, seed: int) -> list[Processes]:
    rng = np.random.default_rng(seed)
    chance = rng.permutation(topology.n)[: STARTS - 1]
    return [np.array([start]) for start in dict.fromkeys([int(topology.degrees.argmin()), *chance.tolist()])]


def _work(rows: Rows) -> int:
    return min(WORK_PER_ENTRY * len(rows[1]), MOST_WORK)
