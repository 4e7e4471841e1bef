"""Histories that are followed and those that are not, and what protocols Robust Backup can wrap."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rayrdma.faults.byzantine.generic import GENERIC
from rayrdma.faults.plan import Byzantine
from rayrdma.model.errors import ProtocolError
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Record, Value
from rayrdma.model.trace import Refused
from rayrdma.protocols import PROTOCOLS
from rayrdma.protocols.automaton import EVERYBODY, Automaton, Elapsed, Input, Led, Received
from rayrdma.protocols.broadcast import Certified
from rayrdma.protocols.dissemination import Decision
from rayrdma.protocols.paxos import Accept, Accepted, Paxos, PaxosTwoPhase, Prepare
from rayrdma.protocols.robust_backup import RobustBackup, RobustBackupPaxos
from rayrdma.protocols.transmission import Peer, Transmission, Transmitter
from rayrdma.simulator.schedule import Constant
from tests.byzantine.attacks import all_decided, attack, lawless
from tests.byzantine.lies import Liar
from tests.fuzz import run
from tests.model.hand import HandProcess

CRASH_TOLERANT = [each for each in PROTOCOLS.values() if not (each.byzantine or each.needs_memories or each.binary)]
"""Without Ben-Or: nobody can replay somebody else's coin."""


class Tick(Record, frozen=True):
    """One of three."""

    number: int


class Ticking(Protocol):
    """Process 0 decides after three ticks of its clock, and tells everybody each of them."""

    name = "ticking"
    messages = (Tick, Decision)

    async def propose(self, value: Value) -> None:
        process = self.process
        for number in range(3 if process.id == 0 else 0):
            await process.sleep(7)
            process.broadcast(Tick(number))
        for number in range(3):
            _, tick = await process.receive(Tick)
            assert tick.number == number
        if process.id == 0:
            process.broadcast(Decision(value))
        _, decision = await process.receive(Decision)
        process.decide(decision.value)


def peers(protocol: type[Protocol]) -> list[Peer]:
    """Three processes, as they are followed from the beginning on."""
    found: list[Peer] = []
    found.extend(Peer(HandProcess(), id, protocol, found) for id in range(3))
    return found


def say(to: int, body: Any, *history: Any) -> Transmission[Any, Any]:
    return Transmission(to, body, history)


def right(peer: Peer, transmission: Transmission[Any, Any]) -> None:
    """Follow what must be right."""
    assert peer.followable(transmission)
    assert peer.follows(transmission)
    peer.right.append(transmission)


FIRST = say(EVERYBODY, Accept(1, "v0"), Input("v0"))
"""What process 0 of Paxos sends first."""


def proposed() -> list[Peer]:
    """Paxos, when process 0 has proposed and accepted its own value, and told a message to process 0 alone of that."""
    found = peers(Paxos)
    right(found[0], FIRST)
    right(found[0], say(0, Accepted(1), Received(0, 1)))
    return found


def test_a_whole_run_of_paxos_is_followed() -> None:
    zero, one, two = proposed()
    right(one, say(0, Accepted(1), Input("v1"), Received(0, 1)))
    right(two, say(0, Accepted(1), Input("v2"), Led(1), Led(0), Received(0, 1)))
    right(zero, say(1, Decision("v0"), Received(0, 2), Received(1, 1)))
    right(zero, say(2, Decision("v0")))
    right(one, say(0, Decision("v0"), Received(0, 3)))


def test_timers_are_followed() -> None:
    zero, *_ = peers(Ticking)
    for number in range(3):
        before = [Input("v0")] if number == 0 else []
        right(zero, say(EVERYBODY, Tick(number), *before, Elapsed(number)))
    received = [Received(0, number) for number in (1, 2, 3)]
    right(zero, say(EVERYBODY, Decision("v0"), *received))


OWN = Input("v1")
WRONG = {
    "reordered": say(0, Accepted(1), Received(0, 1), OWN),
    "no input": say(0, Accepted(1), Received(0, 1)),
    "dropped": say(0, Accepted(1), OWN),
    "nothing happened": say(0, Accepted(1)),
    "two inputs": say(0, Accepted(1), OWN, OWN, Received(0, 1)),
    "another input later": say(0, Accepted(1), OWN, Received(0, 1), Input("w")),
    "body changed": say(0, Accepted(2), OWN, Received(0, 1)),
    "body of another type": say(0, Decision("v0"), OWN, Received(0, 1)),
    "receiver changed": say(2, Accepted(1), OWN, Received(0, 1)),
    "told to all": say(EVERYBODY, Accepted(1), OWN, Received(0, 1)),
    "received twice": say(0, Accepted(1), OWN, Received(0, 1), Received(0, 1)),
    "received what went to another": say(0, Accepted(1), OWN, Received(0, 1), Received(0, 2)),
    "received number 0": say(0, Accepted(1), OWN, Received(0, 0), Received(0, 1)),
    "received from nobody": say(0, Accepted(1), OWN, Received(3, 1), Received(0, 1)),
    "received from minus one": say(0, Accepted(1), OWN, Received(-1, 1), Received(0, 1)),
    "kept silent in between": say(0, Accepted(1), OWN, Received(0, 1), Led(2)),
    "no such timer": say(0, Accepted(1), OWN, Elapsed(0), Received(0, 1)),
    "timer minus one": say(0, Accepted(1), OWN, Elapsed(-1), Received(0, 1)),
}


@pytest.mark.parametrize("what", WRONG)
def test_a_wrong_history_is_refused(what: str) -> None:
    _, one, _ = proposed()
    assert one.followable(WRONG[what])
    assert not one.follows(WRONG[what])


def test_an_earlier_message_is_not_received_after_a_later_one() -> None:
    zero, one, _ = peers(Ticking)
    for number in range(3):
        right(zero, say(EVERYBODY, Tick(number), *([Input("v0")] if number == 0 else []), Elapsed(number)))
    assert not one.follows(say(EVERYBODY, Decision("v1"), OWN, Received(0, 2), Received(0, 1), Received(0, 3)))


def test_a_timer_runs_out_once() -> None:
    zero, *_ = peers(Ticking)
    right(zero, say(EVERYBODY, Tick(0), Input("v0"), Elapsed(0)))
    assert not zero.follows(say(EVERYBODY, Tick(1), Elapsed(0)))


def test_what_makes_the_protocol_fail_is_refused() -> None:
    """No correct process sends anything after that."""
    zero, one, _ = peers(Ticking)
    zero.right.append(say(EVERYBODY, Tick(2)))
    assert not one.follows(say(EVERYBODY, Tick(0), OWN, Received(0, 1)))


def test_a_claim_waits_for_what_it_names() -> None:
    zero, one, _ = peers(Paxos)
    claim = say(0, Accepted(1), OWN, Received(0, 1))
    assert not one.followable(claim)
    right(zero, FIRST)
    right(one, claim)


def test_nobody_waits_for_who_is_faulty_and_what_it_sent_before_counts() -> None:
    zero, one, two = proposed()
    zero.faulty = True
    right(one, say(0, Accepted(1), OWN, Received(0, 1)))
    claim = say(0, Accepted(1), Input("v2"), Received(0, 1), Received(0, 9))
    assert two.followable(claim)
    assert not two.follows(claim)


class _ClaimsTheImpossible(Certified):
    def broadcast(self, content: Any) -> None:
        claims = (*content.history, Received((self.process.id + 1) % self.process.n, 50))
        super().broadcast(Transmission(content.to, content.body, claims))


class _Claiming(Transmitter):
    broadcast = _ClaimsTheImpossible


class _ClaimingPaxos(RobustBackupPaxos):
    over = _Claiming


class ClaimsTheImpossible(Liar):
    """Has received the 50th message of somebody who sends a few."""

    name = "claims-the-impossible"
    instead = _ClaimingPaxos


def test_who_claims_what_never_comes_is_never_heard_and_blocks_nobody() -> None:
    for seed in range(50):
        liar = seed % 3
        outcome = attack(RobustBackupPaxos, 3, 3, seed, [Byzantine(liar, ClaimsTheImpossible)])
        assert not outcome.violations(), outcome
        assert all_decided(outcome), outcome
        assert all(event.process == liar for event in outcome.observation.trace or () if isinstance(event, Refused))
        assert liar not in [int(decided.value[1:]) for decided in outcome.observation.decisions]


# What can not be followed


class Drawing(Paxos):
    async def lead(self, value: Value) -> None:
        self.process.rng.random()


class Signing(Paxos):
    async def lead(self, value: Value) -> None:
        self.process.sign("role", value)


class Reading(Paxos):
    async def lead(self, value: Value) -> None:
        await self.process.read(0, "book-0", 0)


class Revoking(Paxos):
    async def lead(self, value: Value) -> None:
        await self.process.write_each("book-0", 0, (), need=2)


class Polling(Paxos):
    async def lead(self, value: Value) -> None:
        await self.process.watch().changed()


UNFOLLOWABLE: dict[type[Protocol], str] = {
    Drawing: "draws random numbers",
    Signing: "signs",
    Reading: "uses memory",
    Revoking: "uses memory",
    Polling: "polls memory",
}


@pytest.mark.parametrize("protocol", UNFOLLOWABLE)
def test_what_nobody_else_could_follow_is_an_error_of_the_protocol(protocol: type[Protocol]) -> None:
    with pytest.raises(ProtocolError, match=UNFOLLOWABLE[protocol]):
        Automaton(HandProcess(), 0, protocol).propose("v0")
    with pytest.raises(ProtocolError, match=UNFOLLOWABLE[protocol]):
        run(backed_up(protocol), 3, 3, 0, by=Constant())


# What can be wrapped


def backed_up(protocol: type[Protocol]) -> type[RobustBackup]:
    """Robust Backup of it."""
    return type(f"RobustBackup{protocol.__name__}", (RobustBackup,), {"name": "backed-up", "of": protocol})


@pytest.mark.parametrize("protocol", CRASH_TOLERANT, ids=lambda protocol: protocol.name)
def test_every_message_passing_protocol_can_be_backed_up(protocol: type[Protocol]) -> None:
    for seed in range(100):
        behaviour = random.Random(seed).choice(GENERIC)
        outcome = attack(backed_up(protocol), 3, 3, seed, lawless(seed, 3, [behaviour]))
        assert not outcome.violations(), outcome
        assert all_decided(outcome), outcome


def test_both_phases_cost_two_messages_more() -> None:
    """A message takes 12 delays from five processes on, and 2 more if its receiver says something at that time."""
    for n, delays in ((3, {"paxos": 22, "paxos-two-phase": 46}), (5, {"paxos": 26, "paxos-two-phase": 52})):
        for protocol in (Paxos, PaxosTwoPhase):
            decisions = run(backed_up(protocol), n, 3, 0, by=Constant()).observation.decisions
            assert min(decided.time for decided in decisions) == delays[protocol.name], (n, protocol.name)


def test_a_protocol_with_timers_can_be_backed_up() -> None:
    for seed in range(50):
        behaviour = random.Random(seed).choice(GENERIC)
        faults = [Byzantine(1 + seed % 2, behaviour)] if seed % 3 else []  # it has no leader but process 0
        outcome = attack(backed_up(Ticking), 3, 3, seed, faults)
        assert not outcome.violations(), outcome
        assert all_decided(outcome), outcome
        assert {decided.value for decided in outcome.observation.decisions} == {"v0"}


def test_an_automaton_does_nothing_before_it_proposes() -> None:
    automaton = Automaton(HandProcess(), 1, Paxos)
    assert not automaton.started
    assert not automaton.outbox
    automaton.follow(1)
    automaton.propose("v1")
    assert automaton.outbox[0] == (EVERYBODY, Prepare(5))
