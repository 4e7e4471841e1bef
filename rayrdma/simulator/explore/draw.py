"""What a seed stands for: how many take part, what goes wrong, whom Omega names, and who chooses the events."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rayrdma.faults.byzantine import BEHAVIOURS
from rayrdma.faults.plan import After, Byzantine, ClockSkew, Crash, Fault, LostCompletion, Pause
from rayrdma.model.graph import complete
from rayrdma.model.permissions import static
from rayrdma.model.protocol import Protocol
from rayrdma.scenario import Scenario
from rayrdma.simulator.schedule import Adversary, Jitter, Leadership, Schedule
from rayrdma.simulator.stepper import Chooser, first

from .case import Case, Course
from .choosers import Chaos, Patience, PriorityChanges, RandomWalk
from .elections import PermissionRace, Restart
from .partition import Partition

STRATEGIES = ("swarm", "random", "pct")
KINDS = (
    *("crash", "memory-crash", "pause", "byzantine"),
    *("lost-completion", "clock-skew", "partition", "permission-race", "restart"),
)
"""Of what goes wrong. Whatever delays or reorders is a choice of events; links do not duplicate (P19, section 3)."""
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
RATES = (0.25, 0.5, 2.0, 4.0)
"""Of wrong clocks."""
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
    """A case, and what chooses its events.

    Attributes:
        kinds: of what may go wrong, those that this seed has turned on and that make sense for the protocol.
    """

    case: Case
    choose: Chooser
    by: Schedule | None
    kinds: tuple[str, ...] = ()

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
    on = tuple(kind for kind in kinds if rng.random() < ODDS.get(kind, 0.5) and _makes_sense(kind, protocol, shape))
    leader, rival = rng.sample(range(n), 2) if "restart" in on else (0, 0)
    leaderships = [
        *(_leaderships(rng, n) if protocol.elects else ()),
        *(_race(rng, n) if "permission-race" in on else ()),
        *(_restart(rng, n, leader, rival) if "restart" in on else ()),
    ]
    leaderships.sort(key=lambda said: said.time)
    scenario = Scenario(
        protocol,
        tuple(rng.randrange(2) if protocol.binary else f"v{process}" for process in range(n)),
        memories,
        tuple(_faults(rng, protocol, shape, on)),
        seed,
        graph=complete(n) if protocol.needs_graph else None,
    )
    last = leaderships[-1].time if leaderships else 0
    case = Case(scenario, tuple(leaderships), last + rng.randrange(1, CHAOS), STEPS)
    length = rng.choice(LENGTHS)
    how = rng.choice(("random", "pct", "adversary", "jitter")) if strategy == "swarm" else strategy
    match how:
        case "adversary":
            return Draw(case, _partition(rng, first, shape, length, on), Adversary(seed, n, memories), on)
        case "jitter":
            schedule = Jitter(seed, n, contenders=n, until=60)
            return Draw(case, _partition(rng, first, shape, length, on), schedule, on)
        case "random":
            choose: Chooser = RandomWalk(f"walk/{seed}")
        case _:
            choose = PriorityChanges(f"pct/{seed}", rng.choice(DEPTHS), length)
    if strategy == "swarm" and not protocol.elects:  # the other strategies are what their names promise
        choose = Patience(choose, f"patience/{seed}")
    if "permission-race" in on:
        choose = PermissionRace(choose, f"race/{seed}")
    if "restart" in on:
        choose = Restart(choose, leader, rival, rng.randrange(length // 2), rng.randrange(1, length // 2))
    return Draw(case, Chaos(_partition(rng, choose, shape, length, on), length), None, on)


def _makes_sense(kind: str, protocol: type[Protocol], shape: Shape) -> bool:
    """Whether it can change a run of this protocol."""
    match kind:
        case "byzantine":
            return protocol.byzantine
        case "memory-crash" | "lost-completion":  # the memories of P18 do not fail
            return shape.memories > 2 and not protocol.needs_graph
        case "partition":
            return shape.n + shape.memories > 1
        case "restart":
            return protocol.elects and shape.n > 1
        case "permission-race":
            regions = protocol.regions(shape.n) if shape.memories else []
            return protocol.elects and any(region.legal_change is not static for region in regions)
    return True


def _leaderships(rng: random.Random, n: int) -> Iterator[Leadership]:
    """Whom Omega names, to all or to one."""
    time = 0
    for _ in range(rng.randrange(5)):
        time += rng.choice((1, 2, 4, 8, 16, 30))
        leader = rng.randrange(n)
        for process in range(n) if rng.random() < 0.5 else (leader,):
            yield Leadership(time, process, leader)


def _race(rng: random.Random, n: int) -> Iterator[Leadership]:
    """Everybody is told that it leads itself, one right after the other."""
    time = rng.randrange(1, CHAOS)
    for process in rng.sample(range(n), n):
        yield Leadership(time, process, process)
        time += rng.randrange(3)


def _restart(rng: random.Random, n: int, leader: int, rival: int) -> Iterator[Leadership]:
    """Everybody is told of one leader, then of another one, then of the first one again."""
    time = 0
    for named in (leader, rival, leader):
        for process in range(n):
            yield Leadership(time, process, named)
        time += rng.randrange(1, CHAOS // 2)


def _partition(rng: random.Random, choose: Chooser, shape: Shape, length: int, kinds: Sequence[str]) -> Chooser:
    if "partition" not in kinds:
        return choose
    parties = [*(f"p{process}" for process in range(shape.n)), *(f"m{memory}" for memory in range(shape.memories))]
    side = rng.sample(parties, rng.randrange(1, len(parties)))
    begins = rng.randrange(length // 2)
    return Partition(choose, side, rng.random() < 0.5, begins, rng.randrange(begins + 1, length))


def _faults(rng: random.Random, protocol: type[Protocol], shape: Shape, kinds: Sequence[str]) -> Iterator[Fault]:
    """At most what the protocol tolerates, in a run of its usual size: one process, and a minority of the memories."""
    victim = rng.randrange(shape.n)
    if "byzantine" in kinds:
        lie = _behaviour(rng, protocol)
        leads = BEHAVIOURS[lie].leads
        yield Byzantine(0 if leads else victim if leads is False else rng.choice((0, victim)), lie)
    elif "crash" in kinds:
        yield Crash(process=victim, at=_moment(rng))
    failures = [kind for kind in ("memory-crash", "lost-completion") if kind in kinds]
    if failures:
        for memory in rng.sample(range(shape.memories), rng.randint(1, (shape.memories - 1) // 2)):
            if rng.choice(failures) == "memory-crash":
                yield Crash(memory=memory, at=float(rng.randrange(CHAOS)))
            else:  # to each of these it is a memory that failed
                for process in rng.sample(range(shape.n), rng.randrange(1, shape.n + 1)):
                    yield LostCompletion(process, memory, After("operation", rng.randrange(1, 9)))
    if "pause" in kinds:
        begins = rng.randrange(CHAOS)
        yield Pause(rng.randrange(shape.n), begins, begins + rng.randrange(1, CHAOS))
    if "clock-skew" in kinds:
        until = rng.randrange(1, CHAOS)
        for process in rng.sample(range(shape.n), rng.randrange(1, shape.n + 1)):
            yield ClockSkew(process, rng.choice(RATES), until)


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
