"""The checks catch every classical mistake, and do not cry over what is harmless."""

from __future__ import annotations

import pytest

from rayrdma.checks.observation import Violation
from rayrdma.checks.outcome import OUTCOME
from rayrdma.faults.plan import Crash
from rayrdma.mutants.aligned_paxos import BOTH_KINDS, ERASES, PHASE_2_AT_A_LATE_MEMORY
from rayrdma.mutants.mutant import Edited, StaleMutant
from rayrdma.mutants.protected_memory_paxos import (
    ACKS_OF_TWO_ATTEMPTS,
    NAKS_OF_STEP_B,
    NO_SHORTCUT,
    ONLY_THE_OWNER_DECIDES,
    WAITS_FOR_THE_OTHERS,
)
from rayrdma.protocols import AlignedPaxos, DiskPaxos, ProtectedMemoryPaxos
from rayrdma.simulator.schedule import Constant
from tests.fuzz import CRASH_TOLERANT, Run, run
from tests.scripted import MESSAGE, Scripted

from .budgets import BUDGETS, HARMLESS, MUTANTS, parties

ERASING = {ONLY_THE_OWNER_DECIDES: "M4", ERASES: "L4"}
ERASING_BUDGET = 1_500
OF_THEIR_OWN = (NO_SHORTCUT, ACKS_OF_TWO_ATTEMPTS, WAITS_FOR_THE_OTHERS, *ERASING, BOTH_KINDS)
"""Those that have a test of their own below."""


def first_caught(mutant: Edited, budget: int) -> list[Violation] | None:
    """What the checks say of the first seed that shows the mistake."""
    for seed in range(budget):
        violations = run(mutant.build(), *parties(mutant), seed).violations()
        if violations:
            return violations
    return None


def test_every_mutant_has_a_budget_or_a_test_of_its_own() -> None:
    rest = [str(mutant) for mutant in MUTANTS if not mutant.harmless and mutant not in OF_THEIR_OWN]
    assert sorted(BUDGETS) == sorted(rest)


@pytest.mark.parametrize("mutant", [mutant for mutant in MUTANTS if str(mutant) in BUDGETS], ids=str)
def test_mutant_is_caught(mutant: Edited) -> None:
    assert first_caught(mutant, BUDGETS[str(mutant)]) is not None


@pytest.mark.parametrize(
    "mutant", [mutant for mutant in MUTANTS if mutant.harmless and mutant not in OF_THEIR_OWN], ids=str
)
def test_harmless_mutant_is_let_be(mutant: Edited) -> None:
    assert first_caught(mutant, HARMLESS) is None


@pytest.mark.parametrize("protocol", CRASH_TOLERANT, ids=lambda protocol: protocol.name)
def test_the_honest_protocol_passes_what_its_mutants_fail(protocol: type) -> None:
    for seed in range(500):
        outcome = run(protocol, 3, 3, seed)
        assert not outcome.violations(), outcome
        assert outcome.decided(), outcome


def test_mutants_have_names_of_their_own() -> None:
    assert len({str(mutant) for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("snippet", ["a line that is not there", "self.block"])
def test_a_snippet_that_is_not_there_once_fails_loudly(snippet: str) -> None:
    with pytest.raises(StaleMutant, match=r"times in rayrdma\.protocols\.disk_paxos"):
        Edited(DiskPaxos, "stale", (), ((snippet, ""),)).build()


@pytest.mark.parametrize("mutant", ERASING, ids=str)
def test_erasing_what_one_accepted_breaks_nothing_that_was_promised(mutant: Edited) -> None:
    broken = set()
    for seed in range(ERASING_BUDGET):
        outcome = run(mutant.build(), *parties(mutant), seed)
        assert all(check(outcome.observation) is None for check in OUTCOME), outcome
        broken |= {violation.check for violation in outcome.violations()}
    assert broken == {ERASING[mutant]}


def test_who_asks_for_a_majority_of_each_kind_blocks_where_aligned_paxos_decides() -> None:
    protocol = BOTH_KINDS.build()
    memories_gone = [Crash(memory=0), Crash(memory=1)]
    for seed in range(100):
        assert run(protocol, 3, 3, seed).decided()
        assert run(AlignedPaxos, 3, 2, seed, memories_gone).decided()
        outcome = run(protocol, 3, 2, seed, memories_gone)
        assert not outcome.violations(), outcome
        assert not outcome.observation.decisions, outcome


def test_who_waits_for_the_other_memories_is_safe_though_it_may_block() -> None:
    """A majority of acks is a majority of acks; but it could try again."""
    protocol = WAITS_FOR_THE_OTHERS.build()
    outcomes = [run(protocol, 3, 3, seed) for seed in range(HARMLESS)]
    assert not any(outcome.violations() for outcome in outcomes)


def test_all_steps_are_too_slow_for_the_common_case() -> None:
    outcome = run(NO_SHORTCUT.build(), 3, 3, 0, by=Constant())
    assert list(map(str, outcome.violations())) == ["M7: p0 decided first, 8 delays deep"]


# Two mistakes that random schedules hardly come by. Process 0 is dead in both: p1 uses number 5, p2 number 6.
LONG = 1_000


def one_leader_comes_back(protocol: type[ProtectedMemoryPaxos]) -> Run:
    """p1 writes on m0 alone, loses m1 to p2, comes back, and writes on m0 alone once more."""
    return run(
        protocol,
        3,
        3,
        0,
        [Crash(process=0)],
        by=Scripted(
            holds={
                (1, 1, 6): 10,  # p1's write on m1 comes after p2 took the permission there
                (1, 2, 6): LONG,
                (2, 0, 7): LONG,  # p2 takes the permission of m1 and then does nothing for long
                (2, 2, 7): LONG,
                (2, 1, 9): LONG,
                (1, 1, 23): LONG,
            },
            leaders=[(0, 1, 1), (0, 2, 1), (7, 2, 2)],
        ),
    )


def test_acks_of_two_attempts_are_no_majority() -> None:
    violations = one_leader_comes_back(ACKS_OF_TWO_ATTEMPTS.build()).violations()
    assert [str(violation) for violation in violations] == [
        "M5: p1 decided 'v1', which no majority had acked",
    ]
    assert one_leader_comes_back(ProtectedMemoryPaxos).violations() == []


def an_announcement_is_refused(protocol: type[ProtectedMemoryPaxos]) -> Run:
    """p1, with a lower number than p2, takes m0 before p2 could announce its number there.

    If p2 goes on all the same, its read of m0 comes before p1's write there, and p1 never hears of p2. p1 decides
    with m0 and m2. p2's own write stands on m1 with the higher number, and when p2 comes back that is what it adopts.
    """
    return run(
        protocol,
        3,
        3,
        0,
        [Crash(process=0)],
        by=Scripted(
            holds={
                (2, 2, 0): LONG,  # p2 does not reach m2
                (2, 0, 2): 10,  # its announcement on m0 takes effect at 12, when p1 has the permission
                (1, 1, 3): LONG,  # p1 does not reach m1
                (1, 0, 9): 10,  # p1's value is on m0 at 19, after p2 has read there
                (1, MESSAGE, 20): LONG,
            },
            leaders=[(0, 1, 2), (0, 2, 2), (3, 1, 1), (16, 2, 1), (21, 2, 2)],
        ),
    )


def test_a_nak_of_step_b_must_abort() -> None:
    outcome = an_announcement_is_refused(NAKS_OF_STEP_B.build())
    assert "agreement: p1 decided 'v1' at 20, p2 decided 'v2' at 29" in map(str, outcome.violations())
    assert an_announcement_is_refused(ProtectedMemoryPaxos).violations() == []


class To(Scripted):
    """Messages are held for one receiver: (sender, -1 - receiver, time)."""

    def delay(self, process: int, memory: int, now: int) -> int:
        return self._holds.get((process, memory, now), 1)


def a_memory_is_late(protocol: type[AlignedPaxos]) -> Run:
    """p1 has the promises of all processes, and m1 is late with its permission: p2 comes first there.

    p0 and p1 have accepted p1's number 5, one agent more would do. p2 has the promises of itself, m0 and m1 for number
    6, and has heard of nothing. If p1 writes its value on m1 as soon as it has the permission, it never meets number 6,
    and p2 finds its third agent in p0.
    """
    return run(
        protocol,
        3,
        2,
        0,
        by=To(
            holds={
                (1, 0, 0): LONG,  # p1 does not reach m0
                (1, 1, 0): 9,  # and takes the permission of m1 at 9, after p2 has read there
                (1, -1 - 2, 2): LONG,  # p2's agent never hears of p1's value
                (2, -1 - 0, 2): 30,  # the others hear of number 6 when they have accepted 5
                (2, -1 - 1, 2): 30,
                (2, 1, 8): LONG,  # p2's value does not reach m1
                (1, -1 - 0, 12): LONG,  # nor p1's decision anybody
                (1, -1 - 2, 12): LONG,
            },
            leaders=[(0, 0, 1), (0, 1, 1), (0, 2, 1), (2, 2, 2)],
        ),
    )


def test_each_memory_has_its_own_phase_1_before_phase_2() -> None:
    outcome = a_memory_is_late(PHASE_2_AT_A_LATE_MEMORY.build())
    assert "agreement: p1 decided 'v1' at 12, p2 decided 'v2' at 35" in map(str, outcome.violations())
    assert a_memory_is_late(AlignedPaxos).violations() == []
