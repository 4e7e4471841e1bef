"""One seed after the other, until something is wrong or the budget is spent."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass, field, replace

from rayrdma.checks.observation import Violation
from rayrdma.model.protocol import Protocol
from rayrdma.simulator.determinism import expect_same
from rayrdma.simulator.stepper import Trail
from rayrdma.simulator.watchdog import Watchdog

from .case import Case, Course
from .draw import KINDS, Draw, Shape, draw

EVERY = 100
"""Each so many schedules one is run twice, though nothing is wrong with it."""


@dataclass(frozen=True)
class Finding:
    """A run that went wrong.

    Attributes:
        case, choices: what makes it happen again.
        wrong: what is wrong with it.
        events: how many it took.
    """

    case: Case
    choices: tuple[int, ...]
    wrong: tuple[Violation, ...]
    events: int

    @classmethod
    def of(cls, case: Case, course: Course) -> Finding:
        """What this case came to."""
        return cls(case, course.choices, course.wrong, len(course.numbers))


@dataclass
class Tally:
    """What a hunt has seen.

    Attributes:
        schedules: how many.
        events: in all of them.
        ended: in how many nothing more could happen.
        goals: how many met which.
        findings: by seed, what was wrong; None: it only shows under its own schedule.
        untold: of those, what was wrong.
    """

    schedules: int = 0
    events: int = 0
    ended: int = 0
    goals: Counter[str] = field(default_factory=Counter)
    findings: dict[int, Finding | None] = field(default_factory=dict)
    untold: dict[int, tuple[Violation, ...]] = field(default_factory=dict)

    def __iadd__(self, other: Tally) -> Tally:
        self.schedules += other.schedules
        self.events += other.events
        self.ended += other.ended
        self.goals += other.goals
        self.findings |= other.findings
        self.untold |= other.untold
        return self


def hunt(
    protocol: type[Protocol],
    seeds: Iterable[int],
    strategy: str,
    kinds: Sequence[str] = KINDS,
    shape: Shape | None = None,
    *,
    until: float = float("inf"),
    enough: int = 1,
    only: Container[str] | None = None,
) -> Tally:
    """Run what these seeds stand for, until ``until`` by `time.monotonic`.

    Args:
        enough: so many findings end it.
        only: what one of these checks says is a finding; None: what any does.
    Raises:
        ProtocolError: a run does not go the same way twice; each one that goes wrong is run again, and some others.
        NotGivingWay: one would not have come to an end.
    """
    tally = Tally()
    with Watchdog():  # of all runs at once
        for seed in seeds:
            drawn = draw(protocol, seed, strategy, kinds, shape)
            course = drawn.run()
            if course.wrong or seed % EVERY == 0:
                again = draw(protocol, seed, strategy, kinds, shape).run()  # whoever chooses remembers what it drew
                expect_same(protocol, seed, course.lines(), again.lines())
            tally.schedules += 1
            tally.events += len(course.numbers)
            tally.ended += course.ended
            tally.goals.update(course.goals)
            if course.wrong and (only is None or any(violation.check in only for violation in course.wrong)):
                finding = tally.findings[seed] = by_choices(drawn, course)
                if finding is None:
                    tally.untold[seed] = course.wrong
                if len(tally.findings) >= enough:
                    break
            if time.monotonic() > until:
                break
    return tally


def by_choices(drawn: Draw, course: Course) -> Finding | None:
    """The same run told by its choices alone, without the schedule that made them; None if that can not be."""
    if drawn.by is None:
        return Finding.of(drawn.case, course)
    case = replace(drawn.case, leaderships=tuple(drawn.by.leaderships()), stabilises=drawn.by.stabilises)
    again = case.run(Trail(course.numbers))
    return Finding.of(case, again) if again.wrong else None
