"""A hunt on all cores, with a budget; what it finds first is then made small."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import suppress
from dataclasses import dataclass

from rayrdma.model.errors import EnvironmentProblem, NotGivingWay, UsageError
from rayrdma.model.protocol import Protocol
from rayrdma.simulator.determinism import Lines, expect_same

from .draw import KINDS, STRATEGIES, draw, shapes_of
from .hunt import Finding, Tally, hunt
from .shrink import shrink, size
from .workers import Workers, cores

CHUNK_SECONDS = 0.5
"""What a worker runs at a time."""
FOR_EVER = 2**62
SMALLER, SMALLER_FINDINGS = 1_000, 8
"""Schedules of each shape in which a smaller run is looked for, and how many of those are shrunk."""

Progress = Callable[[Tally, float], None]
"""Told now and then what there is, and after how many seconds."""


@dataclass(frozen=True)
class Budget:
    """Seconds, or a number of schedules."""

    seconds: float = float("inf")
    schedules: int = FOR_EVER

    @classmethod
    def parse(cls, text: str) -> Budget:
        """``60s`` or ``10000``.

        Raises:
            UsageError: it is neither, or nothing.
        """
        wrong = UsageError(f"{text!r} is no budget; give seconds (60s) or a number of schedules (10000)")
        try:
            budget = cls(seconds=float(text[:-1])) if text.endswith("s") else cls(schedules=int(text))
        except ValueError:
            raise wrong from None
        if not budget.seconds > 0 or not budget.schedules > 0:  # nor is a NaN
            raise wrong
        return budget


def check_jobs(jobs: int | None) -> None:
    """Raise UsageError unless so many processes can look."""
    if jobs is not None and jobs < 1:
        raise UsageError(f"{jobs} jobs can not look for anything; give at least 1 (--jobs 2)")


@dataclass(frozen=True)
class Search:
    """What is looked for, and how.

    Attributes:
        jobs: processes that look; None: as many as there are cores.
        enough: so many findings end it.
    """

    protocol: type[Protocol]
    strategy: str = "swarm"
    kinds: Sequence[str] = KINDS
    seed: int = 0
    jobs: int | None = None
    enough: int = 1

    def __post_init__(self) -> None:
        if self.strategy not in STRATEGIES:
            raise UsageError(
                f"there is no strategy {self.strategy!r}; choose one of {', '.join(STRATEGIES)}, exhaustive"
            )
        check_kinds(self.kinds)
        check_jobs(self.jobs)

    def run(
        self, budget: Budget, progress: Progress = lambda tally, seconds: None, workers: Workers | None = None
    ) -> Tally:
        """Look until the budget is spent, or enough is found; by ``workers`` instead of processes of our own.

        Raises:
            ProtocolError: the protocol does not go the same way twice.
            NotGivingWay: a run of it would not have come to an end.
            EnvironmentProblem: a worker died.
        """
        began = time.monotonic()
        seeds, end = range(self.seed, self.seed + budget.schedules), began + budget.seconds
        total = Tally()
        first = self._first()
        expect_same(self.protocol, self.seed, first, self._first())
        for tally in self._tallies(seeds, end, workers, first):
            total += tally
            progress(total, time.monotonic() - began)
            if time.monotonic() > end or len(total.findings) >= self.enough:
                break
        return total

    def _tallies(self, seeds: range, end: float, workers: Workers | None, first: Lines) -> Iterator[Tally]:
        jobs = self.jobs or len(os.sched_getaffinity(0))
        if workers is not None:
            yield from self._together(seeds, end, workers, first)
        elif jobs == 1:
            yield from self._alone(seeds, end)
        else:
            with cores(jobs) as own:
                yield from self._together(seeds, end, own, first)

    def _alone(self, seeds: range, end: float) -> Iterator[Tally]:
        """The tallies of one stretch of seeds after the other."""
        while seeds:
            tally = self._hunt(seeds, end)
            yield tally
            seeds = seeds[tally.schedules :]

    def _together(self, seeds: range, end: float, workers: Workers, first: Lines) -> Iterator[Tally]:
        """Likewise, by several workers, each with seeds of its own. In them sets have another order than here."""

        def begin(part: range) -> Future[Tally]:
            seconds = max(0.0, end - time.monotonic())
            return workers.begin(_chunk, self.protocol, self.strategy, self.kinds, self.enough, part, seconds)

        elsewhere = workers.begin(_first_there, self.protocol, self.strategy, self.kinds, self.seed)
        under_way = {begin(part): part for job in range(workers.count) if (part := seeds[job :: workers.count])}
        try:
            expect_same(self.protocol, self.seed, first, workers.result(elsewhere))
            while under_way:
                done, _ = wait(under_way, return_when=FIRST_COMPLETED)
                for future in done:
                    part, tally = under_way.pop(future), workers.result(future)
                    yield tally
                    if rest := part[tally.schedules :]:
                        under_way[begin(rest)] = rest
        except BrokenProcessPool as error:
            why = "something killed it, as a lack of memory may, or the protocol ended its process"
            raise EnvironmentProblem(f"a worker of the search died: {why}") from error

    def _first(self) -> Lines:
        return draw(self.protocol, self.seed, self.strategy, self.kinds).run().lines()

    def _hunt(self, seeds: range, end: float) -> Tally:
        until = min(end, time.monotonic() + CHUNK_SECONDS)
        return hunt(self.protocol, seeds, self.strategy, self.kinds, until=until, enough=self.enough)

    def smallest(self, finding: Finding) -> Finding:
        """The smallest run found that goes wrong by the same check: shrunk from this one, or from smaller systems."""
        best = finding
        wrong = {violation.check for violation in finding.wrong}
        with suppress(NotGivingWay):  # what is wrong in one run may have no end in another
            best = shrink(finding)
        for shape in shapes_of(self.protocol):
            with suppress(NotGivingWay):
                tally = hunt(
                    self.protocol, range(SMALLER), self.strategy, self.kinds, shape, enough=SMALLER_FINDINGS, only=wrong
                )
                others = [shrink(other) for other in tally.findings.values() if other is not None]
                best = min(best, *others, key=_extent) if others else best
        return best


def check_kinds(kinds: Sequence[str]) -> None:
    """Raise UsageError unless there are such kinds of faults."""
    for kind in kinds:
        if kind not in KINDS:
            raise UsageError(f"there is no kind of fault {kind!r}; choose of {', '.join(KINDS)}")


def _extent(finding: Finding) -> tuple[int, ...]:
    """How much there is to read."""
    scenario = finding.case.scenario
    return (finding.events, scenario.n, scenario.memories, *size(finding))


def _chunk(
    protocol: type[Protocol], strategy: str, kinds: Sequence[str], enough: int, seeds: range, seconds: float
) -> Tally:
    """In a worker."""
    search = Search(protocol, strategy, kinds, enough=enough)
    return search._hunt(seeds, time.monotonic() + seconds)


def _first_there(protocol: type[Protocol], strategy: str, kinds: Sequence[str], seed: int) -> Lines:
    """In a worker."""
    return Search(protocol, strategy, kinds, seed)._first()
