"""The checks catch every classical mistake of the Byzantine protocols under the attacks that exploit it."""

from __future__ import annotations

import random

import pytest

from rayrdma.protocols import PBFT

from .attacks import attack, fitting, lawless
from .mutants import MUTANTS, Mutant


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
