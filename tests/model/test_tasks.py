"""Tasks, nurseries and fences: what an abandoned task was waiting for never makes it act."""

from __future__ import annotations

import inspect
from collections.abc import Coroutine
from typing import Any

import pytest

from rayrdma.model.errors import ProtocolError
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.tasks import Nursery, Task

from .hand import REGION, HandProcess

Steps = Coroutine[Any, None, Any]


@pytest.fixture
def process() -> HandProcess:
    return HandProcess()


async def read(process: HandProcess, memory: int, log: list[Any]) -> Any:
    """Read one register, and tell what it gave."""
    value = await process.read(memory, REGION, 0)
    log.append(value)
    return value


def test_the_first_results_come_in_the_order_in_which_they_come(process: HandProcess) -> None:
    log: list[Any] = []

    async def main() -> Any:
        with process.nursery() as nursery:
            for memory in process.memories:
                nursery.start(read(process, memory, log))
            return await nursery.first(2)

    task = process.run(main())
    process.respond(2, "c")
    assert not task.done
    process.respond(0, "a")
    assert task.value == ["c", "a"]


def test_leaving_the_block_fences_what_is_under_way(process: HandProcess) -> None:
    log: list[Any] = []

    async def main() -> Any:
        with process.nursery() as nursery:
            for memory in process.memories:
                nursery.start(read(process, memory, log))
            await nursery.first(1)

    process.run(main())
    process.respond(0, "a")
    process.respond(1, "b")
    process.respond(2, "c")
    assert log == ["a"]


def test_what_a_fenced_task_had_queued_is_never_issued(process: HandProcess) -> None:
    log: list[Any] = []

    async def main() -> None:
        with process.nursery() as nursery:
            nursery.start(read(process, 0, log))
            nursery.start(read(process, 0, log))  # queued behind the other
            nursery.start(read(process, 1, log))
            await nursery.first(1)
        await process.write(0, REGION, 0, "later")

    process.run(main())
    process.respond(1, "b")  # ends the block; memory 0 is still busy with its first read
    assert [(operation.memory, operation.argument) for operation in process.issued] == [(0, None)]
    process.respond(0, "a")
    assert [(operation.memory, operation.argument) for operation in process.issued] == [(0, "later")]
    assert log == ["b"]


def test_what_a_fenced_task_had_issued_still_happens_and_keeps_its_place(process: HandProcess) -> None:
    async def abandoned() -> None:
        await process.write(0, REGION, 0, "old")
        raise AssertionError("it was abandoned")

    async def main() -> Any:
        with process.nursery() as nursery:
            nursery.start(abandoned())
        return await process.write(0, REGION, 0, "new")

    task = process.run(main())
    assert process.on(0).argument == "old"
    process.respond(0, ACK)
    assert process.on(0).argument == "new"
    process.respond(0, NAK)
    assert task.value is NAK


def test_a_child_can_end_the_block(process: HandProcess) -> None:
    log: list[Any] = []

    async def gives_up(nursery: Nursery) -> None:
        await process.read(0, REGION, 0)
        nursery.cancel()
        log.append("still this step")
        await process.read(1, REGION, 0)
        log.append("never")

    async def main() -> Any:
        with process.nursery() as nursery:
            nursery.start(gives_up(nursery))
            nursery.start(read(process, 2, log))
            return await nursery.first(2)

    task = process.run(main())
    process.respond(0)
    assert task.done
    assert task.value is None
    process.respond(1)
    process.respond(2, "c")
    assert log == ["still this step"]


def test_a_child_that_ends_the_block_before_anybody_waits(process: HandProcess) -> None:
    log: list[Any] = []

    async def gives_up(nursery: Nursery) -> None:
        nursery.cancel()

    async def main() -> Any:
        with process.nursery() as nursery:
            nursery.start(read(process, 0, log))
            nursery.start(gives_up(nursery))
            late = nursery.start(read(process, 1, log))
            assert late.fenced
            return await nursery.first(1)

    task = process.run(main())
    assert task.value is None
    assert [operation.memory for operation in process.issued] == [0], "nothing starts in a block that has ended"
    process.respond(0, "a")
    assert log == []


def test_a_block_can_say_what_it_lacks(process: HandProcess) -> None:
    async def main() -> Any:
        with process.nursery() as nursery:
            nursery.start(read(process, 0, []))
            return await nursery.first(1, lambda: "needs 1 of 4 agents, 0 alive")

    assert process.run(main()).waiting_for() == "needs 1 of 4 agents, 0 alive"


def test_a_fence_reaches_the_tasks_of_tasks(process: HandProcess) -> None:
    log: list[Any] = []

    async def child() -> None:
        with process.nursery() as nursery:
            nursery.start(read(process, 0, log))
            await nursery.first(1)
            log.append("child")

    async def main() -> None:
        with process.nursery() as nursery:
            nursery.start(child())
        await process.read(1, REGION, 0)

    process.run(main())
    process.respond(0, "a")
    assert log == []


def test_a_grandchild_can_fence_its_own_parent(process: HandProcess) -> None:
    log: list[Any] = []

    async def grandchild(outer: Nursery) -> None:
        await process.read(0, REGION, 0)
        outer.cancel()

    async def child(outer: Nursery) -> None:
        with process.nursery() as inner:
            inner.start(grandchild(outer))
            await inner.first(1)
        log.append("child")

    async def main() -> Any:
        with process.nursery() as outer:
            outer.start(child(outer))
            return await outer.first(1)

    task = process.run(main())
    process.respond(0)
    assert task.done
    assert task.value is None
    assert log == []


def test_a_task_that_was_woken_and_then_fenced_does_not_act(process: HandProcess) -> None:
    """Both tasks are ready in the same instant; the first one ends the block."""
    log: list[Any] = []

    async def first(nursery: Nursery, go: Any) -> None:
        await go
        nursery.cancel()

    async def second(go: Any) -> None:
        await go
        log.append("second")

    async def main() -> Any:
        go = process.event()
        with process.nursery() as nursery:
            nursery.start(first(nursery, go))
            nursery.start(second(go))
            await process.read(0, REGION, 0)
            go.set(None)
            return await nursery.first(2)

    task = process.run(main())
    process.respond(0)
    assert task.value is None
    assert log == []


def test_a_task_whose_first_step_was_broken_off_is_ended(process: HandProcess) -> None:
    """By a watchdog, say: its coroutine has not begun, and Python would warn that it never does."""
    coroutine = read(process, 0, [])
    Task(process, coroutine, 0).fence()
    assert inspect.getcoroutinestate(coroutine) == inspect.CORO_CLOSED


def test_an_event_wakes_all_and_is_set_once(process: HandProcess) -> None:
    async def waits(event: Any) -> Any:
        return await event

    async def main() -> Any:
        event = process.event()
        with process.nursery() as nursery:
            nursery.start(waits(event))
            nursery.start(waits(event))
            event.set("one")
            event.set("two")
            return [*await nursery.first(2), await event]

    assert process.run(main()).value == ["one", "one", "one"]


def test_a_completion_that_is_there_costs_no_wait(process: HandProcess) -> None:
    async def main() -> Any:
        event = process.event()
        event.set("now")
        return await event

    task = process.start(main())
    assert task.value == "now"
    assert not process.ready


def test_the_first_none_of_some(process: HandProcess) -> None:
    async def main() -> Any:
        return await process.first(0, [process.read(0, REGION, 0)])

    assert process.run(main()).value == []


def test_a_race_returns_the_first_result_and_fences_the_others(process: HandProcess) -> None:
    log: list[Any] = []

    async def main() -> Any:
        return await process.race(read(process, 0, log), read(process, 1, log))

    task = process.run(main())
    process.respond(1, "b")
    assert task.value == "b"
    process.respond(0, "a")
    assert log == ["b"]


def test_of_two_that_are_ready_at_once_only_one_acts(process: HandProcess) -> None:
    """As in a live process, where several answers may be there at one look."""
    log: list[Any] = []

    async def main() -> Any:
        return await process.race(read(process, 0, log), read(process, 1, log))

    task = process.run(main())
    for memory in (1, 0):
        process._respond(process.on(memory), memory)
    process.drain()
    assert (log, task.value) == ([1], 1)


def test_who_wins_a_race_at_once_leaves_nobody_behind(process: HandProcess) -> None:
    log: list[Any] = []

    async def at_once() -> str:
        return "now"

    async def main() -> Any:
        return await process.race(read(process, 0, log), at_once(), read(process, 1, log))

    assert process.run(main()).value == "now"
    assert [operation.memory for operation in process.issued] == [0], "the last one never started"
    process.respond(0, "a")
    assert log == []


def test_what_a_protocol_raises_names_the_process(process: HandProcess) -> None:
    async def main() -> None:
        await process.read(0, REGION, 0)
        raise KeyError("slot")

    process.run(main())
    with pytest.raises(ProtocolError, match="p0's protocol raised KeyError: 'slot'"):
        process.respond(0)


def test_only_what_a_process_gives_can_be_awaited(process: HandProcess) -> None:
    class Foreign:
        def __await__(self) -> Any:
            yield "sleep"

    async def main() -> None:
        await Foreign()

    with pytest.raises(ProtocolError, match="awaits what no Process gave it"):
        process.run(main())
