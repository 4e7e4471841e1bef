"""`rayrdma explore`: look for a schedule that breaks a protocol, and keep the smallest one that does."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import msgspec

from rayrdma.checks.goals import goals_of
from rayrdma.model.protocol import Protocol
from rayrdma.reference import check_protocol, resolve
from rayrdma.results.recording import Recording
from rayrdma.results.result import Result
from rayrdma.simulator.engine import simulate
from rayrdma.simulator.explore.case import PROTOCOL
from rayrdma.simulator.explore.draw import KINDS
from rayrdma.simulator.explore.hunt import Finding
from rayrdma.simulator.explore.search import Budget, Progress, Search


class Exploration(msgspec.Struct, frozen=True):
    """What came of a search.

    Attributes:
        schedules: that were run.
        events: in all of them.
        violations: how many schedules went wrong.
        goals: of what should happen sometimes, in how many schedules it did.
        wrong: what the checks say of the smallest one.
        smallest: its result; None if nothing was found, if what was found shows under its own schedule alone, or if the
            protocol did what no protocol may do.
    """

    protocol: str
    strategy: str
    faults: Sequence[str]
    seed: int
    jobs: int
    schedules: int
    events: int
    seconds: float
    violations: int
    goals: dict[str, int]
    wrong: list[str]
    smallest_events: int | None
    smallest: Result | None

    def json(self) -> bytes:
        """As one JSON object."""
        return msgspec.json.encode(self)


def explore(
    protocol: str | type[Protocol],
    budget: str = "60s",
    *,
    strategy: str = "swarm",
    faults: Sequence[str] = KINDS,
    seed: int = 0,
    jobs: int | None = None,
    enough: int = 1,
    storage: Path | str | None = None,
    progress: Progress = lambda tally, seconds: None,
) -> Exploration:
    """Run schedule after schedule of a protocol, until one goes wrong or the budget is spent.

    Args:
        protocol: a built-in name, ``path/to/file.py:ClassName``, or a class of your own.
        budget: ``60s``, or a number of schedules.
        strategy: ``swarm``, ``random`` or ``pct``.
        faults: the kinds that may occur.
        seed: of the first schedule.
        jobs: processes that look; None: as many as there are cores.
        enough: so many schedules that go wrong end it.
        storage: the folder in which to make a run folder for the smallest one; None: nothing is written.
    Raises:
        UsageError: that makes no sense.
    """
    found = resolve(protocol) if isinstance(protocol, str) else check_protocol(protocol)
    search = Search(found, strategy, tuple(faults), seed, jobs, enough)
    began = time.monotonic()
    tally = search.run(Budget.parse(budget), progress)
    seconds = time.monotonic() - began
    finding = next((finding for _, finding in sorted(tally.findings.items()) if finding is not None), None)
    if finding is not None:
        finding = search.smallest(finding)
    return Exploration(
        protocol=found.name,
        strategy=strategy,
        faults=list(faults),
        seed=seed,
        jobs=jobs or len(os.sched_getaffinity(0)),
        schedules=tally.schedules,
        events=tally.events,
        seconds=seconds,
        violations=len(tally.findings),
        goals={goal: tally.goals[goal] for goal in goals_of(found)},
        wrong=[str(violation) for violation in finding.wrong] if finding is not None else [],
        smallest_events=finding.events if finding is not None else None,
        smallest=keep(finding, storage) if finding is not None else None,
    )


def keep(finding: Finding, storage: Path | str | None) -> Result | None:
    """Run it once more, and write what there is to know of it; a run that ended by an error has no result."""
    if any(violation.check == PROTOCOL for violation in finding.wrong):
        return None
    scenario = replace(finding.case.scenario, trace=True)  # and drawn
    with Recording(scenario, "sim", storage) as recording:
        for simulated in simulate(scenario, [finding.case.record(finding.choices)]):
            recording.add(simulated.observation, simulated.quiescent, simulated.choices)
    return recording.result()
