"""Whatever stands in a Byzantine process's book, those who read it survive and decide."""

from __future__ import annotations

import random
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayrdma.faults.behaviour import Behaviour
from rayrdma.faults.byzantine.generic import mutate
from rayrdma.faults.plan import Byzantine
from rayrdma.model.errors import ProtocolError
from rayrdma.model.operations import WRITE
from rayrdma.model.regions import ENCODE, Record, Region, Value
from rayrdma.model.signatures import Signed
from rayrdma.model.trace import Issued
from rayrdma.protocols.automaton import EVERYBODY, Elapsed, Input, Led, Received
from rayrdma.protocols.broadcast import ATTEST, SENT, Attestation, Certificate, Sent, Slot, book_of, digest
from rayrdma.protocols.cheap_quorum import Evidence, Proof
from rayrdma.protocols.dissemination import Decision
from rayrdma.protocols.fast_and_robust import FastAndRobust
from rayrdma.protocols.paxos import Accept, Accepted, Prepare, Promise, Refused
from rayrdma.protocols.preferential_paxos import Preference, PreferentialPaxos, SetUp
from rayrdma.protocols.robust_backup import RobustBackupPaxos
from rayrdma.protocols.transmission import Transmission

from .attacks import all_decided, attack

GENUINE = b"genuine"
"""Stands for the writer's true signature."""
NUMBERS = st.sampled_from((-(2**63), -1, 0, 1, 1, 2, 3, 64, 65, 10**9, 2**63, 2**64 - 1))
VALUES: st.SearchStrategy[Any] = st.sampled_from(
    (None, "v0", "v1", -1, 0.5, b"\xff", True, [], {"a": [None]}, float("nan"), 2**64 - 1)
)


def signed(role: str, value: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Something signed, mostly truly, by somebody or nobody."""
    return st.builds(
        Signed,
        signer=NUMBERS,
        role=st.sampled_from((role, role, "VAL", "")),
        value=value,
        signature=st.sampled_from((GENUINE, GENUINE, GENUINE, bytes(64), b"")),
    )


def some(kind: type[Record], *fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A record of any content."""
    return st.builds(kind, *fields)


def tuples_of(part: st.SearchStrategy[Any], most: int = 4) -> st.SearchStrategy[tuple[Any, ...]]:
    """Tuples of any length up to ``most``."""
    return st.lists(part, max_size=most).map(tuple)


LEADERS = signed("VAL", VALUES)
PROOF = some(Proof, signed("UNANIMITY", tuples_of(signed("COPY", LEADERS))))
PREFERENCE = some(Preference, VALUES, some(Evidence, st.none() | LEADERS, st.none() | PROOF))


def books(prefers: bool) -> st.SearchStrategy[tuple[Any, ...]]:
    """Well-typed books without any sense."""
    inputs = PREFERENCE if prefers else VALUES
    bodies = [
        some(Prepare, NUMBERS),
        some(Promise, NUMBERS, NUMBERS, VALUES),
        some(Accept, NUMBERS, VALUES),
        some(Accepted, NUMBERS),
        some(Refused, NUMBERS, NUMBERS),
        some(Decision, VALUES),
        *([some(SetUp, PREFERENCE)] if prefers else []),
    ]
    events = st.one_of(
        some(Input, inputs), some(Received, NUMBERS, NUMBERS), some(Led, NUMBERS), some(Elapsed, NUMBERS)
    )
    content = some(Transmission, st.just(EVERYBODY) | NUMBERS, st.one_of(bodies), tuples_of(events))
    message = signed(SENT, some(Sent, NUMBERS, content))
    attestation = signed(ATTEST, some(Attestation, NUMBERS, NUMBERS, st.sampled_from((b"", bytes(32)))))
    certificate = some(Certificate, message, tuples_of(attestation))
    slot = some(Slot, st.none() | message, st.none() | attestation, st.none() | certificate)
    return tuples_of(tuples_of(slot), most=5)


class Shows(Behaviour):
    """Writes books one after another, with true signatures where they stand for some."""

    name = "shows"
    books: tuple[Any, ...] = ()

    async def run(self, value: Value) -> None:
        process = self.process
        for book in self.books:
            # Its own page last, with the numbers that are due, so that some of it is taken.
            own = [
                self.due(slot, place) for place, slot in enumerate(book[process.id] if len(book) > process.id else ())
            ]
            shown = self.sign((*book[: process.id], tuple(own), *book[process.id + 1 :]))
            for memory in process.memories:
                process.write(memory, book_of(process.id), 0, self.rng.choice((shown, self.sign(book))))
            await process.sleep(self.rng.randrange(1, 30))
        await process.event()

    def due(self, slot: Slot[Any], place: int) -> Slot[Any]:
        """The slot with a message that may be taken."""
        if slot.message is None:
            return slot
        sent = Sent(place + 1, slot.message.value.content)
        claim = Attestation(self.process.id, sent.number, digest(sent))
        return Slot(
            Signed(self.process.id, SENT, sent, GENUINE),
            Signed(self.process.id, ATTEST, claim, GENUINE) if slot.attestation is not None else None,
            slot.certificate,
        )

    def sign(self, found: Any) -> Any:
        """``found`` with true signatures."""
        if isinstance(found, tuple):
            return tuple(self.sign(part) for part in found)
        if not isinstance(found, Record):
            return found
        fields = {field: self.sign(getattr(found, field)) for field in found.__struct_fields__}
        if isinstance(found, Signed) and found.signature == GENUINE:
            genuine = self.process.sign(found.role, fields["value"])
            return genuine if found.signer >= 0 else msgspec.structs.replace(genuine, signer=found.signer)
        return type(found)(**fields)


@pytest.mark.parametrize("protocol", [RobustBackupPaxos, PreferentialPaxos], ids=lambda protocol: protocol.name)
@settings(max_examples=400, deadline=None, derandomize=True)
@given(data=st.data(), liar=st.integers(0, 2))
def test_books_without_sense_break_nobody(protocol: Any, data: Any, liar: int) -> None:
    class ShowsThese(Shows):
        books = tuple(data.draw(st.lists(books(protocol is PreferentialPaxos), min_size=1, max_size=5)))

    outcome = attack(protocol, 3, 3, liar, [Byzantine(liar, ShowsThese)], trace=False)
    assert all_decided(outcome), outcome
    assert outcome.kernel.quiescent, outcome


def true_books(protocol: Any) -> list[tuple[Region, Any]]:
    """What correct processes write in some runs, with the region."""
    found = []
    for seed in range(4):
        outcome = attack(protocol, 3, 3, seed, [Byzantine(2, "silent")])
        regions = outcome.kernel.processes[0].regions
        for event in outcome.observation.trace or ():
            if isinstance(event, Issued) and event.operation is WRITE:
                found.append((regions[event.region], event.argument))
    return found


@pytest.mark.parametrize("protocol", [RobustBackupPaxos, FastAndRobust], ids=lambda protocol: protocol.name)
def test_truncated_and_mutated_books_are_read_or_are_none(protocol: Any) -> None:
    written = true_books(protocol)
    rng = random.Random(0)
    read = 0
    for _ in range(10_000):
        region, value = rng.choice(written)
        data = ENCODE(value)
        kind = rng.randrange(3)
        if kind == 0:
            data = ENCODE(mutate(value, rng))
        elif kind == 1:
            data = data[: rng.randrange(len(data))]
        else:
            place = rng.randrange(len(data))
            data = data[:place] + rng.randbytes(1) + data[place + 1 :]
        read += region.value_of(data) is not None
    assert 100 < read < 9_900


class Deep(Behaviour):
    """Proposes a value that is nested so deep that it can just be read."""

    name = "deep"
    levels = 0

    async def run(self, value: Value) -> None:
        process = self.process
        nest: Any = []
        for _ in range(self.levels):
            nest = [nest]
        said = process.sign(SENT, Sent(1, Transmission(EVERYBODY, Accept(1, nest), (Input(nest),))))
        for memory in process.memories:
            process.write(memory, book_of(process.id), 0, ((Slot(said),), (), ()))
        await process.event()


def test_deep_nests_break_nobody() -> None:
    """What could be decoded, but not encoded again a little deeper in the stack, counts as never written."""
    ran = 0
    for levels in range(600, 1000):
        Deep.levels = levels
        try:
            outcome = attack(RobustBackupPaxos, 3, 3, 0, [Byzantine(0, Deep)], trace=False)
        except ProtocolError as error:
            if not str(error).startswith("p0's protocol"):
                raise
            continue  # the attacker could not even say it
        assert all_decided(outcome), outcome
        ran += 1
    assert 100 < ran < 400
