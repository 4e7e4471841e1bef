"""``sweep(...) -> Tradeoff``: for each number of processes and degree, what is survived, what it costs, and a run.

Message passing and the complete graph stand at the ends, and need no search: of n processes without shared memory more
than half must live, f = floor((n-1)/2); with all of it anybody alone speaks for everybody, f = n-1. That is exact by
formula; the complete graph of 100,000 processes, 5 x 10^9 connections, is not made to know it.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from multiprocessing.pool import ThreadPool
from pathlib import Path

import msgspec

from rayrdma.clusters.attack import blocking_set
from rayrdma.clusters.attack_kernels import grow
from rayrdma.clusters.exact import largest_blocking_set
from rayrdma.clusters.nic import NicCache
from rayrdma.clusters.spectral import DENSE, spectrum
from rayrdma.clusters.topology import Topology, make_topology
from rayrdma.model.errors import UsageError
from rayrdma.protocols.hybrid_ben_or import HybridBenOr
from rayrdma.results.folder import RunFolder
from rayrdma.results.result import versions
from rayrdma.results.tradeoff.points import (
    MESSAGE_PASSING,
    RDMA_FULL,
    RDMA_SCALE,
    Point,
    Run,
    Tradeoff,
    as_expected,
    operations_per_round,
    round_ns,
)
from rayrdma.scale import ScaleConfig, run_scale
from rayrdma.simulator.batch.shard import ASYNCHRONOUS, COMMON, SYNCHRONOUS

PROCESSES = (100, 1_000, 10_000, 100_000)
DEGREES = (4, 8, 16, 32)
MOST_EDGES = 1_000_000
"""Complete graphs with more are not made, and so not run."""
MOST_ASYNCHRONOUS = 10_000
"""Processes of a run with an order of arrival for each: the time of a phase grows with their square."""
MOST_EXACT = 40
"""Processes up to which the exact tolerance is a matter of seconds."""
SECONDS = 20.0
"""After which the exact tolerance is given up, and what was proved of it by then is certified."""
MAX_ROUNDS = 100
"""With a common coin two are expected; that a run takes more than 100 has a probability of about 2^-100."""

EXACT, CERTIFIED = "exact", "certified"
FORMULA = "formula"

Progress = Callable[[str, int, int], None]
"""Called with (which graph, graphs done, graphs)."""


@dataclass(frozen=True)
class Known:
    """What is known of the crashes that a graph survives.

    Attributes:
        worst: the survivors of ``tolerated`` crashes: those of ``blocking``, and greedily who adds least to them.
        blocking: the survivors of ``blocked`` crashes who are blocked.
    """

    tolerated: int
    kind: str
    found_by: str
    blocked: int | None
    worst: Sequence[int]
    blocking: Sequence[int]


def sweep(
    processes: Sequence[int] = PROCESSES,
    degrees: Sequence[int] = DEGREES,
    seed: int = 0,
    nic: NicCache | None = None,
    storage: Path | str | None = None,
    progress: Progress | None = None,
) -> Tradeoff:
    """Look at every graph, run HBO on it at both sides of its bound, and draw it all.

    Args:
        processes: numbers of them. ``degrees``: of random regular graphs; no edges and all edges come beside.
        seed: of the graphs, of the search for attacks, and of the runs.
        nic: the model of the NIC's cache.
        storage: where to make a run folder, with tradeoff.json, .csv, .parquet and .html, and tolerance and cost as
            .png and .svg; None: nothing is written, and nothing drawn.
    Raises:
        UsageError: there is no such graph, or no room for one.
    """
    nic = nic or NicCache()
    processes, degrees = check_sweep(processes, degrees, seed)
    began = time.monotonic()
    folder = RunFolder(storage, "tradeoff") if storage is not None else None
    try:
        points = _look_at_all(processes, degrees, seed, nic, progress or (lambda what, done, steps: None))
    except BaseException:
        if folder is not None:
            folder.path.rmdir()  # made first, for whoever can not write there shall know at once
        raise
    tradeoff = Tradeoff(
        processes=processes,
        degrees=degrees,
        seed=seed,
        nic=nic,
        points=points,
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        versions=versions(),
        elapsed=round(time.monotonic() - began, 1),
        holds=as_expected(points),
        folder=None if folder is None else str(folder.path),
    )
    if folder is not None:
        _write(folder, tradeoff)
    return tradeoff


def check_sweep(processes: Sequence[int], degrees: Sequence[int], seed: int) -> tuple[list[int], list[int]]:
    """Both ascending, each number once.

    Raises:
        UsageError: one of the graphs can not be, which is better known before the others were looked at.
    """
    if not processes or not degrees:
        raise UsageError("a sweep needs at least one number of processes and one degree")
    if seed < 0:
        raise UsageError(f"a seed is 0 or more, not {seed}")
    for degree in degrees:
        if degree < 1:
            raise UsageError(f"degrees are 1 or more, not {degree}; message passing, degree 0, comes beside anyway")
        for n in processes:
            if degree >= n:
                raise UsageError(f"no graph of {n} processes has degree {degree}; it takes {degree + 1} or more")
            if n * degree % 2:
                raise UsageError(
                    f"{n} processes can not have {degree} connections each, for each connection has two ends: "
                    "make one of both numbers even"
                )
    return sorted(set(processes)), sorted(set(degrees))


def _look_at_all(
    processes: Sequence[int], degrees: Sequence[int], seed: int, nic: NicCache, tell: Progress
) -> list[Point]:
    graphs = [(n, degree) for n in processes for degree in dict.fromkeys((0, *degrees, n - 1))]
    points: list[Point] = []
    tell("looking at graphs", 0, len(graphs))
    for point in _each(lambda graph: look_at(*graph, seed, nic), graphs):
        points.append(point)
        tell(f"n = {point.processes:,}, {point.topology}", len(points), len(graphs))
    return points


def _each(look: Callable[[tuple[int, int]], Point], graphs: Sequence[tuple[int, int]]) -> Iterator[Point]:
    """Small graphs one by one, for their whole spectrum takes all cores; large ones several at once."""
    yield from map(look, (graph for graph in graphs if graph[0] <= DENSE))
    # What takes long is compiled, lets other threads run and does not heed Ctrl-C: these threads are not waited for.
    with ThreadPool() as pool:
        yield from pool.imap(look, (graph for graph in graphs if graph[0] > DENSE))


def look_at(n: int, degree: int, seed: int, nic: NicCache) -> Point:
    """One graph: what is known of it, two runs, and what it costs."""
    began = time.monotonic()
    topology = _make(n, degree, seed)
    known = _know(topology, n, degree, seed)
    inside = beyond = None
    if topology is not None:
        inside = run_hbo(topology, known.worst, seed)
        if known.blocked is not None:
            beyond = run_hbo(topology, known.blocking, seed)
    return Point(
        system=MESSAGE_PASSING if not degree else RDMA_FULL if degree == n - 1 else RDMA_SCALE,
        processes=n,
        degree=degree,
        topology=_describe(n, degree) if topology is None else topology.name,
        connections_per_nic=degree,
        connections=n * degree // 2,
        permissions_per_nic=len(HybridBenOr.regions(1)) * (degree + 1) if degree else 0,
        tolerated=known.tolerated,
        kind=known.kind,
        found_by=known.found_by,
        blocked=known.blocked,
        inside=inside,
        beyond=beyond,
        miss_rate=nic.miss_rate(degree),
        operation_ns=nic.operation_ns(degree),
        operations_per_round=operations_per_round(degree),
        round_ns=round_ns(nic, degree),
        seconds=round(time.monotonic() - began, 3),
    )


def run_hbo(topology: Topology, survivors: Sequence[int], seed: int) -> Run:
    """HBO with these survivors, mixed inputs and a common coin; the others crashed before the start."""
    arrival = ASYNCHRONOUS if topology.n <= MOST_ASYNCHRONOUS else SYNCHRONOUS
    result = run_scale(
        ScaleConfig(
            topology, survivors=survivors, coin=COMMON, arrival=arrival, seed=seed, shards=1, max_rounds=MAX_ROUNDS,
            engine="sim",
        )
    )  # fmt: skip
    return Run(topology.n - result.survivors, result.verdict, result.represented, result.rounds, arrival)


def _know(topology: Topology | None, n: int, degree: int, seed: int) -> Known:
    if not degree:
        tolerated = (n - 1) // 2
        return Known(tolerated, EXACT, FORMULA, tolerated + 1, range(n - tolerated), range(n - tolerated - 1))
    if topology is None or degree + 1 > n // 2:  # whoever survives and its neighbours are more than half
        return Known(n - 1, EXACT, FORMULA, None, range(1), ())
    blocking = blocking_set(topology, seed=seed)
    if n <= MOST_EXACT:
        found_by = "integer program"
        solved, most = largest_blocking_set(topology, SECONDS)
        blocking = max(blocking, solved, key=len)
    else:
        found_by = "eigenvalues"
        most = min(spectrum(topology).largest_blocking, n // 2)
    return Known(
        tolerated=n - most - 1,  # no set of more than ``most`` survivors is blocked
        kind=EXACT if len(blocking) == most else CERTIFIED,
        found_by=found_by,
        blocked=n - len(blocking),
        worst=grow(*topology.closed(), blocking, most + 1, n, 0)[0].tolist(),
        blocking=blocking.tolist(),
    )


def _make(n: int, degree: int, seed: int) -> Topology | None:
    """The graph, unless it is a complete one that is too large to be made for what is known of it anyway."""
    if not degree:
        return make_topology("none", processes=n)
    if degree < n - 1:
        return make_topology("random-regular", processes=n, degree=degree, seed=seed)
    return make_topology("complete", processes=n) if n * degree // 2 <= MOST_EDGES else None


def _describe(n: int, degree: int) -> str:
    return "no connections" if not degree else "all connections" if degree == n - 1 else f"degree {degree}"


def _write(folder: RunFolder, tradeoff: Tradeoff) -> None:
    """Everything into the run folder."""
    from rayrdma.results.tradeoff.columns import encode_columns  # these take a second to import
    from rayrdma.results.tradeoff.drawing import draw, encode
    from rayrdma.results.tradeoff.page import render

    folder.write("tradeoff.json", msgspec.json.format(msgspec.json.encode(tradeoff)))
    for name, content in encode_columns(tradeoff.points).items():
        folder.write(name, content)
    figures = draw(tradeoff.points, tradeoff.nic)
    for name, figure in figures.items():
        for format in ("png", "svg"):
            folder.write(f"{name}.{format}", encode(figure, format))
    folder.write("tradeoff.html", render(tradeoff, figures).encode())
    folder.become_latest()
