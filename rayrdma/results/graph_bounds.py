"""RDMA Scale by measurement: HBO on sparse graphs, at the exact bound with the worst survivors, and one crash past it.

Where crashes can partition the system, a smaller threshold makes two decisions of it (P18's SM-cut). And beyond the
talk: what tolerates all that a graph can tolerate at all.
"""

from __future__ import annotations

import random
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace
from functools import cache

from rayrdma.clusters.attack import attack
from rayrdma.clusters.tolerance import hbo_tolerance, partition_bound
from rayrdma.clusters.topology import Topology, make_topology
from rayrdma.faults.plan import After, Crash
from rayrdma.model.graph import Graph
from rayrdma.model.protocol import Protocol
from rayrdma.protocols.hybrid_ben_or import HybridBenOr
from rayrdma.protocols.mixed_consensus import MixedConsensus
from rayrdma.scenario import Scenario
from rayrdma.simulator.schedule import Apart, Schedule

from .bounds import AT, LATEST_CRASH, PAST, Bound
from .result import BLOCKED, DECIDED, VIOLATED

HELD_BACK = 1_000
"""Delays that messages between the sides of a cut take: longer than either side needs to decide."""


class ForcedHybridBenOr(HybridBenOr):
    """HBO that is content with half of the processes. It must not be."""

    name = "hybrid-ben-or-with-half"

    def enough(self, count: int) -> bool:
        return 2 * count >= self.process.n


@dataclass(frozen=True)
class GraphBound(Bound):
    """A shared-memory graph, and who survives on it.

    Attributes:
        survivors: who does not crash.
        divided: one side of an SM-cut. It starts with 0, the others with 1, and messages between them take long; else
            inputs are drawn.
    """

    graph: Graph = field(kw_only=True)
    survivors: tuple[int, ...] = field(kw_only=True)
    divided: tuple[int, ...] = field(kw_only=True, default=())

    def schedule_of(self, seed: int) -> Schedule | None:
        return Apart(seed, self.divided, until=HELD_BACK) if self.divided else None

    def scenario(self, seed: int) -> Scenario:
        """One seeded schedule: at the bound crashes strike at any moment, past it before anything happens."""
        rng = random.Random(f"{self.protocol.name}/{self.graph.name}/{self.side}/{seed}")
        early = rng.random() < 0.5

        def moment() -> float | After:
            if self.side == PAST or early:
                return 0.0
            return (
                After("operation", rng.randrange(1, 20)) if rng.random() < 0.5 else float(rng.randrange(LATEST_CRASH))
            )

        n = self.processes
        return Scenario(
            protocol=self.protocol,
            inputs=tuple(int(p not in self.divided) if self.divided else rng.randrange(2) for p in range(n)),
            memories=n,
            faults=tuple(Crash(process=p, at=moment()) for p in range(n) if p not in self.survivors),
            seed=seed,
            schedule=self.schedule,
            graph=self.graph,
        )


@cache
def graph_bounds() -> tuple[GraphBound, ...]:
    """All of them, from the exact tolerance of each graph."""
    zoo = {name: make_topology(name, processes=8) for name in ("ring", "star", "hypercube")} | {
        "petersen": make_topology("petersen")
    }
    return (
        *(bound for topology in zoo.values() for bound in _hybrid(topology)),
        *_beyond(zoo["star"]),
        *_beyond(zoo["petersen"]),
        *_beyond(zoo["ring"]),
        _divided(zoo["ring"]),
    )


def _hybrid(topology: Topology) -> Iterator[GraphBound]:
    tolerance = hbo_tolerance(topology)
    f = tolerance.value
    yield _bound(HybridBenOr, topology, AT, f, attack(topology, topology.n - f), DECIDED)
    yield _bound(HybridBenOr, topology, PAST, f + 1, tolerance.witness, BLOCKED)


def _beyond(topology: Topology) -> Iterator[GraphBound]:
    f = partition_bound(topology).value
    yield _bound(MixedConsensus, topology, AT, f, attack(topology, topology.n - f), DECIDED)
    if f < topology.n - 1:
        yield _bound(MixedConsensus, topology, PAST, f + 1, attack(topology, topology.n - f - 1), BLOCKED)


def _divided(topology: Topology) -> GraphBound:
    """Two sides that share no memory, with messages between them that are slow."""
    cut = partition_bound(topology).witness
    assert cut is not None
    crashed = topology.n - len(cut.s) - len(cut.t)
    bound = _bound(ForcedHybridBenOr, topology, PAST, crashed, (*cut.s, *cut.t), VIOLATED)
    return replace(bound, divided=tuple(cut.s))


def _bound(
    protocol: type[Protocol], topology: Topology, side: str, crashed: int, survivors: Iterable[int], expected: str
) -> GraphBound:
    n, alive = topology.n, tuple(map(int, survivors))
    graph = topology.graph(partition_bound(topology).value if protocol.needs_resilience else None)
    return GraphBound(protocol, side, n, n, crashed, 0, expected, graph=graph, survivors=alive)
