"""The kernels of the shm transport in every order of their steps that matters, judged by the model's own memory.

Three ways to find a bad schedule: one party is stopped after any of its steps while another one works (all such);
two parties are interleaved with two switches (all such); and random schedules with kills. And these have to catch
every one of the mutants below.
"""

from __future__ import annotations

import itertools
import random
import struct
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import pytest

from rayrdma.model.operations import CHANGE_PERMISSION, COMPARE_AND_SWAP, READ, WRITE
from rayrdma.model.permissions import LegalChange, Permission
from rayrdma.model.regions import Region
from rayrdma.transports.shm import kernels

from .shm_steps import SOURCE, Call, Steps, World, linearizable, permission_of, random_schedule

N = 3


def always(process: int, region: str, old: Permission, new: Permission) -> bool:
    return True


def from_the_one_before(process: int, region: str, old: Permission, new: Permission) -> bool:
    """A policy that depends on the present permission: it has to be evaluated on the one that is replaced."""
    return new.writers == {process} and old.writers == {(process - 1) % N}


def slots(legal_change: LegalChange) -> Region:
    return Region("slots", 2, permission_of([0], N), bytes, legal_change, register_bytes=16)


FREE, IN_TURN = slots(always), slots(from_the_one_before)


def value(number: int) -> bytes:
    return struct.pack("<q", number) * 2


# Every place to be stopped at, and every two places to switch at

Spec = tuple[Any, ...]
FIRST: dict[str, Spec] = {
    "write": (0, WRITE, 0, value(1)),
    "read": (0, READ, 0),
    "swap": (0, COMPARE_AND_SWAP, 0, (value(9), value(2))),
    "change": (0, CHANGE_PERMISSION, 0, permission_of([0, 1], N)),
    "reset": (N, "reset", 0, None, 1),
    "crash": (N, "crash"),
}
SECOND: dict[str, list[Spec]] = {
    "takeover": [(1, CHANGE_PERMISSION, 0, permission_of([1], N)), (1, READ, 0)],
    "write": [(1, WRITE, 0, value(3))],
    "read": [(1, READ, 0)],
    "swap": [(1, COMPARE_AND_SWAP, 0, (value(9), value(4)))],
}
DUELS: dict[str, tuple[list[Spec], list[Spec]]] = {
    **{f"{one}, {other}": ([FIRST[one]], SECOND[other]) for one in FIRST for other in SECOND},
    # The record that the writer looks at is filled anew, for a change that takes its permission away later on.
    "writes, two changes": (
        [(1, WRITE, 0, value(5)), (1, WRITE, 0, value(6))],
        [(0, CHANGE_PERMISSION, 0, permission_of([0, 1], N)), (0, CHANGE_PERMISSION, 0, permission_of([0], N))],
    ),
    # The buffer that the reader copies is filled anew.
    "read, two writes": ([(2, READ, 0)], [(0, WRITE, 0, value(6)), (0, WRITE, 0, value(7))]),
}


def calls(specs: Iterable[Spec]) -> list[Call]:
    return [Call(*spec) for spec in specs]


def started(source: str = SOURCE) -> World:
    """A world in which register 0 holds value 9, and processes 0, who saw to that, and 1 may write."""
    world = World(FREE, N, source)
    before = calls([(0, WRITE, 0, value(8)), (0, WRITE, 0, value(9)), FIRST["change"]])
    world.run([world.party(before)], itertools.repeat(0))
    return world


def goes_well(world: World) -> bool:
    """Whether the model explains the world so far, and what is in its registers."""
    world.run([world.party(calls([(2, READ, 0), (2, READ, 1)]))], itertools.repeat(0))
    return linearizable(FREE, world.history)


def walk(world: World, party: Steps, steps: int) -> bool:
    """Let one party alone do so many steps; whether it had so many to do."""
    for _ in range(steps):
        world.clock += 1
        try:
            next(party)
        except StopIteration:
            return False
    return True


@pytest.mark.parametrize("victim", FIRST)
@pytest.mark.parametrize("wakes", [False, True])
def test_who_is_stopped_after_any_step_blocks_nobody(victim: str, wakes: bool) -> None:
    for stop in itertools.count(1):
        world = started()
        party = world.party(calls([FIRST[victim]]))
        under_way = walk(world, party, stop)
        world.run([world.party(calls(itertools.chain(*SECOND.values())))], itertools.repeat(0), limit=2_000)
        if wakes:
            world.run([party], itertools.repeat(0))
        assert goes_well(world), f"stopped after {stop} steps: {world.history}"
        if not under_way:
            break


def duel(name: str, source: str = SOURCE) -> Iterator[str]:
    """All runs in which the first goes some steps, the second some, and then each to its end: those that go wrong."""
    for one in itertools.count(1):
        for other in itertools.count(1):
            world = started(source)
            first, second = (world.party(calls(specs)) for specs in DUELS[name])
            first_under_way = walk(world, first, one)
            second_under_way = walk(world, second, other)
            try:
                world.run([first], itertools.repeat(0), limit=2_000)
                world.run([second], itertools.repeat(0), limit=2_000)
                if not goes_well(world):
                    yield f"{name}, switching after {one} and {other} steps: {world.history}"
            except AssertionError as error:
                yield f"{name}, switching after {one} and {other} steps: {error}"
            if not second_under_way:
                break
        if not first_under_way:
            break


@pytest.mark.parametrize("name", DUELS)
def test_two_switches_between_two_parties(name: str) -> None:
    assert next(duel(name), None) is None


# Random schedules

HABITS = ((WRITE,), (READ,), (CHANGE_PERMISSION,), (WRITE, READ, CHANGE_PERMISSION, COMPARE_AND_SWAP))


def play(seed: int, source: str = SOURCE) -> bool:
    """One random run; whether the model explains it.

    Raises:
        AssertionError: it has no end.
    """
    rng = random.Random(seed)
    region = rng.choice((FREE, IN_TURN))
    world = World(region, N, source)
    epoch = rng.choice((0, 0, 2**39 - 2, -2)) * kernels.EPOCH_ONE  # the last two are about to wrap around
    sequence = rng.choice((0, 0, 4094)) * kernels.SEQUENCE_ONE  # about to be used up
    world.set(world.base, epoch)
    for register in range(region.registers):
        world.set(world.register(register), epoch | sequence)
    registers = rng.choice((1, 2))
    numbers = itertools.count(1)
    habits = [rng.choice(HABITS) for _ in range(N)]

    def call(process: int, instance: int) -> Call:
        kind = rng.choice(habits[process])
        if kind == CHANGE_PERMISSION:
            writers = rng.choice(([process], [process, (process + 1) % N], [0, 1, 2]))
            return Call(process, kind, 0, permission_of(writers, N), instance)
        number = next(numbers)
        argument = {WRITE: value(number), READ: None}.get(
            kind, (rng.choice((None, value(rng.randrange(1, number + 1)))), value(number))
        )
        return Call(process, kind, rng.randrange(registers), argument, instance)

    calls = [[call(process, 0) for _ in range(rng.choice((2, 3, 4)))] for process in range(N)]
    owner = rng.random()
    if owner < 0.2:
        calls.append([Call(N, "reset", instance=1)])
        calls[2] += [call(2, 1) for _ in range(2)]
    elif owner < 0.35:
        calls.append([Call(N, "crash", instance=0)])
    world.run([world.party(one) for one in calls], random_schedule(rng, rng.choice((0, 0.02))))
    return linearizable(region, world.history)


def caught(source: str, seeds: Iterable[int]) -> Iterator[str]:
    """The random runs that go wrong."""
    for seed in seeds:
        try:
            if not play(seed, source):
                yield f"seed {seed}: no order of effects explains the answers"
        except AssertionError as error:
            yield f"seed {seed}: {error}"


def test_random_schedules() -> None:
    assert next(caught(SOURCE, range(5_000)), None) is None


EPOCH_TEST = "if (control ^ permission) & EPOCH_MASK != 0:"
WRITE_ONE, READ_ONE, SWAP_ONE = (
    SOURCE[SOURCE.index(f"def {name}(") :] for name in ("_write_one", "_read_one", "_swap_one")
)


def without_epoch_test(rest: str) -> tuple[str, str]:
    function = rest[: rest.index("\n\n\n")]
    return function, function.replace(EPOCH_TEST, "if False:")


# fmt: off
MUTANTS: dict[str, tuple[str | int, *tuple[str, ...]]] = {
    "writes in any epoch": ("write, takeover", *without_epoch_test(WRITE_ONE)),
    "reads in any epoch": ("reset, takeover", *without_epoch_test(READ_ONE)),
    "swaps in any epoch": ("swap, takeover", *without_epoch_test(SWAP_ONE)),
    "moves no register": ("write, takeover", "in range(_peek(region + REGISTERS)):", "in range(0):"),
    "forgets the last register": ("write, takeover", "_peek(region + REGISTERS)):", "_peek(region + REGISTERS) - 1):"),
    "settles before it moves": ("read, takeover", ") | MOVING |", ") |", ") | state |", ") |"),
    "does not help": ("read, takeover", "if permission & STATE_MASK != 0:", "if False:"),
    "moves a register back": ("change, takeover", "control & EPOCH_MASK == left", "control & EPOCH_MASK != target"),
    "moves a register by force": ("write, takeover", "not _swap(register, control, target", "_poke(register, target"),
    "settles by force": ("change, takeover", "_swap(region + PERMISSION, moving,", "_poke(region + PERMISSION,"),
    "changes by force": (512, "if _swap(region + PERMISSION, permission, ", "if not _poke(region + PERMISSION, "),
    "says that it changed": (4793, "outcome = OVERTAKEN", "outcome = DONE"),
    "commits by force": ("write, takeover", "return bool(_swap(register, control,", "return not bool(_poke(register,"),
    "trusts any record": ("writes, two changes",
        "if _load(region + PERMISSION) == permission:\n            return", "if True:\n            return"),
    "reads without a second look": ("read, two writes", "if _load(register) != control:", "if False:"),
    "overwrites the buffer in use": ("write, takeover", "slot += 1", "slot += 0"),
    "has no sequence": ("read, two writes", "((control & ~SLOT_MASK) + SEQUENCE_ONE)", "(control & ~SLOT_MASK)"),
    "lets sequences run over": (56, "if control & SEQUENCE_MASK == SEQUENCE_MASK:", "if False:"),
    "renews and empties": (377, "| MOVING | (permission", "| EMPTYING | (permission"),
    "leaves the registers full": (346, "keep = 0 if", "keep = SLOT_MASK if"),
    "ignores the instance": (5, "if _peek(record) == instance:", "if True:"),
    "ignores the crash": (21, "_load(region + _peek(region + CRASH_WORD)) < instance", "True"),
    "lets anybody write": (0, "if rights & WRITE == 0:", "if False:"),
    "lets anybody read": (15, "if rights & READ == 0:", "if False:"),
    "swaps without right": (1, "if rights != READ_WRITE:", "if rights == 0:"),
    "swaps without comparing": (26, "if old_length != expected_length or not _same(", "if False and not _same("),
}
# fmt: on
"""Mistakes: what catches each (a duel, or random schedules from that seed on); then text of the kernels, and what it
is replaced by, in turn."""


def mutated(old_and_new: Sequence[str]) -> str:
    source = SOURCE
    for old, new in zip(old_and_new[::2], old_and_new[1::2], strict=True):
        assert old in source, f"there is no {old!r} any more to make a mistake in"
        source = source.replace(old, new)
    return source


@pytest.mark.parametrize("name", MUTANTS)
def test_a_mutant_is_caught(name: str) -> None:
    by, *old_and_new = MUTANTS[name]
    source = mutated(old_and_new)
    failures = duel(by, source) if isinstance(by, str) else caught(source, range(by, by + 10_000))
    assert next(failures, None) is not None
