"""The model of a NIC's cache, held to what its formula promises and to a cache that is played through."""

from __future__ import annotations

import math
import random
from collections import OrderedDict

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayrdma import UsageError
from rayrdma.clusters.nic import NicCache

nics = st.builds(
    NicCache,
    entries=st.integers(0, 5000),
    hit_ns=st.floats(1e-3, 1e6),
    miss_ns=st.floats(0, 1e6),
)
connections = st.integers(0, 1_000_000)


@given(nics, connections, connections)
def test_more_connections_never_cost_less(nic: NicCache, few: int, many: int) -> None:
    few, many = sorted((few, many))
    assert nic.operation_ns(few) <= nic.operation_ns(many)


@given(nics, st.data())
def test_what_fits_the_cache_costs_a_hit(nic: NicCache, data: st.DataObject) -> None:
    fitting = data.draw(st.integers(0, nic.entries))
    assert nic.miss_rate(fitting) == 0
    assert nic.operation_ns(fitting) == nic.hit_ns


@given(nics, st.integers(1, 1_000_000))
def test_what_does_not_fit_costs_more_but_never_more_than_a_miss(nic: NicCache, beyond: int) -> None:
    rate = nic.miss_rate(nic.entries + beyond)
    assert 0 < rate <= 1
    assert rate == pytest.approx(beyond / (nic.entries + beyond))
    assert nic.hit_ns <= nic.operation_ns(nic.entries + beyond) <= nic.hit_ns + nic.miss_ns


@given(st.integers(0, 5000), st.integers(0, 5000), connections)
def test_a_larger_cache_never_costs_more(one: int, other: int, count: int) -> None:
    small, large = sorted((one, other))
    assert NicCache(entries=large).operation_ns(count) <= NicCache(entries=small).operation_ns(count)


@pytest.mark.parametrize(("entries", "count"), [(8, 10), (8, 64), (50, 60), (50, 1000)])
def test_a_cache_that_is_played_through_misses_as_often(entries: int, count: int) -> None:
    cache: OrderedDict[int, None] = OrderedDict()
    chosen = random.Random(entries * count)
    missed, operations = 0, 20_000
    for _ in range(operations):
        connection = chosen.randrange(count)
        missed += connection not in cache
        cache[connection] = None
        cache.move_to_end(connection)
        if len(cache) > entries:
            cache.popitem(last=False)
    assert missed / operations == pytest.approx(NicCache(entries).miss_rate(count), abs=0.03)


@pytest.mark.parametrize("wrong", [{"entries": -1}, {"hit_ns": -0.5}, {"miss_ns": math.nan}, {"miss_ns": math.inf}])
def test_a_cost_below_nothing_is_refused(wrong: dict[str, float]) -> None:
    [name] = wrong
    with pytest.raises(UsageError, match=f"{name} of a NIC's cache must be 0 or more"):
        NicCache(**wrong)  # type: ignore[arg-type]


def test_an_operation_takes_some_time() -> None:
    with pytest.raises(UsageError, match="more than 0"):
        NicCache(hit_ns=0)
    assert NicCache(miss_ns=0).operation_ns(5000) == 2000
