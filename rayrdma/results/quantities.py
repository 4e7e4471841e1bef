"""Figures as people write them."""

from __future__ import annotations

import math
from collections.abc import Sequence


def percentile(values: Sequence[float], percent: float) -> float:
    """The least value that ``percent`` per cent of ``values`` do not exceed (nearest rank)."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(len(ordered) * percent / 100) - 1)]


def seconds(value: float) -> str:
    """A time with three digits and the unit that fits it."""
    for limit, factor, unit in ((1e-3, 1e6, "µs"), (1.0, 1e3, "ms")):
        if value < limit:
            return f"{_digits(value * factor)} {unit}"
    return f"{_digits(value)} s"


def round_trips(delays: int) -> str:
    """A round trip is two delays."""
    trips = f"{delays / 2:g}"
    return f"{trips} round trip{'' if trips == '1' else 's'}"


def _digits(value: float) -> str:
    return f"{value:.0f}" if value >= 100 else f"{value:.3g}"
