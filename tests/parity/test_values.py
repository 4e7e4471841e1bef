"""What a register holds is what was written; and one process's operations take effect in their order."""

from __future__ import annotations

import math

import pytest

from rayrdma.model.errors import ValueTooLarge
from rayrdma.model.outcomes import ACK, NAK

from .arms import EVERY, FLAGS, Arm, on
from .party import read, read_region, swap, take, write
from .pipeline import pipeline

pytestmark = on(*EVERY, FLAGS)

VALUES = [
    None, "", b"", 0, False, 0.0, 1, True, 1.0, -1, 2**63 - 1, 2**64 - 1, -(2**63), 1.5, math.inf,
    "née\u0000\U0001f600", b"\x00\xff", "x" * 254, b"\x00" * 254, "\u20ac" * 84,
]  # fmt: skip


def test_a_value_comes_back_as_it_was_written(arm: Arm) -> None:
    writer, reader = arm.workers(2)
    assert reader.operate(read("open")) is None
    assert reader.operate(read_region("open")) == (None, None)
    for value in VALUES:
        assert writer.operate(write("open", 0, value)) is ACK
        for got in (reader.operate(read("open")), reader.operate(read_region("open"))[0]):
            assert (type(got), got) == (type(value), value)
        held = reader.operate(swap("open", 0, value, value))
        assert (type(held), held) == (type(value), value)
    assert writer.operate(read("open", 1)) is None


def test_a_value_of_the_most_bytes_fits_and_one_more_does_not(arm: Arm) -> None:
    worker, other = arm.workers(2)
    whole = bytes(range(256)) * 256
    largest = whole[: 65_536 - 3]  # msgpack's header of so many bytes takes 3
    assert worker.operate(write("big", 0, largest)) is ACK
    assert other.operate(read("big")) == largest
    assert other.operate(read_region("big")) == (largest, None)
    for operation in (
        write("big", 0, largest + b"!"),
        swap("big", 0, largest, largest + b"!"),
    ):
        with pytest.raises(ValueTooLarge, match=r"65537 bytes .* holds 65536; .*--register-bytes"):
            worker.operate(operation)
    assert other.operate(read("big")) == largest
    assert worker.operate(write("big", 0, b"and on it goes")) is ACK
    assert other.operate(read("big")) == b"and on it goes"


def test_compare_and_swap_compares_values(arm: Arm) -> None:
    """And returns the old one, whether it took place or not."""
    worker, other = arm.workers(2)
    for expected, new, held in (
        ("something", "x", None),
        (None, 1, None),
        (None, 2, 1),
        (1.0, 2, 1),  # equal, though not the same bytes
        (True, 3, 2),
        (2, None, 2),
        (None, "", None),
        (b"", "no", ""),
        ("", b"", ""),
        (b"", "end", b""),
    ):
        old = worker.operate(swap("open", 0, expected, new))
        assert (type(old), old) == (type(held), held), (expected, new)
        assert other.operate(read("open")) == (new if expected == held else held)


def test_one_operation_of_a_process_is_under_way_at_a_memory(arm: Arm) -> None:
    """Those posted after it wait, and take effect in the order in which they were posted; memories are independent."""
    responses, issued, most = arm.worker(0).call(pipeline, 40, [0, 1])
    assert responses == {memory: [ACK, NAK] * 40 + [f"{memory}/39"] for memory in (0, 1)}
    assert issued == {0: 81, 1: 81}
    assert most == {0: 1, 1: 1}


def test_a_memory_that_does_not_answer_keeps_its_own_operations_alone(arm: Arm) -> None:
    arm.worker(0)
    arm.crash(1)
    responses, issued, most = arm.worker(0).call(pipeline, 40, [0])
    assert responses == {0: [ACK, NAK] * 40 + ["0/39"], 1: []}
    assert issued == {0: 81, 1: 1}
    assert most == {0: 1, 1: 1}


def test_a_view_is_read_in_one_operation_by_who_may_read_all_of_it(arm: Arm) -> None:
    first, second = arm.workers(2)
    assert first.operate(write("slots", 2, "a slot")) is ACK
    assert second.operate(write("open", 1, "open")) is ACK
    for worker in (first, second):
        assert worker.operate(read_region("some")) == (None, "open", None, None, "a slot", None, None, None)
    assert first.operate(read_region("not all")) == (None, "open", None)
    assert second.operate(read_region("not all")) is NAK  # it may only write in "rights"


def test_a_view_is_read_and_nothing_else(arm: Arm) -> None:
    (worker,) = arm.workers(1)
    assert worker.operate(write("some", 0, "no")) is NAK
    assert worker.operate(swap("some", 0, None, "no")) is NAK
    assert worker.operate(read("some", 0)) is NAK
    assert worker.operate(take("some", 0)) is None
    assert worker.operate(read_region("some")) == (None,) * 8
    assert worker.operate(write("open", 0, "as before")) is ACK
