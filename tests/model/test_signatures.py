"""A signature serves for its signer, instance, role and value, and for nothing else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayrdma.model.regions import ENCODE, Record
from rayrdma.model.signatures import Signed, Signer, Verifier

SIGNERS = [Signer(process, bytes([process]) * 32) for process in range(3)]
VERIFIER = Verifier({signer.process: signer.public for signer in SIGNERS})


class Vote(Record, frozen=True):
    ballot: int
    value: Any


def test_what_was_signed_is_valid() -> None:
    assert VERIFIER.valid(7, "COPY", SIGNERS[1].sign(7, "COPY", "v"))


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
    signed = msgspec.structs.replace(SIGNERS[1].sign(7, "COPY", "v"), **change)
    assert not VERIFIER.valid(instance, role, signed)


@pytest.mark.parametrize(
    ("one", "other"), [(b"abc", "YWJj"), (1, True), (1, 1.0), ("1", 1), (b"a", "a"), (None, ""), (("a",), ("a", None))]
)
def test_values_that_look_alike_are_signed_apart(one: Any, other: Any) -> None:
    signed = SIGNERS[0].sign(0, "VAL", one)
    assert VERIFIER.valid(0, "VAL", signed)
    assert not VERIFIER.valid(0, "VAL", Signed(0, "VAL", other, signed.signature))


@pytest.mark.parametrize("value", ["v", b"v", 3, Vote(1, "v"), (Vote(1, b"v"), None)])
def test_a_signed_value_can_be_passed_on(value: Any) -> None:
    signed = SIGNERS[2].sign(0, "VAL", value)
    arrived = msgspec.msgpack.decode(ENCODE(signed), type=Signed)
    assert VERIFIER.valid(0, "VAL", arrived)
    again = SIGNERS[1].sign(0, "COPY", signed)
    assert VERIFIER.valid(0, "COPY", msgspec.msgpack.decode(ENCODE(again), type=Signed))


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
    signed = SIGNERS[0].sign(0, "VAL", one)
    assert VERIFIER.valid(0, "VAL", Signed(0, "VAL", other, signed.signature)) == (ENCODE(one) == ENCODE(other))
