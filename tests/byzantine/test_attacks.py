"""At the bound, with f attackers of every kind, alone, in pairs and mixed: agreement, and a decision by all others."""

from __future__ import annotations

import itertools
import random

import pytest

from rayrdma.faults.behaviour import Behaviour
from rayrdma.faults.byzantine.generic import ANOTHER, Silent
from rayrdma.faults.byzantine.voting import TwoProposals
from rayrdma.faults.plan import Byzantine
from rayrdma.model.protocol import Protocol
from rayrdma.protocols import FaB
from rayrdma.results.bounds import ForcedPBFT, PBFTPastItsBound
from rayrdma.simulator.kernel import World
from tests.fuzz import Run

from .attacks import SIZES, all_decided, attack, fitting, lawless, seeds, seen

SCHEDULES = 2000
TRACED = 10
"""Each so many schedules the invariants are checked too; the outcome always is."""
PAIRS = [(protocol, behaviour) for protocol in SIZES for behaviour in fitting(protocol)]


def holds(outcome: Run) -> None:
    """Nothing is violated, and all correct processes decided."""
    assert not outcome.violations(), outcome
    assert all_decided(outcome), outcome


@pytest.mark.parametrize(("protocol", "behaviour"), PAIRS, ids=lambda part: part.name)
def test_one_attacker(protocol: type[Protocol], behaviour: type[Behaviour]) -> None:
    n = SIZES[protocol] + 1
    for seed in seeds(SCHEDULES):
        holds(attack(protocol, n, 0, seed, lawless(seed, n, [behaviour]), trace=seed % TRACED == 0))


@pytest.mark.parametrize("protocol", SIZES, ids=lambda protocol: protocol.name)
def test_pairs_of_attackers(protocol: type[Protocol]) -> None:
    n = 2 * SIZES[protocol] + 1
    for behaviours in itertools.combinations_with_replacement(fitting(protocol), 2):
        for seed in range(2):
            holds(attack(protocol, n, 0, seed, lawless(seed, n, behaviours)))


@pytest.mark.parametrize("protocol", SIZES, ids=lambda protocol: protocol.name)
def test_attackers_over_many_instances(protocol: type[Protocol]) -> None:
    """What was said in one instance is of no use in the next."""
    n = SIZES[protocol] + 1
    for seed in range(60):
        rng = random.Random(seed)
        faults = lawless(seed, n, [rng.choice(fitting(protocol))])
        world = World()
        for instance in range(3):
            holds(attack(protocol, n, 0, 3 * seed + instance, faults, instance=instance, world=world))


@pytest.mark.parametrize(("protocol", "behaviour"), PAIRS, ids=lambda part: part.name)
def test_no_attack_is_vacuous(protocol: type[Protocol], behaviour: type[Behaviour]) -> None:
    """It changes what some correct process sees, or makes it refuse something."""
    n = SIZES[protocol] + 1
    changed = sum(
        seen(attack(protocol, n, 0, seed, lawless(seed, n, [behaviour]))) != seen(attack(protocol, n, 0, seed, ()))
        for seed in range(100)
    )
    print(f"{behaviour.name} against {protocol.name}: {changed} of 100 runs changed")
    assert changed >= 20, changed


@pytest.mark.parametrize(("protocol", "f"), [(PBFTPastItsBound, 1), (PBFTPastItsBound, 2), (FaB, 1)])
def test_one_past_the_bound_the_silence_of_one_more_blocks(protocol: type[Protocol], f: int) -> None:
    """n = 3f for PBFT, and one silent process too many for FaB."""
    n, silent = (3 * f, f) if protocol is PBFTPastItsBound else (6, 2)
    for seed in range(50):
        faults = [Byzantine(process, Silent) for process in range(n - silent, n)]
        outcome = attack(protocol, n, 0, seed, faults)
        assert not outcome.violations(), outcome
        assert len(outcome.observation.undecided) == n - silent, outcome
        assert all(f"{n - silent} alive" in why for why in outcome.observation.undecided.values()), outcome


def test_one_past_the_bound_smaller_quorums_let_an_equivocating_leader_make_two_decisions() -> None:
    disagreements = 0
    for seed in range(100):
        outcome = attack(ForcedPBFT, 3, 0, seed, [Byzantine(0, TwoProposals)])
        disagreements += any(violation.check == "agreement" for violation in outcome.violations())
    assert disagreements >= 10, disagreements


def test_the_liars_value_is_told_from_the_inputs() -> None:
    """Else no attack would show."""
    assert not ANOTHER.startswith("v")
