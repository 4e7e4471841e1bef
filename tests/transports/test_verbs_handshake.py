"""Requests to a memory's agent, and what is none: no device is needed to refuse it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import zmq
from hypothesis import given
from hypothesis import strategies as st

from rayrdma.model.errors import EnvironmentProblem
from rayrdma.model.regions import ENCODE, UNREADABLE
from rayrdma.transports.verbs import handshake
from rayrdma.transports.verbs.handshake import (
    REQUEST_BYTES,
    VERSION,
    Address,
    Caller,
    Change,
    Connect,
    Counter,
    Keys,
    Learn,
    Recall,
    Reply,
    Request,
    Settle,
)

MILLISECONDS = 30_000
SECRETS = {"mine": 0, "yours": 3}
GID = "0000:0000:0000:0000:0000:ffff:0a00:0301"
ADDRESS = Address(GID, 0, 17, 2**24 - 1)
QUESTIONS = [
    Learn(),
    Connect(None, ADDRESS),
    Connect("slots", ADDRESS),
    Change("slots", [0, 2], [], [1]),
    Settle("slots", 3),
    Recall("slots", 3, 77),
]


@pytest.fixture
def counter() -> Iterator[Counter]:
    counter = Counter("127.0.0.1", dict(SECRETS))
    yield counter
    counter.close()


@pytest.fixture
def caller(counter: Counter) -> Iterator[Caller]:
    caller = Caller(counter.endpoint, "mine")
    yield caller
    caller.close()


@pytest.fixture
def stranger(counter: Counter) -> Iterator[Any]:
    """A socket that sends what it likes."""
    socket = zmq.Context.instance().socket(zmq.DEALER)
    socket.set(zmq.LINGER, 0)
    socket.set(zmq.RCVTIMEO, MILLISECONDS)
    socket.connect(counter.endpoint)
    yield socket
    socket.close()


def take(caller: Caller) -> Reply:
    """The reply, as soon as it is there."""
    poller = zmq.Poller()
    poller.register(caller._socket, zmq.POLLIN)
    while True:
        assert poller.poll(MILLISECONDS), "no reply"
        if (reply := caller.take()) is not None:
            return reply


def answer(counter: Counter) -> tuple[int, Request]:
    """Take a request in and answer it; who asked, and what."""
    found = counter.next(MILLISECONDS)
    assert found is not None
    to, process, request = found
    counter.answer(to, Reply(request.number, request.instance, {"slots": Keys(1 << 63, 2, 3, {4: 1})}, ADDRESS, b"v"))
    return process, request


@pytest.mark.parametrize("question", QUESTIONS, ids=lambda question: type(question).__name__)
def test_a_question_and_its_reply_come_as_they_were_sent(counter: Counter, caller: Caller, question: Any) -> None:
    caller.ask(9, question)
    process, request = answer(counter)
    assert (process, request.instance, request.what) == (0, 9, question)
    reply = take(caller)
    assert (reply.instance, reply.address, reply.value, reply.problem) == (9, ADDRESS, b"v", "")
    assert reply.keys == {"slots": Keys(1 << 63, 2, 3, {4: 1})}


def test_who_asks_is_known_by_its_secret_alone(counter: Counter) -> None:
    for secret, process in SECRETS.items():
        caller = Caller(counter.endpoint, secret)
        caller.ask(1, Learn())
        assert answer(counter)[0] == process
        caller.close()


def test_only_the_reply_to_the_latest_question_counts(counter: Counter, caller: Caller) -> None:
    caller.ask(1, Learn())
    caller.repeat()
    caller.ask(2, Learn())
    numbers = [answer(counter)[1].number for _ in range(3)]
    assert numbers == [numbers[0], numbers[0], numbers[0] + 1]
    assert take(caller).number == numbers[2]
    caller.ask(3, Learn())
    answer(counter)
    assert take(caller).instance == 3


@pytest.mark.parametrize("secret", ["", "Mine", "mine ", "\0", "x" * 10_000])
def test_whoever_is_not_of_the_run_is_told_so(counter: Counter, secret: str) -> None:
    caller = Caller(counter.endpoint, secret)
    caller.ask(1, Learn())
    assert counter.next(MILLISECONDS) is None
    with pytest.raises(EnvironmentProblem, match=r"^this memory belongs to another run: [^\n]*$"):
        take(caller)
    caller.close()


@pytest.mark.parametrize("version", [0, VERSION + 1, -1, 2**64 - 1, None, "1", 1.5, [1], {"a": "\n"}])
def test_another_version_is_told_both(counter: Counter, stranger: Any, version: Any) -> None:
    """Whatever else stands in the request, for that may be different in another version."""
    for rest in ((), ("mine", 5, 1, Learn()), ({}, [], None)):
        stranger.send(ENCODE((version, *rest)))
        assert counter.next(MILLISECONDS) is None
        problem = msgspec.msgpack.decode(stranger.recv(), type=Reply).problem
        assert problem.startswith(f"this memory speaks version {VERSION} of the handshake, and not ")
        assert repr(version) in problem
        assert "\n" not in problem
        assert "run the same rayrdma on all hosts" in problem


def test_a_caller_tells_what_answers_and_is_no_memory(counter: Counter, caller: Caller) -> None:
    caller.ask(1, Learn())
    found = counter.next(MILLISECONDS)
    assert found is not None
    counter._socket.send_multipart([found[0], b"no reply"])
    with pytest.raises(EnvironmentProblem, match="none of this version"):
        take(caller)


FRAME = ENCODE(Request(VERSION, "mine", 5, 1, Connect("slots", ADDRESS)))


@pytest.mark.parametrize(
    "frame",
    [
        b"",
        b"\xc1",
        b"\x00" * 100,
        b"\xff" * 100,
        b"\x91" * 100_000,  # lists in lists
        b"\xdd\xff\xff\xff\xff",  # a list of 2^32 - 1 elements
        b"\xc6\xff\xff\xff\xff",  # as many bytes
        b"\x81\xa1a\xa1b",
        ENCODE("mine"),
        ENCODE([VERSION]),
        ENCODE([VERSION, "mine", 5, 1, None]),
        ENCODE([VERSION, "mine", 5, 1, ["Nothing"]]),
        ENCODE([VERSION, "mine", 2**64 - 1, 1, ["Learn", {"more": 1}], 7])[:-3],
        ENCODE([VERSION, 5, "mine", 1, ["Learn"]]),
        ENCODE([VERSION, "mine", 5, 1, ["Change", "slots", ["0"], [], []]]),
        ENCODE([VERSION, "mine", 5, 1, ["Settle", "slots", 1.5]]),
        *(FRAME[:length] for length in range(len(FRAME))),
    ],
    ids=lambda frame: f"{len(frame)} bytes",
)
def test_nonsense_gets_nothing_and_the_next_request_is_answered(
    counter: Counter, caller: Caller, stranger: Any, frame: bytes
) -> None:
    stranger.send(frame)
    assert counter.next(MILLISECONDS) is None
    caller.ask(1, Learn())
    assert answer(counter)[0] == 0
    assert take(caller).instance == 1


def test_a_request_of_many_parts_is_none(counter: Counter, caller: Caller, stranger: Any) -> None:
    stranger.send_multipart([b"", FRAME, FRAME])
    assert counter.next(MILLISECONDS) is None
    caller.ask(1, Learn())
    assert answer(counter)[0] == 0


def test_who_sends_too_much_is_hung_up_on(counter: Counter, caller: Caller, stranger: Any) -> None:
    monitor = stranger.get_monitor_socket(zmq.EVENT_DISCONNECTED)
    monitor.set(zmq.RCVTIMEO, MILLISECONDS)
    stranger.send(ENCODE([VERSION, "m" * REQUEST_BYTES, 5, 1, ["Learn"]]))
    poller = zmq.Poller()
    poller.register(monitor, zmq.POLLIN)
    while not poller.poll(10):
        assert counter.next(10) is None
    stranger.disable_monitor()
    monitor.close()
    caller.ask(1, Learn())
    while (found := counter.next(MILLISECONDS)) is None:
        pass
    assert found[1] == 0


@pytest.mark.parametrize(
    "wrong",
    [
        {"gid": ""},
        {"gid": "::1"},
        {"gid": GID + "\n"},
        {"gid": GID.upper()},
        {"gid": GID + ":0000"},
        {"gid": "é" * 39},
        {"lid": -1},
        {"lid": 2**16},
        {"number": -1},
        {"number": 2**24},
        {"first_packet": -1},
        {"first_packet": 2**24},
        {"first_packet": 2**64 - 1},
    ],
    ids=str,
)
def test_an_address_that_is_none_is_nonsense(counter: Counter, stranger: Any, wrong: dict[str, Any]) -> None:
    address = msgspec.structs.replace(ADDRESS, **wrong)
    stranger.send(ENCODE(Request(VERSION, "mine", 5, 1, Connect("slots", address))))
    assert counter.next(MILLISECONDS) is None


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_but_that_they_are_unreadable(frame: bytes) -> None:
    for decode in (handshake._decode_request, handshake._decode_reply, handshake._decode_any):
        try:
            decode(frame)
        except UNREADABLE:
            continue


@given(
    st.integers(0, 2**63),
    st.integers(0, 2**63 - 1),
    st.sampled_from(QUESTIONS),
    st.integers(0, 400),
    st.integers(0, 255),
)
def test_a_changed_byte_makes_another_request_or_none(
    number: int, instance: int, what: Any, position: int, byte: int
) -> None:
    frame = bytearray(ENCODE(Request(VERSION, "mine", number, instance, what)))
    assert handshake._decode_request(bytes(frame)) == Request(VERSION, "mine", number, instance, what)
    frame[position % len(frame)] = byte
    try:
        request = handshake._decode_request(bytes(frame))
    except UNREADABLE:
        return
    assert isinstance(request, Request)
    assert not isinstance(request.what, Connect) or 0 <= request.what.address.number < 2**24
