from __future__ import annotations

import pickle

import pytest

from rayrdma.model.errors import NoSuchRegister, UsageError, ValueTooLarge
from rayrdma.model.permissions import everyone, exclusive_write_to_caller
from rayrdma.model.regions import Record, Region


class Pair(Record, frozen=True):
    number: int
    text: str


class Other(Record, frozen=True):
    number: int
    text: str


def test_a_region_has_room() -> None:
    with pytest.raises(UsageError, match="region 'r' needs at least one register of at least one byte"):
        Region("r", 0, everyone(1))
    with pytest.raises(UsageError, match="at least one byte"):
        Region("r", 1, everyone(1), register_bytes=0)


def test_a_value_has_to_fit() -> None:
    region = Region("slots", 1, everyone(1), register_bytes=4)
    assert region.encode("abc") == b"\xa3abc"
    with pytest.raises(ValueTooLarge, match=r"a value of 5 bytes does not fit a register of region 'slots', .* to 5"):
        region.encode("abcd")


@pytest.mark.parametrize("register", [-1, 2])
def test_a_register_that_is_not_there(register: int) -> None:
    with pytest.raises(NoSuchRegister, match=f"has registers 0 to 1, there is no register {register}"):
        Region("r", 2, everyone(1)).check_register(register)


def test_records_are_immutable_values_that_are_decoded_by_type() -> None:
    region = Region("r", 1, everyone(1), of=Pair)
    pair = Pair(1, "a")
    assert region.decode(region.encode(pair)) == pair
    with pytest.raises(AttributeError):
        pair.number = 2  # type: ignore[misc]
    with pytest.raises(ValueError, match="Other"):
        region.decode(region.encode(Other(1, "a")))


def test_a_region_travels() -> None:
    region = Region("r", 2, everyone(2), Pair, exclusive_write_to_caller, 99)
    arrived = pickle.loads(pickle.dumps(region))
    assert arrived == region
    assert arrived.decode(arrived.encode(Pair(1, "a"))) == Pair(1, "a")
