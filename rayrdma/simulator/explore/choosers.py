"""Who chooses the next event: at random, or by priorities with a few changes (PCT)."""

from __future__ import annotations

import random
from collections.abc import Callable, Hashable, Sequence

from rayrdma.simulator.stepper import Chooser, Entry

from .pending import DELIVERY, EFFECT, NOBODY, RESPONSE, TIMER, stabilises, what

PROMPT = (0.03, 0.1, 0.3, 1.0)
"""How probable it is that a timer may go off at an event, while there are others."""


class Chaos:
    """Somebody chooses for so many events; after them it is quiet, the common case, in which a decision has to come.

    Omega does not become accurate before: it would say nothing else from then on.
    """

    def __init__(self, choose: Chooser, events: int) -> None:
        self._choose = choose
        self._left = events

    def __call__(self, pending: Sequence[Entry]) -> int:
        if self._left == 0:
            return 0
        self._left -= 1
        late = len(pending) - 1  # it is mostly among the last
        while late >= 0 and not stabilises(pending[late]):
            late -= 1
        if late < 0 or len(pending) == 1:
            return self._choose(pending)
        choice = self._choose([*pending[:late], *pending[late + 1 :]])
        return choice + (choice >= late)


def choose_among(pending: Sequence[Entry], offers: Callable[[Entry], bool], choose: Chooser) -> int:
    """What is chosen of the events that are offered; of all, if none is: nothing is held back for ever."""
    offered = [position for position, entry in enumerate(pending) if offers(entry)]
    if not offered or len(offered) == len(pending):
        return choose(pending)
    return offered[choose([pending[position] for position in offered])]


class RandomWalk:
    """Each pending event is as likely as the others."""

    def __init__(self, seed: str) -> None:
        self._random = random.Random(seed).random

    def __call__(self, pending: Sequence[Entry]) -> int:
        return int(self._random() * len(pending))


class Patience:
    """Timers go off late, in each run less or more so: where few events are due, a time-out comes at each second one.

    Args:
        choose: of the events that may come.
        seed: of what is drawn.
    """

    def __init__(self, choose: Chooser, seed: str) -> None:
        self._choose = choose
        rng = random.Random(seed)
        self._prompt = rng.choice(PROMPT)
        self._random = rng.random

    def __call__(self, pending: Sequence[Entry]) -> int:
        if self._random() < self._prompt:
            return self._choose(pending)
        return choose_among(pending, lambda entry: what(entry)[0] != TIMER, self._choose)


class PriorityChanges:
    """Probabilistic concurrency testing (Burckhardt, Kothari, Musuvathi, Nagarakatte, ASPLOS'10), over links.

    The threads of that paper are here the *links*: a process and a memory, a process and another one that it sends to,
    a process's timers, what Omega tells it, each planned fault. Each has a random priority, and the one that has the
    highest goes first; at ``depth`` - 1 random moments the last one falls behind all. If a mistake shows whenever
    ``depth`` ordering constraints hold, a run of at most ``length`` events over l links shows it with a
    probability of at least 1 / (l x length^(depth - 1)).

    Args:
        seed: of what is drawn.
        depth: at least 1.
        length: events that a run is expected to have.
    """

    def __init__(self, seed: str, depth: int, length: int) -> None:
        self._rng = random.Random(seed)
        self._priorities: dict[Hashable, float] = {}
        self._changes = sorted(self._rng.randrange(2, max(3, length)) for _ in range(depth - 1))
        self._steps = 0
        self._lowest = 0.0
        self._running: Hashable = None

    def __call__(self, pending: Sequence[Entry]) -> int:
        self._steps += 1
        priorities = self._priorities
        while self._changes and self._changes[0] <= self._steps:
            del self._changes[0]
            self._lowest -= 1
            priorities[self._running] = self._lowest
        best, chosen = None, 0
        for position, entry in enumerate(pending):
            link = link_of(entry)
            if link not in priorities:
                priorities[link] = self._rng.random()
            if best is None or priorities[link] > priorities[best]:
                best, chosen = link, position
        self._running = best
        return chosen


def link_of(entry: Entry) -> Hashable:
    """What an event travels on: of the events on one link the oldest comes first."""
    kind, process, other, about = what(entry)
    if kind in (EFFECT, RESPONSE):
        return process, "memory", other
    if kind == DELIVERY:
        return other, "process", process
    return (process, kind) if process != NOBODY else (kind, str(about))
