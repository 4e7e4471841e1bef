"""The hunt: it finds every mistake that there is a mutant of, tells it by a small run, and nothing in what is right."""

from __future__ import annotations

import re
from collections.abc import Sequence
from statistics import median
from typing import Any

import pytest

from rayrdma.checks.goals import goals_of
from rayrdma.exploration import explore
from rayrdma.faults.plan import Byzantine, ClockSkew, Crash, LostCompletion, Pause
from rayrdma.model.errors import NotGivingWay, UsageError
from rayrdma.model.permissions import static
from rayrdma.model.protocol import Protocol
from rayrdma.mutants import disk_paxos, paxos, protected_memory_paxos
from rayrdma.mutants.mutant import Mutant
from rayrdma.protocols import PROTOCOLS, Paxos, ProtectedMemoryPaxos
from rayrdma.simulator import watchdog
from rayrdma.simulator.explore import hunt as hunting
from rayrdma.simulator.explore import search
from rayrdma.simulator.explore.choosers import PriorityChanges, link_of
from rayrdma.simulator.explore.draw import KINDS, STRATEGIES, Shape, draw, shapes_of
from rayrdma.simulator.explore.hunt import Finding, Tally, hunt
from rayrdma.simulator.explore.search import Budget, Search
from rayrdma.simulator.explore.shrink import shrink, size
from rayrdma.simulator.stepper import Given, Stepper

MUTANTS = [mutant for table in (paxos, disk_paxos, protected_memory_paxos) for mutant in table.MUTANTS]
PROTECTED_MEMORY_PAXOS = protected_memory_paxos.MUTANTS
ENOUGH = 20_000
"""Schedules; most mutants take a few dozen."""
FEW_PROCESSES, FEW_EVENTS = 3, 15


def _crash(fault: str) -> None:
    """A handler, for its name."""


LINKS = [(_crash, f"fault {number}") for number in range(6)]


def found(protocol: type[Protocol], strategy: str = "swarm") -> Finding:
    """The first finding that can be told by choices."""
    tally = hunt(protocol, range(ENOUGH), strategy, enough=1)
    (finding,) = tally.findings.values()
    assert finding is not None
    return finding


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_every_mistake_is_found_and_can_be_run_again(mutant: Mutant) -> None:
    finding = found(mutant.build())
    again = finding.case.follow(finding.choices)
    assert again.wrong == finding.wrong
    assert len(again.numbers) == finding.events


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda protocol: protocol.name)
def test_in_an_honest_protocol_nothing_is_found(protocol: type[Protocol], strategy: str) -> None:
    seeds = range(5 if protocol.byzantine else 50)
    tally = hunt(protocol, seeds, strategy, enough=len(seeds))
    assert tally.findings == {}
    assert tally.schedules == len(seeds)
    assert tally.ended > len(seeds) / 2


def test_what_is_found_shrinks_to_a_few_events() -> None:
    """Of Protected Memory Paxos, whose mistakes are the rare ones."""
    events = []
    for mutant in PROTECTED_MEMORY_PAXOS[::4]:
        protocol = mutant.build()
        finding = found(protocol)
        smallest = Search(protocol).smallest(finding)
        assert {wrong.check for wrong in smallest.wrong} & {wrong.check for wrong in finding.wrong}
        assert smallest.case.follow(smallest.choices).wrong == smallest.wrong
        assert smallest.case.scenario.n <= FEW_PROCESSES
        events.append(smallest.events)
    assert median(events) <= FEW_EVENTS, sorted(events)


def test_shrinking_drops_what_does_not_matter() -> None:
    """This mistake needs no fault. Shrinking may get stuck before that: one finding may keep some."""
    mutant = next(mutant for mutant in PROTECTED_MEMORY_PAXOS if mutant.name == "a minority of acks decides")
    findings = [found for found in hunt(mutant.build(), range(ENOUGH), "random", enough=6).findings.values() if found]
    smaller = [shrink(finding) for finding in findings]
    assert len(smaller) == 6
    assert all(size(after) < size(before) for before, after in zip(findings, smaller, strict=True))
    assert sum(after.case.scenario.faults == () for after in smaller) >= 5
    assert shrink(smaller[-1]) == smaller[-1]


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda protocol: protocol.name)
def test_what_should_happen_sometimes_happens(protocol: type[Protocol]) -> None:
    """Else a suite of these schedules has not tried what it is there for."""
    wanted, tally = set(goals_of(protocol)), Tally()
    few = 10 if protocol.byzantine else 50
    for start in range(0, ENOUGH, few):
        tally += hunt(protocol, range(start, start + few), "swarm")
        if wanted <= set(tally.goals):
            return
    raise AssertionError(f"never: {', '.join(sorted(wanted - set(tally.goals)))}")


def test_a_finding_is_kept_where_other_runs_have_no_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of one disk, a minority is none: a wait for it is over at once, again and again."""
    monkeypatch.setattr(watchdog, "SECONDS", 0.1)
    protocol = next(mutant for mutant in MUTANTS if mutant.name == "a minority of disks will do").build()
    shape = Shape(3, 1)

    def has_no_end(seed: int) -> bool:
        try:
            hunt(protocol, [seed], "swarm", shape=shape)
        except NotGivingWay as error:
            assert "has not given way" in str(error)  # noqa: PT017 - most seeds do have an end
            return True
        return False

    seed = next(seed for seed in range(2_000) if has_no_end(seed))
    with pytest.raises(NotGivingWay):
        hunt(protocol, range(seed, seed + 2), "swarm", shape=shape, enough=9)
    monkeypatch.setattr(search, "hunt", lambda *arguments, **more: hunt(protocol, [seed], "swarm", shape=shape))
    finding = found(protocol)
    assert Search(protocol).smallest(finding) == shrink(finding)


def test_what_shows_by_its_own_delays_alone_is_told_by_its_seed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(hunting, "by_choices", lambda drawn, course: None)
    protocol = next(mutant for mutant in MUTANTS if mutant.name == "a minority of acks decides").build()
    told = explore(protocol, "5000", jobs=1)
    assert told.violations == 1
    assert told.smallest is None
    assert told.wrong
    assert all(
        re.search(r" \(seed \d+, by the delays of its own schedule alone: no replay\)$", wrong) for wrong in told.wrong
    )


# What a seed stands for


def test_a_seed_stands_for_the_same_every_time() -> None:
    for strategy in STRATEGIES:
        for seed in range(20):
            one, other = (draw(ProtectedMemoryPaxos, seed, strategy) for _ in range(2))
            assert one.case == other.case
            assert one.run().choices == other.run().choices


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda protocol: protocol.name)
def test_kinds_of_faults_are_on_in_some_runs_and_off_in_others(protocol: type[Protocol]) -> None:
    draws = [draw(protocol, seed, "swarm") for seed in range(200)]
    planned: dict[str, Any] = {
        "crash": lambda fault: isinstance(fault, Crash) and fault.process is not None,
        "memory-crash": lambda fault: isinstance(fault, Crash) and fault.memory is not None,
        "pause": lambda fault: isinstance(fault, Pause),
        "byzantine": lambda fault: isinstance(fault, Byzantine),
        "lost-completion": lambda fault: isinstance(fault, LostCompletion),
        "clock-skew": lambda fault: isinstance(fault, ClockSkew),
    }
    assert {*planned, "partition", "permission-race", "restart"} == set(KINDS)
    never = set() if protocol.byzantine else {"byzantine"}
    if protocol.needs_graph or not protocol.needs_memories:
        never |= {"memory-crash", "lost-completion"}
    if not protocol.elects:
        never |= {"restart", "permission-race"}
    if all(region.legal_change is static for region in protocol.regions(3)):
        never.add("permission-race")
    for kind in KINDS:
        some = sum(kind in one.kinds for one in draws)
        assert (some == 0) == (kind in never), kind
        assert some < len(draws), kind
        if kind in planned:
            happens = [any(map(planned[kind], one.case.scenario.faults)) for one in draws]
            assert any(happens) == (some > 0), kind
            assert all(kind in one.kinds for one, does in zip(draws, happens, strict=True) if does), kind
    cases = [one.case.scenario for one in draws]
    assert {(case.n, case.memories) for case in cases} == {(shape.n, shape.memories) for shape in shapes_of(protocol)}


@pytest.mark.parametrize("memories", [0, 1, 5])
def test_one_process_alone_can_be_explored_too(memories: int) -> None:
    protocol = ProtectedMemoryPaxos if memories else Paxos
    for strategy in STRATEGIES:
        for seed in range(50):
            course = draw(protocol, seed, strategy, shape=Shape(1, memories)).run()
            assert course.wrong == (), seed


def test_no_more_memories_fail_than_are_tolerated() -> None:
    """A memory of which somebody lost a completion counts as one that failed."""
    for seed in range(300):
        scenario = draw(ProtectedMemoryPaxos, seed, "swarm", ["memory-crash", "lost-completion"]).case.scenario
        failed = {fault.memory for fault in scenario.faults if isinstance(fault, Crash | LostCompletion)}
        assert 2 * len(failed) < scenario.memories, seed


def test_what_is_not_asked_for_does_not_occur() -> None:
    for seed in range(50):
        one = draw(ProtectedMemoryPaxos, seed, "swarm", [])
        assert (one.kinds, one.case.scenario.faults) == ((), ()), seed


# Priorities


def test_by_priorities_a_link_goes_on_until_something_better_comes() -> None:
    """Without a change of priorities: whenever another link is chosen, it is a new one or the last one has nothing."""
    by = PriorityChanges("seed", depth=1, length=30)
    seen: set[Any] = set()
    last: Any = None

    def choose(pending: Sequence[Any]) -> int:
        nonlocal last
        links = [link_of(entry) for entry in pending]
        choice = by(pending)
        assert links.index(links[choice]) == choice, "the oldest of a link comes first"
        assert links[choice] == last or last not in links or links[choice] not in seen
        seen.update(links)
        last = links[choice]
        return choice

    stepper = Stepper(ProtectedMemoryPaxos, ["a", "b", "c"], 3, Given())
    stepper.run_by(choose)
    stepper.close()
    assert len(stepper.decisions) == 3


def test_at_a_change_the_last_link_falls_behind_all_others() -> None:
    pending = [(0, number, handler, argument) for number, (handler, argument) in enumerate(LINKS)]
    by = PriorityChanges("seed", depth=2, length=2)  # the change comes with the second event
    favourite = by(pending)
    others = [entry for position, entry in enumerate(pending) if position != favourite]
    while others:
        assert pending.index(others.pop(by([*others, pending[favourite]]))) != favourite
    assert by([pending[favourite]]) == 0


# Budgets


def test_a_budget_is_seconds_or_schedules() -> None:
    assert Budget.parse("60s") == Budget(seconds=60)
    assert Budget.parse("0.5s") == Budget(seconds=0.5)
    assert Budget.parse("250") == Budget(schedules=250)
    for text in ("", "s", "0", "0s", "-1", "-1s", "nans", "1m", "1.5"):
        with pytest.raises(UsageError, match="is no budget; give seconds"):
            Budget.parse(text)


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_budget_of_schedules_is_spent_to_the_last(jobs: int) -> None:
    told: list[int] = []
    tally = Search(ProtectedMemoryPaxos, jobs=jobs).run(
        Budget(schedules=301), lambda tally, seconds: told.append(tally.schedules)
    )
    assert tally.schedules == told[-1] == 301
    assert told == sorted(told)
    alone = hunt(ProtectedMemoryPaxos, range(301), "swarm")
    assert (tally.events, tally.ended) == (alone.events, alone.ended), "whoever ran them"
