"""HBO at its bound and one past it, on every graph of the zoo (algorithms 10.4), by brute force over survivor sets."""

from __future__ import annotations

import itertools
import random
from functools import cache

from rayrdma.model.graph import Graph
from rayrdma.protocols.hybrid_ben_or import HybridBenOr
from tests.clusters.zoo import ZOO
from tests.fuzz import Run

from .runs import all_but, run_on

TOLERATED = {
    "K_4": 3, "K_5": 4, "K_8": 7, "no edges, n=5": 2, "no edges, n=8": 3, "C_5": 4, "C_6": 4, "C_8": 5, "C_9": 6,
    "C_12": 7, "C_16": 9, "2 x K_3 + bridge": 3, "2 x K_4 + bridge": 4, "2 x K_5 + bridge": 5, "2 x K_3": 2, "Q_3": 6,
    "Q_4": 13, "Petersen": 8, "K_3,3": 5, "star": 4, "circulant 13 {1,5}": 11, "torus 4x4": 13, "clusters 5+1+1": 4,
}  # fmt: skip
"""How many crashes: the table of 10.4."""
PAST = [name for name, tolerated in TOLERATED.items() if tolerated < ZOO[name].n - 1]
"""Where one more can crash and leave somebody."""


@cache
def graph(name: str) -> Graph:
    return ZOO[name].graph()


@cache
def worst_survivors(name: str, count: int) -> tuple[int, ...]:
    """Of all sets of ``count`` processes, one that represents as few as can be."""
    reach = [sum(1 << other for other in graph(name).closed(p)) for p in range(graph(name).n)]

    def represented(survivors: tuple[int, ...]) -> int:
        union = 0
        for survivor in survivors:
            union |= reach[survivor]
        return union.bit_count()

    return min(itertools.combinations(range(graph(name).n), count), key=represented)


def at_the_bound(name: str, seed: int) -> Run:
    """As many crashes as are tolerated: before the start, or at any moment; the worst survivors, or any."""
    rng = random.Random(f"{name}/{seed}")
    n, count = graph(name).n, graph(name).n - TOLERATED[name]
    survivors = worst_survivors(name, count) if rng.random() < 0.5 else rng.sample(range(n), count)
    return run_on(HybridBenOr, graph(name), seed, all_but(survivors, n, rng if rng.random() < 0.5 else None))


def past_the_bound(name: str, seed: int) -> Run:
    """One more, before the start, and those survive who represent no majority."""
    n = graph(name).n
    survivors = worst_survivors(name, n - TOLERATED[name] - 1)
    return run_on(HybridBenOr, graph(name), seed, all_but(survivors, n))
