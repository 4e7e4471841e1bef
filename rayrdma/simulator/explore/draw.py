"""What a seed stands for: how many take part, what goes wrong, whom Omega names, and who chooses the events."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from rayrdma.faults.byzantine import BEHAVIOURS
from rayrdma.faults.plan import After, Byzantine, Crash, Fault, Pause
from rayrdma.model.graph import complete
from rayrdma.model.protocol import Protocol
from rayrdma.scenario import Scenario
from rayrdma.simulator.schedule import Adversary, Jitter, Leadership, Schedule
from rayrdma.simulator.stepper import Chooser, first

from .case import Case, Course
from .choosers import Chaos, PriorityChanges, RandomWalk

STRATEGIES = ("swarm", "random", "pct")
KINDS = ("crash", "memory-crash", "pause", "byzantine")
"""Of faults. Whatever delays or reorders is a choice of events, and not a fault."""
PROCESS_OPERATIONS = ("operation", "read", "write", "permission", "swap", "send")
CHAOS = 100
"""The latest time at which Omega becomes accurate, and things go wrong."""
STEPS = 2_000
"""The most events of a run."""
DEPTHS = range(1, 6)
ODDS = {"byzantine": 0.75}
"""How often a kind is on, if not each second time: there are many behaviours, and each should have its turn."""
DIRECTED = 0.75
"""How many of the Byzantine behaviours are attacks on the protocol itself; the others fit any."""
LENGTHS = (20, 60, 150)
"""Of the chaos, in events; what follows is quiet."""


@dataclass(frozen=True)
class Shape:
    """How many processes and memories."""

    n: int
    memories: int


def shapes_of(protocol: type[Protocol]) -> list[Shape]:
    """Small ones, where mistakes show soonest; the last is the usual one."""
    usual = protocol.usual_processes
    sizes = [usual] if protocol.byzantine or protocol.needs_graph else sorted({2, usual})
    if protocol.needs_graph:
        return [Shape(n, n) for n in sizes]
    return [Shape(n, memories) for n in sizes for memories in ((1, 3) if protocol.needs_memories else (0,))]


@dataclass(frozen=True)
class Draw:
    """A case, and what chooses its events."""

    case: Case
    choose: Chooser
    by: Schedule | None

    def run(self) -> Course:
        """Run it."""
        return self.case.run(self.choose, self.by)


def draw(
    protocol: type[Protocol], seed: int, strategy: str, kinds: Sequence[str] = KINDS, shape: Shape | None = None
) -> Draw:
    """What this seed stands for.

    Every seed turns each kind of fault on or off (Groce and others, Swarm testing, ISSTA'12): what is always possible
    hides what only shows without it.
    """
    rng = random.Random(f"{strategy}/{seed}")
    shape = shape or rng.choice(shapes_of(protocol))
    n, memories = shape.n, shape.memories
    leaderships, quiet = _leaderships(rng, n)
    scenario = Scenario(
        protocol,
        tuple(rng.randrange(2) if protocol.binary else f"v{process}" for process in range(n)),
        memories,
        tuple(_faults(rng, protocol, shape, [kind for kind in kinds if rng.random() < ODDS.get(kind, 0.5)])),
        seed,
        graph=complete(n) if protocol.needs_graph else None,
    )
    case = Case(scenario, tuple(leaderships), quiet, STEPS)
    how = rng.choice(("random", "pct", "adversary", "jitter")) if strategy == "swarm" else strategy
    match how:
        case "random":
            return Draw(case, Chaos(RandomWalk(f"walk/{seed}"), rng.choice(LENGTHS)), None)
        case "pct":
            length = rng.choice(LENGTHS)
            return Draw(case, Chaos(PriorityChanges(f"pct/{seed}", rng.choice(DEPTHS), length), length), None)
        case "adversary":
            return Draw(case, first, Adversary(seed, n, memories))
    return Draw(case, first, Jitter(seed, n, contenders=n, until=60))


def _leaderships(rng: random.Random, n: int) -> tuple[list[Leadership], int]:
    """Whom Omega names, to all or to one, and when it becomes accurate."""
    named: list[Leadership] = []
    time = 0
    for _ in range(rng.randrange(5)):
        time += rng.choice((1, 2, 4, 8, 16, 30))
        leader = rng.randrange(n)
        to = range(n) if rng.random() < 0.5 else (leader,)
        named += [Leadership(time, process, leader) for process in to]
    return named, time + rng.randrange(1, CHAOS)


def _faults(rng: random.Random, protocol: type[Protocol], shape: Shape, kinds: Sequence[str]) -> list[Fault]:
    """At most what the protocol tolerates, in a run of its usual size: one process, and a minority of the memories."""
    faults: list[Fault] = []
    victim = rng.randrange(shape.n)
    if protocol.byzantine and "byzantine" in kinds:
        liar = rng.choice((0, victim))  # the first leader can do most
        faults.append(Byzantine(liar, _behaviour(rng, protocol)))
    elif "crash" in kinds:
        faults.append(Crash(process=victim, at=_moment(rng)))
    if "memory-crash" in kinds and not protocol.needs_graph:  # P18's memories do not fail
        for memory in rng.sample(range(shape.memories), rng.randrange((max(shape.memories, 1) - 1) // 2 + 1)):
            faults.append(Crash(memory=memory, at=float(rng.randrange(CHAOS))))
    if "pause" in kinds:
        at = rng.randrange(CHAOS)
        faults.append(Pause(rng.randrange(shape.n), at, at + rng.randrange(1, CHAOS)))
    return faults


def _moment(rng: random.Random) -> float | After:
    if rng.random() < 0.5:
        return float(rng.randrange(CHAOS))
    return After(rng.choice(PROCESS_OPERATIONS), rng.randrange(1, 12))


def behaviours_of(protocol: type[Protocol]) -> list[str]:
    """What a Byzantine process may do to this protocol."""
    if not protocol.byzantine:
        return []
    return [name for name, does in BEHAVIOURS.items() if not does.attacks or issubclass(protocol, does.attacks)]


def _behaviour(rng: random.Random, protocol: type[Protocol]) -> str:
    """One that was made for protocols like this one, or one that fits any."""
    names = behaviours_of(protocol)
    made_for_it = [name for name in names if BEHAVIOURS[name].attacks]
    if rng.random() < DIRECTED and made_for_it:
        return rng.choice(made_for_it)
    return rng.choice([name for name in names if name not in made_for_it])
