"""The checks catch every classical mistake of the Byzantine protocols under the attacks that exploit it."""

from __future__ import annotations

import random

import pytest

from rayrdma.faults.byzantine.voting import ForgedQuorum, OmitLocks, StaleLock, TwoProposals, VoteTwice
from rayrdma.mutants.fab import DecidesByHalf, ForgetsWhatItAccepted, NeedsNoReports
from rayrdma.mutants.pbft import (
    BelievesAnyLock,
    ChecksNoSignature,
    CountsAChangeTwice,
    CountsASignerTwice,
    LocksAfterItsVote,
    MinimalQuorum,
    ProposesTheOldestLock,
    ReportsNoLock,
    TrustsTheLeadersChoice,
    VotesForEveryProposal,
    VotesInViewsThatItLeft,
)
from rayrdma.protocols import PBFT

from .attacks import attack, fitting, lawless
from .exploits import Mutant

MUTANTS = (
    Mutant(ReportsNoLock, (), 400),
    Mutant(LocksAfterItsVote, (), 400),
    Mutant(TrustsTheLeadersChoice, (OmitLocks,), 1000),
    Mutant(BelievesAnyLock, (StaleLock,), 3000),
    Mutant(CountsASignerTwice, (ForgedQuorum,), 20),
    Mutant(CountsAChangeTwice, (OmitLocks,), 1000),
    Mutant(ChecksNoSignature, (ForgedQuorum,), 20),
    Mutant(MinimalQuorum, (TwoProposals,), 100),
    Mutant(VotesForEveryProposal, (TwoProposals, VoteTwice, OmitLocks), 400),
    Mutant(VotesInViewsThatItLeft, (), 100),
    Mutant(NeedsNoReports, (OmitLocks,), 1000),
    Mutant(ForgetsWhatItAccepted, (), 400),
    Mutant(DecidesByHalf, (TwoProposals,), 100),
    Mutant(ProposesTheOldestLock, (), 3000),
)


def first_caught(mutant: Mutant) -> int | None:
    """The first schedule in which a check says something."""
    n = 4 if issubclass(mutant.protocol, PBFT) else 6
    for seed in range(mutant.budget):
        behaviour = random.Random(seed).choice(mutant.by or fitting(mutant.protocol))
        if attack(mutant.protocol, n, 0, seed, lawless(seed, n, [behaviour])).violations():
            return seed
    return None


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mistake_is_caught(mutant: Mutant) -> None:
    caught = first_caught(mutant)
    print(f"{mutant}: caught in schedule {caught}")
    assert caught is not None
