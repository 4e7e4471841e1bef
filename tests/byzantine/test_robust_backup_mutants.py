"""The classical mistakes of Robust Backup, Preferential Paxos and Fast & Robust, each caught under some attack."""

from __future__ import annotations

import random
from dataclasses import dataclass

import pytest

from rayrdma.checks.outcome import termination
from rayrdma.faults.behaviour import Behaviour
from rayrdma.faults.byzantine.generic import Silent
from rayrdma.faults.plan import Pause
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Record, Value
from rayrdma.mutants.fast_and_robust import (
    BringsItsOwnInput,
    DecidersAbstain,
    falling_back_to,
    preferring_by,
)
from rayrdma.mutants.preferential_paxos import (
    BelievesAnyEvidence,
    OverlooksSignaturesInCopies,
    PrefersTheLeastProcess,
    WaitsForFewer,
)
from rayrdma.mutants.robust_backup import (
    AcceptsReceivedTwice,
    AcceptsTwoInputs,
    BelievesAnyBody,
    ChecksNoSignature,
    CopiesAgain,
    CopiesFromAnybody,
    CountsASignerTwice,
    IsSilencedByAnybody,
    JudgesAtOnce,
    LeavesTheChoiceToTheSender,
    NeedsFewerAttestations,
    PublishesNoCertificate,
    ScansWhileItCopies,
    SignsNoNumbers,
    StopsWhenItHasDecided,
    judged_by,
    through,
)
from rayrdma.protocols.fast_and_robust import FastAndRobust
from rayrdma.protocols.preferential_paxos import PreferentialPaxos
from rayrdma.protocols.robust_backup import RobustBackup, RobustBackupPaxos
from rayrdma.protocols.transmission import Peer, Transmitter
from rayrdma.simulator.schedule import Constant
from tests.fuzz import run

from .attacks import attack, fitting
from .lies import (
    BringsWhatItLikes,
    CertifiesAlone,
    CollectsAttestations,
    CopiesWhatWasNeverSaid,
    ForgesEvidence,
    HasTwoInputs,
    HidesAcceptances,
    InventsDecisions,
    ProposesWhatItLikes,
    RepeatsItself,
    SaysTwoThings,
    ShowsTwoThings,
    TakesItsInputTwice,
)
from .test_cheap_quorum import faults

NEVER = "termination"


@dataclass(frozen=True)
class Mutant:
    """A protocol with one mistake.

    Attributes:
        by: the behaviours that exploit it, one of them in each schedule; empty: any of the library.
        shows: the check that says so.
        budget: schedules within which it must.
    """

    protocol: type[Protocol]
    by: tuple[type[Behaviour], ...]
    shows: str
    budget: int

    def __str__(self) -> str:
        return f"{self.protocol.__name__}-{self.shows}"


MUTANTS = (
    Mutant(through(ScansWhileItCopies), (ShowsTwoThings,), "I4", 500),
    Mutant(through(ScansWhileItCopies), (ShowsTwoThings,), "I1", 500),
    Mutant(through(CopiesAgain), (CollectsAttestations,), "I4", 2000),
    Mutant(through(CopiesFromAnybody), (CopiesWhatWasNeverSaid,), "I3", 500),
    Mutant(through(IsSilencedByAnybody), (CopiesWhatWasNeverSaid,), "I6", 500),
    Mutant(through(SignsNoNumbers), (RepeatsItself,), "I2", 100),
    Mutant(through(ChecksNoSignature), (CopiesWhatWasNeverSaid,), "I3", 500),
    Mutant(through(CountsASignerTwice), (CertifiesAlone,), "I1", 500),
    Mutant(through(NeedsFewerAttestations), (SaysTwoThings,), "I1", 2000),
    Mutant(through(PublishesNoCertificate), (SaysTwoThings,), "I5", 3000),
    Mutant(through(StopsWhenItHasDecided), (Silent,), NEVER, 500),
    Mutant(judged_by(BelievesAnyBody), (InventsDecisions,), "I7", 100),
    Mutant(judged_by(BelievesAnyBody), (HidesAcceptances,), "I7", 1000),
    Mutant(judged_by(AcceptsTwoInputs, PreferentialPaxos), (HasTwoInputs,), "P1", 100),
    Mutant(falling_back_to(judged_by(AcceptsReceivedTwice, PreferentialPaxos)), (TakesItsInputTwice,), "P3", 2000),
    Mutant(
        falling_back_to(judged_by(LeavesTheChoiceToTheSender, PreferentialPaxos)), (ProposesWhatItLikes,), "P3", 2000
    ),
    Mutant(preferring_by(BelievesAnyEvidence), (ForgesEvidence,), "P2", 2000),
    Mutant(preferring_by(WaitsForFewer), (BringsWhatItLikes,), "P2", 2000),
    Mutant(preferring_by(PrefersTheLeastProcess), (BringsWhatItLikes,), "P4", 2000),
    Mutant(DecidersAbstain, (), NEVER, 500),
    Mutant(BringsItsOwnInput, (), "P3", 500),
)
HARMLESS = (
    (Mutant(preferring_by(OverlooksSignaturesInCopies), (), "", 100), "correct ones bring the signature by itself too"),
    (Mutant(judged_by(AcceptsReceivedTwice), (), "", 100), "Paxos counts each acceptor once in a ballot"),
)


def what_is_wrong(mutant: Mutant, seed: int) -> dict[str, str]:
    """What the checks say of one schedule, by their names."""
    behaviour = random.Random(seed).choice(mutant.by or fitting(mutant.protocol))
    outcome = attack(mutant.protocol, 3, 3, seed, faults(seed, 3, 3, [behaviour]))
    found = {violation.check: violation.what for violation in outcome.violations()}
    blocked = termination(outcome.observation)
    return found if blocked is None else {**found, NEVER: blocked.what}


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mistake_is_caught(mutant: Mutant) -> None:
    for seed in range(mutant.budget):
        found = what_is_wrong(mutant, seed)
        if mutant.shows in found:
            print(f"{mutant}: caught in schedule {seed}: {found[mutant.shows]}")
            return
    pytest.fail(f"not caught in {mutant.budget} schedules")


class Hello(Record, frozen=True):
    """Something to answer."""


class Answer(Record, frozen=True):
    """The answer."""


class Answering(Protocol):
    """Process 0 says hello, process 2 does so later, and process 0 answers that; process 1 listens."""

    name = "answering"
    messages = (Hello, Answer)

    async def propose(self, value: Value) -> None:
        process = self.process
        if process.id == 2:
            await process.sleep(20)
        if process.id != 1:
            process.broadcast(Hello())
        while process.id == 0:
            sender, _ = await process.receive(Hello)
            if sender == 2:
                process.broadcast(Answer())
        await process.receive(Answer)
        process.decide(value)


@pytest.mark.parametrize(("follower", "taken_for_faulty"), [(Peer, False), (JudgesAtOnce, True)])
def test_who_does_not_wait_takes_a_correct_process_for_faulty(follower: type[Peer], taken_for_faulty: bool) -> None:
    """A pause, after which process 1 finds the answer together with what it answers."""
    over = type("Over", (Transmitter,), {"follower": follower})
    protocol = type("Answered", (RobustBackup,), {"name": "answered", "of": Answering, "over": over})
    outcome = run(protocol, 3, 3, 0, [Pause(1, at=20, until=60)], by=Constant())
    assert ("I6" in [violation.check for violation in outcome.violations()]) == taken_for_faulty


@pytest.mark.parametrize(("mutant", "argument"), HARMLESS, ids=str)
def test_what_is_harmless_is_let_be(mutant: Mutant, argument: str) -> None:
    assert argument
    for seed in range(mutant.budget):
        assert what_is_wrong(mutant, seed) == {}, seed


@pytest.mark.parametrize("protocol", [RobustBackupPaxos, PreferentialPaxos, FastAndRobust], ids=lambda each: each.name)
def test_without_a_mistake_nothing_is_wrong(protocol: type[Protocol]) -> None:
    every = {behaviour for mutant in MUTANTS for behaviour in mutant.by}
    for behaviour in sorted(every, key=lambda each: each.name):
        if not behaviour.attacks or issubclass(protocol, behaviour.attacks):
            for seed in range(60):
                right = Mutant(protocol, (behaviour,), "", 0)
                assert what_is_wrong(right, seed) == {}, (behaviour.name, seed)
