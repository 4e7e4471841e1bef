"""Seeded adversarial runs: what the tests of the protocols, their mutants and the soak share."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass

from rayrdma.checks import check
from rayrdma.checks.observation import Observation, Violation
from rayrdma.checks.outcome import termination
from rayrdma.faults.plan import After, Crash, Fault
from rayrdma.model.graph import complete
from rayrdma.model.protocol import Protocol
from rayrdma.protocols import PROTOCOLS
from rayrdma.simulator.kernel import Kernel
from rayrdma.simulator.run import observe
from rayrdma.simulator.schedule import Adversary, Jitter, Schedule

CRASH_TOLERANT = [protocol for protocol in PROTOCOLS.values() if not (protocol.byzantine or protocol.binary)]
"""The protocols that know crashes only and decide any value; those for Byzantine processes are fuzzed in
`tests.byzantine`, those that decide a bit in `tests.graphs`."""
PROCESS_OPERATIONS = ("operation", "read", "write", "permission", "send")
MEMORY_OPERATIONS = ("operation", "read", "write", "permission")
EVENT_LIMIT = 20_000
"""Ten times what any honest run here takes; a mutant may retry for ever."""


def schedule(seed: int, n: int, m: int) -> Schedule:
    """Mostly the adversary; each fourth seed all processes contend for a while under random delays."""
    if seed % 4 == 3:
        return Jitter(seed, n, contenders=n, until=60)
    return Adversary(seed, n, m)


def random_crashes(rng: random.Random, n: int, m: int, processes: int, memories: int) -> list[Crash]:
    """That many crashes each: at the start, at some time, or right after an operation."""
    crashes = [Crash(process=number, at=_moment(rng, PROCESS_OPERATIONS)) for number in rng.sample(range(n), processes)]
    return crashes + [
        Crash(memory=number, at=_moment(rng, MEMORY_OPERATIONS)) for number in rng.sample(range(m), memories)
    ]


def _moment(rng: random.Random, operations: Sequence[str]) -> float | After:
    kind = rng.randrange(4)
    if kind == 0:
        return 0.0
    if kind == 1:
        return float(rng.randrange(1, 80))
    return After(rng.choice(operations), rng.randrange(1, 12))


@dataclass(frozen=True)
class Run:
    """A finished run that can be told to a person."""

    seed: int
    faults: Sequence[Fault]
    kernel: Kernel
    observation: Observation

    def __str__(self) -> str:
        """What is needed to run it again, and what it was held against."""
        faults = ",".join(map(str, self.faults)) or "none"
        wrong = "; ".join(map(str, self.violations())) or "nothing"
        undecided = "; ".join(f"p{id}: {wait}" for id, wait in self.observation.undecided.items()) or "nobody"
        return (
            f"{self.observation.protocol.name}, n={self.observation.n}, m={self.observation.memories}, "
            f"seed={self.seed}, faults={faults}; violated: {wrong}; undecided: {undecided}"
        )

    def violations(self) -> list[Violation]:
        """What the checks say."""
        return check(self.observation)

    def decided(self) -> bool:
        """Every live process has decided, and nothing is left to happen."""
        return self.kernel.quiescent and termination(self.observation) is None


def run(
    protocol: type[Protocol],
    n: int,
    m: int,
    seed: int,
    faults: Sequence[Fault] = (),
    *,
    by: Schedule | None = None,
    engine: type[Kernel] = Kernel,
) -> Run:
    """One traced run of ``protocol`` under the schedule of ``seed``, or under ``by``.

    Where the protocol needs a shared-memory graph it is a complete one, with as many memories as processes.
    """
    bits = random.Random(f"inputs/{seed}")
    if protocol.needs_graph:
        m = n
    kernel = engine(
        protocol,
        [bits.randrange(2) if protocol.binary else f"v{id}" for id in range(n)],
        m,
        by if by is not None else schedule(seed, n, m),
        faults,
        seed=str(seed),
        graph=complete(n) if protocol.needs_graph else None,
        trace=True,
    )
    kernel.run(EVENT_LIMIT)
    return Run(seed, faults, kernel, observe(kernel))
