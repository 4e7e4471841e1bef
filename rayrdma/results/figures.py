"""What was timed here, and what was found to work."""

from __future__ import annotations

import statistics
from collections.abc import Sequence

import msgspec


class Figure(msgspec.Struct, frozen=True):
    """One measured thing.

    Attributes:
        p50, p99: in ``unit``; for rates p99 is None.
        bare: what it is compared with, and that one's median in this run.
        ratio: of the medians: this over the bare one, or if ``faster``, the bare one over this.
    """

    name: str
    p50: float
    p99: float | None
    unit: str
    bare: str | None = None
    bare_p50: float | None = None
    ratio: float | None = None
    faster: bool = False


class Bench(msgspec.Struct, frozen=True):
    """All figures of one run."""

    figures: list[Figure]
    versions: dict[str, str]


class Finding(msgspec.Struct, frozen=True):
    """One thing that was looked at: whether it works, and what was seen or is missing."""

    what: str
    works: bool
    why: str


def figure(name: str, samples: Sequence[float], unit: str = "us", scale: float = 1e-3) -> Figure:
    """Median and 99th percentile of samples; ``scale`` turns their unit (nanoseconds) into ``unit``."""
    ordered = sorted(samples)
    return Figure(
        name,
        statistics.median(ordered) * scale,
        ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * scale,
        unit,
    )


def against(measured: Figure, what: str, bare: Figure, faster: bool = False) -> Figure:
    """``measured`` with the ratio to ``bare``; with ``faster``, how many times faster it is."""
    ratio = bare.p50 / measured.p50 if faster else measured.p50 / bare.p50
    return msgspec.structs.replace(measured, bare=what, bare_p50=bare.p50, ratio=ratio, faster=faster)
