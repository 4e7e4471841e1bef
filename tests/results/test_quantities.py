from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayrdma.results.quantities import percentile, round_trips, seconds


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (26.7e-6, "26.7 µs"),
        (831e-6, "831 µs"),
        (1.22e-3, "1.22 ms"),
        (0.0669, "66.9 ms"),
        (12.345, "12.3 s"),
        (431, "431 s"),
    ],
)
def test_a_time_has_the_unit_that_fits(value: float, text: str) -> None:
    assert seconds(value) == text


@pytest.mark.parametrize(("delays", "text"), [(2, "1 round trip"), (3, "1.5 round trips"), (8, "4 round trips")])
def test_a_round_trip_is_two_delays(delays: int, text: str) -> None:
    assert round_trips(delays) == text


@given(st.lists(st.floats(0, 1), min_size=1, max_size=300), st.sampled_from([1, 50, 90, 99, 100]))
def test_a_percentile_is_the_least_value_that_so_many_do_not_exceed(values: list[float], percent: int) -> None:
    found = percentile(values, percent)
    assert found in values
    assert sum(value <= found for value in values) >= len(values) * percent / 100
    assert sum(value < found for value in values) < len(values) * percent / 100
