"""Runs under attack: seeded schedules, Byzantine processes, and whether the attack changed anything at all."""

from __future__ import annotations

import gc
import random
from collections.abc import Iterator, Sequence

from rayrdma.checks.outcome import termination
from rayrdma.faults.behaviour import Behaviour
from rayrdma.faults.byzantine import BEHAVIOURS
from rayrdma.faults.plan import Byzantine, Fault
from rayrdma.model.protocol import Protocol
from rayrdma.model.trace import Delivered, Refused
from rayrdma.protocols import PBFT, FaB
from rayrdma.simulator.kernel import Kernel, World
from rayrdma.simulator.run import observe
from rayrdma.simulator.schedule import Adversary, Jitter, Schedule
from tests.fuzz import Run

EVENT_LIMIT = 200_000
SIZES: dict[type[Protocol], int] = {PBFT: 3, FaB: 5}
"""n = this times f, and one more."""


def fitting(protocol: type[Protocol]) -> list[type[Behaviour]]:
    """The behaviours that make sense against ``protocol``."""
    return [
        behaviour
        for behaviour in BEHAVIOURS.values()
        if not behaviour.attacks or issubclass(protocol, behaviour.attacks)
    ]


def schedule(seed: int, n: int, m: int) -> Schedule:
    """Chaos for a while, then a timely network."""
    return Jitter(seed, n, until=60) if seed % 4 == 3 else Adversary(seed, n, m)


def lawless(seed: int, n: int, behaviours: Sequence[type[Behaviour]]) -> list[Fault]:
    """Each of the behaviours at a process of its own; mostly the first or the second leader is one of them."""
    rng = random.Random(seed)
    processes = rng.sample(range(n), len(behaviours))
    leader = (0, 1, rng.randrange(n))[seed % 3]
    if leader not in processes:
        processes[0] = leader
    return [Byzantine(process, behaviour) for process, behaviour in zip(processes, behaviours, strict=True)]


def seeds(count: int) -> Iterator[int]:
    """0 to ``count`` - 1, for one run each that nobody keeps.

    A run leaves thousands of objects in cycles. They are collected before the next one, while the processor's cache
    still holds them: of many runs at once it would take a third of the whole time.
    """
    for seed in range(count):
        yield seed
        gc.collect(0)


def attack(
    protocol: type[Protocol],
    n: int,
    m: int,
    seed: int,
    faults: Sequence[Fault],
    *,
    instance: int = 0,
    world: World | None = None,
    trace: bool = True,
) -> Run:
    """One run of ``protocol`` under these faults."""
    kernel = Kernel(
        protocol,
        [f"v{id}" for id in range(n)],
        m,
        schedule(seed, n, m),
        faults,
        seed=str(seed),
        instance=instance,
        world=world,
        trace=trace,
    )
    kernel.run(EVENT_LIMIT)
    kernel.close()
    return Run(seed, faults, kernel, observe(kernel))


def all_decided(outcome: Run) -> bool:
    """Every correct process has decided; a Byzantine one may go on."""
    return not outcome.kernel.undecided() and termination(outcome.observation) is None


def seen(outcome: Run) -> list[tuple[int, int, str]]:
    """What the correct processes got to see of others, and what they refused."""
    byzantine = outcome.observation.byzantine
    return [
        (event.process, event.sender, repr(event.message))
        if isinstance(event, Delivered)
        else (event.process, event.liar, event.why)
        for event in outcome.observation.trace or ()
        if isinstance(event, Delivered | Refused) and event.process not in byzantine
    ]
