"""How registers lie in a device's memory: whole, or known not to be. No device is needed."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayrdma.model.permissions import Permission, everyone, exclusive_write_to_caller, exclusive_writer
from rayrdma.model.regions import Region
from rayrdma.transports.verbs.layout import (
    INLINE_BYTES,
    PACKET,
    TORN,
    WORD_BYTES,
    Committed,
    InPlace,
    inline_value,
    inline_word,
    layout_of,
    slot_word,
    whole_word,
)

N = 5
LIMIT = 40
IN_PLACE = InPlace(Region("slots", 3, exclusive_writer(0, N), register_bytes=LIMIT))
COMMITTED = Committed(Region("open", 3, everyone(N), register_bytes=LIMIT), N)

VALUES = st.binary(max_size=LIMIT)
SMALL = st.binary(max_size=INLINE_BYTES)
WORDS = st.one_of(
    st.integers(0, 2**64 - 1),
    SMALL.map(inline_word),
    st.builds(slot_word, st.integers(0, 255), st.integers(0, 1), st.integers(0, 2**32 - 1)),
)


def mix(one: bytes, other: bytes, choice: list[bool]) -> bytes:
    """Bytes of both, each from where it is in one of them."""
    return bytes(a if chosen else b for a, b, chosen in zip(one, other, choice, strict=True))


def choices(size: int) -> st.SearchStrategy[list[bool]]:
    """Of each byte; often they come in runs, as from a device that was overtaken."""
    ends = st.lists(st.integers(0, size), max_size=4).map(lambda cuts: [0, *sorted(cuts), size])
    runs = ends.map(lambda ends: [i % 2 == 0 for i, (low, high) in enumerate(pairwise(ends)) for _ in range(low, high)])
    return st.one_of(runs, st.lists(st.booleans(), min_size=size, max_size=size))


def record(data: bytes) -> bytes:
    return (IN_PLACE.heading(data) + data).ljust(IN_PLACE.stride, b"\0")


def slot(word: int, data: bytes) -> bytes:
    return (COMMITTED.heading(word, data) + data).ljust(COMMITTED.stride, b"\0")


# In place


@given(VALUES, st.binary(min_size=LIMIT, max_size=LIMIT))
def test_a_record_is_read_as_it_was_written_over_any_other(data: bytes, before: bytes) -> None:
    assert IN_PLACE.value(record(data)) == data
    fresh = IN_PLACE.heading(data) + data
    assert IN_PLACE.value(fresh + before[len(data) :]) == data, "only as much is written as the value takes"


def test_what_was_never_written_is_told_from_an_empty_value() -> None:
    assert IN_PLACE.value(bytes(IN_PLACE.stride)) is None
    assert IN_PLACE.value(record(b"")) == b""


@given(VALUES, st.one_of(st.none(), VALUES), choices(IN_PLACE.stride))
def test_a_mix_of_two_records_is_one_of_them_or_torn(new: bytes, old: bytes | None, choice: list[bool]) -> None:
    before = bytes(IN_PLACE.stride) if old is None else record(old)
    assert IN_PLACE.value(mix(record(new), before, choice)) in (new, old, TORN)


@given(st.binary(min_size=IN_PLACE.stride, max_size=IN_PLACE.stride))
def test_a_record_of_nonsense_is_torn_or_never_longer_than_a_register(junk: bytes) -> None:
    value = IN_PLACE.value(junk)
    assert value is TORN or value is None or len(value) <= LIMIT


@given(st.integers(0, 2**64 - 1), st.binary(min_size=IN_PLACE.stride - 8, max_size=IN_PLACE.stride - 8))
def test_no_length_leads_beyond_a_record(length: int, rest: bytes) -> None:
    value = IN_PLACE.value(length.to_bytes(8, "little") + rest)
    assert value is TORN or value is None or len(value) == length - 1


@given(st.lists(st.one_of(st.none(), VALUES), min_size=3, max_size=3), st.integers(0, 2))
def test_the_memory_itself_looks_at_the_same_records_and_can_clear_one(values: list[bytes | None], clear: int) -> None:
    memory = memoryview(bytearray(IN_PLACE.size))
    for register, data in enumerate(values):
        if data is not None:
            start = IN_PLACE.offset(register)
            memory[start : start + IN_PLACE.stride] = record(data)
    assert [IN_PLACE.look(memory, register) for register in range(3)] == values
    IN_PLACE.clear(memory, clear)
    values[clear] = None
    assert [IN_PLACE.look(memory, register) for register in range(3)] == values


# Words


@given(SMALL)
def test_a_small_value_is_in_its_word(data: bytes) -> None:
    word = inline_word(data)
    assert 0 < word < 2**64
    assert whole_word(word)
    assert inline_value(word) == data
    assert COMMITTED.slot_of(0, word) is None


@pytest.mark.parametrize("size", range(INLINE_BYTES + 1))
@pytest.mark.parametrize("byte", [b"\0", b"\xff", b"\xc0"])
def test_at_every_size_up_to_the_limit_of_words(size: int, byte: bytes) -> None:
    assert inline_value(inline_word(byte * size)) == byte * size


@given(st.integers(0, N - 1), st.integers(0, 1), st.integers(0, 2**32 - 1), st.integers(0, 2))
def test_a_word_points_to_one_of_two_slots_of_its_process(process: int, which: int, nonce: int, register: int) -> None:
    word = slot_word(process, which, nonce)
    assert inline_value(word) is TORN
    assert COMMITTED.slot_of(register, word) == COMMITTED.slot(register, process, which)
    assert slot_word(process, which, (nonce + 1) % 2**32) != word


@given(WORDS)
def test_of_any_word_at_most_one_reading_makes_sense(word: int) -> None:
    value, where = inline_value(word), COMMITTED.slot_of(0, word)
    assert value is TORN or where is None
    assert value is TORN or value is None or len(value) <= INLINE_BYTES
    assert whole_word(word) or (value is TORN and where is None)
    assert (value is None) == (word == 0)


@given(WORDS, WORDS, choices(WORD_BYTES))
def test_a_mix_of_two_words_is_mostly_seen_and_never_leads_outside(one: int, other: int, choice: list[bool]) -> None:
    """A device changes a word at once; who reads its bytes one by one has a sum of 16 bits to know by."""
    mixed = int.from_bytes(mix(one.to_bytes(8, "little"), other.to_bytes(8, "little"), choice), "little")
    where = COMMITTED.slot_of(2, mixed)
    assert where is None or COMMITTED.registers * WORD_BYTES <= where <= COMMITTED.size - COMMITTED.stride


@given(SMALL, st.integers(0, 63))
def test_a_flipped_bit_is_seen(data: bytes, bit: int) -> None:
    assert not whole_word(inline_word(data) ^ 1 << bit)


# Slots


@given(WORDS, VALUES)
def test_a_slot_is_read_by_the_word_that_points_to_it(word: int, data: bytes) -> None:
    assert COMMITTED.slot_value(slot(word, data), word) == data
    assert COMMITTED.slot_value(slot(word, data), word ^ 1 << 17) is TORN


@given(WORDS, WORDS, VALUES, VALUES, choices(COMMITTED.stride))
def test_a_mix_of_two_slots_is_torn_or_what_its_word_stands_for(
    word: int, other: int, data: bytes, before: bytes, choice: list[bool]
) -> None:
    mixed = mix(slot(word, data), slot(other, before), choice)
    assert COMMITTED.slot_value(mixed, word) in ({data, TORN} if word != other else {data, before, TORN})


@given(WORDS, st.binary(min_size=COMMITTED.stride, max_size=COMMITTED.stride))
def test_a_slot_of_nonsense_is_torn_or_never_longer_than_a_register(word: int, junk: bytes) -> None:
    for bytes_ in (junk, word.to_bytes(8, "little") + junk[8:]):
        value = COMMITTED.slot_value(bytes_, word)
        assert value is TORN or len(value) <= LIMIT


def test_slots_lie_side_by_side_and_fill_the_region() -> None:
    starts = [COMMITTED.slot(r, p, which) for r in range(3) for p in range(N) for which in range(2)]
    assert starts[0] >= 3 * WORD_BYTES
    assert {high - low for low, high in pairwise(starts)} == {COMMITTED.stride}
    assert starts[-1] + COMMITTED.stride == COMMITTED.size
    assert not any(start % 8 for start in starts)


@given(st.lists(st.tuples(st.integers(0, N - 1), st.integers(0, 1)), min_size=3, max_size=3), st.integers(0, 2))
def test_each_process_is_told_which_of_its_slots_are_committed(points: list[tuple[int, int]], small: int) -> None:
    memory = memoryview(bytearray(COMMITTED.size))
    for register, (process, which) in enumerate(points):
        word = inline_word(b"12345") if register == small else slot_word(process, which, 7)
        memory[COMMITTED.offset(register) : COMMITTED.offset(register) + 8] = word.to_bytes(8, "little")
    for process in range(N):
        expected = {r: which for r, (owner, which) in enumerate(points) if owner == process and r != small}
        assert COMMITTED.slots(memory, process) == expected


@given(st.binary(min_size=COMMITTED.size, max_size=COMMITTED.size), st.integers(0, 2))
def test_the_memory_itself_makes_something_of_any_bytes(junk: bytes, register: int) -> None:
    memory = memoryview(bytearray(junk))
    COMMITTED.look(memory, register)
    assert set(COMMITTED.slots(memory, 0).values()) <= {0, 1}
    COMMITTED.clear(memory, register)
    assert COMMITTED.look(memory, register) is None


# Which of the two


@pytest.mark.parametrize(
    ("permission", "policy", "register_bytes", "expected"),
    [
        (exclusive_writer(0, N), None, PACKET - 16, InPlace),
        (exclusive_writer(0, N), None, PACKET - 15, Committed),
        (exclusive_writer(0, N), exclusive_write_to_caller, 1, InPlace),
        (exclusive_writer(0, N), lambda *_: True, 1, Committed),
        (Permission(read=range(N)), None, 1, InPlace),
        (Permission(write=[0], readwrite=[1]), None, 1, Committed),
        (everyone(N), exclusive_write_to_caller, 1, Committed),
    ],
)
def test_in_place_where_one_writes_at_a_time_and_a_record_fits_a_packet(
    permission: Permission, policy: object, register_bytes: int, expected: type
) -> None:
    more = {} if policy is None else {"legal_change": policy}
    region = Region("r", 2, permission, register_bytes=register_bytes, **more)  # type: ignore[arg-type]
    layout = layout_of(region, N)
    assert type(layout) is expected
    assert isinstance(layout, Committed) or layout.stride <= PACKET
