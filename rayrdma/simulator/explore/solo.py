"""The adversary of theorem 6.1 (P19, section 6): one process is on its way, the others decide, and it goes on.

Process 0 takes some steps alone; then some of what it has under way takes effect and the rest is held back; then all
others run, as if it had crashed, and process 1 leads them; then it goes on. Every number of steps and every set of
effects is tried: of an operation that is under way the others can find nothing but its effect.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations

from rayrdma.scenario import Scenario
from rayrdma.simulator.schedule import Leadership
from rayrdma.simulator.stepper import Entry

from .case import Case, Course
from .pending import DELIVERY, EFFECT, NOBODY, what

SECOND = 1
LATE = 10**6
"""When Omega becomes accurate: after all of it."""


@dataclass(frozen=True)
class Held:
    """One schedule of the adversary.

    Attributes:
        steps: events of process 0 that come first.
        landed: the memories where what it then has under way takes effect.
        course: how it went.
    """

    steps: int
    landed: frozenset[int]
    case: Case
    course: Course


class HoldBack:
    """Chooses events so.

    Attributes:
        taken: the steps that process 0 took alone.
        under_way: the memories where it then had something under way.
    """

    def __init__(self, steps: int, landed: frozenset[int]) -> None:
        self.taken = 0
        self.under_way: frozenset[int] = frozenset()
        self._steps = steps
        self._landed = set(landed)
        self._held = False

    def __call__(self, pending: Sequence[Entry]) -> int:
        own = [position for position, entry in enumerate(pending) if 0 in _parties(entry)]
        if not self._held:
            if self.taken < self._steps and own:
                self.taken += 1
                return own[0]
            events = {position: what(pending[position]) for position in own}
            effects = {memory: position for position, (kind, _, memory, _) in events.items() if kind == EFFECT}
            self.under_way |= frozenset(effects)
            for memory in self._landed & effects.keys():
                self._landed.discard(memory)
                return effects[memory]
            self._held = True
        others = (position for position, entry in enumerate(pending) if (p := _parties(entry)) and 0 not in p)
        # And in the end, before it hears from anybody, what it had under way: it sees what it would have seen alone.
        return next(others, next((position for position in own if _parties(pending[position]) == {0}), 0))


def hold_back(scenario: Scenario) -> Iterator[Held]:
    """All schedules of the adversary, with what came of each."""
    leads = tuple(Leadership(1, process, SECOND) for process in range(1, scenario.n))
    case = Case(scenario, leads, LATE)
    steps = 0
    while True:
        alone = HoldBack(steps, frozenset())
        yield Held(steps, frozenset(), case, case.run(alone))
        if alone.taken < steps:
            return
        sets = chain.from_iterable(
            combinations(sorted(alone.under_way), size + 1) for size in range(len(alone.under_way))
        )
        for landed in map(frozenset, sets):
            yield Held(steps, landed, case, case.run(HoldBack(steps, landed)))
        steps += 1


def _parties(entry: Entry) -> set[int]:
    """The processes whose event this is."""
    kind, process, sender, _ = what(entry)
    return {process, sender} if kind == DELIVERY else {process} - {NOBODY}
