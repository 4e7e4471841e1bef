"""Which checks a run is held against."""

from __future__ import annotations

import dataclasses

import pytest

from rayrdma.checks import check, check_names, checks_for
from rayrdma.checks.aligned_paxos import ALIGNED_PAXOS
from rayrdma.checks.broadcast import BROADCAST
from rayrdma.checks.cheap_quorum import CHEAP_QUORUM
from rayrdma.checks.disk_paxos import DISK_PAXOS
from rayrdma.checks.fast_paxos import FAST_PAXOS
from rayrdma.checks.model import MODEL
from rayrdma.checks.observation import Check, Observation, Violation
from rayrdma.checks.outcome import OUTCOME
from rayrdma.checks.paxos import PAXOS
from rayrdma.checks.preferential_paxos import FAST_AND_ROBUST, PREFERENTIAL_PAXOS
from rayrdma.checks.protected_memory_paxos import PROTECTED_MEMORY_PAXOS
from rayrdma.checks.robust_backup import ROBUST_BACKUP
from rayrdma.model.protocol import Protocol
from rayrdma.protocols import (
    AlignedPaxos,
    DiskPaxos,
    DiskPaxosTwoPhase,
    FastAndRobust,
    FastPaxos,
    Paxos,
    PaxosTwoPhase,
    PreferentialPaxos,
    ProtectedMemoryPaxos,
    RobustBackupPaxos,
)

from .story import Plain, Story


@pytest.mark.parametrize(
    ("protocol", "invariants"),
    [
        (Paxos, PAXOS),
        (PaxosTwoPhase, PAXOS),
        (DiskPaxos, DISK_PAXOS),
        (DiskPaxosTwoPhase, DISK_PAXOS),
        (ProtectedMemoryPaxos, PROTECTED_MEMORY_PAXOS),
        (AlignedPaxos, ALIGNED_PAXOS),
        (FastPaxos, FAST_PAXOS),
        (RobustBackupPaxos, (*BROADCAST, *ROBUST_BACKUP)),
        (PreferentialPaxos, (*BROADCAST, *ROBUST_BACKUP, *PREFERENTIAL_PAXOS)),
        (FastAndRobust, (*CHEAP_QUORUM, *BROADCAST, *ROBUST_BACKUP, *FAST_AND_ROBUST)),
        (Plain, ()),
    ],
)
def test_outcome_model_and_the_protocols_own(protocol: type[Protocol], invariants: tuple[Check, ...]) -> None:
    assert checks_for(protocol) == (*OUTCOME, *MODEL, *invariants)


def test_what_derives_from_a_protocol_is_held_against_its_checks() -> None:
    class Derived(ProtectedMemoryPaxos):
        pass

    class Mutated(Plain):
        pass

    ProtectedMemoryPaxos.register(Mutated)
    assert checks_for(Derived) == checks_for(Mutated) == checks_for(ProtectedMemoryPaxos)


def no_zeroes(observation: Observation) -> Violation | None:
    return Violation("no zeroes", "there is one") if any("0" in str(d.value) for d in observation.decisions) else None


class WithItsOwn(Plain):
    checks = (no_zeroes,)


def test_a_protocol_may_bring_checks_of_its_own() -> None:
    assert checks_for(WithItsOwn) == (*OUTCOME, *MODEL, no_zeroes)
    story = Story(WithItsOwn)
    story.decide(0, "v0")
    assert check(story.observation()) == [Violation("no zeroes", "there is one")]
    assert check_names(story.observation())[-1] == "no zeroes"


def test_each_check_names_its_first_violation() -> None:
    story = Story(Plain)
    story.decide(0, "v0")
    story.decide(0, "w")
    assert [violation.check for violation in check(story.observation())] == ["agreement", "validity", "integrity"]


def test_without_a_trace_only_the_outcome_is_checked() -> None:
    story = Story(WithItsOwn)
    story.write(2, 0, "nobody may")
    story.decide(0, "v0")
    traced = story.observation()
    untraced = dataclasses.replace(traced, trace=None)
    assert len(check(traced)) > 1
    assert check(untraced) == []
    assert check_names(untraced) == ["agreement", "validity", "integrity"]


def test_a_blocked_run_violates_nothing() -> None:
    assert check(Story(Plain).observation(undecided={0: "needs 2 of 3 memories, 1 alive"})) == []
