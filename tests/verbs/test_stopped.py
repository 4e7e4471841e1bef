"""A memory whose agent is stopped, or dead: the device answers by itself, and nobody answers for the agent."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from rayrdma.model.outcomes import ACK, NAK
from rayrdma.transports.connection import PENDING
from tests.parity import scripts
from tests.parity.arms import Worker
from tests.parity.live import state
from tests.parity.party import Op, Party, read, read_region, swap, take, write
from tests.parity.verbs_arm import FlagsArm, VerbsArm

pytestmark = pytest.mark.verbs

LONG = "more than fits a word: "
POLLS = 500


@pytest.fixture(scope="module", params=[VerbsArm, FlagsArm], ids=lambda kind: kind.revocation.name)
def open_arm(request: pytest.FixtureRequest) -> Iterator[VerbsArm]:
    arm = request.param()
    yield arm
    arm.close()


@pytest.fixture
def arm(open_arm: VerbsArm) -> Iterator[VerbsArm]:
    """Two memories and up to four processes, in a new instance; each is a process of its own."""
    open_arm.refresh()
    yield open_arm
    open_arm.abandon()


def pending(worker: Worker, polls: int = POLLS) -> None:
    """Nobody is told anything."""
    assert set(worker.call(scripts.poll, 0, polls)) == {PENDING}
    assert worker.call(scripts.lost, 0) is None


def elsewhere(worker: Worker, value: Any) -> None:
    """The other memory is well."""
    assert worker.operate(write("open", 0, value, memory=1)) is ACK
    assert worker.operate(read("open", memory=1)) == value


def test_a_stopped_agent_holds_up_changes_and_nothing_else(arm: VerbsArm) -> None:
    leader, other, third = arm.workers(3)
    assert leader.operate(write("slots", 0, "before")) is ACK
    assert leader.operate(write("open", 0, LONG)) is ACK
    assert third.operate(swap("open", 1, None, 0)) is None
    assert third.operate(read_region("slots"))[0] == "before"
    arm.stop_memory(0)
    try:
        assert other.call(scripts.post, take("slots", 1)) is PENDING
        for number in range(20):
            assert leader.operate(write("slots", 0, number)) is ACK
            assert leader.operate(write("open", 0, f"{LONG}{number}")) is ACK
            assert third.operate(read("slots")) == number
            assert third.operate(swap("open", 1, number, number + 1)) == number
            assert leader.operate(read_region("open")) == (f"{LONG}{number}", number + 1)
            elsewhere(third, number)
            pending(other, 50)
        assert state(arm.memories[0].pid) == "T", "all the while"
    finally:
        arm.resume_memory(0)
    assert other.call(scripts.poll_until_answered, 0) is None
    assert leader.operate(write("slots", 0, "no more")) is NAK
    assert other.operate(write("slots", 1, "mine")) is ACK
    assert third.operate(read_region("slots")) == (19, "mine", None, None)


def poll_until_it_asks(party: Party) -> str:
    """Poll until the device has given up and the agent is asked; why. Nothing may be answered."""
    connection = party.connections[0]
    while not connection._asked:
        assert connection.poll() is PENDING
    return party.connections[0].port.why


ON_ONE = pytest.mark.parametrize("open_arm", [VerbsArm], indirect=True, ids=["REGISTRATION"])
"""Where nothing is revoked."""
POSTED = {
    "write in place": write("slots", 0, "after"),
    "write and swap": write("big", 0, LONG * 2_000),
    "swap": swap("open", 0, "before", "after"),
    "reads": read_region("some"),
}


@ON_ONE
@pytest.mark.parametrize("operation", POSTED.values(), ids=POSTED.keys())
def test_what_is_posted_to_a_killed_memory_stays_pending(arm: VerbsArm, operation: Op) -> None:
    first, second = arm.workers(2)
    for region in ("slots", "open", "big"):
        assert first.operate(write(region, 0, "before")) is ACK
    arm.kill_memory(0)
    assert first.call(scripts.post, operation) is PENDING
    assert "RETRY_EXC" in first.call(poll_until_it_asks)
    assert second.call(scripts.post, take("slots", 1)) is PENDING
    for number in range(3):
        elsewhere(first, number)
        pending(first)
        pending(second)


def write_until_it_asks(party: Party, region: str, times: int) -> int:
    """Write on and on, until a write is not answered and the agent is asked what became of it; the last that was."""
    connection, number = party.connections[0], 0
    while True:
        party.ledger.tried[party.id] = number + 1
        response = connection.post(write(region, 0, f"{number + 1:08}" * times))
        while response is PENDING:
            if connection._asked:
                return number
            response = connection.poll()
        assert response is ACK
        number += 1


@ON_ONE
@pytest.mark.parametrize(("region", "times"), [("slots", 1), ("big", 8_000)])
def test_a_write_in_flight_to_a_memory_that_is_killed_becomes_unknown(arm: VerbsArm, region: str, times: int) -> None:
    """The kernel takes its regions and its queue pairs apart one by one; whatever it meets meanwhile, it is no NAK."""
    for kill in range(1, 3):
        writer, other = arm.workers(2)
        writer.begin(write_until_it_asks, region, times)
        arm.reach(arm.ledger.tried, 0, 5 + kill)
        seen = other.operate(read(region))
        arm.kill_memory(0)
        acked = writer.result()
        assert 4 + kill <= int(seen[:8]) <= acked + 1
        pending(writer)
        elsewhere(writer, kill)
        arm.refresh()
