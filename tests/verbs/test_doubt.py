"""When the device can not tell what became of an operation: done once, or not at all, and never answered by a guess.

Either the acknowledgement is lost after the operation took effect, or the memory's queue pair has forgotten its peer,
so that nothing gets through. Meanwhile the permission stays, goes, or goes and comes back.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import Permission, everyone, exclusive_writer, one_writer
from rayrdma.model.regions import Region
from rayrdma.transports.connection import PENDING
from tests.parity.party import Op, anything, change, read, read_region, swap, write
from tests.verbs.together import Together, lose_acknowledgement, wait_until

pytestmark = pytest.mark.verbs

N = 2
LOST = "unknown"
LONG = "more than five bytes"


@one_writer
def to_anybody(process: int, region: str, old: Permission, new: Permission) -> bool:
    """Whoever asks may let one process write, itself or another."""
    return len(new.writers) == 1


REGIONS = (
    Region("in place", 2, exclusive_writer(0, N), legal_change=to_anybody),
    Region("committed", 2, everyone(N), legal_change=anything),
)


@pytest.fixture(scope="module")
def both() -> Iterator[Together]:
    with Together(regions=REGIONS, n=N) as together:
        yield together


@pytest.fixture
def two(both: Together) -> Together:
    """A memory and two processes; what p0 does is in doubt, what p1 does is not."""
    both.refresh()
    return both


def give(process: int) -> Op:
    return change("in place", exclusive_writer(process, N))


THEIRS = write("in place", 0, "theirs")
STAYS: list[Op] = []
GOES = [give(1)]
OVERWRITTEN = [give(1), THEIRS]
RETURNS = [give(1), give(0)]
OVERWRITTEN_RETURNS = [give(1), THEIRS, give(0)]
RETURNS_TWICE = [give(1), THEIRS, give(0), give(1), give(0)]
MEANWHILE = {name: value for name, value in globals().items() if name.isupper() and isinstance(value, list)}


def in_doubt(two: Together, region: str, done: bool, events: list[Op], operation: Op, skipped: int = 0) -> Any:
    """p0's response; `LOST` if its connection says that there will be none."""

    def meanwhile() -> None:
        for event in events:
            assert two.operate(1, event) in (None, ACK)

    if done:
        lose_acknowledgement(two.ports[0], two.connections[0].side(region).line, meanwhile, skipped)
    else:
        pair = two.memory._writing[0, region].pair
        assert pair is not None
        pair.reset()
        meanwhile()
    connection = two.connections[0]
    response = connection.post(operation)

    def ended() -> bool:
        nonlocal response
        if response is PENDING:
            response = connection.poll()
        return response is not PENDING or connection.lost is not None

    wait_until(ended, "an answer")
    assert connection.refused == 0, "that there was no answer is not a refusal"
    if connection.lost is None:
        return response
    assert LOST in connection.lost or "can not be told" in connection.lost
    return LOST


@pytest.mark.parametrize(
    ("meanwhile", "done", "expected", "held"),
    [
        ("STAYS", True, ACK, "mine"),
        ("GOES", True, ACK, "mine"),
        ("OVERWRITTEN", True, ACK, "theirs"),
        ("RETURNS", True, ACK, "mine"),
        ("OVERWRITTEN_RETURNS", True, ACK, "theirs"),
        ("RETURNS_TWICE", True, LOST, "theirs"),
        ("STAYS", False, ACK, "mine"),
        ("GOES", False, NAK, "first"),
        ("OVERWRITTEN", False, NAK, "theirs"),
        ("RETURNS", False, ACK, "mine"),
        ("OVERWRITTEN_RETURNS", False, ACK, "mine"),
        ("RETURNS_TWICE", False, LOST, "theirs"),
    ],
)
def test_a_write_in_place(two: Together, meanwhile: str, done: bool, expected: Any, held: Any) -> None:
    assert two.operate(0, write("in place", 0, "first")) is ACK
    assert in_doubt(two, "in place", done, MEANWHILE[meanwhile], write("in place", 0, "mine")) == expected
    assert two.operate(1, read_region("in place")) == (held, None)


@pytest.mark.parametrize(
    ("meanwhile", "done", "expected", "held"),
    [
        ("STAYS", True, "first", "mine"),
        ("GOES", True, "first", "mine"),
        ("OVERWRITTEN", True, "first", "theirs"),
        ("RETURNS", True, "first", "mine"),
        ("OVERWRITTEN_RETURNS", True, "first", "theirs"),
        ("RETURNS_TWICE", True, LOST, "theirs"),
        ("RETURNS_TWICE", False, "theirs", "theirs"),
        ("STAYS", False, "first", "mine"),
        ("GOES", False, NAK, "first"),
        ("OVERWRITTEN", False, NAK, "theirs"),
        ("RETURNS", False, "first", "mine"),
        ("OVERWRITTEN_RETURNS", False, "theirs", "theirs"),
    ],
)
def test_a_swap_in_place(two: Together, meanwhile: str, done: bool, expected: Any, held: Any) -> None:
    assert two.operate(0, write("in place", 0, "first")) is ACK
    assert in_doubt(two, "in place", done, MEANWHILE[meanwhile], swap("in place", 0, "first", "mine")) == expected
    assert two.operate(1, read_region("in place")) == (held, None)


@pytest.mark.parametrize("done", [True, False])
def test_a_swap_in_place_that_fails(two: Together, done: bool) -> None:
    assert two.operate(0, write("in place", 0, "first")) is ACK
    assert in_doubt(two, "in place", done, GOES, swap("in place", 0, "other", "mine")) is NAK
    assert two.operate(1, read("in place")) == "first"


OVERWRITE = [write("committed", 0, "theirs, and long")]
AND_BACK = [write("committed", 0, 7), write("committed", 0, 1)]
TAKE_AWAY = [change("committed", Permission(read=[0], readwrite=[1]))]


@pytest.mark.parametrize(
    ("first", "operation", "events", "done", "expected", "held"),
    [
        (None, write("committed", 0, LONG), STAYS, True, ACK, LONG),
        (None, write("committed", 0, LONG), STAYS, False, ACK, LONG),
        (1, write("committed", 0, LONG), STAYS, True, ACK, LONG),
        (1, write("committed", 0, LONG), STAYS, False, LOST, 1),  # for all we know: there, and swapped back
        ("first, long", write("committed", 0, LONG), STAYS, True, ACK, LONG),
        ("first, long", write("committed", 0, LONG), STAYS, False, ACK, LONG),
        ("first, long", write("committed", 0, 2), STAYS, True, ACK, 2),
        ("first, long", write("committed", 0, 2), STAYS, False, ACK, 2),
        ("first, long", write("committed", 0, 2), TAKE_AWAY, True, LOST, 2),
        ("first, long", write("committed", 0, LONG), TAKE_AWAY, True, ACK, LONG),
        ("first, long", write("committed", 0, LONG), TAKE_AWAY, False, NAK, "first, long"),
        ("first, long", write("committed", 0, LONG), OVERWRITE, True, LOST, "theirs, and long"),
        ("first, long", write("committed", 0, LONG), OVERWRITE, False, LOST, "theirs, and long"),
        (None, swap("committed", 0, None, 2), STAYS, True, LOST, 2),  # another's 2 looks the same
        (None, swap("committed", 0, None, 2), STAYS, False, None, 2),
        (None, swap("committed", 0, None, LONG), STAYS, True, None, LONG),
        (None, swap("committed", 0, None, LONG), STAYS, False, None, LONG),
        (1, swap("committed", 0, 1, LONG), AND_BACK, True, LOST, 1),
        (1, swap("committed", 0, 1, LONG), AND_BACK, False, LOST, 1),
        ("first, long", swap("committed", 0, "first, long", LONG), STAYS, True, "first, long", LONG),
        ("first, long", swap("committed", 0, "first, long", LONG), STAYS, False, "first, long", LONG),
        ("first, long", swap("committed", 0, "first, long", LONG), TAKE_AWAY, False, NAK, "first, long"),
        ("first, long", swap("committed", 0, "other, long", LONG), STAYS, True, "first, long", "first, long"),
    ],
)
def test_a_commit(
    two: Together, first: Any, operation: Op, events: list[Op], done: bool, expected: Any, held: Any
) -> None:
    if first is not None:
        assert two.operate(0, write("committed", 0, first)) is ACK
    assert in_doubt(two, "committed", done, events, operation) == expected
    assert two.operate(1, read_region("committed")) == (held, None)


@pytest.mark.parametrize(
    ("events", "expected", "held"),
    [(STAYS, "first, long", LONG), (TAKE_AWAY, "first, long", LONG), (OVERWRITE, LOST, "theirs, and long")],
)
def test_a_swap_that_had_to_look_first(two: Together, events: list[Op], expected: Any, held: Any) -> None:
    assert two.operate(0, write("committed", 0, "first, long")) is ACK
    swapping = swap("committed", 0, "first, long", LONG)
    assert in_doubt(two, "committed", True, events, swapping, skipped=1) == expected
    assert two.operate(1, read_region("committed")) == (held, None)


def test_a_read_is_done_again(two: Together) -> None:
    assert two.operate(0, write("in place", 0, "first")) is ACK
    assert two.operate(0, write("committed", 1, LONG)) is ACK
    lose_acknowledgement(two.ports[0], two.connections[0].reading)
    assert two.operate(0, read("in place")) == "first"
    pair = two.memory._reading[0].pair
    assert pair is not None
    pair.reset()
    assert two.operate(0, read_region("committed")) == (None, LONG)
    assert two.connections[0].reconnected == 2


def test_a_flush_that_follows_nothing_may_have_been_done(two: Together) -> None:
    """The queue pair fails by itself after the swap took effect."""
    import pyverbs.enums as e

    line = two.connections[0].side("committed").line
    lose_acknowledgement(two.ports[0], line, status=e.IBV_WC_WR_FLUSH_ERR)
    assert two.operate(0, swap("committed", 0, None, LONG)) is None
    assert two.operate(1, read("committed")) == LONG
