"""Robust Backup, Preferential Paxos and Fast & Robust under attack: agreement, a decision by all, and bounds."""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from typing import Any

import pytest

from rayrdma import Byzantine, Experiment, RunConfig, UsageError
from rayrdma.faults.behaviour import Behaviour
from rayrdma.faults.byzantine.generic import ANOTHER
from rayrdma.faults.byzantine.robust_backup import FloodsBooks, SwellsCertificate, backup_of
from rayrdma.faults.byzantine.transmission import BringsMuch
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import ENCODE
from rayrdma.model.signatures import REMEMBERED
from rayrdma.model.trace import Decided, Delivered, Noted, Refused, Responded
from rayrdma.protocols.broadcast import MESSAGES, book_of, room
from rayrdma.protocols.cheap_quorum import CheapQuorum
from rayrdma.protocols.fast_and_robust import FastAndRobust
from rayrdma.protocols.paxos import Prepare
from rayrdma.protocols.preferential_paxos import PreferentialPaxos, SetUp
from rayrdma.protocols.robust_backup import RobustBackupPaxos
from rayrdma.protocols.transmission import Transmission
from rayrdma.simulator.kernel import World
from tests.fuzz import Run

from .attacks import all_decided, attack, fitting, lawless, seeds
from .test_cheap_quorum import faults

SCHEDULES = {RobustBackupPaxos: 2000, PreferentialPaxos: 1000, FastAndRobust: 1000}
"""Of each attack. The other two have the backup within them, and take far longer; the soak has more of all."""
PROTOCOLS: tuple[type[Protocol], ...] = (RobustBackupPaxos, PreferentialPaxos, FastAndRobust)
TRACED = 10
"""Each so many schedules the invariants are checked too; the outcome always is."""
PAIRS = [(protocol, behaviour) for protocol in PROTOCOLS for behaviour in fitting(protocol)]
each_protocol = pytest.mark.parametrize("protocol", PROTOCOLS, ids=lambda protocol: protocol.name)
each_pair = pytest.mark.parametrize(("protocol", "behaviour"), PAIRS, ids=lambda part: part.name)


def holds(outcome: Run) -> None:
    """Nothing is violated, all correct processes decided, and nothing is left to happen."""
    assert not outcome.violations(), outcome
    assert all_decided(outcome), outcome
    assert outcome.kernel.quiescent, outcome


@pytest.mark.timeout(1800)  # thousands of runs: on a slow machine they take their time
@each_pair
def test_one_attacker(protocol: type[Protocol], behaviour: type[Behaviour]) -> None:
    for seed in seeds(SCHEDULES[protocol]):
        holds(attack(protocol, 3, 3, seed, faults(seed, 3, 3, [behaviour]), trace=seed % TRACED == 0))


@each_protocol
def test_two_attackers_of_five(protocol: type[Protocol]) -> None:
    pairs = list(itertools.combinations_with_replacement(fitting(protocol), 2))
    for place, behaviours in enumerate(random.Random(0).sample(pairs, 100)):
        for seed in (2 * place, 2 * place + 1):
            holds(attack(protocol, 5, 3, seed, faults(seed, 5, 3, behaviours)))


@pytest.mark.parametrize("protocol", [CheapQuorum, *PROTOCOLS], ids=lambda protocol: protocol.name)
def test_a_value_that_is_too_long_is_not_proposed(protocol: type[Protocol]) -> None:
    """Others would have to repeat it; the longest that may be proposed leaves room for everything."""
    with pytest.raises(UsageError, match="a proposed value of 259 bytes is too long, 256 are the most"):
        Experiment(protocol, ["x" * 256] * 3).run()


@each_protocol
def test_the_longest_values_leave_room_for_everything(protocol: type[Protocol]) -> None:
    for seed in range(30):
        values = [f"{id}{'x' * 252}" for id in range(3)]
        lawless = [Byzantine(seed % 3, random.Random(seed).choice(fitting(protocol)))]
        run = RunConfig(schedule="adversary", seed=seed)
        result = Experiment(protocol, values, run=run, faults=lawless).run()
        assert result.verdict == "decided", (seed, lawless, result.reason)


@each_protocol
def test_attackers_over_many_instances(protocol: type[Protocol]) -> None:
    """Messages, attestations and certificates of an older instance are worth nothing."""
    for seed in range(60):
        world = World()
        attackers = lawless(seed, 3, [random.Random(seed).choice(fitting(protocol))])
        for instance in range(3):
            holds(attack(protocol, 3, 3, 3 * seed + instance, attackers, instance=instance, world=world))


NEVER_SAID, TWO_THINGS = "never said as a message of that number", "says two things as its message"
NO_CERTIFICATE, WRONG = "shows a certificate that is none", "sends what no correct process would have sent"
REFUSED = {
    "equivocates-over-time": TWO_THINGS,
    "equivocates-over-memories": TWO_THINGS,
    "shows-garbage": NEVER_SAID,
    "skips-number": NEVER_SAID,
    "forges-copy": NEVER_SAID,
    "late-second-value": TWO_THINGS,
    "forges-certificate": NO_CERTIFICATE,
    "attests-blindly": TWO_THINGS,
    "floods-books": NEVER_SAID,
    "swells-certificate": NO_CERTIFICATE,
    "claims-receipt": WRONG,
    "rewrites-history": WRONG,
    "contradicts-history": WRONG,
    "two-inputs": WRONG,
    "two-set-ups": TWO_THINGS,
    "counts-itself-again": WRONG,
}
"""Why the correct processes refuse what an attack does."""


def heard(outcome: Run) -> Iterator[Transmission[Any, Any]]:
    """What correct processes delivered from Byzantine ones."""
    lawless = outcome.observation.byzantine
    for event in outcome.observation.trace or ():
        if isinstance(event, Noted) and event.what == "deliver" and event.process not in lawless:
            origin, sent = event.value
            if origin in lawless:
                yield sent.content


def inputs(outcome: Run) -> Iterator[Any]:
    """The evidence that Byzantine processes brought."""
    return (said.body.preference for said in heard(outcome) if isinstance(said.body, SetUp))


def copied(outcome: Run) -> bool:
    """Whether somebody correct certified with a Byzantine process's help, and heard nothing of it."""
    attesters = {
        signed.signer
        for protocol in outcome.kernel._protocols
        if protocol.process.id not in outcome.observation.byzantine
        for page in backup_of(protocol).transmitter.links.pages
        for slot in page
        for signed in (slot.certificate.attestations if slot.certificate else ())
    }
    return bool(attesters & set(outcome.observation.byzantine)) and not list(heard(outcome))


def knew_better(outcome: Run) -> bool:
    """Whether a correct process brought evidence to the backup."""
    return any(
        isinstance(event, Noted) and event.what == "abort" and event.value[1].leaders is not None
        for event in outcome.observation.trace or ()
    )


SHOWS: dict[str, Callable[[Run], bool]] = {
    "insists-on-leading": lambda outcome: any(isinstance(said.body, Prepare) for said in heard(outcome)),
    "brings-much": lambda outcome: any(len(ENCODE(said)) >= 200 for said in heard(outcome)),
    "claims-top": lambda outcome: any(brought.evidence.proof is not None for brought in inputs(outcome)),
    "downgrades": lambda outcome: (
        knew_better(outcome) and any(brought.evidence.leaders is None for brought in inputs(outcome))
    ),
    "withholds-set-up": copied,
    "signs-many": lambda outcome: any(
        brought.value.startswith(ANOTHER) and brought.evidence.leaders is not None for brought in inputs(outcome)
    ),
}
"""What is to be seen of an attack for which nobody can be blamed."""


@cache
def unattacked(protocol: type[Protocol], seed: int) -> Run:
    """The run of a schedule without attackers."""
    return attack(protocol, 3, 3, seed, ())


@each_pair
def test_no_attack_is_vacuous(protocol: type[Protocol], behaviour: type[Behaviour]) -> None:
    """It changes what correct processes read or come to, and they see what it is about."""
    changed = shown = 0
    for seed in range(100):
        under, without = attack(protocol, 3, 3, seed, lawless(seed, 3, [behaviour])), unattacked(protocol, seed)
        correct = [id for id in range(3) if id not in under.observation.byzantine]
        changed += came(under, correct) != came(without, correct)
        if behaviour.name in SHOWS:
            shown += SHOWS[behaviour.name](under)
        elif behaviour.name in REFUSED:
            shown += any(REFUSED[behaviour.name] in why for why in refusals(under, correct))
    print(f"{behaviour.name} against {protocol.name}: {changed} of 100 runs changed, {shown} show it")
    assert changed >= 20, changed
    assert shown >= 20 or behaviour.name not in {*REFUSED, *SHOWS}, shown


def came(outcome: Run, correct: Sequence[int]) -> list[Any]:
    """What these processes read, received, refused and came to."""
    return [
        event
        for event in outcome.observation.trace or ()
        if isinstance(event, Responded | Delivered | Refused | Noted | Decided) and event.process in correct
    ]


def refusals(outcome: Run, correct: Sequence[int]) -> list[str]:
    """Why correct processes did not believe somebody."""
    return [
        event.why
        for event in outcome.observation.trace or ()
        if isinstance(event, Refused) and event.process in correct
    ]


@each_protocol
@pytest.mark.parametrize(
    "behaviour", [FloodsBooks, SwellsCertificate, BringsMuch], ids=lambda behaviour: behaviour.name
)
@pytest.mark.parametrize(("n", "f"), [(3, 1), (5, 2)])
def test_a_flood_makes_no_correct_process_grow_beyond_its_bounds(
    protocol: type[Protocol], behaviour: type[Behaviour], n: int, f: int
) -> None:
    for seed in range(60 if n == 3 else 15):
        outcome = attack(protocol, n, 3, seed, lawless(seed, n, [behaviour] * f))
        holds(outcome)
        for own in outcome.kernel._protocols:
            if own.process.id in outcome.observation.byzantine:
                continue
            transmitter = backup_of(own).transmitter
            links = transmitter.links
            assert all(len(page) <= MESSAGES for page in links.pages)
            assert all(used <= room(n) for used in links._used)
            assert len(ENCODE(links.pages)) <= own.process.regions[book_of(own.process.id)].register_bytes
            assert all(len(peer.waiting) + len(peer.right) <= MESSAGES for peer in transmitter.peers)
            assert len(own.process.signatures._known) <= REMEMBERED
