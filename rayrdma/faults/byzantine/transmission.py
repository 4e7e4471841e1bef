"""Attacks on Robust Backup's transmissions: histories that did not happen, messages that do not follow from them.

E8 to E11 of the algorithms' list, and what the check of histories can not see: a process that believes to lead for
ever. They fit Preferential Paxos too, and Fast & Robust.
"""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

import msgspec

from rayrdma.faults.behaviour import Behaviour, Facade
from rayrdma.model.regions import Record, Value
from rayrdma.protocols.automaton import EVERYBODY, Elapsed, Input, Led, Received
from rayrdma.protocols.broadcast import MESSAGES, Certified
from rayrdma.protocols.cheap_quorum import Evidence
from rayrdma.protocols.dissemination import Decision
from rayrdma.protocols.paxos import Accept, Accepted, Prepare, Promise, Refused
from rayrdma.protocols.preferential_paxos import Preference, SetUp
from rayrdma.protocols.robust_backup import RobustBackup
from rayrdma.protocols.transmission import Peer, Transmission, Transmitter

from .generic import ANOTHER
from .robust_backup import OnBooks, backup_of, otherwise, prefers

History = tuple[Any, ...]


class _Links(Certified):
    """An honest broadcast of what a behaviour says instead."""

    def __init__(self, behaviour: OnTransmissions, transmitter: Transmitter) -> None:
        super().__init__(transmitter.process, transmitter._delivered)
        self._behaviour = behaviour

    def broadcast(self, content: Any) -> None:
        super().broadcast(self._behaviour.instead(content))


class OnTransmissions(OnBooks):
    """What these attacks have in common: an honest execution, but from its k-th message on something else is said.

    Attributes:
        transmitter: the honest execution's.
        history: what it has said of itself so far.
    """

    async def run(self, value: Value) -> None:
        self.from_number = self.rng.choice((1, 1, 2, 3))
        self.said = 0
        self.history: History = ()
        await super().run(value)

    def change(self, backup: RobustBackup) -> None:
        self.transmitter = backup.transmitter
        self.transmitter.links = _Links(self, self.transmitter)

    def instead(self, transmission: Transmission[Any, Any]) -> Transmission[Any, Any]:
        """What is broadcast instead of an honest message."""
        self.said += 1
        shown = self.lie(transmission) if self.said >= self.from_number else transmission
        self.history += shown.history
        return shown

    @abstractmethod
    def lie(self, transmission: Transmission[Any, Any]) -> Transmission[Any, Any]:
        """The attack itself."""

    def telling(self, transmission: Transmission[Any, Any], history: History) -> Transmission[Any, Any]:
        """The message with another history."""
        return msgspec.structs.replace(transmission, history=history)


class ClaimsReceipt(OnTransmissions):
    """E8: it has received what nobody has certified, what went to another, or something twice; or from nobody."""

    name = "claims-receipt"

    def lie(self, transmission: Transmission[Any, Any]) -> Transmission[Any, Any]:
        process, rng = self.process, self.rng
        peers = self.transmitter.peers
        elsewhere = [
            Received(peer.id, number)
            for peer in peers
            for number, right in enumerate(peer.right, 1)
            if right.to not in (EVERYBODY, process.id)
        ]
        twice = [event for event in (*self.history, *transmission.history) if isinstance(event, Received)]
        other = rng.randrange(process.n)
        never = [Received(other, MESSAGES), Received(other, 10**9), Received(process.n, 1), Received(-1, 1)]
        before = [Received(other, 0), Received(other, -1)]
        claim = rng.choice(rng.choice([kind for kind in (elsewhere, twice, never, before) if kind]))
        return self.telling(transmission, (*transmission.history[:-1], claim, *transmission.history[-1:]))


class RewritesHistory(OnTransmissions):
    """E9: of what happened to it something is left out, in another order, or different; or it happens for ever."""

    name = "rewrites-history"

    def lie(self, transmission: Transmission[Any, Any]) -> Transmission[Any, Any]:
        rng = self.rng
        history = transmission.history
        if not history:
            return self.telling(transmission, self.history)
        place = rng.randrange(len(history))
        event = history[place]
        different: Any = Led(self.process.id + 1)
        if isinstance(event, Received):
            different = Received(event.sender, event.number - 1)
        elif isinstance(event, Input):
            different = Elapsed(rng.randrange(-1, 3))
        claims = (
            (*history[:place], *history[place + 1 :]),
            history[::-1],
            (*history[:place], different, *history[place + 1 :]),
            (*self.history, *history),
            history * 2,
            (),
        )
        return self.telling(transmission, rng.choice(claims))


class ContradictsHistory(OnTransmissions):
    """E10: promises that hide what it has accepted, other values than it has to propose, answers to no question."""

    name = "contradicts-history"

    async def run(self, value: Value) -> None:
        self.only = self.rng.choice(((Record,), (Accept, Decision)))
        await super().run(value)

    def lie(self, transmission: Transmission[Any, Any]) -> Transmission[Any, Any]:
        if not isinstance(transmission.body, self.only):
            return transmission
        return msgspec.structs.replace(transmission, body=self.contrary(transmission.body))

    def contrary(self, body: Record) -> Record:
        """Another message in a message's place."""
        if isinstance(body, Promise):
            hidden = Promise(body.ballot, 0, None)
            return hidden if body.accepted_ballot else Promise(body.ballot, body.ballot, ANOTHER)
        if isinstance(body, Accept | Decision):
            return msgspec.structs.replace(body, value=ANOTHER)
        if isinstance(body, Prepare | Accepted):
            return msgspec.structs.replace(body, ballot=body.ballot + self.process.n)
        if isinstance(body, Refused):
            return Accepted(body.ballot)
        if isinstance(body, SetUp):
            return SetUp(Preference(ANOTHER, body.preference.evidence))
        return Decision(ANOTHER)


class TwoInputs(OnTransmissions):
    """E11: it proposes two values, at once, or one more later."""

    name = "two-inputs"

    def lie(self, transmission: Transmission[Any, Any]) -> Transmission[Any, Any]:
        value: Any = Preference(ANOTHER, Evidence(None, None)) if prefers(self.protocol) else ANOTHER
        if isinstance(transmission.body, SetUp) and self.rng.random() < 0.5:
            Certified.broadcast(self.transmitter.links, Transmission(EVERYBODY, SetUp(value), (Input(value),)))
            return transmission
        if self.rng.random() < 0.5:
            return self.telling(transmission, (*transmission.history, Input(value)))
        return self.telling(otherwise(transmission), (Input(value), *transmission.history))


class _Insisting(Transmitter):
    """Leads for ever, and hears neither that it has succeeded nor that anybody else has."""

    async def run(self, value: Any) -> None:
        with self.process.nursery() as self._timers:
            self.own.propose(value)
            self._happened(Input(value))
            self.lead(self.process.id)
            await self.links.serve()

    def lead(self, leader: int) -> None:
        super().lead(self.process.id)

    def _judge(self, peer: Peer) -> bool:
        if peer.waiting and isinstance(peer.waiting[0].body, Accepted | Decision) and peer.id != self.process.id:
            peer.right.append(peer.waiting.popleft())
            return True
        return super()._judge(peer)


class InsistsOnLeading(OnBooks):
    """A proposer that takes itself for the leader for ever, raises its ballot above everybody's, and never succeeds.

    Nothing that it says can be held against it: what Omega says is believed.
    """

    name = "insists-on-leading"

    def change(self, backup: RobustBackup) -> None:
        backup.transmitter = _Insisting(backup.process, backup.of, backup.decided, backup.acceptable)


class BringsMuch(OnBooks):
    """E13: it proposes a big value, so that whoever has to repeat it has less room for the rest."""

    name = "brings-much"

    def begin(self, facade: Facade, value: Value) -> None:
        backup = backup_of(self.protocol(facade))
        long = "x" * self.rng.choice((200, 1000, 3000, 5000))
        facade.start(backup.run(Preference(long, Evidence(None, None)) if prefers(self.protocol) else long))


ON_TRANSMISSIONS: tuple[type[Behaviour], ...] = (
    ClaimsReceipt,
    RewritesHistory,
    ContradictsHistory,
    TwoInputs,
    InsistsOnLeading,
    BringsMuch,
)
