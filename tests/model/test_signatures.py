"""A signature serves for its signer, instance, role and value, and for nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayrdma.model.regions import ENCODE, Record
from rayrdma.model.signatures import REMEMBERED, Identity, Signatures, Signed, Signer, Verifier

SIGNERS = [Signer(process, bytes([process]) * 32) for process in range(3)]
VERIFIER = Verifier({signer.process: signer.public for signer in SIGNERS})


def signatures(process: int, instance: int = 7) -> Signatures:
    return Identity(SIGNERS[process], VERIFIER).signatures(instance)


def valid(role: str, signed: Signed[Any], instance: int = 7) -> bool:
    return signatures(0, instance).valid(role, signed)


class Vote(Record, frozen=True):
    ballot: int
    value: Any


def test_what_was_signed_is_valid() -> None:
    assert valid("COPY", signatures(1).sign("COPY", "v"))


@pytest.mark.parametrize(
    ("instance", "role", "change"),
    [
        (8, "COPY", {}),
        (7, "PROOF", {}),
        (7, "PROOF", {"role": "PROOF"}),
        (7, "COPY", {"value": "w"}),
        (7, "COPY", {"signer": 0}),
        (7, "COPY", {"signer": 9}),
        (7, "COPY", {"signature": b"\0" * 64}),
        (7, "COPY", {"signature": b"short"}),
        (7, "COPY", {"signature": b""}),
    ],
)
def test_a_signature_serves_nowhere_else(instance: int, role: str, change: dict[str, Any]) -> None:
    signed = msgspec.structs.replace(signatures(1).sign("COPY", "v"), **change)
    assert not valid(role, signed, instance)


@pytest.mark.parametrize(
    ("one", "other"), [(b"abc", "YWJj"), (1, True), (1, 1.0), ("1", 1), (b"a", "a"), (None, ""), (("a",), ("a", None))]
)
def test_values_that_look_alike_are_signed_apart(one: Any, other: Any) -> None:
    signed = signatures(0).sign("VAL", one)
    assert valid("VAL", signed)
    assert not valid("VAL", Signed(0, "VAL", other, signed.signature))


@pytest.mark.parametrize("value", ["v", b"v", 3, Vote(1, "v"), (Vote(1, b"v"), None)])
def test_a_signed_value_can_be_passed_on(value: Any) -> None:
    signed = signatures(2).sign("VAL", value)
    arrived = msgspec.msgpack.decode(ENCODE(signed), type=Signed)
    assert valid("VAL", arrived)
    again = signatures(1).sign("COPY", signed)
    assert valid("COPY", msgspec.msgpack.decode(ENCODE(again), type=Signed))


def test_a_signed_value_keeps_its_type_where_it_is_declared() -> None:
    signed = signatures(2).sign("VAL", Vote(1, "v"))
    assert msgspec.msgpack.decode(ENCODE(signed), type=Signed[Vote]).value == Vote(1, "v")


def test_what_was_checked_is_not_checked_again() -> None:
    own, signed = signatures(0), signatures(1).sign("VAL", "v")
    forged = msgspec.structs.replace(signed, value="w")
    for _ in range(3):
        assert own.valid("VAL", signed)
        assert not own.valid("VAL", forged)
    assert (own.made, own.verified) == (0, 2)
    assert own.sign("VAL", "v").signer == 0
    assert own.made == 1


def test_a_flood_of_forgeries_takes_no_more_memory_than_it_may() -> None:
    own = signatures(0)
    for number in range(REMEMBERED + 10):
        assert not own.valid("VAL", Signed(1, "VAL", number, bytes(64)))
    assert len(own._known) <= REMEMBERED


def test_without_a_seed_keys_are_fresh() -> None:
    assert Signer(0).public != Signer(0).public


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-5, 5) | st.text("ab", max_size=2) | st.binary(max_size=2),
    lambda inner: st.lists(inner, max_size=2),
    max_leaves=4,
)


@settings(max_examples=200, deadline=None, derandomize=True)
@given(JSON, JSON)
def test_two_values_share_a_signature_only_if_they_are_the_same_on_the_wire(one: Any, other: Any) -> None:
    signed = signatures(0).sign("VAL", one)
    assert valid("VAL", Signed(0, "VAL", other, signed.signature)) == (ENCODE(one) == ENCODE(other))
