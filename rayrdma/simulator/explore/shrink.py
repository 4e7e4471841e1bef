"""A smaller run that goes wrong as well: fewer faults, less said by Omega, an earlier end, smaller choices."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from rayrdma.simulator.watchdog import Watchdog

from .case import Case
from .hunt import Finding


def shrink(finding: Finding) -> Finding:
    """Make it smaller as long as that succeeds. It stays wrong by a check of the same name."""
    shrinker = _Shrinker(finding)
    before = None
    with Watchdog():  # of all runs at once
        while before != shrinker.best:
            before = shrinker.best
            shrinker.drop_faults()
            shrinker.hear_less_of_omega()
            shrinker.end_earlier()
            shrinker.choose_less()
    return shrinker.best


def size(finding: Finding) -> tuple[int, ...]:
    """What is to be small, the weightiest first."""
    return (
        len(finding.case.scenario.faults),
        len(finding.case.leaderships),
        finding.events,
        sum(choice > 0 for choice in finding.choices),
        len(finding.choices),
        sum(finding.choices),
    )


class _Shrinker:
    """The best so far, and the ways to a better one."""

    def __init__(self, finding: Finding) -> None:
        self.best = finding
        self._wrong = {violation.check for violation in finding.wrong}

    def _take(self, case: Case, choices: Sequence[int]) -> bool:
        """Whether this is wrong too, and smaller: then it is the best."""
        course = case.follow(choices)
        found = Finding.of(case, course)
        if self._wrong.isdisjoint(violation.check for violation in course.wrong) or size(found) >= size(self.best):
            return False
        self.best = found
        return True

    def drop_faults(self) -> None:
        """One after the other."""
        for fault in self.best.case.scenario.faults:
            scenario = self.best.case.scenario
            fewer = tuple(kept for kept in scenario.faults if kept is not fault)
            self._take(replace(self.best.case, scenario=replace(scenario, faults=fewer)), self.best.choices)

    def hear_less_of_omega(self) -> None:
        """One change after the other."""
        for said in self.best.case.leaderships:
            less = tuple(kept for kept in self.best.case.leaderships if kept is not said)
            self._take(replace(self.best.case, leaderships=less), self.best.choices)

    def end_earlier(self) -> None:
        """Right after what is wrong: what has happened by then stays so."""
        low, high = 0, self.best.events
        while low < high:
            middle = (low + high) // 2
            if self._take(replace(self.best.case, events=middle), self.best.choices):
                high = self.best.events
            else:
                low = middle + 1

    def choose_less(self) -> None:
        """Leave out, or make 0, stretches of choices, ever shorter ones; then lower each."""
        length = max(1, len(self.best.choices))
        while length:
            start = 0
            while start < len(self.best.choices):
                choices, end = self.best.choices, start + length
                left_out = (*choices[:start], *choices[end:])
                zeros = (*choices[:start], *(0 for _ in choices[start:end]), *choices[end:])
                if not (
                    self._take(self.best.case, left_out)
                    or (any(choices[start:end]) and self._take(self.best.case, zeros))
                ):
                    start += length
            length //= 2
        for position in range(len(self.best.choices)):
            for lower in range(self.best.choices[position] if position < len(self.best.choices) else 0):
                choices = self.best.choices
                if self._take(self.best.case, (*choices[:position], lower, *choices[position + 1 :])):
                    break
