"""All schedules of small systems of a protocol: every outcome that there is, run once by the simulator and checked."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace

from rayrdma.checks.observation import Observation
from rayrdma.faults.byzantine import BEHAVIOURS
from rayrdma.faults.plan import Byzantine
from rayrdma.model.errors import UsageError
from rayrdma.model.protocol import Protocol
from rayrdma.model.trace import Noted
from rayrdma.scenario import Scenario
from rayrdma.simulator.determinism import expect_same
from rayrdma.simulator.explore.case import Case, Course
from rayrdma.simulator.explore.draw import Shape, behaviours_of
from rayrdma.simulator.explore.hunt import Finding
from rayrdma.simulator.schedule import Leadership
from rayrdma.simulator.watchdog import Watchdog

from .automata import Outcome
from .script import Script
from .space import Path, Space, Walk
from .symmetry import Asymmetric
from .system import Bounds, State, System

NEVER = 10**6
"""When Omega becomes accurate."""
SILENT = "silent"
MIRRORED = 4
"""The most memories whose orders are all looked at."""
LOOK = 0.5
"""Seconds between two reports."""


@dataclass
class Exhausted:
    """What came of it, over all systems.

    Attributes:
        spaces: each system's.
        finished: nothing is left that has not been looked at.
        outcomes: how many different ones there were, each of them run and checked.
        findings: the outcomes that went wrong.
    """

    spaces: list[Space] = field(default_factory=list)
    finished: bool = False
    outcomes: int = 0
    findings: list[Finding] = field(default_factory=list)

    @property
    def states(self) -> int:
        """In all systems; likewise the others."""
        return sum(space.states for space in self.spaces)

    @property
    def steps(self) -> int:
        return sum(space.steps for space in self.spaces)

    @property
    def schedules(self) -> int:
        return sum(space.schedules for space in self.spaces)


def exhaust(
    scenarios: Sequence[Scenario],
    bounds: Bounds,
    *,
    reduce: bool = True,
    seconds: float = float("inf"),
    states: float = float("inf"),
    enough: float = 1,
    progress: Callable[[Exhausted, float], None] = lambda so_far, seconds: None,
) -> Exhausted:
    """Look at every state of each of these systems, until the time is over, or enough has been found."""
    began = time.monotonic()
    found = Exhausted()

    def enough_yet() -> bool:
        progress(found, time.monotonic() - began)
        return time.monotonic() - began >= seconds or found.states >= states

    for scenario in scenarios:
        for symmetric in (True, False) if 1 < scenario.memories <= MIRRORED else (False,):
            system = System(scenario, bounds, reduce)
            outcomes, findings = found.outcomes, len(found.findings)
            try:
                with Watchdog():
                    space = _look(scenario, system, symmetric, found, states - found.states, enough, enough_yet)
                break
            except (
                Asymmetric
            ):  # it minds which memory is which: then that makes a difference, and all is looked at anew
                del found.spaces[-1], found.findings[findings:]
                found.outcomes = outcomes
        if not space.finished:
            return found
    found.finished = True
    return found


def _look(
    scenario: Scenario,
    system: System,
    symmetric: bool,
    found: Exhausted,
    states: float,
    enough: float,
    enough_yet: Callable[[], bool],
) -> Space:
    """At one system."""

    def seen(state: State, path: Path) -> bool:
        case, course = rerun(scenario, system, state, path)
        found.outcomes += 1
        if course.wrong:
            found.findings.append(Finding.of(case, course))
        return len(found.findings) >= enough

    walk = Walk(system, seen, symmetric)
    found.spaces.append(walk.space)
    while not (walk.space.finished or walk.space.ended or enough_yet()):
        walk.go_on(time.monotonic() + LOOK, states)
    return walk.space


def scenarios_of(protocol: type[Protocol], kinds: Sequence[str], shape: Shape) -> list[Scenario]:
    """A protocol with each attack on it by the last process and by the first one, if those kinds occur, and without.

    Raises:
        UsageError: it is not of a kind that can be looked at so.
    """
    if protocol.needs_graph:
        raise UsageError(f"{protocol.name} runs on a graph of memories, which --strategy exhaustive does not know")
    attacks = behaviours_of(protocol) if "byzantine" in kinds else []
    liars = [
        (Byzantine(process, attack),)
        for process in (shape.n - 1, 0)
        for attack in attacks
        if attack == SILENT or BEHAVIOURS[attack].attacks
    ]
    values = tuple(process % 2 if protocol.binary else f"v{process}" for process in range(shape.n))
    return [Scenario(protocol, values, shape.memories, faults) for faults in (*liars, ())]


def rerun(scenario: Scenario, system: System, state: State, path: Path) -> tuple[Case, Course]:
    """Run a path by the simulator; both have to come to the same."""
    leaderships = tuple(
        Leadership(1 + number, event.process, event.process)
        for number, event in enumerate(event for event in path if event.kind == "elected")
    )
    script = Script(path, system.vocabulary)
    case = Case(scenario, leaderships, NEVER)
    case.run(script, trace=False)
    case = replace(case, events=script.length)
    course = case.run(Script(path, system.vocabulary))
    if course.wrong:
        again = case.run(Script(path, system.vocabulary))
        expect_same(scenario.protocol, scenario.seed, course.lines(), again.lines())
    if course.observation is not None:
        simulated, expected = _simulated(course.observation, scenario.n), _expected(system, state)
        if simulated != expected:
            raise AssertionError(f"the simulator came to {simulated}, the search to {expected}, by {path}")
    return case, course


def _simulated(observation: Observation, n: int) -> list[Outcome]:
    """What each process came to in a run."""
    assert observation.trace is not None
    decisions = {decided.process: decided.value for decided in observation.decisions}
    notes: list[list[tuple[str, object]]] = [[] for _ in range(n)]
    for event in observation.trace:
        if isinstance(event, Noted) and event.process not in observation.byzantine:
            notes[event.process].append((event.what, event.value))
    return [Outcome(process in decisions, decisions.get(process), tuple(noted)) for process, noted in enumerate(notes)]


def _expected(system: System, state: State) -> list[Outcome]:
    """What each came to in the search."""
    return [system.vocabulary.outcomes.things[number] for number in system.outcome(state)]
