"""What the simulator makes of crashes, pauses and Omega, on processes that do one thing each."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import pytest

from rayrdma.checks.observation import Observation
from rayrdma.faults.plan import After, ClockSkew, Crash, Fault, LostCompletion, Pause
from rayrdma.model.errors import ProtocolError, ValueTooLarge
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import everyone, exclusive_write_to_caller, exclusive_writer
from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Record, Region, Value
from rayrdma.model.trace import Crashed, Decided, Delivered, Issued, Paused, Responded, Resumed, Sent, TookEffect
from rayrdma.protocols import DiskPaxos, Paxos, ProtectedMemoryPaxos
from rayrdma.scenario import Scenario
from rayrdma.simulator import engine
from rayrdma.simulator.kernel import Kernel, World
from rayrdma.simulator.run import observe
from rayrdma.simulator.schedule import Constant, Schedule
from tests.fuzz import run
from tests.scripted import Scripted

Act = Callable[[Process], Awaitable[Any]]
REGION = "r"


class Ping(Record, frozen=True):
    pass


def acting(*acts: Act) -> type[Protocol]:
    """A protocol in which each process does its own act and decides what it gives."""

    class Acting(Protocol):
        name = "acting"
        messages = (Ping,)

        @classmethod
        def regions(cls, n: int) -> list[Region]:
            return [Region(REGION, n, exclusive_writer(0, n), legal_change=exclusive_write_to_caller)]

        async def propose(self, value: Value) -> None:
            self.process.decide(await acts[self.process.id](self.process))

    return Acting


def simulate(
    acts: Sequence[Act], faults: Sequence[Fault] = (), schedule: Schedule | None = None, memories: int = 1
) -> Observation:
    kernel = Kernel(acting(*acts), ["v"] * len(acts), memories, schedule or Constant(), faults, trace=True)
    kernel.run()
    return observe(kernel)


def decisions(observation: Observation) -> dict[int, Any]:
    return {decided.process: decided.value for decided in observation.decisions}


def events(observation: Observation, kind: type) -> list[Any]:
    return [event for event in observation.trace or () if isinstance(event, kind)]


async def nothing(process: Process) -> str:
    return "nothing"


async def write(process: Process) -> Any:
    return await process.write(0, REGION, 0, "x")


async def write_and_read(process: Process) -> Any:
    await process.write(0, REGION, 0, "x")
    return await process.read(0, REGION, 0)


def test_an_operation_takes_effect_after_one_delay_and_answers_after_two() -> None:
    observation = simulate([write_and_read])
    times = [(type(event).__name__, event.time) for event in observation.trace or ()]
    assert times == [
        ("Issued", 0),
        ("TookEffect", 1),
        ("Responded", 2),
        ("Issued", 2),
        ("TookEffect", 3),
        ("Responded", 4),
        ("Decided", 4),
    ]
    assert decisions(observation) == {0: "x"}


def test_permission_is_checked_at_the_effect_and_not_at_the_issue() -> None:
    """p0 may write when it issues; p1's change of permission takes effect before the write does."""

    async def take(process: Process) -> Any:
        await process.change_permission(0, REGION, exclusive_writer(1, 2))
        return await process.read(0, REGION, 0)

    observation = simulate([write, take], schedule=Scripted({(0, 0, 0): 3}))
    assert decisions(observation) == {0: NAK, 1: None}


def test_effects_of_a_crashed_process_still_happen() -> None:
    async def look_later(process: Process) -> Any:
        await process.sleep(10)
        return await process.read(0, REGION, 0)

    observation = simulate([write, look_later], [Crash(process=0, at=After("write", 1))], Scripted({(0, 0, 0): 8}))
    assert decisions(observation) == {1: "x"}
    [crash] = events(observation, Crashed)
    [effect] = [event for event in events(observation, TookEffect) if event.process == 0]
    assert crash.time < effect.time
    assert not [event for event in events(observation, Responded) if event.process == 0]


def test_a_process_that_crashes_within_a_step_does_nothing_more_in_it() -> None:
    """It dies right after its second operation: the third is never issued, and what it decides does not count."""

    async def three_writes(process: Process) -> Any:
        for memory in process.memories:
            process.write(memory, REGION, 0, "x")
        process.send(1, Ping())
        return "decided"

    observation = simulate([three_writes, nothing], [Crash(process=0, at=After("write", 2))], memories=3)
    assert [event.memory for event in events(observation, Issued)] == [0, 1]
    assert not events(observation, Sent)
    assert decisions(observation) == {1: "nothing"}
    assert not observation.undecided


@pytest.mark.parametrize(
    ("operation", "count", "issued"), [("operation", 1, 1), ("read", 1, 2), ("permission", 1, 3), ("swap", 1, 4)]
)
def test_operations_are_counted_by_their_kind(operation: str, count: int, issued: int) -> None:
    async def one_of_each(process: Process) -> Any:
        await process.write(0, REGION, 0, "x")
        await process.read_region(0, REGION)
        await process.change_permission(0, REGION, exclusive_writer(0, 1))
        return await process.compare_and_swap(0, REGION, 0, "x", "y")

    observation = simulate([one_of_each], [Crash(process=0, at=After(operation, count))])
    assert len(events(observation, Issued)) == issued


def test_messages_are_counted() -> None:
    async def pings(process: Process) -> str:
        process.broadcast(Ping())
        return "sent"

    observation = simulate([pings, nothing, nothing], [Crash(process=0, at=After("send", 2))])
    assert [event.to for event in events(observation, Sent)] == [0, 1]
    assert len(events(observation, Delivered)) == 1, "what was sent arrives, but not at the dead"


def test_a_crashed_memory_never_answers() -> None:
    observation = simulate([write], [Crash(memory=0)])
    assert observation.undecided == {0: "needs 1 of 1 memories, 0 alive"}
    assert not events(observation, TookEffect)


def test_a_memory_that_crashes_at_an_operation_has_done_it_and_does_not_answer() -> None:
    observation = simulate([write_and_read], [Crash(memory=0, at=After("write", 1))])
    assert len(events(observation, TookEffect)) == 1
    assert not events(observation, Responded)
    assert list(observation.undecided) == [0]


def test_of_a_lost_completion_only_its_process_hears_nothing() -> None:
    async def look(process: Process) -> Any:
        await process.sleep(20)
        return await process.read(0, REGION, 0)

    observation = simulate([write_and_read, look], [LostCompletion(0, 0, After("write", 1))])
    assert observation.undecided == {0: "needs 1 of 1 memories, 0 alive"}
    assert [event.process for event in events(observation, TookEffect)] == [0, 1]
    assert decisions(observation) == {1: "x"}, "it was written"


@pytest.mark.parametrize(("operation", "count", "answers"), [("operation", 2, 1), ("read", 1, 1), ("swap", 1, 2)])
def test_a_completion_is_lost_at_the_operation_that_was_named(operation: str, count: int, answers: int) -> None:
    observation = simulate([write_and_read], [LostCompletion(0, 0, After(operation, count))])
    assert len(events(observation, Responded)) == answers


def test_what_is_lost_once_is_lost_in_the_next_rounds_too() -> None:
    lost = (LostCompletion(0, 2, After("operation", 2)),)
    for round, simulated in enumerate(engine.simulate(Scenario(DiskPaxos, ("a", "b", "c"), 3, lost, rounds=3))):
        assert len(simulated.observation.decisions) == 3
        answers = [(event.process, event.memory) for event in events(simulated.observation, Responded)]
        assert answers.count((0, 2)) == (1 if round == 0 else 0), round


@pytest.mark.parametrize(("rate", "until", "ends"), [(4, 15, 10 + 10 + 40), (0.25, 100, 160 + 40 + 40), (2, 999, 60)])
def test_a_wrong_clock_is_right_in_the_end(rate: float, until: float, ends: int) -> None:
    async def doze(process: Process) -> str:
        for _ in range(3):
            await process.sleep(40)
        return "awake"

    observation = simulate([doze, doze], [ClockSkew(0, rate, until)])
    assert {event.process: event.time for event in observation.decisions} == {0: ends, 1: 3 * 40}


def test_an_answer_that_is_under_way_when_its_memory_crashes_arrives() -> None:
    observation = simulate([write], [Crash(memory=0, at=2)], Scripted({(0, 0, 1): 5}))
    assert decisions(observation) == {0: ACK}


def test_a_message_takes_one_delay_and_is_received_once() -> None:
    async def ping(process: Process) -> str:
        process.send(1, Ping())
        return "sent"

    async def wait(process: Process) -> Any:
        return (await process.receive(Ping))[0]

    observation = simulate([ping, wait])
    assert decisions(observation) == {0: "sent", 1: 0}
    assert observation.decisions[1].time == observation.decisions[1].depth == 1


def test_a_paused_process_acts_on_nothing_until_it_goes_on() -> None:
    async def count(process: Process) -> int:
        for _ in range(3):
            await process.receive(Ping)
        await process.read(0, REGION, 0)
        return 3

    async def pings(process: Process) -> str:
        for _ in range(3):
            process.send(0, Ping())
            await process.sleep(2)
        return "sent"

    observation = simulate([count, pings], [Pause(0, 2, 30)])
    assert [event.time for event in events(observation, Paused)] == [2]
    assert [event.time for event in events(observation, Resumed)] == [30]
    assert [event.time for event in events(observation, Delivered)] == [1, 30, 30]
    assert [event.time for event in observation.decisions if event.process == 0] == [32]


def test_a_process_that_crashes_while_paused_does_not_go_on() -> None:
    observation = simulate([write_and_read], [Pause(0, 1, 30), Crash(process=0, at=20)])
    assert not events(observation, Resumed)
    assert not observation.decisions
    assert not observation.undecided, "who is dead needs not decide"


def test_omega_names_the_least_process_that_is_up() -> None:
    async def lead(process: Process) -> int:
        await process.elected()
        return process.leader()

    observation = simulate([nothing, lead, lead], [Crash(process=0, at=1), Crash(process=1, at=20)])
    assert [(event.process, event.time) for event in observation.decisions] == [
        (0, 0),
        (1, 1 + Constant.detection),
        (2, 20 + Constant.detection),
    ]


def test_omega_leaves_a_paused_leader_and_comes_back() -> None:
    observation = run(Paxos, 3, 0, 0, [Pause(0, 1, 200)], by=Constant()).observation
    assert [event.process for event in observation.decisions][-1] == 0
    assert len(observation.decisions) == 3


def test_a_blocked_run_says_what_it_waits_for() -> None:
    async def quorum(process: Process) -> Any:
        return await process.write_each(REGION, 0, "x", need=2)

    observation = simulate([quorum], [Crash(memory=1), Crash(memory=2)], memories=3)
    assert observation.undecided == {0: "needs 2 of 3 memories, 1 alive"}


def test_a_run_that_was_cut_short_has_not_blocked() -> None:
    async def forever(process: Process) -> Any:
        while True:
            await process.sleep(1)

    kernel = Kernel(acting(forever), ["v"], 1, Constant())
    kernel.run(event_limit=100)
    assert not kernel.quiescent
    assert not observe(kernel).undecided
    assert [process.id for process in kernel.undecided()] == [0]


@pytest.mark.parametrize("swap", [False, True])
def test_a_value_has_to_fit_its_register(swap: bool) -> None:
    async def too_large(process: Process) -> Any:
        if swap:
            return await process.compare_and_swap(0, REGION, 0, None, "x" * 300)
        return await process.write(0, REGION, 0, "x" * 300)

    with pytest.raises(ValueTooLarge, match="a value of 303 bytes does not fit a register of region 'r'"):
        simulate([too_large])


def test_deciding_twice_is_the_protocols_fault() -> None:
    async def twice(process: Process) -> str:
        process.decide("a")
        return "b"

    with pytest.raises(ProtocolError, match="p0 decided 'a' and then 'b'"):
        simulate([twice])


def test_who_is_dead_stays_dead_in_the_next_round_and_time_goes_on() -> None:
    world = World()
    faults = [Crash(process=0, at=After("write", 4)), Crash(memory=2, at=1)]

    def next_round() -> Kernel:
        kernel = Kernel(ProtectedMemoryPaxos, ["a", "b"], 3, Constant(), faults, world=world)
        kernel.run()
        return kernel

    first, second, third = next_round(), next_round(), next_round()
    assert {decided.value for decided in first.decisions} == {"a"}
    assert second.start_time == first.now > 0
    assert world.dead_processes == {0}, "its fourth write is the first of the second round"
    assert world.dead_memories == {2}
    assert [(decided.process, decided.value) for decided in third.decisions] == [(1, "b")]


def test_a_region_may_be_replaced() -> None:
    kernel = Kernel(acting(write), ["v"], 1, Constant(), regions=[Region(REGION, 1, everyone(1), register_bytes=1)])
    with pytest.raises(ValueTooLarge):
        kernel.run()


def test_without_a_trace_decisions_are_kept_all_the_same() -> None:
    kernel = Kernel(acting(write, nothing), ["v", "w"], 1, Constant())
    kernel.run()
    observation = observe(kernel)
    assert observation.trace is None
    assert observation.decisions == [Decided(0, 1, "nothing", 0), Decided(2, 0, ACK, 2)]
