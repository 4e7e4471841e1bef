"""What a graph tolerates, by looking at every set of its processes."""

from __future__ import annotations

from dataclasses import dataclass
from fractions import Fraction

from rayrdma.clusters.topology import Topology


@dataclass(frozen=True)
class Naive:
    """As defined, for graphs of few processes.

    Attributes:
        h: the vertex expansion; none for a single process.
        hbo: the most crashes f so that every n - f survivors represent more than n/2.
        partition: the most crashes f without two sets of n - f that reach no common memory.
    """

    h: Fraction | None
    hbo: int
    partition: int


def look_at_every_set(topology: Topology) -> Naive:
    """Bit p of a set is process p."""
    n = topology.n
    rows = [sum(1 << int(q) for q in topology.neighbours(p)) | 1 << p for p in range(n)]
    covers = [0]
    for row in rows:
        covers += [cover | row for cover in covers]
    h, blocking, cut = None, 0, 0
    for chosen, cover in enumerate(covers[1:], 1):
        size, represented = chosen.bit_count(), cover.bit_count()
        if 2 * size <= n and (h is None or represented - size < h * size):
            h = Fraction(represented - size, size)
        if 2 * represented <= n:
            blocking = max(blocking, size)
        cut = max(cut, min(size, n - covers[cover].bit_count()))
    return Naive(h, n - blocking - 1, n - cut - 1)
