"""The classical mistakes of Robust Backup: in its broadcast, and in what it believes of others' histories."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rayrdma.model.regions import ENCODE
from rayrdma.model.signatures import Signed
from rayrdma.protocols.automaton import Input, Received
from rayrdma.protocols.broadcast import Attestation, Certificate, Certified, Sent, Slot, digest
from rayrdma.protocols.dissemination import Decision
from rayrdma.protocols.paxos import Accept
from rayrdma.protocols.robust_backup import RobustBackup, RobustBackupPaxos
from rayrdma.protocols.transmission import Happened, Peer, Transmission, Transmitter

from .mutant import derived

Slots = Sequence[tuple[int, Slot[Any]]]


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
    """It lets another message without the origin's signature count against the origin."""

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
    """It checks no signature."""

    def says(self, origin: int, number: int, message: Signed[Sent[Any]], holder: int) -> bool:
        return message.signer == origin and message.value.number == number

    def certifies(self, origin: int, number: int, certificate: Certificate[Any], holder: int) -> bool:
        named = Attestation(origin, number, digest(certificate.message.value))
        signers = {signed.signer for signed in certificate.attestations if signed.value == named}
        return len(signers) >= self.needed and self.says(origin, number, certificate.message, holder)


class CountsASignerTwice(Certified):
    """It counts attestations, not those who signed them."""

    def certifies(self, origin: int, number: int, certificate: Certificate[Any], holder: int) -> bool:
        named = Attestation(origin, number, digest(certificate.message.value))
        return self.says(origin, number, certificate.message, holder) and self.needed <= sum(
            signed.value == named and self.process.valid("ATTEST", signed) for signed in certificate.attestations
        )


class NeedsFewerAttestations(Certified):
    """It needs f attestations instead of f+1."""

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
    """It stops when it has decided: its copies and attestations are missing then."""

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
    """It accepts two inputs."""

    def _happens(self, event: Happened) -> bool:
        if isinstance(event, Input):
            self._automaton.propose(event.value)
            return True
        return super()._happens(event)


class AcceptsReceivedTwice(Peer):
    """It lets the sender receive a message twice."""

    def _receives(self, event: Received) -> bool:
        if 0 <= event.sender < len(self._consumed):
            self._consumed[event.sender] = 0
        return super()._receives(event)


class LeavesTheChoiceToTheSender(Peer):
    """It leaves to the sender what that adopted."""

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
    return type(follower.__name__, (base,), {"__doc__": follower.__doc__, "over": over})


def through(broadcast: type[Certified], base: type[RobustBackup] = RobustBackupPaxos) -> type[RobustBackup]:
    """``base``, over another broadcast."""
    over = type(broadcast.__name__, (Transmitter,), {"broadcast": broadcast})
    return type(broadcast.__name__, (base,), {"__doc__": broadcast.__doc__, "over": over})


MUTANTS = [
    derived(RobustBackupPaxos, wrong, shows)
    for wrong, shows in (
        (through(ScansWhileItCopies), "I4 I1 I6 I7"),
        (through(CopiesAgain), "I4 I1"),
        (through(CopiesFromAnybody), "I6 I2"),
        (through(IsSilencedByAnybody), "I6"),
        (through(SignsNoNumbers), "I6 I2"),
        (through(ChecksNoSignature), "I3 I6 I7 agreement protocol"),
        (through(CountsASignerTwice), "protocol I1 I7 agreement"),
        (through(NeedsFewerAttestations), "I1 I4"),
        (through(PublishesNoCertificate), "I5"),
        (through(StopsWhenItHasDecided), "I5"),
        (judged_by(BelievesAnyBody), "I7 A3 A4"),
    )
]
HARMLESS = [
    derived(RobustBackupPaxos, judged_by(AcceptsReceivedTwice), harmless="Paxos counts each acceptor once in a ballot")
]
