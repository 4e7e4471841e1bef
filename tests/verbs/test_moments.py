"""At the worst moment: while a permission changes hands, between two steps of an operation, between two instances."""

from __future__ import annotations

import select
from collections.abc import Callable, Iterator
from typing import Any
from unittest.mock import patch

import pytest

from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import Permission
from rayrdma.transports.connection import PENDING
from rayrdma.transports.verbs.agent import Revocation
from rayrdma.transports.verbs.device import DENIED, PUT, SUCCESS
from rayrdma.transports.verbs.handshake import Recall
from tests.parity.party import Op, change, read, read_region, swap, write
from tests.verbs.test_doubt import LONG, REGIONS, TAKE_AWAY, THEIRS, N, give, in_doubt
from tests.verbs.together import Together, connected, lose_acknowledgement, post, wait_until

pytestmark = pytest.mark.verbs

FIRST, THIRD = "first, long", "third, and long"


@pytest.fixture(scope="module", params=Revocation, ids=lambda how: how.name)
def both(request: pytest.FixtureRequest) -> Iterator[Together]:
    with Together(request.param, regions=REGIONS, n=N) as together:
        yield together


@pytest.fixture
def two(both: Together) -> Together:
    """A memory and two processes."""
    both.refresh()
    return both


def put(two: Together, region: str, through: str, data: bytes = bytes(8), register: int = 0) -> Callable[[], int]:
    """p0's WRITE to a register, with the key that it has now: to be called from any thread."""
    connection = two.connections[0]
    side = connection.side(region)
    connection.bytes[: len(data)] = data
    base, key = side.keys.base + side.layout.offset(register), side.keys.write
    assert key
    return lambda: post(two, 0, connection.side(through).line, PUT, base, key, len(data))


def before(target: Any, method: str, happens: Callable[[], None]) -> Any:
    """A context in which this happens before a method does what it does."""
    does = getattr(target, method)

    def first(*arguments: Any) -> Any:
        happens()
        return does(*arguments)

    return patch.object(target, method, first)


def happen(two: Together, events: list[Op]) -> Callable[[], None]:
    """p1 does all that."""

    def meanwhile() -> None:
        for event in events:
            two.operate(1, event)

    return meanwhile


# What a swap meets


def test_a_swap_of_small_values_meets_another_than_it_guessed(two: Together) -> None:
    """Equal in other bytes; then, too long to be in the word."""
    assert two.operate(1, write("committed", 0, 1)) is ACK
    assert repr(two.operate(0, swap("committed", 0, True, 2))) == "1"
    assert two.operate(1, read("committed")) == 2
    assert two.operate(1, write("committed", 0, LONG)) is ACK
    assert two.operate(0, swap("committed", 0, 2, 3)) == LONG
    assert two.operate(1, read("committed")) == LONG


# While a permission changes hands


@pytest.mark.parametrize("through", ["in place", "committed"])
def test_when_the_one_gains_the_other_has_lost(two: Together, through: str) -> None:
    """By the queue pair that is for the region, and by any other one."""
    assert two.operate(0, write("in place", 0, "first")) is ACK
    attempt, ends = put(two, "in place", through), list[int]()
    with before(two.memory, "_allow", lambda: ends.append(attempt())):
        assert two.operate(1, give(1)) is None
    assert len(ends) == 1
    assert ends[0] in DENIED
    assert two.operate(1, read("in place")) == "first"


def landing(two: Together, value: str) -> tuple[Any, list[int]]:
    """A context in which p0's write of a value in place lands just before it is revoked, and how that ended."""
    side, ends = two.connections[0].side("in place"), list[int]()
    data = side.region.encode(value)
    attempt = put(two, "in place", "in place", side.layout.heading(data) + data)

    def late() -> None:
        if not ends:
            ends.append(attempt())

    writing = two.memory._writing[0, "in place"]
    if two.memory.revocation is Revocation.FLAGS:
        return before(writing.pair, "allow", late), ends
    return before(writing.registration, "close", late), ends


def test_what_landed_before_the_revocation_is_remembered(two: Together) -> None:
    assert two.operate(0, write("in place", 0, "first")) is ACK
    connection = two.connections[0]
    side = connection.side("in place")
    context, ends = landing(two, "late")
    with context:
        assert two.operate(1, give(1)) is None
    assert ends == [SUCCESS]
    assert two.operate(1, write("in place", 0, "theirs")) is ACK
    reply = two.answer(0, connection.begin(connection.ask(Recall("in place", 0, side.keys.write))))
    assert side.region.value_of(reply.value) == "late"


def test_what_landed_before_a_register_is_settled_stays(two: Together) -> None:
    """It was being written when a reader asked the agent what it holds."""
    assert two.operate(0, write("in place", 0, "first")) is ACK
    context, ends = landing(two, "late")
    two.memory._parts["in place"].memory.bytes[:8] = b"nonsense"
    with context:
        assert two.operate(1, read("in place")) == "late"
    assert ends == [SUCCESS]
    assert two.operate(0, write("in place", 0, "on")) is ACK


@pytest.mark.parametrize("region", ["in place", "committed"])
def test_nobody_writes_while_a_register_is_cleared(two: Together, region: str) -> None:
    assert two.operate(0, write(region, 0, "first, and long")) is ACK
    attempt, ends = put(two, region, region), list[int]()
    part = two.memory._parts[region]
    part.memory.bytes[:8] = b"nonsense"
    with before(part.layout, "clear", lambda: ends.append(attempt())):
        assert two.operate(1, read(region)) is None
    assert len(ends) == 1
    assert ends[0] in DENIED
    assert two.operate(0, swap(region, 0, None, "on")) is None
    assert two.operate(1, read(region)) == "on"


@pytest.mark.parametrize("region", ["in place", "committed"])
def test_with_a_permission_that_went_and_came_back_one_writes_on(two: Together, region: str) -> None:
    """The device refuses the old key, and the agent has a new one."""
    back = [give(1), THEIRS, give(0)]
    if region == "committed":
        back = [*TAKE_AWAY, change("committed", REGIONS[1].permission)]
    assert two.operate(0, write(region, 0, "first")) is ACK
    happen(two, back)()
    assert two.operate(0, write(region, 0, "mine")) is ACK
    assert two.connections[0].refused == 1
    assert two.operate(1, read_region(region)) == ("mine", None)
    happen(two, back[:1])()
    assert two.operate(0, write(region, 0, "no more")) is NAK
    happen(two, back[1:])()
    assert two.operate(0, write(region, 0, "again")) is ACK


def test_who_may_not_read_any_more_may_not_swap(two: Together) -> None:
    """Its key for writes, with which swaps are posted, is another one since."""
    assert two.operate(0, write("committed", 0, 1)) is ACK
    assert two.operate(1, change("committed", Permission(write=[0], readwrite=[1]))) is None
    assert two.operate(0, swap("committed", 0, 1, 2)) is NAK
    assert two.operate(0, write("committed", 0, 3)) is ACK
    assert two.operate(1, read("committed")) == 3


# Between two steps of an operation


def test_a_swap_in_place_is_done_under_one_key(two: Together) -> None:
    """What it has read is out of date when it writes, and it does not know."""
    assert two.operate(0, write("in place", 0, "first")) is ACK
    meanwhile = happen(two, [give(1), THEIRS, give(0)])
    lose_acknowledgement(two.ports[0], two.connections[0].reading, meanwhile, status=SUCCESS)
    assert two.operate(0, swap("in place", 0, "first", "mine")) == "theirs"
    assert two.operate(1, read("in place")) == "theirs"


def test_a_swap_in_doubt_is_told_by_the_key_that_it_was_posted_with(two: Together) -> None:
    """It has got that one while it read; with the one before it had left just the value that it is to swap in."""
    assert two.operate(0, write("in place", 0, "mine")) is ACK
    events = happen(two, [give(1), THEIRS, give(0)])

    def meanwhile() -> None:
        events()
        pair = two.memory._writing[0, "in place"].pair
        assert pair is not None
        pair.reset()  # so the swap does not get through, at first

    lose_acknowledgement(two.ports[0], two.connections[0].reading, meanwhile)
    assert two.operate(0, swap("in place", 0, "theirs", "mine")) == "theirs"
    assert two.operate(1, read("in place")) == "mine"


def test_what_is_not_committed_is_not_read(two: Together) -> None:
    """Between the word and the slot that it pointed to: that is idle by then, and was filled for a swap that failed."""
    assert two.operate(1, write("committed", 0, FIRST)) is ACK
    meanwhile = happen(two, [write("committed", 0, "second, long"), swap("committed", 0, None, THIRD)])
    lose_acknowledgement(two.ports[0], two.connections[0].reading, meanwhile, status=SUCCESS)
    assert two.operate(0, read("committed")) == "second, long"


@pytest.mark.parametrize("over", ["the right to read", "the instance"])
@pytest.mark.parametrize("region", ["in place", "committed"])
def test_what_can_not_be_read_is_not_told_to_who_may_not_read_it(two: Together, region: str, over: str) -> None:
    """What goes, goes after its last look, before it asks the agent."""
    assert two.operate(0, write(region, 0, "first")) is ACK
    assert two.operate(0, read(region)) == "first"
    two.memory._parts[region].memory.bytes[:8] = b"nonsense"
    nobody = Permission(readwrite=[1])
    meanwhile = happen(two, [change(region, nobody)]) if over == "the right to read" else two.reset
    with before(two.connections[0]._caller, "ask", meanwhile):
        assert two.operate(0, read(region)) is NAK


def retold(two: Together) -> None:
    """Its agent tells p0 its keys once more."""
    assert two.operate(0, change("committed", REGIONS[1].permission)) is None


def renewed(two: Together) -> None:
    """p0 knows nothing of what it did in its life before."""
    two.connect(0)


@pytest.mark.parametrize("so_far", [lambda two: None, retold, renewed], ids=["on", "retold", "renewed"])
@pytest.mark.parametrize("before", [1, 2])
def test_the_slot_that_is_valid_is_never_filled(two: Together, before: int, so_far: Callable[[Together], Any]) -> None:
    """Whichever of the two that is, and whether or not we committed it in this life. A swap fills a slot and fails."""
    for number in range(before):
        assert two.operate(0, write("committed", 0, f"value {number}")) is ACK
    for _ in range(3):
        so_far(two)
        assert two.operate(0, swap("committed", 0, None, THIRD)) == f"value {before - 1}"
        assert two.operate(1, read_region("committed")) == (f"value {before - 1}", None)


@pytest.mark.parametrize("operation", [write("committed", 0, LONG), swap("committed", 0, FIRST, LONG)])
def test_of_a_list_that_ends_halfway_nothing_is_seen(two: Together, operation: Op) -> None:
    """The slot is filled, and then the device takes no more of it."""
    assert two.operate(0, write("committed", 0, FIRST)) is ACK
    port = two.ports[0]
    hand_over = port.post

    def halfway(owner: Any, to: Any, requests: Any) -> None:
        if len(requests) == 2:
            requests[-1].set_wr_rdma(0, 8)  # an address that nobody may reach, whatever the opcode
        hand_over(owner, to, requests)

    with patch.object(port, "post", halfway):
        assert two.operate(0, operation) is NAK
    assert two.operate(1, read("committed")) == FIRST
    assert two.operate(0, operation) in (ACK, FIRST)
    assert two.operate(1, read("committed")) == LONG


# Between two instances, or two questions


def test_a_reply_that_comes_twice_counts_once(two: Together) -> None:
    """The second one is there when the next question is asked, and out of date."""
    connection = two.connections[0]
    assert two.operate(0, write("in place", 0, "first")) is ACK
    assert connection.post(change("in place", REGIONS[0].permission)) is PENDING
    connection._caller.repeat()
    assert two.answer(0) is None
    happen(two, [give(1), THEIRS])()
    assert two.operate(0, write("in place", 0, "no more")) is NAK
    assert connection.reconnected == 1, "at once"
    assert two.operate(1, read("in place")) == "theirs"


@pytest.mark.parametrize("region", ["in place", "committed"])
def test_whoever_is_ahead_of_the_memory_does_nothing_there(two: Together, region: str) -> None:
    assert two.operate(0, write(region, 0, "first")) is ACK
    two.connections[0].start(two.instance + 1)
    for operation in (write(region, 0, "too early"), swap(region, 0, "first", "too early"), read(region)):
        assert two.operate(0, operation) is NAK
    assert two.operate(1, read_region(region)) == ("first", None)
    two.reset()
    assert two.operate(0, write(region, 0, "in time")) is ACK


def test_an_end_from_the_last_instance_is_none_in_this_one(two: Together) -> None:
    """A read was under way; it completes when the next operation has been posted, which is refused."""
    connection, port, memory = two.connections[0], two.ports[0], two.memory
    assert two.operate(0, read("in place")) is None
    port.completions.arm()
    assert connection.post(read("in place")) is PENDING
    assert select.select([port.completions.descriptor], [], [], 60)[0]
    port.completions.awake()
    two.reset()
    for each in two.connections:
        each.start(two.instance)
    poll, answered = port._poll, memory._answered[0]
    with patch.object(port, "_poll", lambda most: poll(1)):
        assert connection.post(write("in place", 0, "mine")) is PENDING
        wait_until(lambda: memory._answered[0] is not answered, "the agent's answer")
        assert two.operate(1, give(1)) is None
        assert two.answer(0) is NAK
    assert two.operate(1, read("in place")) is None


def test_what_was_under_way_has_ended_with_its_instance(two: Together) -> None:
    """The memory had been out of reach: the device would send it once more, with whatever its bytes are by then."""
    connection, pair = two.connections[0], two.memory._writing[0, "in place"].pair
    two.operate(0, read("in place"))
    line = connected(two, 0, "in place")
    assert pair is not None
    assert line.pair is not None
    sent_to = line.pair.address()
    pair.reset()
    assert connection.post(write("in place", 0, "abandoned")) is PENDING
    connection.start(two.instance + 1)
    pair.connect(sent_to)
    assert two.operate(0, write("in place", 0, "too early")) is NAK
    for _ in range(5_000):  # a packet is sent anew after 134 ms
        assert two.operate(1, read("in place")) is None


def test_a_new_instance_begins_without_doubt(two: Together) -> None:
    """Nobody touched the register in it, and that is seen."""
    assert two.operate(0, write("committed", 0, FIRST)) is ACK
    two.refresh()
    assert in_doubt(two, "committed", False, [], write("committed", 0, LONG)) is ACK
    assert two.operate(1, read("committed")) == LONG
