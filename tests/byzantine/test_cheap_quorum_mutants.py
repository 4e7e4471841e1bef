"""The classical mistakes of Cheap Quorum, each caught by the checks under some attack."""

from __future__ import annotations

import random

import pytest

from rayrdma.faults.byzantine.cheap_quorum import CopiesForgery, FakesPanic, LeaderOverwrites, LeaderSplits, Revokes
from rayrdma.mutants.cheap_quorum import (
    BelievesAnyCopy,
    BelievesAnySignature,
    CopiesAgain,
    DecidesByItsOwnProof,
    DecidesWithoutAck,
    MajorityInsteadOfUnanimity,
    NeverRevokes,
    PrefersTheLeadersRegister,
    ReadsBeforeItRevokes,
)
from rayrdma.protocols.cheap_quorum import CheapQuorum

from .attacks import attack, fitting
from .exploits import Mutant
from .test_cheap_quorum import faults

MUTANTS = (
    Mutant(NeverRevokes, (FakesPanic,), 3000),
    Mutant(ReadsBeforeItRevokes, (FakesPanic,), 6000),
    Mutant(DecidesWithoutAck, (Revokes, FakesPanic), 1000),
    Mutant(DecidesByItsOwnProof, (), 500),
    Mutant(MajorityInsteadOfUnanimity, (), 500),
    Mutant(PrefersTheLeadersRegister, (LeaderOverwrites, LeaderSplits), 3000),
    Mutant(BelievesAnyCopy, (CopiesForgery,), 3000),
    Mutant(CopiesAgain, (LeaderOverwrites,), 3000),
)
HARMLESS = ((Mutant(BelievesAnySignature, (), 1000), "only the leader can write its register, and could have signed"),)


def first_caught(mutant: Mutant) -> tuple[int, str] | None:
    """The first schedule in which a check says something, and what."""
    for seed in range(mutant.budget):
        behaviour = random.Random(seed).choice(mutant.by or fitting(CheapQuorum))
        outcome = attack(mutant.protocol, 3, 3, seed, faults(seed, 3, 3, [behaviour]))
        if outcome.violations():
            return seed, str(outcome.violations()[0])
    return None


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mistake_is_caught(mutant: Mutant) -> None:
    caught = first_caught(mutant)
    print(f"{mutant}: caught in schedule {caught}")
    assert caught is not None


@pytest.mark.parametrize(("mutant", "argument"), HARMLESS, ids=str)
def test_what_is_harmless_is_let_be(mutant: Mutant, argument: str) -> None:
    assert argument
    assert first_caught(mutant) is None
