"""Attacks on Preferential Paxos: inputs whose evidence is false, missing, or given differently (P19, section 4.3).

Alone, Preferential Paxos gets inputs without evidence; the leader, process 0, can make some, for its signature is
what evidence begins with. In Fast & Robust the attackers take part in Cheap Quorum first, at times, and then panic.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any, ClassVar

import msgspec

from rayrdma.faults.behaviour import Behaviour
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Value
from rayrdma.model.signatures import Signed
from rayrdma.protocols.automaton import EVERYBODY, Input, Received
from rayrdma.protocols.broadcast import SENT, Book, Certified, Sent, Slot, tolerated
from rayrdma.protocols.cheap_quorum import (
    COPY,
    LEADER,
    LEADERS,
    PANIC,
    UNANIMITY,
    VAL,
    CheapQuorum,
    Evidence,
    Panic,
    Proof,
    own_region,
)
from rayrdma.protocols.fast_and_robust import FastAndRobust
from rayrdma.protocols.preferential_paxos import Preference, PreferentialPaxos, SetUp
from rayrdma.protocols.robust_backup import RobustBackup
from rayrdma.protocols.transmission import Peer, Transmission, Transmitter

from .generic import ANOTHER
from .robust_backup import NOBODY, OnBooks, Tampering, backup_of, message_of


class OnInputs(OnBooks):
    """What these attacks have in common: an honest backup with an input that no correct process would have."""

    attacks: ClassVar[tuple[type[Protocol], ...]] = (PreferentialPaxos, FastAndRobust)

    async def run(self, value: Value) -> None:
        process = self.process
        self.book = ((),) * process.n
        facade = Tampering(self)
        protocol = self.protocol(facade)
        fast = protocol if isinstance(protocol, FastAndRobust) else None
        if fast is not None:
            if process.id == LEADER:
                for memory in process.memories:
                    for signed in self.for_memory(memory, self.led(value)):
                        process.write(memory, LEADERS, 0, signed)
            if self.rng.random() < 0.7:
                facade.start(fast.follow())
            await self.on_the_fast_path(facade)
            for memory in process.memories:
                process.write(memory, own_region(process.id), PANIC, Panic())
        self.change(backup_of(protocol))
        facade.start(backup_of(protocol).run(self.preference(value, fast)))
        await process.event()

    def led(self, value: Value) -> tuple[Signed[Value], ...]:
        """As a leader: its signed value, or one for each half of the memories."""
        return (self.signed(value),)

    def signed(self, value: Value) -> Signed[Value]:
        """A leader's signature; another process can only claim it."""
        if self.process.id == LEADER:
            return self.process.sign(VAL, value)
        return Signed(LEADER, VAL, value, NOBODY)

    @abstractmethod
    def preference(self, value: Value, fast: CheapQuorum | None) -> Preference:
        """What it brings to the backup, after it was a while on a fast path."""


class ClaimsTop(OnInputs):
    """F9: its value comes with a proof of unanimity that is none.

    Its own copy under everybody's name, or many times, or alone; or a true proof of another value.
    """

    name = "claims-top"

    def preference(self, value: Value, fast: CheapQuorum | None) -> Preference:
        process, n = self.process, self.process.n
        leaders = self.signed(ANOTHER)
        own = process.sign(COPY, leaders)
        copies = self.rng.choice(
            ((own,) * n, tuple(msgspec.structs.replace(own, signer=signer) for signer in range(n)), (own,), ())
        )
        proof = Proof(process.sign(UNANIMITY, copies))
        if fast is not None and fast.proof is not None and self.rng.random() < 0.7:
            proof = fast.proof
        return Preference(ANOTHER, Evidence(self.rng.choice((leaders, None)), proof))


class Downgrades(OnInputs):
    """It has seen the leader's signature, perhaps a proof, and brings neither: for another value, or for the same."""

    name = "downgrades"
    attacks = (FastAndRobust,)

    def preference(self, value: Value, fast: CheapQuorum | None) -> Preference:
        known = fast.copy.signed.value.value if fast is not None and fast.copy is not None else value
        return Preference(self.rng.choice((ANOTHER, known)), Evidence(None, None))


class TwoSetUps(OnInputs):
    """Two inputs to two halves of the memories, each with the leader's signature if it is the leader."""

    name = "two-set-ups"

    def preference(self, value: Value, fast: CheapQuorum | None) -> Preference:
        return Preference(value, Evidence(self.signed(value), None))

    def tamper(self, book: Book) -> tuple[Any, ...]:
        own = self.process.id
        return book, self.with_page(book, own, [self.second(slot) for slot in book[own]])

    def second(self, slot: Slot[Any]) -> Slot[Any]:
        said = message_of(slot)
        if said is None or not isinstance(said.value.content.body, SetUp):
            return slot
        preference = Preference(ANOTHER, Evidence(self.signed(ANOTHER), None))
        content = Transmission(EVERYBODY, SetUp(preference), (Input(preference),))
        return Slot(self.process.sign(SENT, Sent(said.value.number, content)))


class _Mute(Certified):
    """Copies, attests and delivers, but says nothing of its own."""

    def broadcast(self, content: Any) -> None:
        """Nothing."""


class WithholdsSetUp(OnInputs):
    """It attests to what others say, and never says anything itself: its input is missed by all."""

    name = "withholds-set-up"

    def change(self, backup: RobustBackup) -> None:
        transmitter = backup.transmitter
        transmitter.links = _Mute(transmitter.process, transmitter._delivered)

    def preference(self, value: Value, fast: CheapQuorum | None) -> Preference:
        return Preference(value, Evidence(None, None))


class SignsMany(OnInputs):
    """A leader that signs several values: one or two for Cheap Quorum, one for its input, others for its colluders.

    Another process brings what a colluding leader has signed for it, or else the leader's name without a signature.
    """

    name = "signs-many"

    def led(self, value: Value) -> tuple[Signed[Value], ...]:
        return self.signed(value), self.signed(f"{ANOTHER} yet")

    def preference(self, value: Value, fast: CheapQuorum | None) -> Preference:
        if self.process.id == LEADER:
            for member in self.plan.members:
                self.plan.keep(self.signed(f"{ANOTHER} for {member}"))
        given = [kept for kept in self.plan.kept if isinstance(kept, Signed) and kept.role == VAL]
        leaders = self.rng.choice((self.signed(ANOTHER), *given[-len(self.plan.members) :]))
        return Preference(leaders.value, Evidence(leaders, None))


class _OnItsOwn(Transmitter):
    """Takes its own input for those of n - f processes, and hears of nobody else's."""

    def _judge(self, peer: Peer) -> bool:
        if not peer.waiting or not isinstance(peer.waiting[0].body, SetUp):
            return super()._judge(peer)
        peer.right.append(peer.waiting.popleft())
        if peer.id == self.process.id:
            for _ in range(self.process.n - tolerated(self.process.n)):
                self.own.take(peer.id, peer.right[-1].body)
                self._happened(Received(peer.id, len(peer.right)))
        return True


class CountsItselfAgain(OnInputs):
    """Its own input, again and again, is all that it adopts its value from; and its history says so."""

    name = "counts-itself-again"
    attacks = (FastAndRobust,)

    def change(self, backup: RobustBackup) -> None:
        backup.transmitter = _OnItsOwn(backup.process, backup.of, backup.decided, backup.acceptable)

    def preference(self, value: Value, fast: CheapQuorum | None) -> Preference:
        return Preference(ANOTHER, Evidence(None, None))


ON_INPUTS: tuple[type[Behaviour], ...] = (
    ClaimsTop,
    Downgrades,
    TwoSetUps,
    WithholdsSetUp,
    SignsMany,
    CountsItselfAgain,
)
