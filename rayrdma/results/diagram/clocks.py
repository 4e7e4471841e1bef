"""Clocks of live processes, made to agree with the order of cause and effect.

The processes of one host share a clock; those of different hosts count from when their host was started. In a log of
both, a message may arrive before it is sent.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from typing import Any

import msgspec

from rayrdma.model.trace import Delivered, Event, Sent

AT_LEAST = 1e-7
"""Seconds that a message takes."""


def aligned(log: Sequence[Any]) -> tuple[list[Event], dict[int, float]]:
    """The log in the order of corrected clocks, and by how many seconds each clock was set forward.

    Each by the least with which no message arrives before it was sent; those that are right are not touched.
    """
    ahead: dict[int, float] = defaultdict(float)
    ways = _ways(log)
    for _ in range(len({sender for sender, _ in ways}) + 1):  # a path of causes visits each process once
        for (sender, to), least in ways.items():
            ahead[to] = max(ahead[to], ahead[sender] - least)
    corrected = {process: seconds for process, seconds in ahead.items() if seconds > 0}
    events = [
        msgspec.structs.replace(event, time=event.time + corrected[event.process])
        if getattr(event, "process", None) in corrected
        else event
        for event in log
    ]
    return sorted(events, key=lambda event: event.time), corrected


def _ways(log: Sequence[Event]) -> dict[tuple[int, int], float]:
    """The least time that a message seems to take from one process to another, less what it takes at least."""
    sent: dict[tuple[int, int, str], list[float]] = defaultdict(list)
    delivered: dict[tuple[int, int, str], list[float]] = defaultdict(list)
    for event in log:
        if isinstance(event, Sent) and event.process != event.to:
            sent[event.process, event.to, repr(event.message)].append(event.time)
        elif isinstance(event, Delivered) and event.process != event.sender:
            delivered[event.sender, event.process, repr(event.message)].append(event.time)
    least: dict[tuple[int, int], float] = {}
    for (sender, to, message), times in delivered.items():
        # Those that say the same arrive in the order in which they were sent.
        for left, arrived in zip(sent[sender, to, message], times, strict=False):
            way = arrived - left - AT_LEAST
            least[sender, to] = min(way, least.get((sender, to), way))
    return least
