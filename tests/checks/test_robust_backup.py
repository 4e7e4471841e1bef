"""Traces that no broadcast, no Robust Backup and no Fast & Robust leaves."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest

from rayrdma.checks.broadcast import (
    BROADCAST,
    i1_one_message_a_number,
    i2_numbers_without_a_gap,
    i3_what_is_delivered_was_broadcast,
    i4_one_certificate_a_number,
    i5_all_deliver_the_same,
)
from rayrdma.checks.observation import Check, Observation
from rayrdma.checks.preferential_paxos import (
    FAST_AND_ROBUST,
    p1_one_input_a_process,
    p2_adopted_is_among_the_best,
    p3_the_backup_keeps_what_was_decided,
    p4_decisions_of_both_are_equal,
)
from rayrdma.checks.robust_backup import (
    ROBUST_BACKUP,
    i6_no_correct_process_is_refused,
    i7_what_was_received_is_a_run_of_paxos,
)
from rayrdma.model.operations import WRITE
from rayrdma.model.signatures import Signed
from rayrdma.model.trace import Decided, Event, Issued, Noted, Refused
from rayrdma.protocols.automaton import EVERYBODY
from rayrdma.protocols.broadcast import Attestation, Certificate, Sent, Slot, book_of, digest
from rayrdma.protocols.cheap_quorum import COPY, LEADERS, UNANIMITY, VAL, Copy, Evidence, Proof, own_region
from rayrdma.protocols.fast_and_robust import FastAndRobust
from rayrdma.protocols.paxos import Accept, Accepted, Promise
from rayrdma.protocols.preferential_paxos import Preference, SetUp
from rayrdma.protocols.transmission import Transmission

EVERY = (*BROADCAST, *ROBUST_BACKUP, *FAST_AND_ROBUST)
LIAR = 2
LEADERS_OWN = Signed(0, VAL, "v", b"0")
COPIES = tuple(Signed(owner, COPY, LEADERS_OWN, b"c") for owner in range(3))
PROOF = Proof(Signed(1, UNANIMITY, COPIES, b"u"))
NOTHING = Evidence(None, None)
INPUT = SetUp(Preference("v", NOTHING))


def note(process: int, what: str, value: Any) -> Noted:
    return Noted(0, process, what, value)


def write(process: int, region: str, value: Any) -> Issued:
    return Issued(0, process, 0, 0, WRITE, region, 0, value)


def deliver(process: int, origin: int, number: int, content: Any) -> Noted:
    return note(process, "deliver", (origin, Sent(number, content)))


def certificate(content: str, *signers: int, forged: bool = False) -> Certificate[Any]:
    """That process 2 said it first; a forgery is not what its signer wrote."""
    sent = Sent(1, content)
    named = Attestation(LIAR, 1, digest(sent))
    made = tuple(Signed(signer, "ATTEST", named, b"forged" if forged else b"true") for signer in signers)
    return Certificate(Signed(LIAR, "SENT", sent, b"s"), made)


def show(process: int, *, attests: str = "", certifies: Certificate[Any] | None = None) -> Issued:
    """A book that says something of process 2."""
    attestation = certificate(attests, process).attestations[0] if attests else None
    return write(process, book_of(process), ((), (), (Slot(None, attestation, certifies),)))


def receive(process: int, sender: int, number: int, body: Any) -> Noted:
    return note(process, "received", (sender, number, body))


def bring(process: int, value: str, evidence: Evidence = NOTHING) -> list[Event]:
    """An input that its process broadcasts, and that process 0 receives."""
    body = SetUp(Preference(value, evidence))
    return [
        note(process, "broadcast", Sent(1, Transmission(EVERYBODY, body, ()))),
        receive(0, process, 1, body),
    ]


def observation(events: list[Event], *, survivors: tuple[int, ...] = ()) -> Observation:
    """Process 2 is Byzantine."""
    return Observation(
        protocol=FastAndRobust,
        n=3,
        memories=3,
        regions=FastAndRobust.regions(3),
        inputs=["v", "w", "x"],
        decisions=[event for event in events if isinstance(event, Decided)],
        trace=events,
        byzantine=frozenset({LIAR}),
        survivors=frozenset(survivors),
    )


FAST: list[Event] = [
    write(0, LEADERS, LEADERS_OWN),
    Decided(0, 0, "v", 2),
    write(1, own_region(1), Copy(COPIES[1])),
    *bring(0, "v", Evidence(LEADERS_OWN, None)),
    *bring(1, "v", Evidence(LEADERS_OWN, None)),
    note(0, "adopt", Preference("v", Evidence(LEADERS_OWN, None))),
]
"""Process 0 decides on the fast path, and both correct processes bring what it decided."""
ACCEPTED: list[Event] = [
    receive(0, 0, 2, Accept(1, "v")),
    receive(0, 0, 3, Accepted(1)),
    receive(0, 1, 2, Accepted(1)),
    note(0, "backup", "v"),
]
WRONG: list[tuple[Check, list[Event]]] = [
    (i1_one_message_a_number, [deliver(0, LIAR, 1, "v"), deliver(1, LIAR, 1, "w")]),
    (i2_numbers_without_a_gap, [deliver(0, LIAR, 2, "v")]),
    (i2_numbers_without_a_gap, [deliver(0, LIAR, 1, "v"), deliver(0, LIAR, 1, "v")]),
    (i3_what_is_delivered_was_broadcast, [note(1, "broadcast", Sent(1, "v")), deliver(0, 1, 1, "w")]),
    (
        i4_one_certificate_a_number,
        [
            show(0, attests="v"),
            show(1, attests="w"),
            show(0, certifies=certificate("v", 0, LIAR)),
            show(LIAR, certifies=certificate("w", LIAR, 1)),
        ],
    ),
    (i6_no_correct_process_is_refused, [Refused(0, 0, 1, "says two things")]),
    (i7_what_was_received_is_a_run_of_paxos, [*ACCEPTED, receive(1, LIAR, 1, Accept(1, "w"))]),
    (i7_what_was_received_is_a_run_of_paxos, [*ACCEPTED, receive(1, LIAR, 1, Accept(6, "w"))]),
    (i7_what_was_received_is_a_run_of_paxos, [*ACCEPTED, receive(0, 1, 3, Promise(6, 0, None))]),
    (i7_what_was_received_is_a_run_of_paxos, [*ACCEPTED, note(1, "backup", "w")]),
    (p1_one_input_a_process, [receive(0, LIAR, 1, INPUT), receive(1, LIAR, 2, INPUT)]),
    (p2_adopted_is_among_the_best, [*FAST[:-1], *bring(LIAR, "w"), note(0, "adopt", Preference("w", NOTHING))]),
    (p2_adopted_is_among_the_best, [*FAST, note(1, "adopt", Preference("nobody's", NOTHING))]),
    (p3_the_backup_keeps_what_was_decided, [*FAST, *bring(1, "w")]),
    (p3_the_backup_keeps_what_was_decided, [*FAST, note(1, "adopt", Preference("w", NOTHING))]),
    (p3_the_backup_keeps_what_was_decided, [*FAST, note(1, "abort", ("v", NOTHING)), note(1, "backup", "w")]),
    (p4_decisions_of_both_are_equal, [*FAST, note(1, "abort", ("v", NOTHING)), Decided(0, 1, "w", 9)]),
]
RIGHT: list[list[Event]] = [
    [*FAST, *ACCEPTED],
    [deliver(0, LIAR, 1, "v"), deliver(LIAR, LIAR, 1, "w")],
    [
        show(0, attests="v"),
        show(LIAR, certifies=certificate("v", 0, LIAR)),
        show(LIAR, certifies=certificate("w", LIAR)),
    ],
    [
        show(0, attests="v"),
        show(LIAR, certifies=certificate("v", 0, LIAR)),
        show(LIAR, certifies=certificate("w", 0, LIAR, forged=True)),
        show(LIAR, certifies=certificate("w", LIAR, LIAR)),
    ],
    [Refused(0, 0, LIAR, "says two things"), Refused(0, LIAR, 0, "likewise")],
    [*FAST, *bring(LIAR, "w", Evidence(LEADERS_OWN, PROOF))],
]


@pytest.mark.parametrize(("check", "events"), WRONG, ids=lambda part: getattr(part, "__name__", ""))
def test_each_check_can_fail(check: Check, events: list[Event]) -> None:
    found = check(observation(events))
    assert found is not None
    assert found.check == check.__name__.split("_")[0].upper()


@pytest.mark.parametrize("events", RIGHT)
def test_what_is_right_is_let_be(events: list[Event]) -> None:
    assert [check(observation(events)) for check in EVERY] == [None] * len(EVERY)


def test_i5_binds_those_that_are_up_when_nothing_can_happen() -> None:
    events: list[Event] = [deliver(0, LIAR, 1, "v")]
    assert i5_all_deliver_the_same(observation(events)) is None
    assert i5_all_deliver_the_same(observation(events, survivors=(0,))) is None
    assert str(i5_all_deliver_the_same(observation(events, survivors=(0, 1)))) == (
        "I5: p1 never delivers message 1 of p2, which others delivered"
    )


def test_p2_prefers_a_proof_in_which_every_copy_is_genuine() -> None:
    """Without a Byzantine process: the proofs of two are better than the leader's signature of one."""
    proofs = [write(owner, own_region(owner), Copy(COPIES[owner])) for owner in range(3)]
    adopted = Preference("v", Evidence(LEADERS_OWN, None))
    events = [write(0, LEADERS, LEADERS_OWN), *bring(2, "v", adopted.evidence), note(0, "adopt", adopted)]
    better = [*bring(0, "v", Evidence(LEADERS_OWN, PROOF)), *bring(1, "v", Evidence(LEADERS_OWN, PROOF))]
    for written, wrong in ((proofs, True), (proofs[:2], False)):
        found = dataclasses.replace(observation([*written, *better, *events]), byzantine=frozenset())
        assert (p2_adopted_is_among_the_best(found) is not None) == wrong
