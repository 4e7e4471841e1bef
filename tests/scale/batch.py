"""Batch runs in this process, with everything that is said in them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from rayrdma.simulator.batch.population import Population
from rayrdma.simulator.batch.rounds import Course, Here, run_rounds
from rayrdma.simulator.batch.shard import Setting, Shard

from .naive import Graph


class Listening(Here):
    """Keeps what every step of every phase returned, of all shards one after the other."""

    def __init__(self, shards: Sequence[Shard]) -> None:
        super().__init__(shards)
        self.said: dict[str, list[list[Any]]] = {"propose": [], "agree": [], "speak": []}

    def call(self, method: str, *arguments: Any) -> list[Any]:
        answers = super().call(method, *arguments)
        if method in self.said:
            self.said[method].append(np.concatenate(answers).tolist())
        return answers


@dataclass
class Batch:
    course: Course
    shards: Sequence[Shard]
    said: dict[str, list[list[Any]]]

    @property
    def verdict(self) -> str:
        course = self.course
        if course.violation is not None:
            return "violated"
        return "blocked" if course.blocked else "unknown" if course.value is None else "decided"

    @property
    def taken(self) -> list[int]:
        """How many messages receivers took, of all phases."""
        histogram = sum(shard.messages_taken() for shard in self.shards)
        return [int(many) for many in np.repeat(np.arange(len(histogram)), histogram)]


def run_batch(
    graph: Graph,
    live: Sequence[int],
    inputs: Sequence[int],
    setting: Setting,
    *,
    rounds: int,
    shards: int = 1,
    kind: type[Shard] = Shard,
) -> Batch:
    n = len(graph)
    rows = [sorted({p, *graph[p]}) for p in range(n)]
    indptr = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    indices = np.array([q for row in rows for q in row], np.int32)
    alive = np.zeros(n, bool)
    alive[list(live)] = True
    population = Population(alive, np.array(inputs, np.int8), indptr, indices)
    made = [kind(setting, population, *span) for span in population.cut(shards)]
    listening = Listening(made)
    course = run_rounds(listening, population.input_counts(), 0, rounds)
    return Batch(course, made, listening.said)
