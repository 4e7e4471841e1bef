"""Messages between processes, over both carriers."""

from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from rayrdma.model.errors import EnvironmentProblem
from rayrdma.model.regions import Record
from rayrdma.transports.links import Envelope, Inbox, Outbox


class Note(Record, frozen=True):
    text: str


@pytest.fixture(params=["ipc", "tcp"])
def endpoint(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    return f"ipc://{tmp_path}/inbox" if request.param == "ipc" else "tcp://127.0.0.1:*"


@pytest.fixture
def pair(endpoint: str) -> Iterator[tuple[Inbox, Outbox]]:
    inbox = Inbox(endpoint)
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


def test_sending_to_one_that_does_not_listen_does_not_block(tmp_path: Path) -> None:
    outbox = Outbox(0, {1: f"ipc://{tmp_path}/nobody"})
    for number in range(1000):
        outbox.send(1, 1, 0, Note(str(number)))
    outbox.close()


def test_a_place_where_nobody_can_listen_is_named(tmp_path: Path) -> None:
    with pytest.raises(EnvironmentProblem, match=r"messages can not be received at ipc://.*/missing/inbox"):
        Inbox(f"ipc://{tmp_path}/missing/inbox")
