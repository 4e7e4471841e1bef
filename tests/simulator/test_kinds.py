"""What may go wrong in a swarm: each kind changes runs, and shows mistakes that hide without it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import pytest

from rayrdma.experiment import replay
from rayrdma.exploration import keep
from rayrdma.faults.plan import Crash
from rayrdma.model.protocol import Protocol
from rayrdma.model.trace import LeaderChanged
from rayrdma.protocols import PBFT, PROTOCOLS, AlignedPaxos, DiskPaxos, Paxos, ProtectedMemoryPaxos
from rayrdma.scenario import Scenario
from rayrdma.simulator.explore.case import PROTOCOL, Case
from rayrdma.simulator.explore.choosers import Chaos, Patience, RandomWalk
from rayrdma.simulator.explore.draw import Draw, draw
from rayrdma.simulator.explore.elections import PermissionRace, Restart, changes_permission, named_by
from rayrdma.simulator.explore.hunt import by_choices, hunt
from rayrdma.simulator.explore.partition import Partition, way_of
from rayrdma.simulator.explore.pending import TIMER, what
from rayrdma.simulator.explore.shrink import shrink
from rayrdma.simulator.process import SimulatedProcess
from rayrdma.simulator.schedule import Jitter, Leadership
from rayrdma.simulator.stepper import Chooser, Entry, first
from tests.simulator.hidden import (
    LeadsTwiceAtATime,
    NeverRefusedTwice,
    TakesSilenceForDeath,
    TakesSilenceForNoEffect,
    TrustsClocks,
)

Seen = list[tuple[list[Entry], Entry]]


def case(protocol: type[Protocol], leaderships: Iterable[Leadership] = ()) -> Case:
    return Case(Scenario(protocol, ("a", "b", "c"), 3 if protocol.needs_memories else 0), tuple(leaderships), 200)


def watched(choose: Chooser, seen: Seen) -> Chooser:
    """As ``choose``; and what was pending, and what was chosen."""

    def chooses(pending: Sequence[Entry]) -> int:
        choice = choose(pending)
        seen.append((list(pending), pending[choice]))
        return choice

    return chooses


# What each kind does to a run


@pytest.mark.parametrize("protocol", [DiskPaxos, AlignedPaxos])
@pytest.mark.parametrize("both", [True, False])
def test_nothing_goes_across_a_partition_before_it_heals(protocol: type[Protocol], both: bool) -> None:
    side, begins, ends = {"p0", "m0"}, 3, 15
    healed = other_way = 0
    for seed in range(20):
        seen: Seen = []
        partition = Partition(RandomWalk(f"{seed}"), side, both, begins, ends)
        course = case(protocol).run(Chaos(watched(partition, seen), 100))
        assert (course.wrong, course.ended) == ((), True), seed
        for pending, chosen in seen[begins:ends]:
            if crosses(chosen, side, both):
                assert all(crosses(entry, side, both) for entry in pending), f"seed {seed}: something else could come"
            other_way += crosses(chosen, side, True) and not crosses(chosen, side, both)
        healed += any(crosses(chosen, side, both) for _, chosen in seen[ends:])
    assert healed > 10, "most runs are longer"
    assert (other_way == 0) == both, "a partition of one way lets the other way pass"


def crosses(entry: Entry, side: set[str], both: bool) -> bool:
    way = way_of(entry)
    return way is not None and ((way[0] in side) > (way[1] in side) or (both and (way[0] in side) < (way[1] in side)))


def test_rivals_are_named_while_a_permission_changes() -> None:
    leaderships = [Leadership(1, process, process) for process in range(3)]
    for seed in range(20):
        seen: Seen = []
        race = watched(PermissionRace(RandomWalk(f"{seed}"), f"{seed}"), seen)
        assert case(ProtectedMemoryPaxos, leaderships).run(Chaos(race, 150)).wrong == (), seed
        named = [(pending, chosen) for pending, chosen in seen if named_by(chosen) is not None]
        assert len(named) == 3
        for pending, chosen in named[1:]:
            changing = {changes_permission(entry) for entry in pending} - {None, named_by(chosen)}
            assert changing or all(named_by(entry) is not None for entry in pending), seed


def test_a_deposed_leader_is_named_again_before_anything_of_it_came() -> None:
    leaderships = [Leadership(time, process, time % 2) for time in (0, 1, 2) for process in range(3)]
    for protocol in (ProtectedMemoryPaxos, DiskPaxos, Paxos):
        for seed in range(10):
            seen: Seen = []
            restart = watched(Restart(RandomWalk(f"{seed}"), leader=0, rival=1, begins=3, meanwhile=9), seen)
            assert case(protocol, leaderships).run(Chaos(restart, 150)).wrong == (), seed
            [*_, deposed] = (step for step, (_, chosen) in enumerate(seen) if named_by(chosen) == 1)
            again = next(step for step, (_, chosen) in enumerate(seen) if named_by(chosen) == 0)
            assert again - deposed == 1 + 9
            assert any(of_leader(entry) for entry in seen[deposed][0]), f"seed {seed}: nothing is under way"
            for pending, chosen in seen[deposed:again]:
                assert not of_leader(chosen) or all(map(of_leader, pending)), f"seed {seed}: it does not stand still"


def test_time_outs_come_early_in_some_runs_and_late_in_others() -> None:
    scenario = Scenario(PBFT, ("a", "b", "c", "d"), 0)

    def early(chooser: Callable[[str], Chooser]) -> list[int]:
        """Of each run, how many of the first 100 events are timers that need not have gone off."""
        found = []
        for seed in range(40):
            seen: Seen = []
            course = Case(scenario, stabilises=200).run(Chaos(watched(chooser(f"{seed}"), seen), 100))
            assert (course.wrong, course.ended) == ((), True), seed
            found.append(sum(is_timer(chosen) and not all(map(is_timer, pending)) for pending, chosen in seen))
        return found

    alone, patient = early(RandomWalk), early(lambda seed: Patience(RandomWalk(seed), seed))
    assert min(alone) > sorted(patient)[len(patient) // 4]
    assert min(alone) < sorted(patient)[-len(patient) // 4]


def is_timer(entry: Entry) -> bool:
    return what(entry)[0] == TIMER


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda protocol: protocol.name)
def test_a_protocol_elects_if_it_asks_omega(protocol: type[Protocol], monkeypatch: pytest.MonkeyPatch) -> None:
    asked = 0

    def leader(process: SimulatedProcess) -> int:
        nonlocal asked
        asked += 1
        return told(process)

    told = SimulatedProcess.leader
    monkeypatch.setattr(SimulatedProcess, "leader", leader)
    for seed in range(20):
        one = draw(protocol, seed, "swarm")
        one.run()
        assert protocol.elects or not one.case.leaderships, "what nobody asks for changes nothing"
    assert (asked > 0) == protocol.elects


def of_leader(entry: Entry) -> bool:
    return "p0" in (way_of(entry) or ()) or named_by(entry) == 0


# What shows only with it, or much sooner


def drawn(protocol: type[Protocol], strategy: str, kind: str | None, count: int) -> Iterator[Draw]:
    """The first so many of a strategy in which this kind is on; None: with none."""
    for seed in range(count if kind is None else 3 * count):
        one = draw(protocol, seed, strategy, [kind] if kind else [])
        if kind is None or kind in one.kinds:
            yield one


def wrong(draws: Iterable[Draw], check: str) -> list[Draw]:
    """Those in which this check says so, and each is found again by its choices alone."""
    found = []
    for one in draws:
        course = one.run()
        if any(violation.check == check for violation in course.wrong):
            finding = by_choices(one, course)
            assert finding is not None
            assert finding.case.follow(finding.choices).wrong == finding.wrong
            found.append(one)
    return found


def test_a_partition_shows_who_takes_silence_for_death() -> None:
    assert wrong(drawn(TakesSilenceForDeath, "random", "partition", 200), "agreement")
    assert not wrong(drawn(TakesSilenceForDeath, "random", None, 200), "agreement")


def test_a_permission_race_shows_who_expects_one_rival_at_a_time() -> None:
    races = wrong(drawn(NeverRefusedTwice, "pct", "permission-race", 300), PROTOCOL)
    others = wrong(drawn(NeverRefusedTwice, "pct", None, 300), PROTOCOL)
    assert len(races) > 2 * len(others)


def test_a_restart_shows_who_does_not_fence_its_older_attempt() -> None:
    restarts = wrong(drawn(LeadsTwiceAtATime, "random", "restart", 200), "agreement")
    others = wrong(drawn(LeadsTwiceAtATime, "random", None, 200), "agreement")
    assert len(restarts) > 5 * len(others)


def timed(draws: Iterable[Draw]) -> Iterator[Draw]:
    """Those in which every leg is in time. Where any event may come next, a timer tells nothing anyway."""
    return (one for one in draws if isinstance(one.by, Jitter))


def test_a_lost_completion_shows_who_takes_silence_for_no_effect() -> None:
    assert wrong(timed(drawn(TakesSilenceForNoEffect, "swarm", "lost-completion", 400)), "agreement")
    for kind in ("memory-crash", None):
        assert not wrong(timed(drawn(TakesSilenceForNoEffect, "swarm", kind, 400)), "agreement")


def test_wrong_clocks_show_who_trusts_them() -> None:
    assert wrong(timed(drawn(TrustsClocks, "swarm", "clock-skew", 200)), "agreement")
    assert not wrong(timed(drawn(TrustsClocks, "swarm", None, 200)), "agreement")


@pytest.mark.parametrize(
    ("protocol", "strategy", "kind"),
    [
        (TakesSilenceForDeath, "random", "partition"),
        (LeadsTwiceAtATime, "random", "restart"),
        (TakesSilenceForNoEffect, "swarm", "lost-completion"),
        (TrustsClocks, "swarm", "clock-skew"),
    ],
)
def test_what_is_found_is_kept_and_replayed(protocol: type[Protocol], strategy: str, kind: str, tmp_path: Path) -> None:
    [finding] = hunt(protocol, range(1000), strategy, [kind], only=["agreement"]).findings.values()
    assert finding is not None
    kept = keep(shrink(finding), tmp_path)
    assert kept is not None
    assert kept.folder is not None
    again = replay(Path(kept.folder) / "replay.json")
    assert (again.violations, again.faults) == (kept.violations, kept.faults)


def test_omega_is_not_accurate_before_the_chaos_ends() -> None:
    """Neither at the time that was planned, nor because a crash is noticed after that. It has 8 events or more."""
    scenario = Scenario(ProtectedMemoryPaxos, ("a", "b", "c"), 3, (Crash(process=0, at=2.0),))
    for seed in range(50):
        chaos = Case(scenario, stabilises=1, events=7).run(Chaos(RandomWalk(f"{seed}"), 7))
        assert chaos.observation is not None
        assert not any(isinstance(event, LeaderChanged) for event in chaos.observation.trace or ()), seed


def test_what_is_held_back_comes_if_there_is_nothing_else() -> None:
    everything = {"p0", "p1", "p2"}
    course = case(ProtectedMemoryPaxos).run(Partition(first, everything, both=True, begins=0, ends=10**6))
    assert course.ended
    assert course.observation is not None
    assert len(course.observation.decisions) == 3
