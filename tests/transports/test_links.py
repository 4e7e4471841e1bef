"""Messages between processes, over both carriers."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from rayrdma.model.errors import EnvironmentProblem, UsageError
from rayrdma.model.regions import Record
from rayrdma.transports.links import AHEAD, EARLY, MESSAGE_BYTES, Envelope, Inbox, Outbox


class Note(Record, frozen=True):
    text: str


@pytest.fixture(params=["ipc", "tcp"])
def endpoint(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/inbox" if request.param == "ipc" else "tcp://127.0.0.1:*"


@pytest.fixture
def pair(endpoint: str) -> Iterator[tuple[Inbox, Outbox]]:
    inbox = Inbox(endpoint, 8)
    outbox = Outbox(7, {0: inbox.endpoint})
    yield inbox, outbox
    outbox.close()
    inbox.close()


def next_of(inbox: Inbox) -> Envelope:
    while (envelope := inbox.receive()) is None:
        inbox.wait(1)
    return envelope


def text(envelope: Envelope) -> str:
    return msgspec.msgpack.decode(envelope.payload, type=Note).text


def test_messages_arrive_in_order_with_their_sender_and_depth(pair: tuple[Inbox, Outbox]) -> None:
    inbox, outbox = pair
    inbox.start(1)
    for number in range(100):
        outbox.send(0, 1, number, Note(str(number)))
    got = [next_of(inbox) for _ in range(100)]
    assert [(envelope.sender, envelope.depth, text(envelope)) for envelope in got] == [
        (7, number, str(number)) for number in range(100)
    ]


def test_messages_of_later_instances_are_kept_and_of_earlier_ones_dropped(pair: tuple[Inbox, Outbox]) -> None:
    inbox, outbox = pair
    inbox.start(2)
    for instance in (1, 3, 2):
        outbox.send(0, instance, 0, Note(f"of {instance}"))
    assert text(next_of(inbox)) == "of 2"
    assert inbox.receive() is None
    inbox.start(3)
    assert text(next_of(inbox)) == "of 3"


def test_a_flood_of_later_messages_takes_so_much_and_no_more(pair: tuple[Inbox, Outbox]) -> None:
    """What one sender says for later instances has an end, and leaves room for the others."""
    inbox, flooder = pair
    other = Outbox(3, {0: inbox.endpoint})
    stranger = Outbox(8, {0: inbox.endpoint})
    inbox.start(1)
    for number in range(2 * EARLY):
        flooder.send(0, 2, 0, Note(str(number)))
    for instance in (1 + AHEAD, 2 + AHEAD, 10**15):
        flooder.send(0, instance, 0, Note("late"))
    stranger.send(0, 1, 0, Note("from nobody"))
    other.send(0, 2, 0, Note("mine"))
    for sender in (flooder, stranger, other):
        sender.send(0, 1, 0, Note("last"))  # of each sender all that came before has been read then
    heard = [next_of(inbox).sender for _ in range(2)]
    assert sorted(heard) == [3, 7]
    inbox.start(2)
    kept = []
    while (envelope := inbox.receive()) is not None:
        kept.append((envelope.sender, text(envelope)))
    assert sorted(kept) == sorted([(7, str(number)) for number in range(EARLY)] + [(3, "mine")])
    inbox.start(1 + AHEAD)
    assert text(next_of(inbox)) == "late"
    inbox.start(2 + AHEAD)
    assert inbox.receive() is None
    for sender in (other, stranger):
        sender.close()


def test_a_message_that_is_too_long_is_never_taken_in(pair: tuple[Inbox, Outbox]) -> None:
    """Its sender is disconnected, and connects again."""
    inbox, outbox = pair
    inbox.start(1)
    outbox._sockets[0].send(b"x" * 2 * MESSAGE_BYTES)
    for number in range(1_000_000):  # what is sent before the new connection stands is lost
        outbox.send(0, 1, number, Note("short"))
        inbox.wait(0.001)
        if (envelope := inbox.receive()) is not None:
            assert text(envelope) == "short"
            return
    raise AssertionError("it never came back")


def test_who_would_send_one_is_told(pair: tuple[Inbox, Outbox]) -> None:
    _, outbox = pair
    with pytest.raises(UsageError, match=r"a message of \d+ bytes is too long, 65536 are the most"):
        outbox.send(0, 1, 0, Note("x" * MESSAGE_BYTES))


def test_sending_to_one_that_does_not_listen_does_not_block(tmp_path: Path) -> None:
    outbox = Outbox(0, {1: f"ipc://{tmp_path}/nobody"})
    for number in range(1000):
        outbox.send(1, 1, 0, Note(str(number)))
    outbox.close()


def test_a_place_where_nobody_can_listen_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=r"messages can not be received at ipc://.*/missing/inbox"):
        Inbox(f"ipc://{tmp_path}/missing/inbox", 2)
