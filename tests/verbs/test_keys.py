"""What a device refuses by itself: whoever goes round the connection, with keys that it was not given, or no more."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import Permission
from rayrdma.transports.connection import PENDING
from rayrdma.transports.verbs.agent import Revocation
from rayrdma.transports.verbs.connection import VerbsConnection
from rayrdma.transports.verbs.device import DENIED, GET, PUT, SUCCESS, SWAP
from tests.parity.party import change, read, read_region, swap, take, write
from tests.verbs.together import Together, connected, post, wait_until

pytestmark = pytest.mark.verbs


@pytest.fixture(scope="module", params=Revocation, ids=lambda how: how.name)
def all_four(request: pytest.FixtureRequest) -> Iterator[Together]:
    with Together(request.param) as together:
        yield together


@pytest.fixture
def four(all_four: Together) -> Together:
    """A memory and four processes, in a new instance."""
    all_four.refresh()
    return all_four


def test_a_refusal_is_a_nak_and_is_counted(four: Together) -> None:
    assert four.operate(0, write("slots", 0, "mine")) is ACK
    assert four.operate(1, take("slots", 1)) is None
    for number in range(3):
        assert four.operate(0, write("slots", 0, "no more")) is NAK
        assert four.connections[0].refused == 1, "the device refused once; from then on the process knows"
        assert four.operate(1, write("slots", 1, number)) is ACK
    assert four.operate(0, swap("slots", 0, "mine", "no more")) is NAK
    assert four.operate(2, read_region("slots")) == ("mine", 2, None, None)
    assert [connection.refused for connection in four.connections] == [1, 0, 0, 0]


@pytest.mark.parametrize("opcode", [GET, PUT, SWAP])
@pytest.mark.parametrize("region", ["slots", "open"])
def test_keys_of_an_earlier_instance_are_refused(four: Together, region: str, opcode: int) -> None:
    keys = four.connections[0].side(region).keys if four.operate(0, write(region, 0, "old")) is ACK else None
    assert keys is not None
    four.reset()
    line = connected(four, 0, None if opcode == GET else region)
    assert post(four, 0, line, opcode, keys.base, keys.read if opcode == GET else keys.write) in DENIED
    assert four.operate(1, read(region)) is NAK, "it is in the old instance"
    four.connections[1].start(four.instance)
    assert four.operate(1, read(region)) is None


def test_who_waits_for_an_instance_to_start_needs_its_agent_no_more(four: Together) -> None:
    assert four.operate(0, write("slots", 0, "before")) is ACK  # its queue pairs are connected
    assert four.operate(0, read("slots")) == "before"
    connection = four.connections[0]
    connection.post(write("slots", 0, "abandoned"))  # so that its queue pair has to be connected anew
    four.reset()
    connection.start(four.instance)
    wait_until(lambda: connection.poll() is not PENDING, "the start")
    with four.memory._lock:  # the agent can do nothing
        assert four.operate(0, write("slots", 0, "mine")) is ACK
        assert four.operate(0, read("slots")) == "mine"


def test_who_does_not_wait_for_an_instance_to_start_gets_its_own_answers(four: Together) -> None:
    """The keys are there, and another queue pair is being connected, when the first operation comes."""
    for value in range(5):
        assert four.operate(0, write("slots", 0, "before")) is ACK
        connection = four.connections[0]
        assert four.operate(0, write("open", 0, "before")) is ACK
        connection.post(write("open", 0, "abandoned"))
        four.reset()
        connection.start(four.instance)

        def keys_there(connection: VerbsConnection = connection) -> bool:
            assert connection.poll() is PENDING, "it has a queue pair to connect"
            return connection.side("slots").keys.write != 0

        wait_until(keys_there, "the keys")
        assert four.operate(0, write("slots", 1, value)) is ACK
        assert four.operate(0, read_region("slots")) == (None, value, None, None)
        assert four.operate(0, write("open", 0, value)) is ACK


@pytest.mark.parametrize("opcode", [GET, PUT, SWAP])
@pytest.mark.parametrize("region", ["slots", "open", "big"])
def test_a_key_of_another_process_is_of_no_use(four: Together, region: str, opcode: int) -> None:
    """All processes may write in two of them: their keys are their own all the same."""
    assert four.operate(0, write(region, 0, "mine")) is ACK
    assert four.operate(1, read(region)) == "mine"
    keys = four.connections[0].side(region).keys
    line = connected(four, 1, None if opcode == GET else region)
    assert post(four, 1, line, opcode, keys.base, keys.read if opcode == GET else keys.write) in DENIED
    assert four.operate(1, read(region)) == "mine"


@pytest.mark.parametrize("opcode", [PUT, SWAP])
def test_nothing_is_written_through_the_queue_pair_for_reads(four: Together, opcode: int) -> None:
    assert four.operate(0, write("open", 0, "whole")) is ACK
    keys = four.connections[0].side("open").keys
    for key in (keys.read, keys.write):
        assert post(four, 0, connected(four, 0, None), opcode, keys.base, key) in DENIED
    assert four.operate(1, read("open")) == "whole"


def test_nothing_is_read_through_the_queue_pair_for_writes(four: Together) -> None:
    assert four.operate(1, write("rights", 0, "secret")) is ACK
    keys = four.connections[1].side("rights").keys
    assert keys.read == 0, "it may only write there"
    assert post(four, 1, connected(four, 1, "rights"), GET, keys.base, keys.write) in DENIED


def test_nothing_is_swapped_where_registers_lie_in_place(four: Together) -> None:
    """It would tell what was there, and who may write need not be one who may read."""
    assert four.operate(0, write("slots", 0, "mine")) is ACK
    keys = four.connections[0].side("slots").keys
    assert post(four, 0, connected(four, 0, "slots"), SWAP, keys.base, keys.write) in DENIED
    assert four.operate(0, read("slots")) == "mine"


@pytest.mark.parametrize("opcode", [GET, PUT, SWAP])
def test_a_key_opens_its_region_and_not_a_byte_beyond(four: Together, opcode: int) -> None:
    assert four.operate(0, write("open", 0, "whole")) is ACK
    region = None if opcode == GET else "open"
    side = four.connections[0].side("open")
    for base in (side.keys.base - 8, side.keys.base + four.memory._parts["open"].memory.size, 0, 2**64 - 8):
        line = connected(four, 0, region)
        assert post(four, 0, line, opcode, base, side.keys.read if opcode == GET else side.keys.write) in DENIED
    assert four.operate(1, read_region("open")) == ("whole", None)


@pytest.mark.parametrize("opcode", [PUT, SWAP])
def test_a_write_with_a_key_from_before_the_revocation_is_refused(four: Together, opcode: int) -> None:
    """Also on a queue pair that is connected after it, and whoever asks for the key gets none."""
    assert four.operate(0, write("slots", 0, "mine")) is ACK
    keys = four.connections[0].side("slots").keys
    line = four.connections[0].side("slots").line
    assert four.operate(1, take("slots", 1)) is None
    assert post(four, 0, line, opcode, keys.base, keys.write) in DENIED
    assert post(four, 0, connected(four, 0, "slots"), opcode, keys.base, keys.write) in DENIED
    assert four.connections[0].side("slots").keys.write == 0
    assert four.operate(1, read("slots")) == "mine"
    assert four.operate(0, take("slots", 0)) is None
    assert four.connections[0].side("slots").keys.write not in (0, keys.write), "each time another key"


def test_whoever_loses_the_right_to_read_is_refused_by_the_device(four: Together) -> None:
    assert four.operate(0, write("big", 0, b"secret")) is ACK
    assert four.operate(3, read("big")) == b"secret"
    keys = four.connections[3].side("big").keys
    assert four.operate(0, change("big", Permission(write=[3], readwrite=[0, 1, 2]))) is None
    assert post(four, 3, connected(four, 3, None), GET, keys.base, keys.read) in DENIED
    assert four.operate(3, read("big")) is NAK
    assert four.operate(3, write("big", 0, b"its own")) is ACK
    assert four.operate(0, read("big")) == b"its own"


def test_what_was_not_revoked_goes_on(four: Together) -> None:
    """On the same queue pairs as before: nothing had to be connected again."""
    for process in range(4):
        assert four.operate(process, write("open", 0, process)) is ACK
        assert four.operate(process, read("open")) == process
    assert four.operate(0, write("slots", 0, 1)) is ACK
    before = [connection.reconnected for connection in four.connections]
    for taker in (1, 2, 0, 3):
        assert four.operate(taker, take("slots", taker)) is None
        for process in range(4):
            assert four.operate(process, write("open", 0, process)) is ACK
            assert four.operate(process, read_region("slots"))[0] == 1
            assert four.operate(process, read_region("some"))[0] == process
    assert [connection.reconnected for connection in four.connections] == before
    assert [connection.refused for connection in four.connections] == [0] * 4


def test_an_honest_request_past_the_connection_is_done(four: Together) -> None:
    """So the refusals above are none of the harness."""
    assert four.operate(0, write("open", 0, "whole")) is ACK
    keys: Any = four.connections[0].side("open").keys
    assert post(four, 0, connected(four, 0, None), GET, keys.base, keys.read) == SUCCESS
    assert post(four, 0, connected(four, 0, "open"), SWAP, keys.base, keys.write) == SUCCESS
    assert post(four, 0, connected(four, 0, "open"), PUT, keys.base, keys.write) == SUCCESS
