"""Every schedule of a small system: none is left out, each comes to what the simulator comes to, and mistakes show."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rayrdma.faults.plan import Byzantine
from rayrdma.model.errors import UsageError
from rayrdma.model.outcomes import NAK
from rayrdma.model.permissions import everyone
from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Region
from rayrdma.mutants import disk_paxos, protected_memory_paxos
from rayrdma.mutants.mutant import Mutant
from rayrdma.protocols import CheapQuorum, DiskPaxos, Paxos, ProtectedMemoryPaxos
from rayrdma.scenario import Scenario
from rayrdma.simulator.explore.draw import KINDS, Shape
from rayrdma.simulator.explore.exhaustive.exhaust import exhaust, rerun, scenarios_of
from rayrdma.simulator.explore.exhaustive.space import Path, Walk
from rayrdma.simulator.explore.exhaustive.symmetry import Asymmetric
from rayrdma.simulator.explore.exhaustive.system import Bounds, State, System

ONCE, TWICE = Bounds(elections=1), Bounds(elections=2)
SMALL = [
    (Paxos, 2, 0),
    (DiskPaxos, 2, 1),
    (DiskPaxos, 2, 2),
    (ProtectedMemoryPaxos, 2, 1),
    (ProtectedMemoryPaxos, 2, 2),
]


def scenario(protocol: type[Protocol], n: int, memories: int, *faults: Byzantine) -> Scenario:
    return Scenario(protocol, tuple(f"v{process}" for process in range(n)), memories, faults)


def outcomes(system: System, symmetric: bool = False) -> tuple[Walk, set[tuple[Any, ...]]]:
    """What all schedules come to: each process's decision, or None."""
    found = set()

    def seen(state: State, path: Path) -> bool:
        outcome = (system.vocabulary.outcomes.things[number] for number in system.outcome(state))
        found.add(tuple(one.decision if one.decided else None for one in outcome))
        return False

    walk = Walk(system, seen, symmetric)
    walk.go_on()
    assert walk.space.finished
    return walk, found


def one_by_one(system: System, state: State) -> int:
    """How many schedules there are from a state on, each of them gone through."""
    followers = system.successors(state)
    return sum(one_by_one(system, after) for _, after in followers) if followers else 1


@pytest.mark.parametrize("reduce", [True, False])
def test_schedules_are_counted_as_if_each_had_been_gone_through(reduce: bool) -> None:
    system = System(scenario(DiskPaxos, 2, 1), ONCE, reduce)
    walk, _ = outcomes(system)
    assert walk.space.schedules == one_by_one(system, system.initial())
    assert walk.space.schedules > 10 * walk.space.states / 3


@pytest.mark.parametrize(("protocol", "n", "memories"), SMALL)
def test_what_is_left_out_makes_no_difference(protocol: type[Protocol], n: int, memories: int) -> None:
    small, reduced = outcomes(System(scenario(protocol, n, memories), ONCE), symmetric=memories > 1)
    large, all_of_them = outcomes(System(scenario(protocol, n, memories), ONCE, reduce=False))
    assert reduced == all_of_them
    assert small.space.states < large.space.states
    assert small.space.schedules < large.space.schedules


@pytest.mark.parametrize("reduce", [True, False])
def test_memories_in_another_order_are_no_other_schedules(reduce: bool) -> None:
    system = scenario(DiskPaxos, 2, 2)
    alike, found = outcomes(System(system, ONCE, reduce), symmetric=True)
    each, all_of_them = outcomes(System(system, ONCE, reduce))
    assert found == all_of_them
    assert alike.space.schedules == each.space.schedules
    assert alike.space.states < 0.6 * each.space.states


class HeedsTheFirst(Protocol):
    """Memory 1 answering first makes it decide nonsense later."""

    name = "heeds-the-first"

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        return [Region("region", registers=n, of=str, permission=everyone(n))]

    async def propose(self, value: Any) -> None:
        process, first = self.process, []

        async def at_memory(memory: int) -> None:
            assert await process.write(memory, "region", process.id, value) is not NAK
            first.append(memory)

        with process.nursery() as nursery:
            for memory in process.memories:
                nursery.start(at_memory(memory))
            await nursery.first(len(process.memories))
        await process.read(0, "region", process.id)
        process.decide(value if first[0] == 0 else "nonsense")


def test_a_process_may_mind_which_memory_is_which() -> None:
    with pytest.raises(Asymmetric):
        outcomes(System(scenario(HeedsTheFirst, 1, 2), ONCE), symmetric=True)
    found = exhaust(scenarios_of(HeedsTheFirst, (), Shape(1, 2)), ONCE, enough=100)
    assert found.finished
    assert [finding.wrong[0].check for finding in found.findings] == ["validity"]
    assert found.outcomes == 3  # undecided, right and wrong: what was seen before it was found out does not count


@pytest.mark.parametrize("reduce", [True, False])
@pytest.mark.parametrize(
    "system",
    [
        *(scenario(*of) for of in SMALL),
        scenario(CheapQuorum, 3, 1, Byzantine(2, "copies-twice")),
        scenario(CheapQuorum, 3, 1, Byzantine(2, "forges-proof")),
        scenario(CheapQuorum, 2, 2),
    ],
    ids=str,
)
def test_the_simulator_comes_to_the_same(system: Scenario, reduce: bool) -> None:
    for seed in range(15):
        rng = random.Random(seed)
        model = System(system, Bounds(elections=2, crashes=0), reduce)
        state, path = model.initial(), ()
        for _ in range(rng.randrange(5, 80)):
            if followers := model.successors(state):
                events, state = rng.choice(followers)
                path += events
        rerun(system, model, state, path)  # raises if not


NEED_MORE = {
    "phase 2 begins at the first ready memory",
    "a value is adopted after phase 2 began",
    "one memory is counted twice",
    "acks of two attempts are counted together",
    "a nak of step h leaves the attempt to the other memories",
    "an attempt announces on late memories what it accepts itself",
    "an abandoned attempt acts late, and step d heeds only what it read",
    "an abandoned phase acts late",
    "the blocks of a majority of processes are read",
    "one disk is counted twice",
    "ballots are not unique",
    "a minority of acks decides the first attempt",
}
"""Mistakes that do not show in so small a system, or do not let it come to anything wrong."""


@pytest.mark.parametrize("mutant", [*disk_paxos.MUTANTS, *protected_memory_paxos.MUTANTS], ids=str)
def test_a_mistake_shows_where_it_can(mutant: Mutant) -> None:
    protocol = mutant.build()
    found = exhaust(scenarios_of(protocol, (), Shape(2, 1)), TWICE)
    if any(name in str(mutant) for name in NEED_MORE):
        assert found.finished
        assert not found.findings
        return
    (finding,) = found.findings
    again = finding.case.follow(finding.choices)
    assert again.wrong == finding.wrong


def test_a_lying_follower() -> None:
    found = exhaust([scenario(CheapQuorum, 3, 1, Byzantine(2, "fakes-panic"))], ONCE)
    assert found.finished
    assert not found.findings
    assert found.outcomes > 5


def test_there_may_be_more_than_the_budget() -> None:
    found = exhaust([scenario(ProtectedMemoryPaxos, 3, 3)], ONCE, seconds=0.1)
    assert not found.finished
    assert found.schedules == 0
    assert found.states > 0


def test_few_preemptions_are_few_schedules() -> None:
    counts = []
    for preemptions in (0, 1, 2, None):
        found = exhaust([scenario(ProtectedMemoryPaxos, 2, 1)], Bounds(preemptions=preemptions), reduce=False)
        assert found.finished
        counts.append(found.schedules)
    assert counts == sorted(set(counts))


class NeverSeen:
    """Something that no attributes tell of."""

    def __init__(self) -> None:
        self.where = iter(object, None)


class WritesEverywhere(HeedsTheFirst):
    """It does not matter to it who answers first."""

    name = "writes-everywhere"

    async def propose(self, value: Any) -> None:
        await self.process.write_each("region", 0, value, need=len(self.process.memories))
        self.process.decide(value)


class KeepsMuch(WritesEverywhere):
    """What it keeps can not be looked into."""

    name = "keeps-much"

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.kept = NeverSeen()


def test_what_can_not_be_looked_into_is_never_the_same() -> None:
    open_to_see, found = outcomes(System(scenario(WritesEverywhere, 1, 3), ONCE))
    closed, all_of_them = outcomes(System(scenario(KeepsMuch, 1, 3), ONCE))
    assert found == all_of_them
    assert closed.space.states > open_to_see.space.states


@pytest.mark.parametrize(
    ("bounds", "says"), [({"elections": 0}, "--elections 1"), ({"preemptions": -1}, "--preemptions 0")]
)
def test_bounds_that_make_no_sense(bounds: dict[str, int], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        Bounds(**bounds)


def test_liars_lie_where_they_may() -> None:
    assert len(scenarios_of(CheapQuorum, KINDS, Shape(3, 1))) > 20
    assert len(scenarios_of(CheapQuorum, ("crash",), Shape(3, 1))) == 1
