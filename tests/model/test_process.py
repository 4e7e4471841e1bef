"""The model's own rules: one outstanding operation, delays by causal depth, one decision."""

from __future__ import annotations

from typing import Any

import pytest

from rayrdma.model.errors import NoSuchRegister, ProtocolError
from rayrdma.model.outcomes import ACK, NAK, Outcome
from rayrdma.model.permissions import everyone, exclusive_writer
from rayrdma.model.regions import Record

from .hand import REGION, HandProcess


class Ping(Record, frozen=True):
    text: str = ""


class Pong(Record, frozen=True):
    text: str = ""


@pytest.fixture
def process() -> HandProcess:
    return HandProcess()


def test_one_outstanding_operation_a_memory_and_the_others_in_order(process: HandProcess) -> None:
    async def main() -> None:
        for value in "abc":
            process.write(0, REGION, 0, value)
        process.write(1, REGION, 0, "elsewhere")
        await process.event()

    process.run(main())
    seen = []
    while any(operation.memory == 0 for operation in process.issued):
        seen.append((process.on(0).argument, process.on(0).number))
        process.respond(0, ACK)
    assert seen == [("a", 1), ("b", 3), ("c", 4)]
    assert process.on(1).number == 2


def test_a_queued_operation_is_as_deep_as_what_it_waited_for(process: HandProcess) -> None:
    async def main() -> int:
        slow = process.read(0, REGION, 0)
        await process.read(1, REGION, 0)
        queued = process.read(0, REGION, 1)
        await slow
        await queued
        process.decide("v")
        return process.decision_depth

    task = process.run(main())
    process.respond(1)
    process.respond(0)
    process.respond(0)
    assert task.value == 4


def test_depth_counts_what_was_awaited_and_nothing_else(process: HandProcess) -> None:
    async def main() -> list[int]:
        depths = []
        await process.read(0, REGION, 0)
        depths.append(process.current.depth)
        await process.change_permission(0, REGION, everyone(3))
        depths.append(process.current.depth)
        process.write(2, REGION, 0, "not awaited")
        process.send(1, Ping())
        await process.receive(Pong)
        depths.append(process.current.depth)
        await process.read(1, REGION, 0)
        depths.append(process.current.depth)
        await process.sleep(100)
        depths.append(process.current.depth)
        return depths

    task = process.run(main())
    process.respond(0)
    process.respond(0)
    process.respond(2)
    assert process.sent == [(1, Ping(), 5)]
    process.deliver(1, Pong(), depth=6)
    process.respond(1)
    [timer] = process.timers
    timer.complete(None, 8)
    process.drain()
    assert task.value == [2, 4, 6, 8, 8]


def test_a_message_of_the_past_does_not_lessen_depth(process: HandProcess) -> None:
    async def main() -> int:
        await process.read(0, REGION, 0)
        await process.receive(Ping)
        return process.current.depth

    task = process.run(main())
    process.deliver(1, Ping(), depth=1)
    process.respond(0)
    assert task.value == 2


@pytest.mark.parametrize(
    ("responses", "outcome"), [((ACK, ACK), ACK), ((ACK, NAK), NAK), ((NAK, ACK), NAK), ((NAK, NAK), NAK)]
)
def test_a_quorum_is_acked_if_all_of_it_is(
    process: HandProcess, responses: tuple[Outcome, Outcome], outcome: Outcome
) -> None:
    async def main() -> Outcome:
        return await process.write_each(REGION, 0, "v", need=2)

    task = process.run(main())
    process.respond(0, responses[0])
    assert not task.done
    process.respond(1, responses[1])
    assert task.value is outcome
    process.respond(2, NAK)
    assert task.value is outcome, "later responses change nothing"


def test_each_memory_answers_a_quorum_once(process: HandProcess) -> None:
    """A write that is still under way from before counts for that earlier write only."""

    async def main() -> list[Outcome]:
        first = await process.write_each(REGION, 0, "old", need=2)
        return [first, await process.write_each(REGION, 0, "new", need=2)]

    task = process.run(main())
    process.respond(0, ACK)
    process.respond(1, ACK)
    process.respond(2, ACK)  # of the old value
    process.respond(0, ACK)
    assert not task.done
    process.respond(2, NAK)
    assert task.value == [ACK, NAK]


def test_messages_are_received_by_type_and_in_order(process: HandProcess) -> None:
    async def main() -> list[Any]:
        got = [await process.receive(Pong)]
        got.append(await process.receive(Ping, Pong))
        got.append(await process.receive(Ping))
        return got

    task = process.run(main())
    process.deliver(1, Ping("one"))
    process.deliver(2, Ping("two"))
    assert not task.done
    process.deliver(1, Pong("three"))
    assert task.value == [(1, Pong("three")), (1, Ping("one")), (2, Ping("two"))]


@pytest.mark.parametrize("early", [True, False])
def test_a_message_is_received_from_a_sender(process: HandProcess, early: bool) -> None:
    """Each task has the answers of one process, whichever come first, and whether they came before it waited."""

    async def answers_of(sender: int) -> list[str]:
        return [(await process.receive(Ping, sender=sender))[1].text for _ in range(2)]

    async def main() -> Any:
        if early:
            await process.receive(Pong)
        with process.nursery() as nursery:
            nursery.start(answers_of(1))
            nursery.start(answers_of(2))
            return await nursery.first(2)

    task = process.run(main())
    for sender, text in ((2, "c"), (1, "a"), (0, "nobody's"), (2, "d"), (1, "b")):
        process.deliver(sender, Ping(text))
    if early:
        process.deliver(0, Pong())
    assert sorted(task.value) == [["a", "b"], ["c", "d"]]


def test_a_message_is_received_by_one_task(process: HandProcess) -> None:
    async def waits() -> Any:
        return (await process.receive(Ping))[1].text

    async def main() -> Any:
        with process.nursery() as nursery:
            nursery.start(waits())
            nursery.start(waits())
            return await nursery.first(2)

    task = process.run(main())
    process.deliver(1, Ping("one"))
    assert not task.done
    process.deliver(1, Ping("two"))
    assert task.value == ["one", "two"]


def test_a_fenced_task_takes_no_message(process: HandProcess) -> None:
    async def waits() -> None:
        await process.receive(Ping)

    async def main() -> Any:
        with process.nursery() as nursery:
            nursery.start(waits())
        await process.read(0, REGION, 0)
        return await process.receive(Ping)

    task = process.run(main())
    process.deliver(1, Ping("one"))
    process.respond(0)
    assert task.value == (1, Ping("one"))


def test_broadcast_reaches_oneself(process: HandProcess) -> None:
    async def main() -> None:
        process.broadcast(Ping())

    process.run(main())
    assert [to for to, _, _ in process.sent] == [0, 1, 2]


def test_election(process: HandProcess) -> None:
    log = []

    async def main() -> None:
        for _ in range(3):
            await process.elected()
            log.append(process.leader())
            await process.read(0, REGION, 0)

    process.omega = 1
    process.run(main())
    assert log == []
    process.elect(2)
    assert log == []
    process.elect(0)
    assert log == [0]
    process.respond(0)
    assert log == [0, 0], "it leads still"
    process.elect(1)
    process.respond(0)
    assert log == [0, 0]
    process.elect(0)
    assert log == [0, 0, 0]


def test_a_process_decides_once(process: HandProcess) -> None:
    async def main() -> None:
        process.decide("a")
        process.decide("b")

    with pytest.raises(ProtocolError, match="p0 decided 'a' and then 'b'; a process decides once"):
        process.run(main())


@pytest.mark.parametrize(
    ("region", "register", "message"),
    [
        ("slots", 0, "there is no region 'slots'; the protocol declares r"),
        (REGION, 3, "region 'r' has registers 0 to 2, there is no register 3"),
        (REGION, -1, "there is no register -1"),
    ],
)
@pytest.mark.parametrize("operation", ["read", "write", "compare_and_swap"])
def test_a_register_that_is_not_there(
    process: HandProcess, operation: str, region: str, register: int, message: str
) -> None:
    arguments = {"read": (), "write": ("v",), "compare_and_swap": (None, "v")}[operation]

    async def main() -> None:
        await getattr(process, operation)(0, region, register, *arguments)

    with pytest.raises(NoSuchRegister, match=message):
        process.run(main())
    assert process.issued == []


def test_a_permission_for_a_process_that_is_not_there(process: HandProcess) -> None:
    async def main() -> None:
        await process.change_permission(0, REGION, exclusive_writer(process.n, process.n + 1))

    with pytest.raises(ProtocolError, match=rf"but there are p0 to p{process.n - 1}"):
        process.run(main())


def test_random_numbers_are_each_processs_own_and_repeat() -> None:
    assert HandProcess().rng.random() == HandProcess().rng.random()


def test_what_a_process_waits_for(process: HandProcess) -> None:
    async def quorum() -> None:
        await process.write_each(REGION, 0, "v", need=2)

    async def main() -> None:
        with process.nursery() as nursery:
            nursery.start(quorum())
            await nursery.first(1)

    task = process.run(main())
    process.dead = {1, 2}
    process.respond(0, ACK)
    assert task.waiting_for() == "needs 2 of 3 memories, 1 alive"


def test_what_a_process_waits_for_in_a_race_with_one_memory(process: HandProcess) -> None:
    async def message() -> None:
        await process.receive(Ping)

    async def memory() -> None:
        await process.read(1, REGION, 0)

    process.dead = {1}
    assert process.run(process.race(message(), memory())).waiting_for() == "needs 1 of 1 memories, 0 alive"


def test_what_a_process_waits_for_from_anybody(process: HandProcess) -> None:
    async def message() -> None:
        await process.receive(Ping, Pong)

    async def election() -> None:
        await process.elected()

    process.omega = 1
    task = process.run(process.race(message(), election()))
    assert task.waiting_for() == "a message Ping or Pong or being the leader"
