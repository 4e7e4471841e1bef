"""Schedules: how long each message and each leg of an operation takes, and what Omega says meanwhile.

The model is asynchronous: a schedule may hold anything for any finite time. All times are whole delays.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from rayrdma.model.errors import UsageError

LOST = -1
"""What a schedule gives as the delay of a message that never arrives."""


class Leadership(NamedTuple):
    """From ``time`` on Omega outputs ``leader`` at ``process``."""

    time: int
    process: int
    leader: int


class Schedule(ABC):
    """The adversary of one run.

    Attributes:
        stabilises: the time from which Omega is accurate: everywhere the least process that is up.
        detection: delays until Omega notices a crash after that time.
    """

    stabilises: int = 0
    detection: int = 3

    def leaderships(self) -> Sequence[Leadership]:
        """What Omega outputs before it stabilises, in the order of time."""
        return ()

    @abstractmethod
    def delay(self, process: int, memory: int, now: int) -> int:
        """How long the next leg takes: a request or response between process and memory, or, with ``memory`` -1 - q,
        a message of this process to process q, which may also be `LOST`. ``now`` counts from the start of the run."""


class Constant(Schedule):
    """The common case: every leg takes one delay."""

    def delay(self, process: int, memory: int, now: int) -> int:
        return 1


class Jitter(Schedule):
    """Seeded random delays of 1 to ``spread``, and contenders who all believe that they lead until ``until``."""

    def __init__(self, seed: int, n: int, spread: int = 12, contenders: int = 1, until: int = 0) -> None:
        self._random = random.Random(seed).random
        self.spread = spread
        self.stabilises = until
        self._contenders = min(contenders, n)

    def leaderships(self) -> Sequence[Leadership]:
        return [Leadership(0, process, process) for process in range(1, self._contenders)]

    def delay(self, process: int, memory: int, now: int) -> int:
        return int(self._random() * self.spread) + 1


class Adversary(Schedule):
    """Runs one process alone on part of the memories, holds back all the others, switches, and comes back.

    Uniformly random delays hardly ever build the runs that break a wrong protocol; this does (the rare
    mistakes of Protected Memory Paxos need a leader that writes on a minority, is deposed, and returns).
    Time is cut into spans. In each, one process is in focus: Omega names it (to itself, at times to
    others too), its legs are short except to some slow memories, often half of them; all other legs are long.
    In half of the runs only two processes come into focus, so that a deposed leader does come back.
    """

    def __init__(self, seed: int, n: int, m: int, spans: int = 8) -> None:
        rng = random.Random(seed)
        self._random = rng.random
        self._spans: list[tuple[int, int, frozenset[int]]] = []  # (end, focus, slow memories)
        self._leaderships: list[Leadership] = []
        time = 0
        self._hold = rng.choice((8, 20, 60))
        rivals = rng.sample(range(n), min(n, rng.choice((2, n))))
        for _ in range(rng.randrange(1, spans + 1)):
            length = rng.choice((2, 4, 6, 8, 10, 12, 20))
            focus = rng.choice(rivals)
            slow = frozenset(rng.sample(range(m), rng.choice((m // 2, rng.randrange(m // 2 + 1)))))
            everyone = rng.random() < 0.5
            self._leaderships += [
                Leadership(time, process, focus) for process in range(n) if everyone or process == focus
            ]
            time += length
            self._spans.append((time, focus, slow))
        self.stabilises = time
        self._span = 0

    def leaderships(self) -> Sequence[Leadership]:
        return self._leaderships

    def delay(self, process: int, memory: int, now: int) -> int:
        span = self._span
        while span < len(self._spans) and self._spans[span][0] <= now:
            span += 1
        self._span = span
        draw = self._random()
        if span == len(self._spans):
            return int(draw * 3) + 1
        _, focus, slow = self._spans[span]
        if (process == focus and memory not in slow) or draw < 0.1:
            return int(draw * 2) + 1
        return int(draw * self._hold) + 2


class Apart(Schedule):
    """Random delays of 1 to ``spread``, but what one side and the others say to each other takes until ``until``."""

    def __init__(self, seed: int, side: Iterable[int], until: int, spread: int = 12) -> None:
        self._random = random.Random(seed).random
        self._side = frozenset(side)
        self._until = until
        self._spread = spread

    def delay(self, process: int, memory: int, now: int) -> int:
        delay = int(self._random() * self._spread) + 1
        across = memory < 0 and (process in self._side) != (-1 - memory in self._side)
        return max(delay, self._until - now) if across else delay


class Timely(Schedule):
    """Some processes are timely, in steps and not in time; all else is as slow as it pleases (Omega, P18, section 5).

    Time is cut into spans, each longer than the one before. A message that is sent in a span arrives at its end. A
    process that is not timely is stopped in most spans; in the others it is the fastest. A leg of a timely process
    takes at most `lag` times as long as the shortest that there is; and this, too, grows without bound.

    Args:
        seed: of what is drawn.
        n: how many processes.
        timely: those that are.
        loss: the probability that a message is lost: the links are fair-lossy.
    """

    lag = 3

    def __init__(self, seed: int, n: int, timely: Sequence[int], loss: float = 0.0) -> None:
        self._random = random.Random(seed).random
        self._timely = frozenset(timely)
        self._others = [process for process in range(n) if process not in self._timely]
        self._stopped: frozenset[int] = frozenset()
        self._loss = loss
        self._span = self._end = 0

    def delay(self, process: int, memory: int, now: int) -> int:
        while self._end <= now:
            self._span += 1
            self._end += self._span**2  # spans grow faster than the shortest leg: they grow in steps, too
            self._stopped = frozenset(other for other in self._others if self._random() < 0.75)
        draw = self._random()
        shortest = 1 + self._span // 8
        if memory < 0:
            return LOST if draw < self._loss else self._end - now + 1 + int(draw * shortest)
        if process in self._timely:
            return self.lag * shortest - int(draw * shortest)
        return (self._end - now if process in self._stopped else 0) + shortest + int(draw * 2)


class Recorded(Schedule):
    """The choices of an earlier run, once more."""

    def __init__(
        self, delays: Sequence[int], leaderships: Sequence[Leadership], stabilises: int, detection: int
    ) -> None:
        self._delays = delays
        self._next = 0
        self._leaderships = leaderships
        self.stabilises = stabilises
        self.detection = detection

    def leaderships(self) -> Sequence[Leadership]:
        return self._leaderships

    def delay(self, process: int, memory: int, now: int) -> int:
        position = self._next
        if position == len(self._delays):
            raise UsageError(
                f"the recording ends after {position} choices but the run goes on: "
                "it was made by another version of the protocol or of rayrdma"
            )
        self._next = position + 1
        return self._delays[position]


class Recorder(Schedule):
    """Another schedule, with every choice written down for `Recorded`."""

    def __init__(self, schedule: Schedule) -> None:
        self._schedule = schedule
        self.delays: list[int] = []
        self.stabilises = schedule.stabilises
        self.detection = schedule.detection

    def leaderships(self) -> Sequence[Leadership]:
        return self._schedule.leaderships()

    def delay(self, process: int, memory: int, now: int) -> int:
        delay = self._schedule.delay(process, memory, now)
        self.delays.append(delay)
        return delay
