"""Seeded runs of binary protocols on shared-memory graphs."""

from __future__ import annotations

import random
from collections.abc import Iterable, Sequence

from rayrdma.clusters.topology import make_topology
from rayrdma.faults.plan import After, Crash, Fault
from rayrdma.model.graph import Graph
from rayrdma.model.protocol import Protocol
from rayrdma.simulator.kernel import Kernel
from rayrdma.simulator.run import observe
from rayrdma.simulator.schedule import Adversary, Jitter, Schedule
from tests.fuzz import Run

EVENT_LIMIT = 500_000
"""Rounds are a matter of luck; no run here came near."""


def ring(n: int) -> Graph:
    return make_topology("ring", processes=n).graph()


def star(n: int) -> Graph:
    return make_topology("star", processes=n).graph()


def no_edges(n: int) -> Graph:
    return make_topology("none", processes=n).graph()


def schedule(seed: int, n: int) -> Schedule:
    """The adversary, who runs some alone and holds back the others, and every second time random delays."""
    return Adversary(seed, n, n) if seed % 2 else Jitter(seed, n)


def inputs_of(seed: int, n: int) -> list[int]:
    rng = random.Random(f"inputs/{seed}")
    return [rng.randrange(2) for _ in range(n)]


def run_on(
    protocol: type[Protocol],
    graph: Graph,
    seed: int,
    faults: Sequence[Fault] = (),
    *,
    inputs: Sequence[int] | None = None,
    by: Schedule | None = None,
) -> Run:
    """One traced run of ``protocol`` on ``graph`` under the schedule of ``seed``, or under ``by``."""
    kernel = Kernel(
        protocol,
        inputs_of(seed, graph.n) if inputs is None else inputs,
        graph.n if protocol.needs_memories else 0,
        by if by is not None else schedule(seed, graph.n),
        faults,
        seed=str(seed),
        graph=graph if protocol.needs_graph else None,
        trace=True,
    )
    kernel.run(EVENT_LIMIT)
    return Run(seed, faults, kernel, observe(kernel))


def all_but(survivors: Iterable[int], n: int, rng: random.Random | None = None) -> list[Fault]:
    """Everybody else crashes: before the start, or, with ``rng``, at any moment."""
    alive = set(survivors)
    return [Crash(process=p, at=0.0 if rng is None else _moment(rng)) for p in range(n) if p not in alive]


def _moment(rng: random.Random) -> float | After:
    kind = rng.randrange(4)
    if kind == 0:
        return 0.0
    if kind == 1:
        return float(rng.randrange(1, 60))
    return After(rng.choice(("swap", "send", "operation")), rng.randrange(1, 30))
