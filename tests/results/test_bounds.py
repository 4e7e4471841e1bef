"""What the table measures: that every bound holds, and that a bound which does not hold is noticed."""

from __future__ import annotations

from dataclasses import replace

import pytest

from rayrdma.results.bounds import AT, BOUNDS, PAST, Bound, ForcedPaxos, measure
from rayrdma.results.delays import measure_delays
from rayrdma.results.result import BLOCKED, DECIDED, VIOLATED

SEEDS = range(40)


@pytest.mark.parametrize("bound", BOUNDS, ids=lambda bound: f"{bound.protocol.name}-{bound.side}-{bound.processes}")
def test_every_bound_is_as_expected(bound: Bound) -> None:
    measured = measure(bound, SEEDS)
    assert measured.verdicts.keys() <= {DECIDED, bound.expected}, measured
    assert measured.holds, measured
    assert sum(measured.verdicts.values()) == len(SEEDS)


def test_at_the_bound_crashes_do_strike() -> None:
    for bound in BOUNDS:
        if bound.side == AT:
            assert measure(bound, SEEDS).all_crashed >= len(SEEDS) / 2, bound


def test_each_system_is_measured_on_both_sides() -> None:
    for name in ("disk-paxos", "paxos", "protected-memory-paxos"):
        assert {bound.side for bound in BOUNDS if bound.protocol.name == name} == {AT, PAST}


def test_why_it_blocks_is_said_by_the_run() -> None:
    why = {
        (m.protocol, m.processes, m.memories): m.why
        for m in (measure(b, range(1)) for b in BOUNDS if b.expected == BLOCKED)
    }
    assert "needs 2 of 3 memories, 1 alive" in why["protected-memory-paxos", 3, 3]
    assert "needs 3 of 5 memories, 2 alive" in why["disk-paxos", 3, 5]
    assert "needs 3 of 4 processes, 2 alive" in why["paxos", 4, 0]
    assert "needs 3 of 5 agents, 2 alive" in why["aligned-paxos", 3, 2]


def test_a_partition_is_told_by_its_quorums() -> None:
    [bound] = [bound for bound in BOUNDS if bound.protocol is ForcedPaxos and bound.processes == 4]
    measured = measure(bound, SEEDS)
    assert measured.disagreements > 0
    assert (
        measured.why
        == "p0 decided 'v0', accepted by {p0, p1}; p1 asked {p2, p3}, who had heard of nothing, and decided 'v1'"
    )


@pytest.mark.parametrize("bound", [bound for bound in BOUNDS if bound.expected != VIOLATED], ids=str)
def test_a_claim_that_is_not_so_does_not_hold(bound: Bound) -> None:
    wrong = DECIDED if bound.expected == BLOCKED else BLOCKED
    assert not measure(replace(bound, expected=wrong), range(3)).holds
    if bound.side == AT and not bound.byzantine:
        assert not measure(replace(bound, protocol=ForcedPaxos, expected=VIOLATED), range(3)).holds


def test_delays_are_as_claimed_and_counted() -> None:
    measured = {measured.protocol: measured for measured in measure_delays()}
    assert all(row.holds for row in measured.values())
    assert {name: (row.common_case, row.take_over) for name, row in measured.items()} == {
        "paxos": (2, 4),
        "paxos-two-phase": (4, 4),
        "fast-paxos": (2, 4),
        "disk-paxos": (4, 8),
        "disk-paxos-two-phase": (8, 8),
        "protected-memory-paxos": (2, 8),
        "aligned-paxos": (2, 8),
        "pbft": (3, 4),
        "fab": (2, 3),
        "fast-and-robust": (2, 76),
        "preferential-paxos": (34, 70),
        "robust-backup-paxos": (22, 56),
        "ben-or": (2, 2),
        "hybrid-ben-or": (6, 6),
    }
    assert measured["protected-memory-paxos"].operations == {"write": 3}
    assert measured["disk-paxos"].operations == {"write": 3, "read": 3}
