"""The classical mistakes of Robust Backup, Preferential Paxos and Fast & Robust, each caught under some attack."""

from __future__ import annotations

import random
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from rayrdma.checks.outcome import termination
from rayrdma.faults.behaviour import Behaviour
from rayrdma.faults.byzantine.generic import Silent
from rayrdma.faults.plan import Pause
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import ENCODE, Record, Value
from rayrdma.model.signatures import Signed
from rayrdma.protocols.automaton import Input, Received
from rayrdma.protocols.broadcast import Attestation, Certificate, Certified, Sent, Slot, digest
from rayrdma.protocols.cheap_quorum import Evidence
from rayrdma.protocols.dissemination import Decision
from rayrdma.protocols.fast_and_robust import FastAndRobust
from rayrdma.protocols.paxos import Accept
from rayrdma.protocols.preferential_paxos import (
    BOTTOM,
    MIDDLE,
    TOP,
    Preference,
    PreferentialPaxos,
    PriorityPaxos,
    priority,
)
from rayrdma.protocols.robust_backup import RobustBackup, RobustBackupPaxos
from rayrdma.protocols.transmission import Happened, Peer, Transmission, Transmitter
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
    falling_back_to,
    through,
)
from .test_cheap_quorum import faults

Slots = Sequence[tuple[int, Slot[Any]]]
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


# Broadcast


class ScansWhileItCopies(Certified):
    """It attests at once, by the look that found what it copies."""

    def copy(self, origin: int, number: int, slots: Slots) -> bool:
        if not super().copy(origin, number, slots):
            return False
        own = self.pages[origin][number - 1]
        self.put(origin, number, self.attest(origin, number, own, slots))
        return True


class CopiesAgain(Certified):
    """It goes with the origin when that shows something else, as long as it has not delivered."""

    def step(self, origin: int, number: int, own: Any, published: Any, slots: Slots) -> bool:
        if own is not None and own.message is not None:
            for holder, slot in slots:
                if holder == origin and slot.message is not None and slot.message != own.message:
                    self._refused.discard((origin, number))
                    return self.copy(origin, number, slots)
        return super().step(origin, number, own, published, slots)


class CopiesFromAnybody(Certified):
    """It copies what others say that the origin says, whoever signed that."""

    def copy(self, origin: int, number: int, slots: Slots) -> bool:
        for _, slot in slots:
            if slot.message is not None:
                self.put(origin, number, Slot(slot.message))
                return True
        return False

    def says(self, origin: int, number: int, message: Any, holder: int) -> bool:
        return True


class IsSilencedByAnybody(Certified):
    """Another message without the origin's signature counts against the origin."""

    def others(self, origin: int, number: int, message: Any, slots: Slots) -> bool:
        shown = [slot.message for _, slot in slots if slot.message is not None]
        if any(digest(other.value) != digest(message.value) for other in shown):
            self.blame(origin, "says two things")
            return True
        return False


class SignsNoNumbers(Certified):
    """It takes a message for one of any number."""

    def says(self, origin: int, number: int, message: Signed[Sent[Any]], holder: int) -> bool:
        return message.signer == origin and self.process.valid("SENT", message)


class ChecksNoSignature(Certified):
    def says(self, origin: int, number: int, message: Signed[Sent[Any]], holder: int) -> bool:
        return message.signer == origin and message.value.number == number

    def certifies(self, origin: int, number: int, certificate: Certificate[Any], holder: int) -> bool:
        named = Attestation(origin, number, digest(certificate.message.value))
        signers = {signed.signer for signed in certificate.attestations if signed.value == named}
        return len(signers) >= self.needed and self.says(origin, number, certificate.message, holder)


class CountsASignerTwice(Certified):
    def certifies(self, origin: int, number: int, certificate: Certificate[Any], holder: int) -> bool:
        named = Attestation(origin, number, digest(certificate.message.value))
        return self.says(origin, number, certificate.message, holder) and self.needed <= sum(
            signed.value == named and self.process.valid("ATTEST", signed) for signed in certificate.attestations
        )


class NeedsFewerAttestations(Certified):
    """f of them instead of f+1."""

    def __init__(self, process: Any, deliver: Any) -> None:
        super().__init__(process, deliver)
        self.needed -= 1


class PublishesNoCertificate(Certified):
    """It delivers by what it has seen, and nobody else ever sees that."""

    def __init__(self, process: Any, deliver: Any) -> None:
        super().__init__(process, deliver)
        self._sure: dict[int, Any] = {}

    def certificate(self, origin: int, number: int, own: Any, slots: Slots) -> Any:
        found = super().certificate(origin, number, own, slots)
        if found is not None:
            self._sure[origin] = found.message
        return None

    def step(self, origin: int, number: int, own: Any, published: Any, slots: Slots) -> bool:
        return super().step(origin, number, own, published, slots) or origin in self._sure

    def deliverable(self, origin: int, published: Slot[Any]) -> Any:
        return self._sure.pop(origin, None) or super().deliverable(origin, published)


class StopsWhenItHasDecided(Certified):
    """Its copies and attestations are missing then."""

    async def look(self) -> bool:
        if self.process.decided:
            await self.process.event()
        return await super().look()


# T-receive


class BelievesAnyBody(Peer):
    """It does not look whether the history leads there."""

    def follows(self, transmission: Transmission[Any, Any]) -> bool:
        super().follows(transmission)
        self._automaton.outbox.clear()
        return True


class JudgesAtOnce(Peer):
    """It does not wait for what the sender says that it received."""

    def followable(self, transmission: Transmission[Any, Any]) -> bool:
        return True


class AcceptsTwoInputs(Peer):
    def _happens(self, event: Happened) -> bool:
        if isinstance(event, Input):
            self._automaton.propose(event.value)
            return True
        return super()._happens(event)


class AcceptsReceivedTwice(Peer):
    def _receives(self, event: Received) -> bool:
        self._consumed[event.sender] = 0
        return super()._receives(event)


class LeavesTheChoiceToTheSender(Peer):
    """What the sender adopted is its own business; it is no part of what the automaton does."""

    def follows(self, transmission: Transmission[Any, Any]) -> bool:
        outbox = self._automaton.outbox
        if not all(self._happens(event) for event in transmission.history) or not outbox:
            return False
        to, body = outbox.popleft()
        said = transmission.body
        if isinstance(body, Accept | Decision) and type(said) is type(body):
            return to == transmission.to
        return to == transmission.to and ENCODE(body) == ENCODE(said)


def judged_by(follower: type[Peer], base: type[RobustBackup] = RobustBackupPaxos) -> type[RobustBackup]:
    """``base``, with others followed in another way."""
    over = type(follower.__name__, (Transmitter,), {"follower": follower})
    return type(follower.__name__, (base,), {"over": over})


# Preferential Paxos, and the composition


class BelievesAnyEvidence(PriorityPaxos):
    def rank(self, preference: Preference) -> int:
        evidence = preference.evidence
        return TOP if evidence.proof is not None else MIDDLE if evidence.leaders is not None else BOTTOM


class WaitsForFewer(PriorityPaxos):
    """One input less than n - f."""

    def inputs_needed(self) -> int:
        return super().inputs_needed() - 1


class PrefersTheLeastProcess(PriorityPaxos):
    """It looks at no evidence."""

    def rank(self, preference: Preference) -> int:
        return BOTTOM


class OverlooksSignaturesInCopies(PriorityPaxos):
    """The leader's signature inside a copy does not count as one."""

    def rank(self, preference: Preference) -> int:
        return BOTTOM if preference.evidence.leaders is None else priority(self.process, preference)


def preferring_by(of: type[PriorityPaxos]) -> type[FastAndRobust]:
    """Fast & Robust that chooses in another way."""
    return falling_back_to(type(of.__name__, (PreferentialPaxos,), {"of": of}))


class DecidersAbstain(FastAndRobust):
    """Who has decided in Cheap Quorum leaves the backup to the others."""

    async def abort(self, value: Value, evidence: Evidence) -> None:
        if self.process.decided:
            await self.process.event()
        await super().abort(value, evidence)


class BringsItsOwnInput(FastAndRobust):
    """It brings what it was given to propose, whatever it saw on the fast path."""

    async def propose(self, value: Value) -> None:
        self.input = value
        await super().propose(value)

    async def abort(self, value: Value, evidence: Evidence) -> None:
        await self.backup.run(Preference(self.input, Evidence(None, None)))


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
