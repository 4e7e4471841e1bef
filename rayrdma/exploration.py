"""`rayrdma explore`: look for a schedule that breaks a protocol, and keep the smallest one that does."""

from __future__ import annotations

import os
import time
from collections.abc import Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import replace
from pathlib import Path

import msgspec

from rayrdma.checks.goals import goals_of
from rayrdma.model.protocol import Protocol
from rayrdma.reference import check_protocol, resolve
from rayrdma.results.recording import Recording
from rayrdma.results.result import Result
from rayrdma.scenario import ENGINES, choose
from rayrdma.simulator.engine import simulate
from rayrdma.simulator.explore.case import PROTOCOL
from rayrdma.simulator.explore.draw import KINDS
from rayrdma.simulator.explore.hunt import Finding, Tally
from rayrdma.simulator.explore.search import Budget, Progress, Search
from rayrdma.simulator.explore.workers import Workers


class Exploration(msgspec.Struct, frozen=True):
    """What came of a search.

    Attributes:
        schedules: that were run.
        events: in all of them.
        violations: how many schedules went wrong.
        goals: of what should happen sometimes, in how many schedules it did.
        wrong: what the checks say of the smallest one; or of one that only shows under its own schedule.
        smallest: its result; None if nothing was found, if what was found shows under its own schedule alone, or if the
            protocol did what no protocol may do.
    """

    protocol: str
    strategy: str
    faults: Sequence[str]
    seed: int
    engine: str
    jobs: int
    schedules: int
    events: int
    seconds: float
    violations: int
    goals: dict[str, int]
    wrong: list[str]
    smallest_events: int | None
    smallest: Result | None


def explore(
    protocol: str | type[Protocol],
    budget: str = "60s",
    *,
    strategy: str = "swarm",
    faults: Sequence[str] = KINDS,
    seed: int = 0,
    engine: str = "sim",
    jobs: int | None = None,
    address: str | None = None,
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
        engine: ``sim``: processes of this machine look; ``ray``: tasks on a cluster do.
        jobs: how many look at a time; None: as many as there are cores, or CPUs in the cluster.
        address: of a Ray cluster; None: the one that is there, else one of its own on this machine.
        enough: so many schedules that go wrong end it.
        storage: the folder in which to make a run folder for the smallest one; None: nothing is written.
    Raises:
        UsageError: that makes no sense.
        EnvironmentProblem: there is no Ray to be had.
    """
    choose("engine", engine, ENGINES)
    found = resolve(protocol) if isinstance(protocol, str) else check_protocol(protocol)
    search = Search(found, strategy, tuple(faults), seed, jobs, enough)
    limits = Budget.parse(budget)
    with _workers(engine, jobs, address) as workers:
        began = time.monotonic()
        tally = search.run(limits, progress, workers)
        seconds = time.monotonic() - began
    finding = next((finding for _, finding in sorted(tally.findings.items()) if finding is not None), None)
    if finding is not None:
        finding = search.smallest(finding)
    return Exploration(
        protocol=found.name,
        strategy=strategy,
        faults=list(faults),
        seed=seed,
        engine=engine,
        jobs=workers.count if workers is not None else jobs or len(os.sched_getaffinity(0)),
        schedules=tally.schedules,
        events=tally.events,
        seconds=seconds,
        violations=len(tally.findings),
        goals={goal: tally.goals[goal] for goal in goals_of(found)},
        wrong=[str(violation) for violation in finding.wrong] if finding is not None else _untold(tally),
        smallest_events=finding.events if finding is not None else None,
        smallest=keep(finding, storage) if finding is not None else None,
    )


def _untold(tally: Tally) -> list[str]:
    """What was wrong with the first of those that a list of choices does not tell."""
    for seed, wrong in sorted(tally.untold.items()):
        return [f"{violation} (seed {seed}, by the delays of its own schedule alone: no replay)" for violation in wrong]
    return []


def _workers(engine: str, jobs: int | None, address: str | None) -> AbstractContextManager[Workers | None]:
    if engine == "sim":
        return nullcontext()
    from rayrdma.actors.exploration import workers_on_ray  # Ray is imported only where it is used

    return workers_on_ray(jobs, address)


def keep(finding: Finding, storage: Path | str | None) -> Result | None:
    """Run it once more, and write what there is to know of it; a run that ended by an error has no result."""
    if any(violation.check == PROTOCOL for violation in finding.wrong):
        return None
    scenario = replace(finding.case.scenario, trace=True)  # and drawn
    with Recording(scenario, "sim", storage) as recording:
        for simulated in simulate(scenario, [finding.case.record(finding.choices)]):
            recording.add(simulated.observation, simulated.quiescent, simulated.choices)
    return recording.result()
