"""Registers of optimal resilience: atomic whatever happens, and wait-free as long as crashes can not partition."""

from __future__ import annotations

import random

import pytest

from rayrdma.model.errors import UsageError
from rayrdma.model.trace import Noted
from rayrdma.simulator.schedule import Constant
from tests.clusters.zoo import ZOO
from tests.fuzz import Run
from tests.mutation import Mutant

from .mixed import (
    INVOKED,
    RESILIENCE,
    RETURNED,
    Operation,
    Parted,
    Script,
    crashes,
    graph,
    histories,
    linearizable,
    partition,
    run_on,
)
from .mixed_mutants import BREAKS, GRAPHS, HARMLESS_REGISTERS, REGISTERS, at_the_bound

INF = float("inf")


@pytest.mark.parametrize("name", ZOO)
def test_the_table_of_what_can_not_partition(name: str) -> None:
    assert partition(name, RESILIENCE[name]) is None
    if RESILIENCE[name] < ZOO[name].n - 1:
        assert partition(name, RESILIENCE[name] + 1) is not None


def write(start: float, end: float, number: int) -> Operation:
    return Operation(start, end, True, (number,))


def read(start: float, end: float, *content: int) -> Operation:
    return Operation(start, end, False, content)


@pytest.mark.parametrize(
    "history",
    [
        [],
        [read(0, 1)],
        [write(0, 1, 1), read(2, 3, 1)],
        [write(0, 9, 1), read(1, 2), read(3, 4, 1)],
        [write(0, 9, 1), read(1, 8), read(2, 7, 1)],
        [write(0, INF, 1), read(5, 6, 1), read(7, 8, 1)],
        [write(0, INF, 1), read(5, 6), read(7, 8)],
        [write(0, 1, 1), write(2, 9, 2), read(3, 8, 1), read(4, 7, 2), Operation(5, INF, False, None)],
    ],
    ids=repr,
)
def test_histories_that_can_be_explained(history: list[Operation]) -> None:
    assert linearizable(history)


@pytest.mark.parametrize(
    "history",
    [
        [read(0, 1, 1)],
        [write(0, 1, 1), read(2, 3)],
        [write(2, 3, 1), read(0, 1, 1)],
        [write(0, 9, 1), read(1, 2, 1), read(3, 4)],
        [write(0, INF, 1), read(1, 2, 1), read(3, 4)],
        [write(0, 1, 1), write(2, 3, 2), read(4, 5, 1)],
        [write(0, 1, 1), write(2, 9, 2), read(3, 4, 2), read(5, 6, 1)],
    ],
    ids=repr,
)
def test_histories_that_can_not(history: list[Operation]) -> None:
    assert not linearizable(history)


@pytest.mark.parametrize("name", ["C_5", "star", "Petersen", "K_4", "no edges, n=5", "C_8", "2 x K_3 + bridge"])
def test_registers_are_atomic_and_wait_free(name: str) -> None:
    read_from_the_dead = 0
    for seed in range(80):
        outcome = at_the_bound(Script, graph(name), seed)
        assert outcome.violations() == [], outcome
        assert outcome.decided(), outcome
        for history in histories(outcome.observation):
            assert linearizable(history), f"{outcome}: {history}"
            for operation in history:
                if operation.writes and operation.end == INF:
                    reads = [other.content for other in history if not other.writes]
                    read_from_the_dead += operation.content in reads
    assert read_from_the_dead > 0, "some died in the middle of a write that others saw"


@pytest.mark.parametrize("name", ["C_8", "2 x K_4 + bridge", "no edges, n=5"])
def test_one_crash_more_and_every_operation_waits_for_ever(name: str) -> None:
    n, resilience = graph(name).n, RESILIENCE[name]
    for seed in range(100):
        survivors = random.Random(seed).sample(range(n), n - resilience - 1)
        outcome = run_on(Script, graph(name), seed, crashes(survivors, n))
        assert outcome.violations() == [], outcome
        reason = f"answers of {n - resilience - 1} processes, needs {n - resilience}"
        assert outcome.observation.undecided == dict.fromkeys(sorted(survivors), reason), outcome


class Alone(Script):
    """Process 1 writes, and then process 0 does what it does alone."""

    async def act(self) -> None:
        if self.process.id == 1:
            await self.write((1,))
        if self.process.id == 0:
            await self.process.sleep(50)
            for times in (1, 2):
                await self.write((times,))
                await self.read(1)
        await self.done()


def took(outcome: Run, process: int) -> list[float]:
    """Delays from the begin of each operation of a process to its end."""
    mine = [event for event in outcome.kernel.trace or () if isinstance(event, Noted) and event.process == process]
    begins, ends = ([event.time for event in mine if event.what == what] for what in (INVOKED, RETURNED))
    return [end - begin for begin, end in zip(begins, ends, strict=True)]


@pytest.mark.parametrize("name", RESILIENCE)
def test_alone_a_write_takes_four_delays_and_a_read_six(name: str) -> None:
    outcome = run_on(Alone, graph(name), 0, by=Constant())
    assert outcome.violations() == []
    assert outcome.decided()
    assert took(outcome, 0) == [4, 6, 4, 6]


def test_a_read_takes_eight_if_it_finds_what_few_have_stored() -> None:
    """The writer is heard by nobody; but it wrote to the memory of the star's centre."""
    sides = frozenset({1}), frozenset({0, *range(2, 8)})
    outcome = run_on(Alone, graph("star"), 0, by=Parted(sides))
    assert outcome.violations() == []
    assert took(outcome, 0) == [4, 8, 4, 6]


def test_a_graph_whose_resilience_nobody_knows_is_refused() -> None:
    with pytest.raises(UsageError, match="set its resilience"):
        run_on(Script, ZOO["C_5"].graph(), 0)


@pytest.mark.parametrize("mutant", REGISTERS, ids=str)
def test_mutant_is_caught(mutant: Mutant) -> None:
    assert mutant.first_caught(range(mutant.budget)) is not None


@pytest.mark.parametrize("mutant", HARMLESS_REGISTERS, ids=str)
def test_harmless_mutant_is_let_be(mutant: Mutant) -> None:
    assert mutant.harmless
    assert mutant.first_caught(range(mutant.budget)) is None


@pytest.mark.parametrize("invariant", BREAKS)
def test_every_invariant_can_be_broken(invariant: str) -> None:
    mutant = next(mutant for mutant in REGISTERS if mutant.name == BREAKS[invariant])
    broken: set[str] = set()
    for seed in range(12):
        broken |= {violation.check for violation in at_the_bound(mutant.build(), GRAPHS[0], seed).violations()}
    assert invariant in broken
