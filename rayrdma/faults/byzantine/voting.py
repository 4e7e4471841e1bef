"""Attacks on the message-passing protocols in views, PBFT and FaB (algorithms of views, `rayrdma.protocols.views`)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from rayrdma.faults.behaviour import Behaviour, Facade
from rayrdma.model.regions import Record, Value
from rayrdma.protocols.fab import FaB, Offer, Report, ViewReport
from rayrdma.protocols.pbft import PBFT, Change, Proposal, ViewChange
from rayrdma.protocols.views import PROPOSE, VIEW_CHANGE, Ballot, Certificate, Decided, ViewProtocol, Vote

from .generic import ANOTHER


class _InViews(Behaviour):
    attacks = (PBFT, FaB)
    leads = False  # everybody does, in turn


class _TwoFaced(Facade):
    """As a leader it proposes one value to one half and another to the other. It votes for nothing by itself."""

    def __init__(self, behaviour: TwoProposals) -> None:
        super().__init__(behaviour.process)
        self._half = behaviour.plan.half(self.n)

    def outgoing(self, to: int, message: Record) -> Iterable[tuple[int, Record]]:
        if isinstance(message, Proposal | Offer) and to not in self._half:
            ballot = Ballot(message.proposal.value.view, ANOTHER)
            yield to, msgspec.structs.replace(message, proposal=self.sign(PROPOSE, ballot))
        elif not isinstance(message, Vote):
            yield to, message


class TwoProposals(_InViews):
    """A leader that proposes two values to two halves; and to everybody it votes for what they voted for."""

    name = "two-proposals"

    async def run(self, value: Value) -> None:
        self.act(_TwoFaced(self), value)
        await self.go_on(self.support)

    def support(self, sender: int, message: Record) -> None:
        """Let every process find that a further one agrees with it."""
        if isinstance(message, Vote) and message.vote.signer == sender and sender not in self.plan.members:
            self.process.send(sender, Vote(self.process.sign(message.vote.role, message.vote.value)))


class _Twice(Facade):
    def outgoing(self, to: int, message: Record) -> Iterable[tuple[int, Record]]:
        yield to, message
        if isinstance(message, Vote):
            for value in (ANOTHER, message.vote.value.value):
                yield to, Vote(self.sign(message.vote.role, Ballot(message.vote.value.view, value)))
        elif isinstance(message, Proposal | Offer):
            proposal = self.sign(PROPOSE, Ballot(message.proposal.value.view, ANOTHER))
            yield to, msgspec.structs.replace(message, proposal=proposal)


class VoteTwice(_InViews):
    """Votes for two values in every view and phase, and once more for the first; proposes two to everybody."""

    name = "vote-twice"

    async def run(self, value: Value) -> None:
        self.act(_Twice(self.process), value)
        await self.go_on()


class _Forgetful(Facade):
    def outgoing(self, to: int, message: Record) -> Iterable[tuple[int, Record]]:
        if isinstance(message, ViewChange):
            yield to, ViewChange(self.sign(VIEW_CHANGE, Change(message.change.value.view, None)))
        elif isinstance(message, ViewReport):
            yield to, ViewReport(self.sign(VIEW_CHANGE, Report(message.change.value.view, None)))
        elif isinstance(message, Proposal | Offer) and message.proposal.value.view > 0:
            ballot = Ballot(message.proposal.value.view, ANOTHER)
            silent = tuple(change for change in message.changes if _claims_nothing(change.value))
            changes = self.real.rng.choice((message.changes, silent, silent * self.n))
            yield to, msgspec.structs.replace(message, proposal=self.sign(PROPOSE, ballot), changes=changes)
        else:
            yield to, message


def _claims_nothing(change: Any) -> bool:
    return (change.lock if isinstance(change, Change) else change.accepted) is None


class OmitLocks(_InViews):
    """Forgets what it voted for when it changes views; as a leader it proposes its own value over others' locks."""

    name = "omit-locks"

    async def run(self, value: Value) -> None:
        self.act(_Forgetful(self.process), value)
        await self.go_on()


class StaleLock(_InViews):
    """Claims, in its view changes, votes that were cast in an older instance or for another ballot."""

    name = "stale-lock"

    async def run(self, value: Value) -> None:
        self.act(_Claiming(self), value)
        await self.go_on(lambda sender, message: self.plan.keep(message))


class _Claiming(Facade):
    def __init__(self, behaviour: StaleLock) -> None:
        super().__init__(behaviour.process)
        self._kept = behaviour.plan.kept

    def outgoing(self, to: int, message: Record) -> Iterable[tuple[int, Record]]:
        votes = [kept.vote for kept in self._kept if isinstance(kept, Vote)]
        certificates = [kept.certificate for kept in self._kept if isinstance(kept, Decided)]
        yield to, message
        if isinstance(message, ViewChange):
            view = message.change.value.view
            of_votes = Certificate(Ballot(view - 1, ANOTHER), tuple(votes[: self.n]))
            for lock in (*certificates[:2], of_votes):
                yield to, ViewChange(self.sign(VIEW_CHANGE, Change(view + 1, lock)))
        elif isinstance(message, ViewReport) and votes:
            yield to, ViewReport(self.sign(VIEW_CHANGE, Report(message.change.value.view + 1, votes[0])))


class ForgedQuorum(_InViews):
    """Announces decisions with its own vote counted many times, with others' names on it, or with too few."""

    name = "forged-quorum"

    async def run(self, value: Value) -> None:
        process, protocol = self.process, self.protocol
        assert issubclass(protocol, ViewProtocol)
        ballot = Ballot(0, ANOTHER)
        own = process.sign(protocol.phases[-1], ballot)
        named = tuple(msgspec.structs.replace(own, signer=signer) for signer in range(process.n))
        for votes in ((own,) * process.n, named, (own,)):
            process.broadcast(Decided(Certificate(ballot, votes)))
        self.act(Facade(process), value)
        await self.go_on()


VOTING: tuple[type[Behaviour], ...] = (TwoProposals, VoteTwice, OmitLocks, StaleLock, ForgedQuorum)
