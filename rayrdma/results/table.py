"""The talk's comparison table, reproduced by measurement: each cell has the claim and what was measured.

Assembly is apart from measuring: the same measurements always make the same table.
"""

from __future__ import annotations

import os
import platform
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec

from rayrdma.model.errors import RayrdmaError
from rayrdma.protocols import PROTOCOLS
from rayrdma.protocols.fast_and_robust import FastAndRobust
from rayrdma.protocols.pbft import PBFT
from rayrdma.scenario import choose

from .bounds import (
    BOUNDS,
    BoundMeasured,
    FastAndRobustPastItsBound,
    ForcedBackup,
    ForcedPBFT,
    PBFTPastItsBound,
    measure,
)
from .cells import (
    MESSAGE_PASSING,
    NOT_CLAIMED,
    RDMA_FULL,
    RDMA_SCALE,
    SHARED_MEMORY,
    SYSTEMS,
    Cell,
    Measurements,
    Row,
    System,
    cell_of,
)
from .delays import CLAIMED, DelaysMeasured, measure_delays
from .findings import best_case, byzantine, crash, crash_on_graphs, memories, scalability, together, without_permissions
from .folder import RunFolder
from .graph_bounds import graph_bounds
from .live import ROUNDS, Kill, Latency, measure_kill, measure_latency
from .result import versions
from .scalability import SIZES, ScaleMeasured, measure_scale

ENGINES = ("sim", "ray", "both")
SCHEDULES = 1000

Progress = Callable[[str, int, int], None]
"""Called with (what is measured, steps done, steps)."""


class Table(msgspec.Struct, frozen=True):
    """Everything that ``rayrdma table`` measured.

    Attributes:
        schedules: of a bound, and fewer where they take long; ``seed``: of the first, the others count on from it.
        elapsed: seconds for all of it.
        unfinished: why a part is missing, or None.
        holds: everything that was measured is as claimed.
    """

    engine: str
    seed: int
    schedules: int
    columns: list[System]
    rows: list[Row]
    bounds: list[BoundMeasured]
    delays: list[DelaysMeasured]
    scales: list[ScaleMeasured]
    latencies: list[Latency]
    kills: list[Kill]
    machine: str
    versions: dict[str, str]
    elapsed: float
    unfinished: str | None
    holds: bool
    folder: str | None = None


def measure_table(
    engine: str = "both",
    storage: Path | str | None = None,
    progress: Progress | None = None,
    *,
    schedules: int = SCHEDULES,
    rounds: int = ROUNDS,
    sizes: Sequence[int] = SIZES,
    seed: int = 0,
) -> Table:
    """Measure everything there is and assemble the table.

    Args:
        engine: ``sim``, ``ray`` or ``both``.
        storage: where to make a run folder, with ``table.json`` and ``table.html``; None: nothing is written.
        schedules: of a bound; of one that takes long a fifth of them. ``rounds``: of each protocol on Ray.
        sizes: numbers of processes that HBO runs with.
        seed: of the first schedule.
    Raises:
        UsageError: there is no such engine.
        EnvironmentProblem: Ray can not be started or reached; what was measured before is written all the same.
    """
    choose("engine", engine, ENGINES)
    tell = progress or (lambda what, done, steps: None)
    found = Measurements()
    began = time.monotonic()
    folder = RunFolder(storage, "table") if storage is not None else None

    def assembled(unfinished: str | None = None) -> Table:
        table = assemble(found, engine, seed, schedules, time.monotonic() - began, unfinished, folder)
        if folder is not None:
            from .page import render  # the page draws tables: it imports this module

            folder.write("table.json", msgspec.json.format(msgspec.json.encode(table)))
            folder.write("table.html", render(table).encode())
            folder.become_latest()
        return table

    try:
        if engine != "ray":
            _measure_simulated(found, range(seed, seed + schedules), sizes, tell)
        if engine != "sim":
            _measure_live(found, rounds, tell)
    except (RayrdmaError, KeyboardInterrupt) as error:
        assembled(str(error) or "interrupted")
        if folder is not None:
            error.add_note(f"what it had is in {folder.path}")
        raise
    return assembled()


def _measure_simulated(found: Measurements, seeds: range, sizes: Sequence[int], tell: Progress) -> None:
    bounds = [*BOUNDS, *graph_bounds()]
    chosen = [seeds[:: bound.one_in] for bound in bounds]
    runs = sum(map(len, chosen))
    what = f"simulator: {len(bounds)} bounds, mostly {len(seeds):,} schedules each"
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if done % 50 == 0 or done == runs:
            tell(what, done, runs)

    tell(what, done, runs)
    found.delays.extend(measure_delays())
    for bound, some in zip(bounds, chosen, strict=True):
        found.bounds.append(measure(bound, some, step))
    for n in sizes:
        tell(f"simulator: Hybrid Ben-Or with up to {sizes[-1]:,} processes", len(found.scales), len(sizes))
        found.scales.append(measure_scale(n))


def _measure_live(found: Measurements, rounds: int, tell: Progress) -> None:
    from rayrdma.actors.cluster import ray_session  # Ray is imported only where it is used

    systems = [system.protocol for system in SYSTEMS]
    # Of the Byzantine protocols only the one that the talk is about: the others are counted in the simulator.
    timed = [name for name in CLAIMED if not PROTOCOLS[name].byzantine or name == FastAndRobust.name]
    steps = len(timed) + len(systems)
    tell("Ray: starting", 0, steps)
    with ray_session():  # one for all
        for done, protocol in enumerate(timed):
            tell(f"Ray: {rounds} rounds of {protocol}", done, steps)
            found.latencies.append(measure_latency(protocol, rounds))
        for done, protocol in enumerate(systems, len(timed)):
            tell(f"Ray: kill -9 of the leader of {protocol}", done, steps)
            found.kills.append(measure_kill(protocol))


def assemble(
    found: Measurements,
    engine: str,
    seed: int,
    schedules: int,
    elapsed: float,
    unfinished: str | None = None,
    folder: RunFolder | None = None,
) -> Table:
    """The table that these measurements make."""
    return Table(
        engine=engine,
        seed=seed,
        schedules=schedules,
        columns=SYSTEMS,
        rows=_rows(found),
        bounds=found.bounds,
        delays=found.delays,
        scales=found.scales,
        latencies=found.latencies,
        kills=found.kills,
        machine=f"{platform.system()} {platform.machine()}, {os.cpu_count()} cores",
        versions=versions(),
        elapsed=round(elapsed, 1),
        unfinished=unfinished,
        holds=found.hold,
        folder=str(folder.path) if folder is not None else None,
    )


def _rows(found: Measurements) -> list[Row]:
    crashes = [
        cell_of("n > f", crash(found, SHARED_MEMORY)),
        cell_of("n > 2f", crash(found, MESSAGE_PASSING)),
        cell_of("n > f", crash(found, RDMA_FULL)),
        cell_of("n > f + x", crash_on_graphs(found)),
    ]
    lies = [
        cell_of("N/A", without_permissions(found)),
        cell_of("n > 3f", byzantine(found, PBFT, PBFTPastItsBound, ForcedPBFT, "n = 3f", "with quorums of 2f")),
        cell_of(
            "n > 2f",
            byzantine(found, FastAndRobust, FastAndRobustPastItsBound, ForcedBackup, "n = 2f", "with quorums of f"),
        ),
        Cell("-", NOT_CLAIMED, NOT_CLAIMED, []),
    ]
    best = [
        cell_of("2", best_case(found, SHARED_MEMORY)),
        cell_of("1", best_case(found, MESSAGE_PASSING)),
        cell_of("1", best_case(found, RDMA_FULL)),
        cell_of("-", best_case(found, RDMA_SCALE)),
    ]
    sizes = [
        cell_of(claim, scalability(found, system))
        for claim, system in zip(("10-100", "10,000-100,000", "10-100", "10-100,000"), SYSTEMS, strict=True)
    ]
    failing = [
        cell_of("m > 2f", memories(found, SHARED_MEMORY)),
        Cell("none", NOT_CLAIMED, "runs without memories", []),
        cell_of("m > 2f", memories(found, RDMA_FULL)),
        Cell("none fails", NOT_CLAIMED, "memories outlive their owners here", []),
    ]
    alike = [Cell("-", NOT_CLAIMED, NOT_CLAIMED, []) for _ in SYSTEMS]
    alike[SYSTEMS.index(RDMA_FULL)] = cell_of("n + m > 2f", together(found))
    return [
        Row("Crash tolerance", crashes),
        Row("Byzantine tolerance", lies),
        Row("Best-case round trips", best),
        Row("Processes in network", sizes),
        Row("Memories", failing),
        Row("Processes and memories", alike),
    ]


def tell_size(table: Table) -> str:
    """How much was run, in a few words."""
    simulated = sum(bound.schedules for bound in table.bounds) + 2 * len(table.delays)
    rounds = sum(latency.rounds for latency in table.latencies)
    parts = [f"{simulated:,} simulated runs"] if simulated else []
    parts += [f"{rounds:,} rounds and {len(table.kills)} kills of the leader on Ray"] if rounds else []
    return ", ".join(parts)
