"""The inner loops of `rayrdma.clusters.attack`, compiled.

Rows are closed neighbourhoods: ``indices[indptr[v]:indptr[v + 1]]`` are the processes that v speaks for, v among them.
A set of survivors *covers* the union of their rows.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
import numpy.typing as npt
from numba import njit

F = TypeVar("F", bound=Callable[..., Any])
Ints = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int32]

HOT, COLD = 0.5, 0.1
"""Temperatures of the annealing, in covered processes. Hotter undoes what the greedy start has found (tried)."""
PROPOSAL = 10
"""What the choice of an exchange costs, in entries looked at."""
FAR = 16
"""One proposal in so many is any process at all, since another component of the graph is near to nobody."""


def _kernel(signature: str) -> Callable[[F], F]:
    def decorate(function: F) -> F:
        try:
            return cast(F, njit(signature, nogil=True, cache=True)(function))
        except (RuntimeError, OSError):  # there is nowhere to write the cache
            return cast(F, njit(signature, nogil=True)(function))

    return decorate


@_kernel("Tuple((int64[::1], int64[::1]))(int64[::1], int32[::1], int64[::1], int64, int64, int64)")
def grow(indptr: Ints, indices: Rows, chosen: Ints, size: int, limit: int, slope: int) -> tuple[Ints, Ints]:
    """Add the process that covers the fewest more, again and again; of equals the one that has been so for longest.

    Args:
        chosen: the set to start from; not empty.
        size: stop when the set has so many.
        limit: stop before the number covered and ``slope`` times the size are more than this.
    Returns:
        The set in the order of adding, and how many are covered after each.
    """
    n = len(indptr) - 1
    cost = np.empty(n, np.int64)  # how many more a process would cover
    for v in range(n):
        cost[v] = indptr[v + 1] - indptr[v]
    # Processes of one cost are a doubly linked queue; a process that is in the set is in none.
    first = np.full(cost.max() + 1, -1)
    last = np.full(cost.max() + 1, -1)
    before = np.full(n, -1)
    after = np.full(n, -1)
    for v in range(n):
        c = cost[v]
        before[v] = last[c]
        if last[c] < 0:
            first[c] = v
        else:
            after[last[c]] = v
        last[c] = v
    inside = np.zeros(n, np.bool_)
    covered = np.zeros(n, np.bool_)
    order = np.empty(max(size, len(chosen)), np.int64)
    covers = np.empty(len(order), np.int64)
    count, k, cheapest = 0, 0, 0
    while k < len(order):
        if k < len(chosen):
            v = chosen[k]
        else:
            while first[cheapest] < 0:
                cheapest += 1
            if count + cheapest + slope * (k + 1) > limit:
                break
            v = first[cheapest]
        c = cost[v]
        if before[v] < 0:
            first[c] = after[v]
        else:
            after[before[v]] = after[v]
        if after[v] < 0:
            last[c] = before[v]
        else:
            before[after[v]] = before[v]
        inside[v] = True
        for a in range(indptr[v], indptr[v + 1]):
            u = indices[a]
            if covered[u]:
                continue
            covered[u] = True
            count += 1
            for b in range(indptr[u], indptr[u + 1]):
                w = indices[b]
                if inside[w]:
                    continue
                c = cost[w]
                if before[w] < 0:
                    first[c] = after[w]
                else:
                    after[before[w]] = after[w]
                if after[w] < 0:
                    last[c] = before[w]
                else:
                    before[after[w]] = before[w]
                c -= 1
                cost[w] = c
                before[w] = last[c]
                after[w] = -1
                if last[c] < 0:
                    first[c] = w
                else:
                    after[last[c]] = w
                last[c] = w
                cheapest = min(cheapest, c)
        order[k] = v
        covers[k] = count
        k += 1
    return order[:k].copy(), covers[:k].copy()


@_kernel("Tuple((int64[::1], int64))(int64[::1], int32[::1], int64[::1], int64, int64)")
def anneal(indptr: Ints, indices: Rows, chosen: Ints, work: int, seed: int) -> tuple[Ints, int]:
    """Exchange one process of the set for one near the set, so that fewer are covered: simulated annealing.

    Args:
        chosen: neither empty nor everybody.
        work: entries of rows to look at, after which to end; a hub of the graph takes more of it than a leaf.
    Returns:
        The set then, and how many it covers, which may be more than before.
    """
    np.random.seed(seed)
    n, k = len(indptr) - 1, len(chosen)
    chosen = chosen.copy()
    inside = np.zeros(n, np.bool_)
    times = np.zeros(n, np.int32)  # how many of the set cover a process
    for v in chosen:
        inside[v] = True
        for a in range(indptr[v], indptr[v + 1]):
            times[indices[a]] += 1
    count = 0
    for v in range(n):
        count += times[v] > 0
    done = 0
    while done < work:
        done += PROPOSAL
        temperature = HOT * (COLD / HOT) ** (done / work)
        i = np.random.randint(k)
        if np.random.randint(FAR) == 0:
            comes = np.random.randint(n)
        else:
            v = chosen[np.random.randint(k)]
            u = indices[np.random.randint(indptr[v], indptr[v + 1])]
            comes = indices[np.random.randint(indptr[u], indptr[u + 1])]
        if inside[comes]:
            continue
        goes = chosen[i]
        done += indptr[comes + 1] - indptr[comes] + indptr[goes + 1] - indptr[goes]
        more = 0
        for a in range(indptr[comes], indptr[comes + 1]):
            u = indices[a]
            more += times[u] == 0
            times[u] += 1
        for a in range(indptr[goes], indptr[goes + 1]):
            u = indices[a]
            times[u] -= 1
            more -= times[u] == 0
        if more <= 0 or np.random.random() < np.exp(-more / temperature):
            chosen[i] = comes
            inside[goes] = False
            inside[comes] = True
            count += more
        else:
            for a in range(indptr[goes], indptr[goes + 1]):
                times[indices[a]] += 1
            for a in range(indptr[comes], indptr[comes + 1]):
                times[indices[a]] -= 1
    return chosen, count
