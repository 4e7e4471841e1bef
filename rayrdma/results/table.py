"""The talk's comparison table, reproduced by measurement: each cell has the claim and what was measured.

A cell of a system that is not there yet says so, and never a number. Assembly is apart from measuring: the
same measurements always make the same table.
"""

from __future__ import annotations

import os
import platform
import re
import time
from collections.abc import Callable, Iterable
from pathlib import Path

import msgspec

from rayrdma.model.errors import RayrdmaError
from rayrdma.model.protocol import Protocol
from rayrdma.protocols import PROTOCOLS
from rayrdma.protocols.fab import FaB
from rayrdma.protocols.fast_and_robust import FastAndRobust
from rayrdma.protocols.pbft import PBFT
from rayrdma.scenario import choose

from .bounds import (
    AT,
    BOUNDS,
    PAST,
    BoundMeasured,
    DisksAlone,
    FastAndRobustPastItsBound,
    ForcedBackup,
    ForcedPaxos,
    ForcedPBFT,
    PBFTPastItsBound,
    measure,
)
from .delays import CLAIMED, DelaysMeasured, measure_delays
from .folder import RunFolder
from .live import ROUNDS, Kill, Latency, measure_kill, measure_latency
from .quantities import round_trips, seconds
from .result import BLOCKED, DECIDED, versions

ENGINES = ("sim", "ray", "both")
SCHEDULES = 1000
MEASURED, NOT_BUILT_YET, NOT_CLAIMED, NOT_MEASURED = "measured", "not built yet", "not claimed", "not measured"

Progress = Callable[[str, int, int], None]
"""Called with (what is measured, steps done, steps)."""


class System(msgspec.Struct, frozen=True):
    """A column: the talk's name of it, and the protocol that stands for it."""

    name: str
    protocol: str | None
    algorithm: str


class Finding(msgspec.Struct, frozen=True):
    """One thing that was measured for a cell, and whether it is as claimed."""

    what: str
    found: str
    holds: bool


class Cell(msgspec.Struct, frozen=True):
    """What the talk claims, and what was found; ``measured`` is the findings in one line, or why there are none."""

    claim: str
    status: str
    measured: str
    findings: list[Finding]


class Row(msgspec.Struct, frozen=True):
    """One property of all systems."""

    name: str
    cells: list[Cell]


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
    latencies: list[Latency]
    kills: list[Kill]
    machine: str
    versions: dict[str, str]
    elapsed: float
    unfinished: str | None
    holds: bool
    folder: str | None = None


class Measurements(msgspec.Struct):
    """What has been measured so far."""

    bounds: list[BoundMeasured] = []
    delays: list[DelaysMeasured] = []
    latencies: list[Latency] = []
    kills: list[Kill] = []

    @property
    def hold(self) -> bool:
        """All of it is as claimed."""
        held = [measured.holds for measured in self.bounds]
        held += [measured.holds for measured in self.delays]
        held += [measured.holds for measured in self.latencies]
        held += [measured.holds for measured in self.kills]
        return bool(held) and all(held)


SHARED_MEMORY = System("Shared memory", "disk-paxos", "Disk Paxos")
MESSAGE_PASSING = System("Message passing", "paxos", "Paxos")
RDMA_FULL = System("RDMA Full", "protected-memory-paxos", "Protected Memory Paxos")
RDMA_SCALE = System("RDMA Scale", None, "m&m consensus on a sparse graph")
BYZANTINE = {PBFT.name: "PBFT with n > 3f", FaB.name: "FaB with n > 5f"}
"""What message passing takes to tolerate Byzantine processes."""
SYSTEMS = [SHARED_MEMORY, MESSAGE_PASSING, RDMA_FULL, RDMA_SCALE]


def measure_table(
    engine: str = "both",
    storage: Path | str | None = None,
    progress: Progress | None = None,
    *,
    schedules: int = SCHEDULES,
    rounds: int = ROUNDS,
    seed: int = 0,
) -> Table:
    """Measure everything there is and assemble the table.

    Args:
        engine: ``sim``, ``ray`` or ``both``.
        storage: where to make a run folder, with ``table.json`` and ``table.html``; None: nothing is written.
        schedules: of a bound; of one that takes long a fifth of them. ``rounds``: of each protocol on Ray.
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
            _measure_simulated(found, range(seed, seed + schedules), tell)
        if engine != "sim":
            _measure_live(found, rounds, tell)
    except (RayrdmaError, KeyboardInterrupt) as error:
        assembled(str(error) or "interrupted")
        if folder is not None:
            error.add_note(f"what it had is in {folder.path}")
        raise
    return assembled()


def _measure_simulated(found: Measurements, seeds: range, tell: Progress) -> None:
    chosen = [seeds[:: bound.one_in] for bound in BOUNDS]
    runs = sum(map(len, chosen))
    what = f"simulator: {len(BOUNDS)} bounds, mostly {len(seeds):,} schedules each"
    done = 0

    def step() -> None:
        nonlocal done
        done += 1
        if done % 50 == 0 or done == runs:
            tell(what, done, runs)

    tell(what, done, runs)
    found.delays.extend(measure_delays())
    for bound, some in zip(BOUNDS, chosen, strict=True):
        found.bounds.append(measure(bound, some, step))


def _measure_live(found: Measurements, rounds: int, tell: Progress) -> None:
    from rayrdma.actors.cluster import ray_session  # Ray is imported only where it is used

    systems = [system.protocol for system in SYSTEMS if system.protocol is not None]
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
    crash = [
        _cell("n > f", _crash(found, SHARED_MEMORY)),
        _cell("n > 2f", _crash(found, MESSAGE_PASSING)),
        _cell("n > f", _crash(found, RDMA_FULL)),
        _later("n > f + x"),
    ]
    byzantine = [
        _cell("N/A", _without_permissions(found)),
        _cell("n > 3f", _byzantine(found, PBFT, PBFTPastItsBound, ForcedPBFT, "n = 3f", "with quorums of 2f")),
        _cell(
            "n > 2f",
            _byzantine(found, FastAndRobust, FastAndRobustPastItsBound, ForcedBackup, "n = 2f", "with quorums of f"),
        ),
        _later("-"),
    ]
    best_case = [
        _cell("2", _best_case(found, SHARED_MEMORY)),
        _cell("1", _best_case(found, MESSAGE_PASSING)),
        _cell("1", _best_case(found, RDMA_FULL)),
        _later("-"),
    ]
    scalability = [_later(claim) for claim in ("10-100", "10,000-100,000", "10-100", "10-100,000")]
    memories = [
        _cell("m > 2f", _memories(found, SHARED_MEMORY)),
        Cell("none", NOT_CLAIMED, "runs without memories", []),
        _cell("m > 2f", _memories(found, RDMA_FULL)),
        _later("none fails"),
    ]
    return [
        Row("Crash tolerance", crash),
        Row("Byzantine tolerance", byzantine),
        Row("Best-case round trips", best_case),
        Row("Processes in network", scalability),
        Row("Memories", memories),
    ]


def _later(claim: str) -> Cell:
    return Cell(claim, NOT_BUILT_YET, NOT_BUILT_YET, [])


def _cell(claim: str, findings: Iterable[Finding]) -> Cell:
    findings = list(findings)
    if not findings:
        return Cell(claim, NOT_MEASURED, NOT_MEASURED, [])
    return Cell(claim, MEASURED, "; ".join(f"{finding.what}: {finding.found}" for finding in findings), findings)


def _crash(found: Measurements, system: System) -> Iterable[Finding]:
    measured = [bound for bound in found.bounds if bound.protocol == system.protocol]
    at = [bound for bound in measured if bound.side == AT]
    if not at:
        return
    shape = "n = 2f+1" if system is MESSAGE_PASSING else "n = f+1"
    yield Finding(f"at the bound, {shape}", _count(at, DECIDED), all(bound.holds for bound in at))
    past = [bound for bound in measured if bound.side == PAST and bound.crashed_processes]
    if past:
        shape = "n = 2f" if system is MESSAGE_PASSING else "n = f"
        why = explain(past[-1])
        yield Finding(f"one past it, {shape}", f"{_count(past, BLOCKED)}: {why}", all(bound.holds for bound in past))
    forced = [bound for bound in found.bounds if bound.protocol == ForcedPaxos.name]
    if system is MESSAGE_PASSING and forced:
        disagreements, of = sum(bound.disagreements for bound in forced), sum(bound.schedules for bound in forced)
        yield Finding(
            "with quorums of n-f",
            f"two decisions in {disagreements:,} of {of:,} schedules",
            all(bound.holds for bound in forced),
        )
    for kill in found.kills:
        if kill.protocol == system.protocol:
            yield Finding("leader killed with -9 on Ray", tell_kill(kill), kill.holds)


def _without_permissions(found: Measurements) -> Iterable[Finding]:
    """The plain disk model: one Byzantine process may write every block."""
    broken = [bound for bound in found.bounds if bound.protocol == DisksAlone.name]
    if broken:
        why = f"two decisions in {sum(bound.disagreements for bound in broken):,} of "
        why += f"{sum(bound.schedules for bound in broken):,} schedules: {broken[0].why}"
        yield Finding("one process that overwrites blocks", why, all(bound.holds for bound in broken))


def _byzantine(
    found: Measurements,
    protocol: type[Protocol],
    past_its_bound: type[Protocol],
    forced: type[Protocol],
    bound: str,
    with_quorums: str,
) -> Iterable[Finding]:
    """Every attack at the bound; past it the block, and with smaller quorums two decisions."""
    at = [measured for measured in found.bounds if (measured.protocol, measured.side) == (protocol.name, AT)]
    past = [measured for measured in found.bounds if measured.protocol == past_its_bound.name]
    if at:
        holds = all(measured.holds for measured in at)
        yield Finding(f"{protocol.name} at the bound, {bound}+1", _count(at, DECIDED), holds)
    if past:
        why = f"{_count(past, BLOCKED)}: {explain(past[0])}"
        yield Finding(f"one past it, {bound}", why, all(measured.holds for measured in past))
    for measured in found.bounds:
        if measured.protocol == forced.name:
            why = f"two decisions in {measured.disagreements:,} of {measured.schedules:,} schedules: {measured.why}"
            yield Finding(with_quorums, why, measured.holds)


def _memories(found: Measurements, system: System) -> Iterable[Finding]:
    measured = [bound for bound in found.bounds if bound.protocol == system.protocol]
    at = [bound for bound in measured if bound.side == AT]
    past = [bound for bound in measured if bound.side == PAST and bound.crashed_memories]
    if at:
        yield Finding("at the bound, f of 2f+1", _count(at, DECIDED), all(bound.holds for bound in at))
    if past:
        why = explain(past[0])
        yield Finding("one past it, f+1 of 2f+1", f"{_count(past, BLOCKED)}: {why}", all(bound.holds for bound in past))


def _best_case(found: Measurements, system: System) -> Iterable[Finding]:
    for measured in found.delays:
        if measured.protocol == system.protocol:
            as_claimed = measured.common_case == measured.claimed
            yield Finding("common case", _trips(measured.common_case), as_claimed)
            as_claimed = measured.take_over == measured.claimed_take_over
            yield Finding("after a take-over", _trips(measured.take_over), as_claimed)
    for measured in found.delays:
        if system is MESSAGE_PASSING and measured.protocol in BYZANTINE:
            what = f"{BYZANTINE[measured.protocol]}, Byzantine"
            yield Finding(what, _trips(measured.common_case), measured.common_case == measured.claimed)
        if system is RDMA_FULL and measured.protocol == FastAndRobust.name:
            what = f"{measured.protocol}, Byzantine"
            yield Finding(what, _trips(measured.common_case), measured.common_case == measured.claimed)
            as_claimed = measured.take_over == measured.claimed_take_over
            yield Finding(f"{measured.protocol} after a panic", _trips(measured.take_over), as_claimed)
    for latency in found.latencies:
        if latency.protocol == system.protocol:
            yield Finding("on Ray", tell_latency(latency), latency.holds)


def _count(bounds: list[BoundMeasured], verdict: str) -> str:
    count = sum(bound.verdicts.get(verdict, 0) for bound in bounds)
    return f"{verdict} in {count:,} of {sum(bound.schedules for bound in bounds):,} schedules"


def _trips(delays: int | None) -> str:
    return f"{round_trips(delays)} ({delays} delays)" if delays is not None else "no decision"


def explain(bound: BoundMeasured) -> str:
    """What went wrong past a bound, in a few words; ``bound.why`` has the run's own."""
    lacking = re.search(r"needs \d+ of \d+ \w+, \d+ alive", bound.why)
    return lacking[0] if lacking else bound.why


def tell_size(table: Table) -> str:
    """How much was run, in a few words."""
    simulated = sum(bound.schedules for bound in table.bounds) + 2 * len(table.delays)
    rounds = sum(latency.rounds for latency in table.latencies)
    parts = [f"{simulated:,} simulated runs"] if simulated else []
    parts += [f"{rounds:,} rounds and {len(table.kills)} kills of the leader on Ray"] if rounds else []
    return ", ".join(parts)


def tell_latency(latency: Latency) -> str:
    """One protocol's latency on Ray, in a few words."""
    if latency.p50 is None or latency.p99 is None:
        return f"{latency.verdict}: {latency.reason}"
    counted = " or ".join(sorted(latency.delays, key=int))
    return f"{counted} delays, p50 {seconds(latency.p50)}, p99 {seconds(latency.p99)} over {latency.rounds} rounds"


def tell_kill(kill: Kill) -> str:
    """What the survivors of one kill did, in a few words."""
    if kill.first_decider is None or kill.seconds is None:
        return f"{kill.verdict}: {kill.reason}"
    value = next(iter(kill.decisions.values()))
    return f"{' and '.join(kill.decisions)} decided {value}, p{kill.first_decider} first, after {seconds(kill.seconds)}"
