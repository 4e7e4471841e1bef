"""The kernel whose next event is chosen: what it runs are runs of the model, told by their choices."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

import pytest

from rayrdma.checks import check
from rayrdma.faults.plan import Crash, Fault, Pause
from rayrdma.model.graph import complete
from rayrdma.model.protocol import Protocol
from rayrdma.model.trace import Event, LeaderChanged, Resumed, encode_trace
from rayrdma.protocols import PROTOCOLS, DiskPaxos, ProtectedMemoryPaxos
from rayrdma.simulator.kernel import Kernel
from rayrdma.simulator.run import observe
from rayrdma.simulator.schedule import Adversary, Constant, Leadership, Schedule
from rayrdma.simulator.stepper import Chooser, Follow, Given, Stepper, Trail, first

EVENT_LIMIT = 3_000
ALL = pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda protocol: protocol.name)


def made(engine: type[Kernel], protocol: type[Protocol], schedule: Schedule, faults: Sequence[Fault] = ()) -> Any:
    n = protocol.usual_processes
    graph = complete(n) if protocol.needs_graph else None
    inputs = [process % 2 if protocol.binary else f"v{process}" for process in range(n)]
    memories = n if graph else 3 if protocol.needs_memories else 0
    return engine(protocol, inputs, memories, schedule, faults, graph=graph, trace=True)


def stepped(
    choose: Chooser, protocol: type[Protocol], schedule: Schedule | None = None, faults: Sequence[Fault] = ()
) -> Stepper:
    stepper: Stepper = made(Stepper, protocol, schedule or Given(), faults)
    stepper.run_by(choose, EVENT_LIMIT)
    stepper.close()
    return stepper


def trace(kernel: Kernel) -> list[Event]:
    assert kernel.trace is not None
    return kernel.trace


def walk(seed: int) -> Chooser:
    draw = random.Random(seed).random
    return lambda pending: int(draw() * len(pending))


@ALL
def test_choosing_the_first_again_and_again_is_the_common_case(protocol: type[Protocol]) -> None:
    kernel = made(Kernel, protocol, Constant())
    kernel.run()
    kernel.close()
    stepper = stepped(first, protocol)
    assert stepper.choices == []
    assert encode_trace(trace(stepper)) == encode_trace(trace(kernel))


@ALL
def test_any_order_is_a_run_of_the_model(protocol: type[Protocol]) -> None:
    for seed in range(10):
        stepper = stepped(walk(seed), protocol)
        assert check(observe(stepper)) == [], seed
        times = [event.time for event in trace(stepper) if not hasattr(event, "number")]
        assert times == sorted(times), seed


@ALL
def test_the_choices_make_the_same_run_again(protocol: type[Protocol]) -> None:
    for seed in range(5):
        stepper = stepped(walk(seed), protocol)
        assert not stepper.choices or stepper.choices[-1] > 0
        again = stepped(Follow(stepper.choices), protocol)
        assert encode_trace(trace(again)) == encode_trace(trace(stepper)), seed


def test_what_a_schedule_did_can_be_told_by_choices() -> None:
    for seed in range(50):
        schedule = Adversary(seed, 3, 3)
        by = stepped(first, DiskPaxos, schedule)
        given = Given(schedule.leaderships(), schedule.stabilises)
        told = stepped(Trail(by.numbers), DiskPaxos, given)
        assert told.numbers == by.numbers, seed
        assert [(d.process, d.value) for d in told.decisions] == [(d.process, d.value) for d in by.decisions], seed
        again = stepped(Follow(told.choices), DiskPaxos, given)
        assert encode_trace(trace(again)) == encode_trace(trace(told)), seed


def test_choices_that_fit_no_more_are_the_common_case() -> None:
    assert trace(stepped(Follow([1000] * 10), DiskPaxos)) == trace(stepped(first, DiskPaxos))


def test_whoever_is_late_makes_time_go_on() -> None:
    """At each time effects come before deliveries, so a late effect is not of the time of a delivery before it."""
    stepper = stepped(lambda pending: len(pending) - 1, ProtectedMemoryPaxos)
    assert stepper.now > len({event.time for event in trace(stepped(first, ProtectedMemoryPaxos))})
    assert check(observe(stepper)) == []


def last_first(kind: str) -> Chooser:
    """Events of this kind come as late as can be."""

    def choose(pending: Sequence[Any]) -> int:
        others = (position for position, entry in enumerate(pending) if entry[2].__name__ != kind)
        return next(others, 0)

    return choose


def test_no_pause_begins_after_its_end() -> None:
    stepper = stepped(last_first("_pause"), ProtectedMemoryPaxos, faults=[Pause(0, 1, 5)])
    assert not any(isinstance(event, Resumed) for event in trace(stepper))
    assert not stepper.undecided()


def test_omega_stays_accurate() -> None:
    """Named is whoever is up and has the least number; what it was to say before comes too late."""
    leaderships = [Leadership(1, process, 2) for process in range(3)]
    stepper = stepped(last_first("_omega"), ProtectedMemoryPaxos, Given(leaderships, 2), [Crash(process=0, at=0.0)])
    assert {event.leader for event in trace(stepper) if isinstance(event, LeaderChanged)} == {1}
    assert {decided.value for decided in stepper.decisions} == {"v1"}
