"""Omega: one leader for all, who stays, and what that costs from then on (P18, section 5)."""

from __future__ import annotations

import pytest

from rayrdma.checks.omega import last_third, leaders, traffic
from rayrdma.faults.plan import Crash, Pause
from rayrdma.model.errors import UsageError
from rayrdma.model.graph import Graph
from rayrdma.model.trace import Noted, Sent, encode_trace
from rayrdma.protocols.omega import Omega, OmegaOverLossyLinks
from rayrdma.simulator.kernel import Kernel
from rayrdma.simulator.schedule import Constant, Recorded, Recorder, Timely
from tests.fuzz import Run
from tests.mutation import Mutant

from .omega import (
    EVENTS,
    OMEGAS,
    N,
    OmegaByHeartbeats,
    calming_run,
    early_crashes,
    promises_broken,
    run,
)
from .omega_mutants import HARMLESS, MUTANTS

both = pytest.mark.parametrize("omega", OMEGAS, ids=lambda omega: omega.name)


def the_leader(outcome: Run) -> int:
    """On which all agree in the end."""
    (leader,) = set(leaders(outcome.observation).values())
    return leader


def one_timely(omega: type[Omega], seed: int, events: int = EVENTS, loss: float = 0.0) -> Run:
    return run(omega, seed, by=Timely(seed, N, [seed % N], loss), events=events)


def accusations(outcome: Run) -> list[int]:
    """How many each process has heard of."""
    return [protocol.accusations for protocol in outcome.kernel._protocols]  # type: ignore[attr-defined]


@both
def test_a_leader_for_all_who_stays(omega: type[Omega]) -> None:
    for seed in range(4):
        outcome = run(omega, seed)
        assert not outcome.violations(), outcome
        assert set(leaders(outcome.observation)) == set(range(N))


@both
def test_any_crashes_but_of_the_last_timely_process(omega: type[Omega]) -> None:
    for seed in range(0, N * N, 2):
        faults = early_crashes(seed)
        outcome = run(omega, seed, faults)
        assert not promises_broken(outcome), outcome
        assert len(leaders(outcome.observation)) == N - len(faults) == N - seed // N


@both
def test_after_the_leader_another_one(omega: type[Omega]) -> None:
    for seed in range(3):
        before = run(omega, seed)
        leader = the_leader(before)
        (crash,) = [Crash(process=leader, at=(before.kernel.trace or [])[EVENTS // 3].time)]
        after = run(omega, seed, [crash])
        assert not promises_broken(after), after
        assert the_leader(after) != leader


@both
def test_who_was_paused_comes_back(omega: type[Omega]) -> None:
    leader = the_leader(run(omega, 0, by=Constant(), events=1_000))
    outcome = run(omega, 0, [Pause(process=leader, at=300, until=600)], by=Constant(), events=5_000)
    assert not outcome.violations(), outcome
    notes = [event for event in outcome.kernel.trace or () if type(event) is Noted and 300 < event.time < 600]
    assert {note.process for note in notes} == set(range(N)) - {leader}
    assert leader not in {note.value for note in notes}, "another one led meanwhile"


@both
@pytest.mark.parametrize("n", [1, 2, 7])
def test_any_number_of_processes(omega: type[Omega], n: int) -> None:
    outcome = run(omega, 0, n=n, by=Constant(), events=2_000 * n)
    assert not outcome.violations(), outcome


@both
def test_short_runs_with_many_changes(omega: type[Omega]) -> None:
    changes = 0
    for seed in range(100):
        outcome = calming_run(omega, seed)
        assert not outcome.violations(), outcome
        changes += sum(type(event) is Noted for event in outcome.kernel.trace or ())
    assert changes > 500


@both
def test_one_timely_process_is_enough(omega: type[Omega]) -> None:
    """However slow everything else is, and all messages; it is accused until patience suffices, and no more."""
    for seed in range(4):
        outcome = one_timely(omega, seed)
        assert not promises_broken(outcome), outcome
        timely = seed % N
        later = one_timely(omega, seed, 2 * EVENTS)
        assert not promises_broken(later), later
        assert 0 < accusations(outcome)[timely] == accusations(later)[timely] <= 3 * (N - 1)
        assert all(accusations(outcome)[slow] for slow in range(N) if slow != timely), "all were given a try"


def test_heartbeats_by_message_never_settle_where_messages_get_slower_and_slower() -> None:
    for seed in range(4):
        outcome = one_timely(OmegaByHeartbeats, seed)
        late = [event for event in last_third(outcome.observation) if type(event) is Noted]
        assert len(late) > 10, outcome
        assert accusations(outcome)[seed % N] > 3 * (N - 1)


def test_heartbeats_by_message_settle_where_messages_are_fast() -> None:
    outcome = run(OmegaByHeartbeats, 0, by=Constant())
    assert {violation.check for violation in promises_broken(outcome)} == {"L2", "L3"}, (
        "but they cost messages for ever"
    )


def test_steady_traffic_over_reliable_links() -> None:
    for seed in range(4):
        outcome = run(Omega, seed)
        leader, late = the_leader(outcome), traffic(last_third(outcome.observation))
        others = {process for process in range(N) if process != leader}
        assert not late.messages
        assert set(late.writes) == {(leader, leader)}, "one register, in its own memory"
        assert set(late.reads) == {(other, leader) for other in others}, "the leader reads nothing"
        assert traffic(outcome.kernel.trace or ()).messages, "there was something to stop"


def test_steady_traffic_over_lossy_links() -> None:
    for seed in range(4):
        outcome = run(OmegaOverLossyLinks, seed)
        leader, late = the_leader(outcome), traffic(last_third(outcome.observation))
        others = {process for process in range(N) if process != leader}
        assert not traffic(outcome.kernel.trace or ()).messages, "not even at the start"
        assert set(late.writes) == {(leader, leader)}
        assert set(late.reads) == {(other, leader) for other in others} | {(p, p) for p in range(N)}


def test_what_is_lost_is_lost_to_omega_over_reliable_links() -> None:
    """That is what the counters in memory are for."""
    for seed in range(4):
        outcome = one_timely(Omega, seed, loss=0.5)
        assert any(violation.check == "L1" for violation in promises_broken(outcome)), outcome
        assert not promises_broken(one_timely(OmegaOverLossyLinks, seed, loss=0.5)), outcome


def test_a_recorded_run_loses_the_same_messages() -> None:
    recorder = Recorder(Timely(1, N, [1], 0.5))
    first = run(Omega, 1, by=recorder, events=5_000)
    recorded = Recorded(recorder.delays, recorder.leaderships(), recorder.stabilises, recorder.detection)
    again = run(Omega, 1, by=recorded, events=5_000)
    assert encode_trace(again.kernel.trace or []) == encode_trace(first.kernel.trace or [])
    sent = sum(type(event) is Sent for event in first.kernel.trace or ())
    assert sent > len([delay for delay in recorder.delays if delay < 0]) > 0


def test_a_graph_with_too_few_edges_is_refused() -> None:
    path = Graph(((1,), (0, 2), (1,)), "path")
    with pytest.raises(UsageError, match="give a complete shared-memory graph"):
        Kernel(Omega, [None] * 3, 3, Constant(), graph=path)


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_mutant_is_caught(mutant: Mutant) -> None:
    assert mutant.first_caught(range(mutant.budget)) is not None


@pytest.mark.parametrize("mutant", HARMLESS, ids=str)
def test_harmless_mutant_is_let_be(mutant: Mutant) -> None:
    assert mutant.harmless
    assert mutant.first_caught(range(mutant.budget)) is None


def test_every_promise_can_be_broken() -> None:
    broken = {violation.check for mutant in MUTANTS[:1] for violation in (mutant.first_caught([0]) or (0, []))[1]}
    assert broken == {"L1", "L2", "L3", "L4"}
