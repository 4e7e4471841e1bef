"""Whatever crashes, however slow things are, whoever believes to lead: no run violates anything."""

from __future__ import annotations

import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayrdma.checks import check
from rayrdma.checks.observation import Observation
from rayrdma.faults.plan import After, Crash, Fault, Pause
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Value
from rayrdma.protocols import AlignedPaxos
from rayrdma.simulator.kernel import Kernel, World
from rayrdma.simulator.run import observe
from rayrdma.simulator.schedule import Adversary
from tests.fuzz import CRASH_TOLERANT, EVENT_LIMIT, MEMORY_OPERATIONS, PROCESS_OPERATIONS, random_crashes, schedule

VALUES = st.one_of(st.text(max_size=5), st.binary(max_size=5), st.integers(-9, 9), st.floats(allow_nan=False, width=32))


@st.composite
def fault_plans(draw: st.DrawFn, n: int, m: int) -> list[Fault]:
    """Any processes and memories crash, all of them if need be; any processes pause."""
    faults: list[Fault] = []
    times = st.integers(0, 80).map(float)
    for process in draw(st.sets(st.integers(0, n - 1), max_size=n)):
        counted = st.builds(After, st.sampled_from(PROCESS_OPERATIONS), st.integers(1, 15))
        faults.append(Crash(process=process, at=draw(times | counted)))
    for memory in draw(st.sets(st.integers(0, m - 1), max_size=m)) if m else ():
        counted = st.builds(After, st.sampled_from(MEMORY_OPERATIONS), st.integers(1, 15))
        faults.append(Crash(memory=memory, at=draw(times | counted)))
    for process in draw(st.sets(st.integers(0, n - 1), max_size=n)):
        at = draw(times)
        faults.append(Pause(process, at, at + draw(st.integers(1, 60))))
    return faults


@st.composite
def runs(draw: st.DrawFn) -> tuple[type[Protocol], list[Value], int, int, list[Fault]]:
    """(protocol, inputs, memories, seed of the adversary, faults)."""
    protocol = draw(st.sampled_from(CRASH_TOLERANT))
    inputs = draw(st.lists(VALUES, min_size=1, max_size=4))
    m = draw(st.integers(1, 5)) if protocol.needs_memories else 0
    return protocol, inputs, m, draw(st.integers(0, 10_000)), draw(fault_plans(len(inputs), m))


def finish(protocol: type[Protocol], inputs: list[Value], m: int, seed: int, faults: list[Fault]) -> Observation:
    kernel = Kernel(protocol, inputs, m, Adversary(seed, len(inputs), m), faults, seed=str(seed), trace=True)
    kernel.run(EVENT_LIMIT)
    assert kernel.quiescent, "every run comes to an end"
    return observe(kernel)


@settings(max_examples=1500, deadline=None, derandomize=True)
@given(runs())
def test_safety(case: tuple[type[Protocol], list[Value], int, int, list[Fault]]) -> None:
    assert check(finish(*case)) == []


@settings(max_examples=200, deadline=None, derandomize=True)
@given(runs())
def test_without_crashes_everybody_decides(case: tuple[type[Protocol], list[Value], int, int, list[Fault]]) -> None:
    protocol, inputs, m, seed, faults = case
    pauses = [fault for fault in faults if isinstance(fault, Pause)]
    observation = finish(protocol, inputs, m, seed, pauses)
    assert len(observation.decisions) == len(inputs), observation.undecided


def tolerable(protocol: type[Protocol], rng: random.Random, n: int, m: int) -> tuple[int, int]:
    """How many processes and memories may crash, drawn anew."""
    if issubclass(protocol, AlignedPaxos):
        together = rng.randrange((n + m + 1) // 2)
        processes = rng.randint(max(0, together - m), min(together, n - 1))
        return processes, together - processes
    return rng.randrange(n if m else (n + 1) // 2), rng.randrange((m + 1) // 2) if m else 0


@pytest.mark.parametrize("protocol", CRASH_TOLERANT, ids=lambda protocol: protocol.name)
def test_rounds_on_the_same_parties(protocol: type[Protocol]) -> None:
    """As many crashes as the protocol tolerates, and pauses, over four rounds: every round is a good one."""
    for seed in range(100):
        rng = random.Random(seed)
        n, m = rng.choice((2, 3, 4)), rng.choice((3, 5)) if protocol.needs_memories else 0
        faults: list[Fault] = [
            *random_crashes(rng, n, m, *tolerable(protocol, rng, n, m)),
            *(Pause(process, at, at + 40) for process in range(n) if (at := rng.randrange(300)) < 150),
        ]
        world = World()
        for round in range(4):
            adversary = schedule(4 * seed + round, n, m)
            kernel = Kernel(protocol, [f"v{id}" for id in range(n)], m, adversary, faults, world=world, trace=True)
            kernel.run(EVENT_LIMIT)
            where = f"seed={seed}, round={round}, n={n}, m={m}, faults={','.join(map(str, faults))}"
            assert check(observe(kernel)) == [], where
            assert kernel.quiescent, where
            assert not kernel.undecided(), where
