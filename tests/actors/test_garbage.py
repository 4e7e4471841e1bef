"""Bytes of no sense, at every place that takes bytes from a peer: refused or ignored, never an exception."""

from __future__ import annotations

import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zmq
from hypothesis import example, given, settings
from hypothesis import strategies as st

from rayrdma.actors.omega import MessageBoard
from rayrdma.model.operations import COMPARE_AND_SWAP, READ_REGION, WRITE
from rayrdma.model.permissions import everyone, exclusive_write_to_caller, exclusive_writer
from rayrdma.model.regions import ENCODE, Record, Region
from rayrdma.transports.links import Inbox, Outbox
from rayrdma.transports.service import REFUSED, VALUE, MemoryService, decode_reply

N = 3
CASES = 10_000
REGIONS = [
    Region("slots", N, exclusive_writer(0, N), of=str, legal_change=exclusive_write_to_caller, register_bytes=64),
    Region("free", 2, everyone(N), of=str, register_bytes=8),
]
DEEP = b"\x91" * 2000
"""Arrays in arrays in arrays: whoever decodes them runs out of stack."""
BAD_TEXT = b"\xa2\xff\xfe"
"""Text that is not UTF-8."""

anything = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**63), 2**64 - 1) | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
frames = st.binary(max_size=60) | st.lists(anything, max_size=8).map(ENCODE)
names = st.sampled_from(["slots", "free", "", "elsewhere"])
requests = st.tuples(
    st.integers(0, 9), st.integers(-1, 2), st.integers(-1, 6), names, st.integers(-2, 4), anything
).map(ENCODE)
processes = st.integers(0, N - 1)


def ask(service: MemoryService, process: int, *request: Any) -> Any:
    return decode_reply(service.apply(process, ENCODE((1, 1, *request))) or b"")


@settings(max_examples=CASES, deadline=None, derandomize=True)
@given(st.lists(st.tuples(processes, frames | requests), min_size=1, max_size=2))
@example([(0, DEEP)])
@example([(0, b"\x96\x01\x01\x00" + BAD_TEXT + b"\x00\xc0")])
@example([(0, b"\x96\x01\x01\x01\xa4free\x00" + DEEP)])
def test_a_memory_refuses_or_answers_whatever_it_is_sent(sent: list[tuple[int, bytes]]) -> None:
    service = MemoryService(REGIONS, N)
    service.reset(1)
    for process, frame in sent:
        reply = service.apply(process, frame)
        assert reply is not None
        decode_reply(reply)
    # It goes on serving, and nobody has got into a register what does not fit there.
    ask(service, 2, WRITE, "free", 0, b"whole")
    assert ask(service, 2, READ_REGION, "free", 0, None).value[0] == b"whole"
    for region in REGIONS:
        held = ask(service, 1, READ_REGION, region.name, 0, None)
        assert held.answer in (VALUE, REFUSED)
        for value in held.value or ():
            assert value is None or (isinstance(value, bytes) and len(value) <= region.register_bytes)


@pytest.mark.parametrize("argument", [[None, b"123456789"], [None, "text"], [b"x"], [b"x", b"y", b"z"], None, 7])
def test_a_swap_of_no_sense_is_refused(argument: Any) -> None:
    service = MemoryService(REGIONS, N)
    service.reset(1)
    assert ask(service, 0, COMPARE_AND_SWAP, "free", 0, argument).answer == REFUSED
    assert ask(service, 0, READ_REGION, "free", 0, None).value == [None, None]


class Word(Record, frozen=True):
    text: str


@pytest.fixture(scope="module")
def wire() -> Iterator[tuple[Inbox, Outbox, Any]]:
    """An inbox, somebody who sends it messages, and somebody who sends it anything."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        endpoint = f"ipc://{Path(folder) / 'inbox'}"
        inbox, outbox = Inbox(endpoint, 2), Outbox(1, {0: endpoint})
        stranger = zmq.Context.instance().socket(zmq.PUSH)
        stranger.set(zmq.LINGER, 0)
        stranger.connect(endpoint)
        yield inbox, outbox, stranger
        stranger.close()
        outbox.close()
        inbox.close()


def receive(inbox: Inbox) -> Any:
    for _ in range(1000):
        if (envelope := inbox.receive()) is not None:
            return envelope
        inbox.wait(0.01)
    raise AssertionError("nothing came")


numbered = st.tuples(st.integers(-1, 3), st.integers(-1, 4), st.integers(0, 9), anything)


@settings(max_examples=CASES, deadline=None, derandomize=True)
@given(sent=st.lists(frames, min_size=1, max_size=2))
@example(sent=[DEEP, b"", b"\x94\x01\x01\x01" + DEEP, BAD_TEXT])
def test_an_inbox_ignores_what_is_no_message(wire: tuple[Inbox, Outbox, Any], sent: list[bytes]) -> None:
    inbox, outbox, stranger = wire
    instance = inbox.instance + 1
    inbox.start(instance)
    for frame in sent:
        stranger.send(frame)
    outbox.send(0, instance, 5, Word("here"))
    while True:
        envelope = receive(inbox)  # others may be messages by chance, of this instance
        if (envelope.sender, envelope.depth) == (1, 5):
            break
    assert msgspec.msgpack.decode(envelope.payload, type=Word) == Word("here")


@settings(max_examples=CASES, deadline=None, derandomize=True)
@given(sent=st.lists(frames | numbered.map(ENCODE), min_size=1, max_size=2))
@example(sent=[ENCODE((0, 1, 0, None))[:-1] + BAD_TEXT, b"\x94\x00\x01\x01" + DEEP])
def test_heartbeats_ignore_what_is_none(wire: tuple[Inbox, Outbox, Any], sent: list[bytes]) -> None:
    inbox, outbox, stranger = wire
    inbox.start(0)
    board = MessageBoard(1, 2, inbox, outbox)
    for frame in sent:
        stranger.send(frame)
    board.show(1)
    for _ in range(1000):
        if board.look().get(1, -1) >= 1:
            return
        inbox.wait(0.01)
    raise AssertionError("a heartbeat was lost")
