"""How many schedules the explorer runs a second: of each protocol on one core, and on two cores beside one."""

from __future__ import annotations

import os
import statistics
import time
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context

from rayrdma.model.protocol import Protocol
from rayrdma.protocols import PROTOCOLS
from rayrdma.protocols.protected_memory_paxos import ProtectedMemoryPaxos
from rayrdma.results.figures import Figure, against
from rayrdma.simulator.explore.draw import draw
from rayrdma.simulator.explore.hunt import hunt
from rayrdma.simulator.watchdog import Watchdog

STRATEGY = "random"
TURNS, STRETCH = 9, 0.3
"""How often one core and two are measured, and for how many seconds each."""


def explorer(seconds: float = 0.4, turns: int = TURNS) -> list[Figure]:
    """Schedules a second of each protocol, for so many seconds, and what a second core gives."""
    each = [
        Figure(f"explorer, {protocol.name}, schedules a second", _rate(protocol, seconds), None, "1/s")
        for protocol in PROTOCOLS.values()
    ]
    return each + _cores(turns)


def _rate(protocol: type[Protocol], seconds: float) -> float:
    """Of random walks on one core, tracing off: the checks of the outcome alone."""
    seed, start = 0, time.perf_counter()
    end = start + seconds
    with Watchdog():
        while (now := time.perf_counter()) < end or not seed:
            drawn = draw(protocol, seed, STRATEGY)
            drawn.case.run(drawn.choose, drawn.by, trace=False)
            seed += 1
    return seed / (now - start)


def _cores(turns: int) -> list[Figure]:
    """What workers of a search get done, one alone and two together in turns; nothing where there is one core."""
    if len(os.sched_getaffinity(0)) < 2:
        return []
    alone, together = [], []
    with ProcessPoolExecutor(2, get_context("forkserver")) as workers:
        for turn in range(-1, turns):  # the first one starts them, and is not counted
            one = workers.submit(_stretch, STRETCH).result()
            two = sum(future.result() for future in [workers.submit(_stretch, STRETCH) for _ in range(2)])
            if turn >= 0:
                alone.append(one)
                together.append(two)
    what = f"explorer, {ProtectedMemoryPaxos.name}, traced,"
    bare = Figure(f"{what} on one core", statistics.median(alone), None, "1/s")
    return [bare, against(Figure(f"{what} on two", statistics.median(together), None, "1/s"), bare.name, bare)]


def _stretch(seconds: float) -> float:
    """In a worker: schedules a second of a hunt."""
    start = time.monotonic()
    schedules = hunt(ProtectedMemoryPaxos, range(10**6), STRATEGY, until=start + seconds).schedules
    return schedules / (time.monotonic() - start)
