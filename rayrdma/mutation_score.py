"""`rayrdma mutants`: which of the known mistakes the explorer catches, and in how many schedules."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass, replace
from itertools import islice
from multiprocessing import get_context

import msgspec

from rayrdma.model.errors import NotGivingWay, UsageError
from rayrdma.mutants import MUTANTS
from rayrdma.mutants.mutant import Mutant
from rayrdma.simulator.explore.draw import Shape
from rayrdma.simulator.explore.hunt import hunt
from rayrdma.simulator.explore.search import CHUNK_SECONDS, Budget, check_jobs
from rayrdma.simulator.explore.workers import live_no_longer_than_the_search

CAUGHT, HARMLESS, MISSED, REFUTED = "caught", "harmless", "missed", "refuted"
HARMLESS_SCHEDULES = 1_000
"""The most in which a harmless mutant is looked at: there is nothing to be found."""

Progress = Callable[[str, int, int], None]
"""Told of a mutant that is done, how many are, and of how many."""


class Verdict(msgspec.Struct, frozen=True):
    """What came of one mutant.

    Attributes:
        verdict: ``caught``, ``harmless``, ``missed``, or ``refuted``: it is said to be harmless, and is not.
        schedules: that were run; in the last one it was caught.
        seconds: that they took.
        checks: the names of those that tell of it, or may.
        wrong: what the checks say of the schedule that caught it.
        argument: why it does no harm; None if it does.
    """

    protocol: str
    mutant: str
    verdict: str
    schedules: int
    seconds: float
    checks: Sequence[str]
    wrong: list[str]
    argument: str | None


class Score(msgspec.Struct, frozen=True):
    """What came of all of them.

    Attributes:
        budget: of each mutant.
    """

    budget: str
    jobs: int
    seconds: float
    mutants: list[Verdict]

    def count(self, verdict: str) -> int:
        """How many of the mutants came to this."""
        return sum(each.verdict == verdict for each in self.mutants)

    @property
    def holds(self) -> bool:
        """None is missed, and whatever is said to be harmless seems so."""
        return not self.count(MISSED) and not self.count(REFUTED)


def score(
    protocols: Sequence[str] = (),
    budget: str = "60s",
    *,
    jobs: int | None = None,
    progress: Progress = lambda mutant, done, mutants: None,
) -> Score:
    """Hunt for every mutant, each from the first seed on, by swarm.

    Args:
        protocols: whose mutants; none: all that there are.
        budget: of each mutant: ``60s``, or a number of schedules.
        jobs: mutants that are hunted for at a time; None: as many as there are cores.
    Raises:
        UsageError: that makes no sense.
    """
    check_jobs(jobs)
    spent, mutants = Budget.parse(budget), select(protocols)
    began = time.monotonic()
    jobs = jobs or len(os.sched_getaffinity(0))
    hunts = [_Hunt.of(number, spent) for number in mutants]
    verdicts: dict[int, Verdict] = {}
    for each in _alone(hunts) if jobs == 1 else _together(hunts, jobs):
        verdicts[each.number] = each.verdict()
        progress(str(each.mutant), len(verdicts), len(hunts))
    return Score(budget, jobs, time.monotonic() - began, [verdicts[number] for number in mutants])


def select(protocols: Sequence[str]) -> list[int]:
    """The places in `MUTANTS` of those of these protocols; of all if none is named."""
    known = dict.fromkeys(mutant.protocol.name for mutant in MUTANTS)
    for name in protocols:
        if name not in known:
            raise UsageError(f"there are no mutants of {name!r}; choose of {', '.join(known)}")
    return [number for number, mutant in enumerate(MUTANTS) if mutant.protocol.name in (protocols or known)]


@dataclass(frozen=True)
class AllBut:
    """The names of all checks but some."""

    names: Collection[str]

    def __contains__(self, name: object) -> bool:
        return name not in self.names


@dataclass(frozen=True)
class _Hunt:
    """How far the hunt for one mutant is. It can be sent to a worker and back, which its class can not."""

    number: int
    budget: Budget
    schedules: int = 0
    seconds: float = 0.0
    wrong: tuple[str, ...] = ()

    @classmethod
    def of(cls, number: int, budget: Budget) -> _Hunt:
        if MUTANTS[number].harmless:
            budget = Budget(budget.seconds, min(budget.schedules, HARMLESS_SCHEDULES))
        return cls(number, budget)

    @property
    def mutant(self) -> Mutant:
        return MUTANTS[self.number]

    @property
    def over(self) -> bool:
        return bool(self.wrong or self.schedules >= self.budget.schedules or self.seconds >= self.budget.seconds)

    def go_on(self) -> _Hunt:
        """For a while."""
        mutant, began = self.mutant, time.monotonic()
        try:
            tally = hunt(
                mutant.build(),
                range(self.schedules, self.budget.schedules),
                "swarm",
                shape=Shape(*mutant.parties) if mutant.parties is not None else None,
                until=began + min(CHUNK_SECONDS, self.budget.seconds - self.seconds),
                only=AllBut(mutant.shows) if mutant.harmless else mutant.shows,
            )
        except NotGivingWay as error:  # no check need tell of that
            return replace(self, seconds=self.seconds + time.monotonic() - began, wrong=(str(error),))
        # What can not be told by its choices has gone wrong all the same.
        wrong = [
            str(violation)
            for finding in tally.findings.values()
            for violation in (finding.wrong if finding is not None else ["under its own schedule alone"])
        ]
        seconds = self.seconds + time.monotonic() - began
        return _Hunt(self.number, self.budget, self.schedules + tally.schedules, seconds, tuple(wrong))

    def verdict(self) -> Verdict:
        mutant, found = self.mutant, bool(self.wrong)
        return Verdict(
            protocol=mutant.protocol.name,
            mutant=mutant.name,
            verdict=(REFUTED if found else HARMLESS) if mutant.harmless else (CAUGHT if found else MISSED),
            schedules=self.schedules,
            seconds=self.seconds,
            checks=mutant.shows,
            wrong=list(self.wrong),
            argument=mutant.harmless or None,
        )


def _alone(hunts: Sequence[_Hunt]) -> Iterator[_Hunt]:
    for each in hunts:
        while not each.over:
            each = each.go_on()
        yield each


def _together(hunts: Sequence[_Hunt], jobs: int) -> Iterator[_Hunt]:
    """By several workers, in bites: Ctrl-C waits for no more than one."""
    waiting = iter(hunts)
    context = get_context("forkserver")  # whatever threads this process has, the workers start clean
    with ProcessPoolExecutor(jobs, context, live_no_longer_than_the_search) as pool:
        under_way: set[Future[_Hunt]] = {pool.submit(_Hunt.go_on, each) for each in islice(waiting, jobs)}
        while under_way:
            done, under_way = wait(under_way, return_when=FIRST_COMPLETED)
            for future in done:
                each: _Hunt | None = future.result()
                assert each is not None
                if each.over:
                    yield each
                    each = next(waiting, None)
                if each is not None:
                    under_way.add(pool.submit(_Hunt.go_on, each))
