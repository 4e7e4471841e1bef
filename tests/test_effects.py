"""Effects are found where they can have been, and where they can not, that is said."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest

from rayrdma.checks.observation import Observation
from rayrdma.model.operations import CHANGE_PERMISSION, COMPARE_AND_SWAP, READ, READ_REGION, WRITE, Kind
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import everyone, exclusive_write_to_caller, exclusive_writer
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Region, view
from rayrdma.model.trace import Event, Issued, Responded, TookEffect
from rayrdma.protocols import (
    CheapQuorum,
    DiskPaxos,
    DiskPaxosTwoPhase,
    FastAndRobust,
    HybridBenOr,
    HybridBenOrRegisters,
    PreferentialPaxos,
    ProtectedMemoryPaxos,
    RobustBackupPaxos,
)
from tests.effects import Inexplicable, violations, with_effects
from tests.fuzz import random_crashes, run
from tests.graphs.runs import ring, run_on

SLOTS = Region("slots", 2, exclusive_writer(0, 3), legal_change=exclusive_write_to_caller)
WORDS = Region("words", 2, everyone(3))
REGIONS = [SLOTS, WORDS, view("both", [SLOTS, WORDS])]


def live(observation: Observation) -> Observation:
    """As a live run would have reported it."""
    log = [event for event in observation.trace or () if type(event) is not TookEffect]
    return dataclasses.replace(observation, trace=None, log=log, derived={})


@pytest.mark.parametrize(
    "protocol",
    [
        ProtectedMemoryPaxos,
        DiskPaxos,
        DiskPaxosTwoPhase,
        CheapQuorum,
        RobustBackupPaxos,
        FastAndRobust,
        PreferentialPaxos,
    ],
    ids=lambda protocol: protocol.name,
)
def test_what_the_simulator_hides_is_found(protocol: type[Protocol]) -> None:
    for seed in range(40):
        crashes = random_crashes(random.Random(seed), 3, 3, 1, 1) if seed % 2 else []
        seen = run(protocol, 3, 3, seed, crashes).observation
        found = with_effects(live(seen), lambda memory, seen=seen: seen.regions)
        assert violations(found) == [], seed
        answered = sum(type(event) is Responded for event in seen.trace or ())
        effects = sum(type(event) is TookEffect for event in found.trace or ())
        assert answered <= effects <= sum(type(event) is TookEffect for event in seen.trace or ()), seed


@pytest.mark.parametrize("protocol", [HybridBenOr, HybridBenOrRegisters], ids=lambda protocol: protocol.name)
def test_on_a_graph_too(protocol: type[Protocol]) -> None:
    graph = ring(5)
    for seed in range(20):
        seen = run_on(protocol, graph, seed).observation
        found = with_effects(live(seen), lambda memory, seen=seen: graph.regions(memory, seen.regions))
        assert violations(found) == [], seed


def told(*steps: tuple[Any, ...]) -> Observation:
    """A run on one memory: operations (process, kind, region, register, argument), and answers (process, answer)."""
    log: list[Event] = []
    numbers = [0, 0, 0]
    for time, (process, *what) in enumerate(steps):
        if isinstance(what[0], Kind):
            numbers[process] += 1
            kind, region, register, argument = what
            log.append(Issued(time, process, 0, numbers[process], kind, region, register, argument))
        else:
            log.append(Responded(time, process, 0, numbers[process], what[0], 2))
    return Observation(ProtectedMemoryPaxos, 3, 1, REGIONS, (), (), log=log)


def write(process: int, region: str, value: Any, answer: Any = ACK) -> list[tuple[Any, ...]]:
    return [(process, WRITE, region, 0, value), (process, answer)]


def read(process: int, region: str, answer: Any) -> list[tuple[Any, ...]]:
    return [(process, READ, region, 0, None), (process, answer)]


def take(process: int) -> list[tuple[Any, ...]]:
    return [(process, CHANGE_PERMISSION, "slots", 0, exclusive_writer(process, 3)), (process, None)]


def swap(process: int, expected: Any, new: Any, answer: Any) -> list[tuple[Any, ...]]:
    return [(process, COMPARE_AND_SWAP, "words", 0, (expected, new)), (process, answer)]


EXPLICABLE = {
    "one after the other": [*write(0, "slots", 1), *read(1, "slots", 1), *take(1), *write(0, "slots", 2, NAK)],
    "a write that is under way is seen": [(0, WRITE, "slots", 0, 1), *read(1, "slots", 1), (0, ACK)],
    "or not": [(0, WRITE, "slots", 0, 1), *read(1, "slots", None), (0, ACK)],
    "one that was never answered is seen": [(0, WRITE, "slots", 0, 1), *read(1, "slots", 1)],
    "or not at all": [(0, WRITE, "slots", 0, 1), *read(1, "slots", None)],
    "refused while the permission is taken": [(1, *take(1)[0][1:]), *write(0, "slots", 1, NAK), (1, None)],
    "two swaps, one of which fails": [(0, *swap(0, None, 1, None)[0][1:]), *swap(1, None, 2, None), (0, 2)],
    "taken for nothing, and again": [
        (0, *take(0)[0][1:]),
        *take(1),
        *write(1, "slots", 7),
        (0, None),
        *write(1, "slots", 8, NAK),
    ],
    "a block of two instants": [
        (2, READ_REGION, "words", 0, None),
        *write(0, "words", 1),
        (1, WRITE, "words", 1, 2),
        (1, ACK),
        (2, (None, 2)),
    ],
    "a view": [
        *write(0, "slots", 1),
        *write(1, "words", 2),
        (2, READ_REGION, "both", 0, None),
        (2, (1, None, 2, None)),
    ],
}
INEXPLICABLE = {
    "an acked write is not read": [*write(0, "slots", 1), *read(1, "slots", None)],
    "what nobody wrote is read": read(1, "slots", 1),
    "what was refused is read": [*take(1), *write(0, "slots", 1, NAK), *read(2, "slots", 1)],
    "a write comes through the revocation": [*take(1), *write(0, "slots", 1)],
    "refused in spite of permission": write(0, "slots", 1, NAK),
    "acked without permission": write(1, "slots", 1),
    "both swaps win": [*swap(0, None, 1, None), *swap(1, None, 2, None)],
    "a swap that lost has had an effect": [*write(2, "words", 0), *swap(0, None, 1, 0), *read(1, "words", 1)],
    "back in time": [(0, WRITE, "slots", 0, 1), *read(1, "slots", 1), *read(2, "slots", None), (0, ACK)],
    "an old value in a view": [*write(0, "slots", 1), (2, READ_REGION, "both", 0, None), (2, (None,) * 4)],
}


@pytest.mark.parametrize("steps", EXPLICABLE.values(), ids=EXPLICABLE)
def test_a_memory_may_have_answered_so(steps: list[tuple[Any, ...]]) -> None:
    observation = told(*steps)
    trace = with_effects(observation, lambda memory: REGIONS).trace or ()
    for position, event in enumerate(trace):
        if type(event) is TookEffect:
            mine = [
                (place, other)
                for place, other in enumerate(trace)
                if isinstance(other, Issued | Responded)
                and (other.process, other.number) == (event.process, event.number)
            ]
            assert mine[0][0] < position
            assert [other.response for place, other in mine[1:] if place > position] == [event.response] * (
                len(mine) - 1
            )


@pytest.mark.parametrize("steps", INEXPLICABLE.values(), ids=INEXPLICABLE)
def test_no_memory_answers_so(steps: list[tuple[Any, ...]]) -> None:
    with pytest.raises(Inexplicable, match="nothing explains"):
        with_effects(told(*steps), lambda memory: REGIONS)
