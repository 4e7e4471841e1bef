"""Directed attacks on Robust Backup: lying books, and protocols with one lie in them behind an honest face."""

from __future__ import annotations

from typing import Any, ClassVar

from rayrdma.faults.behaviour import Behaviour, Facade
from rayrdma.faults.byzantine.generic import ANOTHER
from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Value
from rayrdma.model.signatures import Signed
from rayrdma.mutants.robust_backup import through
from rayrdma.protocols.automaton import EVERYBODY, Automaton, Input, Received
from rayrdma.protocols.broadcast import (
    ATTEST,
    EVERYTHING,
    SENT,
    Attestation,
    Certificate,
    Certified,
    Page,
    Sent,
    Slot,
    at,
    book_of,
    digest,
    page,
    tolerated,
)
from rayrdma.protocols.cheap_quorum import COPY, LEADER, UNANIMITY, VAL, Evidence, Proof
from rayrdma.protocols.dissemination import Decision
from rayrdma.protocols.fast_and_robust import FastAndRobust
from rayrdma.protocols.paxos import Accept, Promise
from rayrdma.protocols.preferential_paxos import Preference, PreferentialPaxos, PriorityPaxos, SetUp
from rayrdma.protocols.robust_backup import RobustBackupPaxos
from rayrdma.protocols.transmission import Peer, Transmission, Transmitter

NOTHING = Evidence(leaders=None, proof=None)


def forged(signer: int, role: str, value: Any) -> Signed[Any]:
    """A signature that is none."""
    return Signed(signer, role, value, bytes(64))


class Forger(Behaviour):
    """Writes books by hand."""

    attacks = (RobustBackupPaxos,)

    def message(self, value: Value, number: int = 1) -> Signed[Sent[Any]]:
        """Something that this process says."""
        return self.process.sign(SENT, self.sent(value, number))

    def sent(self, value: Value, number: int = 1) -> Sent[Any]:
        """What the first leader of Paxos says at first, or somebody who takes himself for it."""
        return Sent(number, Transmission(EVERYBODY, Accept(1, value), (Input(value),)))

    def attestation(self, origin: int, sent: Sent[Any]) -> Signed[Attestation]:
        return self.process.sign(ATTEST, Attestation(origin, sent.number, digest(sent)))

    def attested(self, value: Value, number: int = 1) -> Slot[Any]:
        """Something that this process says, with its own attestation."""
        message = self.message(value, number)
        return Slot(message, self.attestation(self.process.id, message.value))

    def show(self, origin: int, *slots: Slot[Any], memories: Any = None) -> None:
        """A book with one page, of that origin; on all memories if it does not matter."""
        book: list[Page] = [()] * self.process.n
        book[origin] = slots
        for memory in self.process.memories if memories is None else memories:
            self.process.write(memory, book_of(self.process.id), 0, tuple(book))

    async def a_while(self) -> None:
        """Some time, of a length that no schedule knows."""
        await self.process.sleep(self.rng.randrange(1, 40))


class SaysTwoThings(Forger):
    """One message after the other in its page, attested or not, on all memories or half of them."""

    name = "says-two-things"

    async def run(self, value: Value) -> None:
        half = self.plan.half(len(self.process.memories), "memories")
        for said in (value, ANOTHER):
            slot = self.attested(said) if said == value or self.rng.random() < 0.7 else Slot(self.message(said))
            memories = self.rng.choice((None, half))
            self.show(self.process.id, slot, memories=memories)
            await self.a_while()


class ShowsTwoThings(Forger):
    """Two messages at once, attested, each on as many memories as a majority may miss."""

    name = "shows-two-things"

    async def run(self, value: Value) -> None:
        memories = self.rng.sample(self.process.memories, len(self.process.memories))
        few = (len(memories) - 1) // 2
        await self.a_while()
        self.show(self.process.id, self.attested(value), memories=memories[:few])
        self.show(self.process.id, self.attested(ANOTHER), memories=memories[-few:])


class CollectsAttestations(Forger):
    """Says one thing until somebody attests to it, then another, and shows a certificate of the first one at last."""

    name = "collects-attestations"

    async def run(self, value: Value) -> None:
        process = self.process
        message = self.message(value)
        found: dict[int, Signed[Attestation]] = {}
        self.show(process.id, Slot(message))
        for _ in range(30):
            await process.sleep(1)
            (books,) = await process.first(1, [process.read_region(memory, EVERYTHING) for memory in process.memories])
            for holder, book in enumerate(books):
                slot = at(page(book, process.id), 1)
                if slot is not None and slot.attestation is not None and slot.message == message:
                    found[holder] = slot.attestation
            if found:
                break
        self.show(process.id, self.attested(ANOTHER))
        await self.a_while()
        own = self.attestation(process.id, message.value)
        just_enough = (own, *found.values())[: tolerated(process.n) + 1]
        self.show(process.id, Slot(None, None, Certificate(message, just_enough)))


class CertifiesAlone(Forger):
    """Certificates with its own attestation again and again, of two messages, one after the other."""

    name = "certifies-alone"

    async def run(self, value: Value) -> None:
        for said in (value, ANOTHER):
            message = self.message(said)
            own = self.attestation(self.process.id, message.value)
            self.show(self.process.id, Slot(None, None, Certificate(message, (own,) * self.process.n)))
            await self.a_while()


class RepeatsItself(Forger):
    """Its first message in the place of its second one too."""

    name = "repeats-itself"

    async def run(self, value: Value) -> None:
        slot = self.attested(value)
        self.show(self.process.id, slot, slot)


class CopiesWhatWasNeverSaid(Forger):
    """A copy of something in somebody else's name, with an attestation, and a certificate of it a little later."""

    name = "copies-what-was-never-said"

    async def run(self, value: Value) -> None:
        for origin in range(self.process.n):
            if origin != self.process.id:
                sent = self.sent(ANOTHER)
                message = forged(origin, SENT, sent)
                own = self.attestation(origin, sent)
                self.show(origin, Slot(message, own))
                await self.a_while()
                others = [forged(other, ATTEST, own.value) for other in range(self.process.n)]
                self.show(origin, Slot(None, None, Certificate(message, tuple(others))))
                await self.a_while()


class Liar(Behaviour):
    """Runs a protocol that lies."""

    instead: ClassVar[type[Protocol]]

    async def run(self, value: Value) -> None:
        facade = Facade(self.process)
        self.facades.append(facade)
        facade.start(self.instead(facade).propose(value))
        await self.process.event()


class _InventsDecisions(Certified):
    def broadcast(self, content: Any) -> None:
        super().broadcast(Transmission(EVERYBODY, Decision(ANOTHER), content.history))


class _HidesAcceptances(Certified):
    def broadcast(self, content: Any) -> None:
        body = content.body
        if isinstance(body, Promise):
            body = Promise(body.ballot, 0, None)
        super().broadcast(Transmission(content.to, body, content.history))


class _HasTwoInputs(Certified):
    def broadcast(self, content: Any) -> None:
        super().broadcast(content)
        if isinstance(content.body, SetUp):
            other = Preference(ANOTHER, NOTHING)
            super().broadcast(Transmission(EVERYBODY, SetUp(other), (Input(other),)))


class _TakesItsOwnInputTwice(Transmitter):
    """And nobody else's: two inputs are n - f of three."""

    def _judge(self, peer: Peer) -> bool:
        if not peer.waiting:
            return False
        transmission = peer.waiting.popleft()
        peer.right.append(transmission)
        times = 1 if transmission.to in (EVERYBODY, self.process.id) else 0
        if isinstance(transmission.body, SetUp):
            times = 2 if peer.id == self.process.id else 0
        for _ in range(times):
            self.own.take(peer.id, transmission.body)
            self._happened(Received(peer.id, len(peer.right)))
        return True


class _AdoptsWhatItLikes(PriorityPaxos):
    async def adopt(self) -> Value:
        await super().adopt()
        return ANOTHER


class _ProposesWhatItLikes(Transmitter):
    def __init__(self, process: Process, protocol: type[Protocol], on_decide: Any, acceptable: Any) -> None:
        super().__init__(process, protocol, on_decide, acceptable)
        self.own = Automaton(process, process.id, _AdoptsWhatItLikes)


class InventsDecisions(Liar):
    """Whatever it has to say, it says that ``ANOTHER`` is decided."""

    name = "invents-decisions"
    attacks = (RobustBackupPaxos,)
    instead = through(_InventsDecisions)


class HidesAcceptances(Liar):
    """Promises, and conceals what it has accepted."""

    name = "hides-acceptances"
    attacks = (RobustBackupPaxos,)
    instead = through(_HidesAcceptances)


class HasTwoInputs(Liar):
    name = "has-two-inputs"
    attacks = (PreferentialPaxos,)
    instead = through(_HasTwoInputs, PreferentialPaxos)


class _BringsWhatItLikes(FastAndRobust):
    """Honest on the fast path, and then an input of its own, without evidence."""

    async def abort(self, value: Value, evidence: Evidence) -> None:
        await super().abort(ANOTHER, NOTHING)


class _TakesTwice(PreferentialPaxos):
    over = _TakesItsOwnInputTwice


class _Proposes(PreferentialPaxos):
    over = _ProposesWhatItLikes


class _FastThenTakesTwice(_BringsWhatItLikes):
    slow = _TakesTwice


class _FastThenProposes(FastAndRobust):
    slow = _Proposes


class TakesItsInputTwice(Liar):
    """Adopts its own input, for it has received it twice."""

    name = "takes-its-input-twice"
    attacks = (FastAndRobust,)
    instead = _FastThenTakesTwice


class ProposesWhatItLikes(Liar):
    """Has the backup's Paxos propose what nobody brought."""

    name = "proposes-what-it-likes"
    attacks = (FastAndRobust,)
    instead = _FastThenProposes


class _ForgesEvidence(FastAndRobust):
    async def abort(self, value: Value, evidence: Evidence) -> None:
        leaders = forged(LEADER, VAL, ANOTHER)
        copies = tuple(forged(owner, COPY, leaders) for owner in range(self.process.n))
        await super().abort(ANOTHER, Evidence(leaders, Proof(self.process.sign(UNANIMITY, copies))))


class ForgesEvidence(Liar):
    """Brings a proof of unanimity in which nothing is signed."""

    name = "forges-evidence"
    attacks = (FastAndRobust,)
    instead = _ForgesEvidence


class BringsWhatItLikes(Liar):
    """Brings a value without evidence to the backup."""

    name = "brings-what-it-likes"
    attacks = (FastAndRobust,)
    instead = _BringsWhatItLikes
