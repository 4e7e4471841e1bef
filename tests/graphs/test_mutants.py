"""The checks catch every classical mistake in HBO, and let the honest protocol be."""

from __future__ import annotations

import pytest

from rayrdma.checks.outcome import agreement
from rayrdma.model.protocol import Protocol
from rayrdma.protocols import HybridBenOr, HybridBenOrRegisters
from tests.mutation import Mutant

from .mutants import HALF, MUTANTS, OWN_VOTE, at_the_bound
from .runs import ring, run_on


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_mutant_is_caught(mutant: Mutant) -> None:
    assert mutant.first_caught(range(mutant.budget)) is not None


@pytest.mark.parametrize("protocol", [HybridBenOr, HybridBenOrRegisters], ids=lambda protocol: protocol.name)
def test_the_honest_protocol_passes_what_its_mutants_fail(protocol: type[Protocol]) -> None:
    for seed in range(300):
        outcome = at_the_bound(protocol, seed)
        assert outcome.violations() == [], outcome
        assert outcome.decided(), outcome


@pytest.mark.parametrize("mutant", [HALF, OWN_VOTE], ids=str)
def test_the_worst_mistakes_make_two_decisions(mutant: Mutant) -> None:
    """Not only an invariant breaks: two processes decide differently."""
    assert any(agreement(run_on(mutant.build(), ring(4), seed).observation) is not None for seed in range(1_000))
