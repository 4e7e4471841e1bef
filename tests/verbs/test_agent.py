"""The agent of a memory: asked twice, asked for what is not legal, and asked for nonsense by one of the processes."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
from collections.abc import Iterator
from typing import Any

import msgspec
import pytest
import zmq

from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import everyone, exclusive_writer
from rayrdma.model.regions import ENCODE
from rayrdma.transports.verbs.handshake import (
    VERSION,
    Address,
    Change,
    Connect,
    Learn,
    Recall,
    Reply,
    Request,
    Settle,
)
from tests.parity.party import PROCESSES, read, read_region, swap, take, write
from tests.verbs.together import Together, secret, wait_until

pytestmark = pytest.mark.verbs

LIAR = 3
_numbers = itertools.count(1)  # the agent answers a number that it knows as it did before


@pytest.fixture(scope="module")
def all_four() -> Iterator[Together]:
    with Together() as together:
        yield together


class Liar:
    """p3, who asks the agent whatever it likes."""

    def __init__(self, four: Together) -> None:
        self._four = four
        self._socket = zmq.Context.instance().socket(zmq.DEALER)
        self._socket.set(zmq.LINGER, 0)
        self._socket.set(zmq.RCVTIMEO, 30_000)
        self._socket.connect(four.memory.endpoint)

    def request(self, what: Any, instance: int | None = None, by: str = secret(LIAR)) -> bytes:
        instance = self._four.instance if instance is None else instance
        return ENCODE(Request(VERSION, by, next(_numbers), instance, what))

    def send_frame(self, frame: bytes) -> None:
        self._socket.send(frame)

    def reply(self) -> Reply:
        return msgspec.msgpack.decode(self._socket.recv(), type=Reply)

    def ask(self, what: Any, instance: int | None = None) -> Reply:
        self.send_frame(self.request(what, instance))
        return self.reply()

    def close(self) -> None:
        self._socket.close()


@pytest.fixture
def four(all_four: Together) -> Together:
    all_four.refresh()
    return all_four


@contextlib.contextmanager
def lying(four: Together) -> Iterator[Liar]:
    """Afterwards the memory is as good as before: the agent lives, and the honest ones read and write."""
    liar = Liar(four)
    try:
        yield liar
    finally:
        liar.close()
    assert four.memory._thread.is_alive()
    assert four.operate(0, write("open", 0, "honest")) is ACK
    assert four.operate(1, read("open")) == "honest"
    assert four.operate(1, take("slots", 1)) is None
    assert four.operate(1, write("slots", 1, "mine")) is ACK
    assert four.operate(2, read("slots", 1)) == "mine"


@pytest.fixture
def liar(four: Together) -> Iterator[Liar]:
    with lying(four) as liar:
        yield liar


@pytest.mark.parametrize(
    "change",
    [
        Change("slots", [0, 1, 2], [], [LIAR, 1]),
        Change("slots", [0, 1], [], [LIAR]),
        Change("slots", [], [], [0, 1, 2, LIAR]),
        Change("slots", [0, 1, 2], [], [0]),
        Change("slots", [0, 2, LIAR], [], [1]),
        Change("slots", [-1, 0, 1], [], [LIAR]),
        Change("slots", [0, 1, 2], [], [-LIAR]),
        Change("slots", [0, 1, 2, 10**15], [], [LIAR]),
        Change("slots", [], [2**63 - 1], []),
        Change("slots", list(range(100_000)), [], []),
        Change("slots", [LIAR], [LIAR], [LIAR]),
        Change("big", [], [], [0, 1, 2, LIAR, 9]),
        Change("open", [], [], [LIAR]),
        Change("rights", [], [], [LIAR]),
        Change("some", [], [], [LIAR]),
        Change("nowhere", [], [], [LIAR]),
        Change("", [], [], []),
    ],
    ids=lambda change: f"{change.region}-{str(change.read)[:12]}-{change.write}-{change.readwrite}",
)
def test_a_change_that_is_not_legal_changes_nothing(four: Together, liar: Liar, change: Change) -> None:
    assert four.operate(0, write("slots", 0, "before")) is ACK
    before = {name: part.permission for name, part in four.memory._parts.items()}
    pairs = four.memory.queue_pairs
    reply = liar.ask(change)
    assert reply.problem == ""
    assert all(keys.write == 0 for name, keys in reply.keys.items() if name in ("slots", "rights"))
    assert {name: part.permission for name, part in four.memory._parts.items()} == before
    assert four.operate(0, write("slots", 0, "on")) is ACK, "nothing was taken from the honest holder"
    assert four.connections[0].refused == 0
    assert four.memory.queue_pairs == pairs


@pytest.mark.parametrize("key", [0, 1, -1])
@pytest.mark.parametrize("region", ["slots", "big", "open"])
def test_who_never_had_a_permission_has_left_nothing(four: Together, liar: Liar, region: str, key: int) -> None:
    reply = liar.ask(Recall(region, 0, key))
    assert reply.value is None
    assert "can not be told" in reply.problem
    assert "\n" not in reply.problem


@pytest.mark.parametrize("register", [-1, 4, 10**9, -(2**63), 2**63 - 1])
@pytest.mark.parametrize("region", ["slots", "big", "open", "some", "nowhere"])
def test_a_register_that_is_not_there_holds_nothing(four: Together, liar: Liar, region: str, register: int) -> None:
    assert liar.ask(Settle(region, register)).value is None
    reply = liar.ask(Recall(region, register, 0))
    assert reply.value is None
    assert "\n" not in reply.problem


@pytest.mark.parametrize("region", ["nowhere", "some", "", "x" * 100_000, "\0"])
def test_nobody_is_connected_to_a_region_that_is_not_there(four: Together, liar: Liar, region: str) -> None:
    pairs = four.memory.queue_pairs
    address = Address(four.device.gid, 0, 17, 0)
    assert liar.ask(Connect(region, address)).address is None
    assert four.memory.queue_pairs == pairs


def test_a_connection_to_nobody_is_one_all_the_same(four: Together, liar: Liar) -> None:
    """It harms its owner alone, and there is never more than one for a region."""
    pairs = four.memory.queue_pairs
    for number in (1, 2, 2**24 - 1):
        reply = liar.ask(Connect("open", Address(four.device.gid, 0, number, 0)))
        assert reply.problem == ""
        assert reply.address is not None
    assert four.memory.queue_pairs == pairs
    # The honest end of p3 was cut off by this. It finds out, and connects anew.
    assert four.operate(LIAR, write("open", 1, "longer than a word")) is ACK
    assert four.operate(0, read("open", 1)) == "longer than a word"


def test_an_address_beyond_all_networks_is_one_clear_line(four: Together, liar: Liar) -> None:
    reply = liar.ask(Connect("open", Address("0000:0000:0000:0000:0000:0000:0000:0000", 0, 17, 0)))
    assert reply.address is None or reply.problem == ""
    assert "\n" not in reply.problem
    assert four.operate(LIAR, write("open", 1, "longer than a word")) is ACK


def test_a_request_that_comes_twice_is_carried_out_once(four: Together, liar: Liar) -> None:
    """The permission that was asked for is somebody else's by then, and stays there."""
    mine = Change("slots", [0, 1, 2], [], [LIAR])
    frame = liar.request(mine)
    liar.send_frame(frame)
    first = liar.reply()
    assert first.keys["slots"].write != 0
    wait_until(lambda: four.memory._parts["slots"].permission == exclusive_writer(LIAR, PROCESSES), "the change")
    assert four.operate(1, take("slots", 1)) is None
    for _ in range(3):
        liar.send_frame(frame)
        assert liar.reply() == first
    assert four.memory._parts["slots"].permission == exclusive_writer(1, PROCESSES)
    assert four.operate(1, write("slots", 0, "mine")) is ACK
    assert liar.ask(mine).keys["slots"].write not in (0, first.keys["slots"].write)
    assert four.operate(1, write("slots", 0, "no more")) is NAK


@pytest.mark.parametrize("by", ["", "the secret of p9", secret(LIAR).upper()])
def test_whoever_has_no_secret_of_the_run_gets_nothing(four: Together, liar: Liar, by: str) -> None:
    for what in (Learn(), Change("slots", [0, 1, 2], [], [LIAR]), Settle("open", 0)):
        liar.send_frame(liar.request(what, by=by))
        reply = liar.reply()
        assert "another run" in reply.problem
        assert (reply.keys, reply.value) == ({}, None)
    assert four.operate(0, write("slots", 0, "still the holder")) is ACK


def test_nobody_learns_what_it_may_not_read(four: Together, liar: Liar) -> None:
    assert four.operate(1, write("rights", 0, "secret")) is ACK
    assert liar.ask(Settle("rights", 0)).value is None
    keys = liar.ask(Learn()).keys["rights"]
    assert (keys.read, keys.write) == (0, 0)


def test_in_an_instance_that_is_over_or_to_come_nothing_is_given(four: Together, liar: Liar) -> None:
    for instance in (four.instance - 1, four.instance + 1, -1, 2**62):
        for what in (Learn(), Change("slots", [0, 1, 2], [], [LIAR]), Settle("open", 0), Recall("slots", 0, 0)):
            reply = liar.ask(what, instance)
            assert (reply.instance, reply.keys, reply.value) == (four.instance, {}, None)
    assert four.operate(0, write("slots", 0, "still the holder")) is ACK


@pytest.mark.parametrize("seed", range(3))
def test_nonsense_from_a_process_of_the_run(four: Together, liar: Liar, seed: int) -> None:
    """Frames that were right once, with bytes changed; and such as never were."""
    rng = random.Random(seed)
    address = Address(four.device.gid, 0, 17, 0)
    right = [Learn(), Connect("open", address), Change("open", [], [], [3]), Settle("big", 1), Recall("slots", 0, 1)]
    for number in range(200):
        frame = bytearray(liar.request(rng.choice(right)))
        for _ in range(rng.randint(1, 4)):
            frame[rng.randrange(len(frame))] = rng.randrange(256)
        liar.send_frame(bytes(frame) if number % 10 else rng.randbytes(rng.randrange(200)))
    assert four.operate(0, take("slots", 0)) is None
    assert four.memory._parts["open"].permission == everyone(PROCESSES)


@pytest.mark.parametrize("region", ["open", "big", "slots"])
@pytest.mark.parametrize("seed", range(3))
def test_registers_full_of_nonsense_are_as_if_never_written(four: Together, region: str, seed: int) -> None:
    """Who may write a region can fill it with any bytes: the others read on, and write over it."""
    rng = random.Random(seed)
    part, who = four.memory._parts[region], 0
    for number in range(10):
        four.operate(who, write(region, 0, "whole, and long enough"))
        size = 256 if number % 2 else part.memory.size
        part.memory.bytes[:size] = rng.randbytes(size)  # as its device would
        for reader in range(PROCESSES):
            got = four.operate(reader, read_region(region))
            assert all(value is None or isinstance(value, int | str | bytes | float | bool) for value in got)
        assert four.operate(who, write(region, 0, number)) is ACK
        assert four.operate(1, read(region)) == number
        assert four.operate(who, swap(region, 0, number, "swapped, and long enough")) == number
        assert four.operate(2, read(region)) == "swapped, and long enough"


def test_after_its_crash_it_answers_nobody(four: Together) -> None:
    with Together(n=2, regions=four.regions[:3]) as two:
        assert two.operate(0, write("open", 0, "before")) is ACK
        two.memory.crash()
        assert two.memory.queue_pairs == 0
        for process, operation in ((0, write("open", 0, "after")), (1, read("open"))):
            connection = two.connections[process]
            connection.post(operation)
            why = two.ports[process]
            wait_until(
                lambda connection=connection: connection.poll() is not None and connection._asked, "the end of retries"
            )
            assert "RETRY_EXC" in why.why
            for _ in range(5_000):
                assert connection.poll() is not ACK
                assert connection.lost is None
                assert connection._steps is not None, "it is pending for ever"
                os.sched_yield()
            assert connection.refused == 0
