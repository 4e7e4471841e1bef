"""Graphs that can not be partitioned, runs on them, and register histories held against the definition of atomicity."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, ClassVar

from rayrdma.checks.mixed import MIXED_REGISTERS
from rayrdma.checks.observation import Observation
from rayrdma.faults.plan import After, Crash, Fault
from rayrdma.model.graph import Graph
from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Record, Region, Value
from rayrdma.model.trace import Noted
from rayrdma.protocols.mixed_register import Content, MixedRegisters
from rayrdma.simulator.kernel import Kernel
from rayrdma.simulator.process import SimulatedProcess
from rayrdma.simulator.run import observe
from rayrdma.simulator.schedule import Adversary, Jitter, Schedule
from tests.clusters.zoo import ZOO
from tests.fuzz import Run
from tests.graphs.runs import inputs_of

RESILIENCE = {
    "K_4": 3, "K_5": 4, "K_8": 7, "no edges, n=5": 2, "no edges, n=8": 3, "C_5": 4, "C_6": 4, "C_8": 5, "C_9": 6,
    "C_12": 7, "C_16": 9, "2 x K_3 + bridge": 3, "2 x K_4 + bridge": 4, "2 x K_5 + bridge": 5, "2 x K_3": 2, "Q_3": 6,
    "Q_4": 13, "Petersen": 9, "K_3,3": 5, "star": 7, "circulant 13 {1,5}": 12, "torus 4x4": 13, "clusters 5+1+1": 4,
}  # fmt: skip
"""The most crashes that can not partition a graph: the column "no-cut" of the table in algorithms 10.4."""


@cache
def graph(name: str, resilience: int | None = None) -> Graph:
    """A graph of the zoo, with its own resilience or what it is said to have."""
    return ZOO[name].graph(RESILIENCE[name] if resilience is None else resilience)


Sides = tuple[frozenset[int], frozenset[int]]


@cache
def partition(name: str, crashes: int) -> Sides | None:
    """Two sets of n - ``crashes`` processes that reach no common memory, by brute force."""
    graph = ZOO[name].graph()
    count = graph.n - crashes
    for side in itertools.combinations(range(graph.n), count):
        others = sorted(set(range(graph.n)) - graph.represented(graph.represented(side)))
        if len(others) >= count:
            return frozenset(side), frozenset(others[:count])
    return None


def crashes(survivors: Iterable[int], n: int, rng: random.Random | None = None) -> list[Fault]:
    """Everybody else crashes: before the start, or, with ``rng``, at any moment, most in the middle of something."""
    alive = set(survivors)
    return [Crash(process=p, at=0.0 if rng is None else _moment(rng)) for p in range(n) if p not in alive]


def _moment(rng: random.Random) -> float | After:
    kind = rng.randrange(6)
    if kind == 0:
        return 0.0
    if kind == 1:
        return float(rng.randrange(1, 100))
    return After(rng.choice(("write", "read", "send")), rng.randrange(1, 40))


EVENT_LIMIT = 30_000
LONG = 10_000
"""Longer than any run goes on without what is held back so long."""


class Addressed(Kernel):
    """A simulator whose schedule is told to whom a message goes."""

    def send(self, process: SimulatedProcess, to: int, message: Record, depth: int) -> None:
        if isinstance(self._schedule, ByAddress):
            self._schedule.to = to
        super().send(process, to, message, depth)


class ByAddress(Schedule):
    """A schedule that treats messages by where they go: the next one goes to ``to``."""

    to: int


class Parted(ByAddress):
    """What two sides send each other takes long; all else takes one delay."""

    def __init__(self, sides: Sides) -> None:
        self.sides = sides

    def delay(self, process: int, memory: int, now: int) -> int:
        if memory >= 0:
            return 1
        one, other = self.sides
        crosses = (process in one and self.to in other) or (process in other and self.to in one)
        return LONG if crosses else 1


class Cliques(ByAddress):
    """In each span of time the processes fall apart into groups, often of one, whose members are quick to each other.

    What goes from group to group comes in a later span, much later in some runs, and in each span processes are slow
    at some memories. So different processes answer one after the other, and different memories tell them.
    """

    def __init__(self, seed: int, n: int) -> None:
        self.rng = random.Random(seed)
        self.n = n
        self.ends = 0
        self.distance = self.rng.choice((2, 4, 20))

    def turn(self, now: int) -> None:
        """Begin a new span."""
        self.length = self.rng.choice((6, 12, 20, 40))
        self.ends = now + self.length
        groups = self.rng.choice((2, 3, self.n, self.n))
        self.group = [self.rng.randrange(groups) for _ in range(self.n)]
        density = self.rng.choice((0.0, 0.2, 0.5))
        self.slow = {(p, m) for p in range(self.n) for m in range(self.n) if self.rng.random() < density}

    def delay(self, process: int, memory: int, now: int) -> int:
        if now >= self.ends:
            self.turn(now)
        held = (process, memory) in self.slow if memory >= 0 else self.group[process] != self.group[self.to]
        return self.rng.randrange(1, 3) + (self.length * self.rng.randrange(1, self.distance) if held else 0)


def schedule(seed: int, n: int) -> Schedule:
    """The adversary, random delays, and, half of the time, cliques."""
    return (Cliques(seed, n), Cliques(seed, n), Adversary(seed, n, n), Jitter(seed, n))[seed % 4]


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
    kernel = Addressed(
        protocol,
        inputs if inputs is not None else inputs_of(seed, graph.n) if protocol.binary else [DONE] * graph.n,
        graph.n,
        by if by is not None else schedule(seed, graph.n),
        faults,
        seed=str(seed),
        graph=graph,
        trace=True,
    )
    kernel.run(EVENT_LIMIT)
    return Run(seed, faults, kernel, observe(kernel))


INVOKED, RETURNED = "invoked", "returned"
DONE = 0


class Script(Protocol):
    """Two processes write their registers, everybody reads these; who has done all of it decides `DONE`."""

    name = "script"
    messages: ClassVar[tuple[type[Record], ...]] = MixedRegisters.messages
    needs_graph = True
    elects = False
    checks = MIXED_REGISTERS
    registers: ClassVar[Any] = MixedRegisters

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.shared = self.registers(process)

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        regions: list[Region] = cls.registers.regions(n, content_bytes=2)
        return regions

    async def propose(self, value: Value) -> None:
        await self.process.race(self.act(), self.shared.serve())

    async def act(self) -> None:
        process = self.process
        rng = process.rng
        for content in rng.sample(range(100), rng.randrange(4, 9)):
            if process.id < 2 and rng.random() < 0.5:
                await self.write((content,))
            else:
                await self.read(rng.randrange(2))
        await self.done()

    async def done(self) -> None:
        """Decide, and go on for the others."""
        self.process.decide(DONE)
        await self.process.event()

    async def write(self, content: Content) -> None:
        self.process.note(INVOKED, (self.process.id, content))
        await self.shared.write(content)
        self.process.note(RETURNED, (self.process.id, content))

    async def read(self, owner: int) -> None:
        self.process.note(INVOKED, (owner, None))
        self.process.note(RETURNED, (owner, await self.shared.read(owner)))


@dataclass(frozen=True)
class Operation:
    """A read or write of one register, from its place in the trace to another one: for ever, if its process crashed."""

    start: float
    end: float
    writes: bool
    content: Content | None  # None: a read that never returned


def histories(observation: Observation) -> Iterator[list[Operation]]:
    """What was done to each register."""
    done: dict[int, list[Operation]] = {}
    begun: dict[int, tuple[int, Noted]] = {}
    for position, event in enumerate(observation.trace or ()):
        if isinstance(event, Noted) and event.what == INVOKED:
            begun[event.process] = position, event
        elif isinstance(event, Noted) and event.what == RETURNED:
            start, invoked = begun.pop(event.process)
            owner, content = event.value
            done.setdefault(owner, []).append(Operation(start, position, invoked.value[1] is not None, content))
    for start, invoked in begun.values():
        owner, content = invoked.value
        done.setdefault(owner, []).append(Operation(start, math.inf, content is not None, content))
    yield from done.values()


def linearizable(operations: Sequence[Operation]) -> bool:
    """Whether some order of the operations explains what the reads returned (Herlihy and Wing, 1990), by trying all.

    The order respects which ended before which began; one that never ended is in it or not.
    """
    tried: set[tuple[frozenset[Operation], Content]] = set()

    def explained(left: frozenset[Operation], content: Content) -> bool:
        ends = min((operation.end for operation in left), default=math.inf)
        if ends == math.inf:
            return True
        if (left, content) in tried:
            return False
        tried.add((left, content))
        for operation in left:
            if operation.start < ends and operation.content is not None:
                if operation.writes:
                    if explained(left - {operation}, operation.content):
                        return True
                elif operation.content == content and explained(left - {operation}, content):
                    return True
        return False

    return explained(frozenset(operations), ())
