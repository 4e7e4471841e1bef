"""The rounds of a batch run: leads shards through the phases, and holds every phase against HBO's invariants.

*What kind of run this is.* All live processes go through each phase together. At every object the member of S_q that
comes first is drawn; at every receiver messages arrive in an order of its own, each of which is as likely, and it goes
on at the first one with which it may. What arrives later is too late. A decision reaches everybody before the objects
of the next round are touched, so that all are done at the end of the round in which somebody decides. That is one
legal asynchronous schedule, in which nobody is more than a phase ahead. What it does not cover: processes at different
rounds, crashes in the middle of a run, adversaries that choose orders by what is in the messages. Those are the
simulator's business; where both can run, `rayrdma.simulator.lockstep` makes the simulator take the same course.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from .shard import Shard, Summary, total


class Shards(Protocol):
    """All shards of a run, wherever they are."""

    def call(self, method: str, *arguments: Any) -> list[Any]:
        """Call a method of every shard. What comes back can be an argument of further calls, or be got."""

    def get(self, answers: list[Any]) -> list[Any]:
        """What was returned, itself."""


class Here(Shards):
    """Shards in this process."""

    node_count = 1

    def __init__(self, shards: Sequence[Shard]) -> None:
        self.shards = shards

    @property
    def count(self) -> int:
        """How many shards."""
        return len(self.shards)

    def call(self, method: str, *arguments: Any) -> list[Any]:
        return [getattr(shard, method)(*arguments) for shard in self.shards]

    def get(self, answers: list[Any]) -> list[Any]:
        return answers

    def peak_bytes(self) -> int:
        """What shards have had in other processes than this one."""
        return 0


@dataclass(frozen=True)
class Stage:
    """How far a run is.

    Attributes:
        decided: processes that have decided, of ``live`` that are to.
        exchanged: bytes that were published to all shards since the start.
    """

    round: int
    phase: str
    decided: int
    live: int
    exchanged: int


@dataclass
class Course:
    """What became of a run.

    Attributes:
        rounds: that were begun.
        value: what was decided, if anything was.
        own: processes that decided by themselves; ``told``: those that learned of it.
        violation: of an invariant, which ended the run.
        blocked: nobody can go on.
        represented: the most processes that anybody heard of in the last phase.
        phase_seconds: of each phase.
    """

    rounds: int = 0
    value: int | None = None
    own: int = 0
    told: int = 0
    violation: str | None = None
    blocked: bool = False
    represented: int = 0
    phase_seconds: list[float] = field(default_factory=list)


def run_rounds(
    shards: Shards,
    inputs: Sequence[int],
    bytes_per_phase: int,
    max_rounds: int,
    progress: Callable[[Stage], None] = lambda stage: None,
) -> Course:
    """Run until all have decided, nobody can go on, or ``max_rounds`` are over.

    Args:
        inputs: how many of the live processes start with 0, and how many with 1.
        bytes_per_phase: that shards publish in a phase.
    """
    course = Course()
    live = sum(inputs)
    for round in range(1, max_rounds + 1):
        course.rounds = round
        for phase, name in ((2 * round - 2, "R"), (2 * round - 1, "P")):
            progress(Stage(round, name, 0, live, phase * bytes_per_phase))
            began = time.perf_counter()
            summaries: list[Summary] = shards.get(_run_phase(shards, phase))
            course.phase_seconds.append(time.perf_counter() - began)
            course.represented = max(summary.represented for summary in summaries)
            course.violation = find_violation(summaries, phase, inputs)
            course.blocked = any(summary.stuck for summary in summaries)
            if course.violation or course.blocked:
                return course
        decided = total([summary.decided for summary in summaries])
        if any(decided):
            course.value, course.own = decided.index(max(decided)), sum(decided)
            course.told = live - course.own
            progress(Stage(round, "P", live, live, 2 * round * bytes_per_phase))
            break
    return course


def _run_phase(shards: Shards, phase: int) -> list[Any]:
    votes = shards.call("propose", phase)
    agreed = shards.call("agree", phase, *votes)
    said = shards.call("speak", phase, *agreed)
    return shards.call("hear", phase, *said)


def find_violation(summaries: Sequence[Summary], phase: int, inputs: Sequence[int]) -> str | None:
    """Which of HBO's invariants did not hold in a phase, if one did not."""
    for summary in summaries:
        if summary.violations:
            return summary.violations[0]
    if phase % 2 == 0:
        return None
    if all(total([summary.agreed for summary in summaries])[:2]):
        return "H2: two values are proposed in one round"
    decided = total([summary.decided for summary in summaries])
    if all(decided):
        return "H3: two values are decided"
    for value in (0, 1):
        if decided[value]:
            if not inputs[value]:
                return f"H3: {value} is decided, and nobody's input"
            if total([summary.estimates for summary in summaries])[1 - value]:
                return f"H5: {value} is decided, and somebody believes {1 - value}"
    return None
