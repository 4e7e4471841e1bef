"""The classical mistakes (algorithms 10.3), made in the batch engine: its invariants see each."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt
import pytest

from rayrdma.simulator.batch import kernels
from rayrdma.simulator.batch.population import Votes
from rayrdma.simulator.batch.shard import ARRIVALS, COINS, Setting, Shard

from .batch import Batch, run_batch

SEEDS = 300
ROUNDS = 4
Heard = tuple[npt.NDArray[np.int32], ...]


class HearsByHand(Shard):
    """Hears as `naive` does, so that one can make mistakes in it."""

    def _listen(self, phase: int, messages: Votes) -> Heard:
        rows = [self._hear_one(phase, int(process), messages) for process in self.processes]
        taken, represented, counts = zip(*rows, strict=True)
        return np.array(taken, np.int32), np.array(represented, np.int32), np.array(counts, np.int32)

    def arriving(self, phase: int, process: int, messages: Votes) -> Iterator[list[tuple[int, int]]]:
        for sender in kernels.arrivals(self.setting.seed, phase, process, len(self._pointers) - 1):
            span = slice(*self._pointers[sender : sender + 2])
            yield list(zip(self._spoken[span].tolist(), messages[span].tolist(), strict=True))

    def _hear_one(self, phase: int, process: int, messages: Votes) -> tuple[int, int, list[int]]:
        heard: dict[int, int] = {}
        taken = 0
        for message in self.arriving(phase, process, messages):
            if len(heard) >= self.need:
                break
            heard.update(message)
            taken += 1
        return taken, len(heard), [list(heard.values()).count(vote) for vote in range(3)]


class CountsEveryCopy(HearsByHand):
    """Counts q once for every sender that speaks for it."""

    def _hear_one(self, phase: int, process: int, messages: Votes) -> tuple[int, int, list[int]]:
        heard: list[int] = []
        taken = 0
        for message in self.arriving(phase, process, messages):
            if len(heard) >= self.need:
                break
            heard += [vote for _, vote in message]
            taken += 1
        return taken, len(heard), [heard.count(vote) for vote in range(3)]


class CountsMessages(HearsByHand):
    """Waits for more than n/2 messages, and not processes."""

    def _hear_one(self, phase: int, process: int, messages: Votes) -> tuple[int, int, list[int]]:
        taken = list(self.arriving(phase, process, messages))[: self.need]
        if len(taken) < self.need:
            return len(taken), len(taken), [0, 0, len(taken)]
        heard = dict(pair for message in taken for pair in message)
        return len(taken), len(heard), [list(heard.values()).count(vote) for vote in range(3)]


class HalfIsEnough(Shard):
    """At least n/2, where more than that is needed."""

    def __init__(self, *arguments: object) -> None:
        super().__init__(*arguments)  # type: ignore[arg-type]
        self.need = (self.n + 1) // 2


class SaysItsOwnValue(Shard):
    """On behalf of others too, and not what was agreed on."""

    def speak(self, phase: int, *agreed: Votes) -> Votes:
        return np.repeat(self.votes, 2)  # in a graph of pairs


RING = [[(p - 1) % 8, (p + 1) % 8] for p in range(8)]
PAIRS = [[p ^ 1] for p in range(8)]


def runs(kind: type[Shard], graph: list[list[int]], live: list[int]) -> Iterator[Batch]:
    for seed in range(SEEDS):
        inputs = [seed >> p & 1 for p in range(8)]
        setting = Setting(seed, COINS[seed % 2], ARRIVALS[0])
        yield run_batch(graph, live, inputs, setting, rounds=ROUNDS, shards=2, kind=kind)


CAUGHT = [
    (CountsEveryCopy, RING, [0, 1, 2, 4, 5, 6], {"H2", "H5"}),
    (CountsMessages, RING, [0, 1, 4, 5], {"represented 4 of 8, needs > 4"}),
    (HalfIsEnough, PAIRS, [0, 2, 4, 6], {"H2", "H5"}),
    (SaysItsOwnValue, PAIRS, list(range(8)), {"H1"}),
]


@pytest.mark.parametrize(("kind", "graph", "live", "seen"), CAUGHT, ids=[kind.__name__ for kind, *_ in CAUGHT])
def test_the_mistake_is_seen(kind: type[Shard], graph: list[list[int]], live: list[int], seen: set[str]) -> None:
    found = Counter(wrong(batch) for batch in runs(kind, graph, live))
    assert set(found) - {""} <= seen, found
    assert SEEDS - found[""] > SEEDS // 20, found


def wrong(batch: Batch) -> str:
    """The invariant that did not hold, or why nobody could decide."""
    if batch.course.violation is not None:
        return batch.course.violation.partition(":")[0]
    return f"represented {batch.course.represented} of 8, needs > 4" if batch.course.blocked else ""


@pytest.mark.parametrize("kind", [Shard, HearsByHand])
def test_what_makes_no_mistake_is_not_blamed(kind: type[Shard]) -> None:
    told = 0
    for _, graph, live, _ in CAUGHT:
        for batch in runs(kind, graph, live):
            assert batch.verdict in ("decided", "unknown"), batch.course
            told += batch.course.told > 0 and batch.course.own > 0
    assert told > SEEDS // 20, "some must decide by themselves in a round in which others are told"
