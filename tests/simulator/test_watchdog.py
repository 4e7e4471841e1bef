"""A protocol that does not give way ends its run, and the line it was at is told; a run that does is left alone."""

from __future__ import annotations

import gc
import linecache
import re
import signal
import socket
import threading
import time
from dataclasses import replace
from typing import Any

import pytest

from rayrdma.model.errors import NotGivingWay, ProtocolError
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Value
from rayrdma.protocols import ProtectedMemoryPaxos
from rayrdma.scenario import Scenario
from rayrdma.simulator import watchdog
from rayrdma.simulator.explore.case import Case
from rayrdma.simulator.explore.exhaustive.exhaust import exhaust
from rayrdma.simulator.explore.exhaustive.system import Bounds
from rayrdma.simulator.explore.hunt import hunt
from rayrdma.simulator.watchdog import Watchdog


class Own(Protocol):
    name = "own"
    needs_memories = False
    elects = False


class Loops(Own):
    async def propose(self, value: Value) -> None:
        await self.process.sleep(1)
        while True:  # here
            pass


class Sleeps(Own):
    async def propose(self, value: Value) -> None:
        time.sleep(600)  # here


class Listens(Own):
    async def propose(self, value: Value) -> None:
        one, other = socket.socketpair()
        with one, other:
            one.recv(1)  # here


class Awaits(Own):
    """What is there at once."""

    async def propose(self, value: Value) -> None:
        while not self.process.decided:  # here
            await self.process.elected()  # here


class Floods(Own):
    async def propose(self, value: Value) -> None:
        while True:  # here
            self.process.send(0, value)  # type: ignore[arg-type]  # here


class Catches(Own):
    """Every error, as if it were its own."""

    async def propose(self, value: Value) -> None:
        while True:  # here
            try:
                time.sleep(600)  # here
            except Exception:
                continue


class Turns(Own):
    """Two tasks that wake each other for ever: each gives way, to the other one."""

    async def propose(self, value: Value) -> None:
        self.one, self.other = self.process.event(), self.process.event()
        with self.process.nursery() as nursery:
            nursery.start(self.here())
            nursery.start(self.there())
            await self.process.sleep(1)
            self.one.set(1)
            await self.process.sleep(1)

    async def here(self) -> None:
        while await self.one:  # here
            self.one = self.process.event()  # here
            self.other.set(1)  # here

    async def there(self) -> None:
        while await self.other:  # here
            self.other = self.process.event()  # here
            self.one.set(1)  # here


class Helped(Own):
    """It is stuck in a method that is no coroutine."""

    async def propose(self, value: Value) -> None:
        self.compute()

    def compute(self) -> None:
        while True:  # here
            sum(range(100))  # here


def case(protocol: type[Protocol], memories: int = 0) -> Case:
    return Case(Scenario(protocol, ("a", "b", "c"), memories, ()))


@pytest.fixture
def soon(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "SECONDS", 0.1)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("protocol", [Loops, Sleeps, Listens, Awaits, Floods, Catches, Turns, Helped])
def test_what_never_gives_way_is_ended_and_its_line_told(protocol: type[Protocol]) -> None:
    with pytest.raises(NotGivingWay) as ended:
        case(protocol).run()
    (said,) = str(ended.value).splitlines()
    told = r"p0 has not given way for 0\.\d+ s \((.*), line (\d+), in (\w+): (.*)\): no step of a protocol takes time"
    found = re.match(told, said)
    assert found, said
    assert found[1] == __file__
    line = linecache.getline(__file__, int(found[2])).strip()
    assert found[4] == line
    assert line.endswith("# here"), line


@pytest.mark.usefixtures("soon")
def test_it_ends_a_step_that_was_where_no_error_is_heard() -> None:
    """Python drops what is raised in a callback of its collector; nobody is to read of that."""
    looked: list[str] = []

    def spins(phase: str, info: dict[str, int]) -> None:
        if not looked:
            looked.append(phase)
            while True:
                pass

    gc.collect()
    gc.callbacks.append(spins)
    try:
        with pytest.raises(NotGivingWay, match="has not given way"):
            case(Floods).run()
    finally:
        gc.callbacks.remove(spins)
    assert looked


@pytest.mark.usefixtures("soon")
def test_it_ends_a_search() -> None:
    with pytest.raises(NotGivingWay, match="has not given way"):
        hunt(Loops, range(10), "swarm", enough=10)


@pytest.mark.usefixtures("soon")
@pytest.mark.parametrize("protocol", [Sleeps, Awaits])
def test_it_ends_an_exhaustive_search(protocol: type[Protocol]) -> None:
    with pytest.raises(NotGivingWay, match=r"p\d has not given way for 0\.1 s \(.*, in propose: .*# here\)"):
        exhaust([case(protocol).scenario], Bounds())


def test_a_step_that_asks_for_too_much_is_ended_before_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watchdog, "SECONDS", 1.0)
    monkeypatch.setattr(watchdog, "FLOOD", 1000)
    with pytest.raises(NotGivingWay, match=r"for 0\.[1-9] s"):
        case(Floods).run()


@pytest.mark.usefixtures("soon")
def test_many_short_steps_are_no_long_one() -> None:
    """Looked at as often as a stuck one is, in a run that takes as long."""
    end = time.monotonic() + 0.3

    class Works(Own):
        async def propose(self, value: Value) -> None:
            while time.monotonic() < end:
                await self.process.sleep(1)

    assert replace(case(Works), events=10**9).run().ended


def test_an_alarm_of_somebody_elses_is_there_again() -> None:
    rang: list[int] = []
    before = signal.signal(signal.SIGALRM, lambda number, frame: rang.append(number))
    others = signal.setitimer(signal.ITIMER_REAL, 200, 7)
    try:
        case(ProtectedMemoryPaxos, 3).run()
        left, interval = signal.getitimer(signal.ITIMER_REAL)
        assert 190 < left <= 200
        assert interval == 7
        signal.raise_signal(signal.SIGALRM)
        assert rang == [signal.SIGALRM]
    finally:
        signal.signal(signal.SIGALRM, before)
        signal.setitimer(signal.ITIMER_REAL, *others)


def test_in_another_thread_a_run_is_left_alone() -> None:
    courses: list[Any] = []
    thread = threading.Thread(target=lambda: courses.append(case(ProtectedMemoryPaxos, 3).run()))
    thread.start()
    thread.join()
    assert courses[0].ended


def test_an_error_is_not_the_watchdogs() -> None:
    with pytest.raises(ZeroDivisionError), Watchdog():
        _ = 1 / 0


class Raises(Own):
    """Deep in a library: the line told is the protocol's own."""

    async def propose(self, value: Value) -> None:
        socket.create_connection(("localhost", -1))


class Leaves(Own):
    async def propose(self, value: Value) -> None:
        raise SystemExit(3)


class Unmade(Own):
    def __init__(self, process: Any) -> None:
        raise KeyError("colour")

    async def propose(self, value: Value) -> None: ...


class Unfinished(Own):
    """It goes wrong as it is ended."""

    async def propose(self, value: Value) -> None:
        try:
            await self.process.receive()
        finally:
            raise KeyError("colour")


@pytest.mark.parametrize(
    ("protocol", "said"),
    [
        (Raises, "p0's protocol raised gaierror"),
        (Leaves, "p0's protocol raised SystemExit: 3"),
        (Unfinished, "p0's protocol, as a task was ended, raised KeyError: 'colour'"),
    ],
)
def test_what_is_raised_is_told_with_the_protocols_own_line(protocol: type[Protocol], said: str) -> None:
    (wrong,) = case(protocol).run().wrong
    assert wrong.check == "protocol"
    assert said in str(wrong)
    assert f"({__file__}, line " in str(wrong)
    assert ", in propose: " in str(wrong)


def test_a_protocol_that_can_not_be_made_is_told_so() -> None:
    with pytest.raises(ProtocolError, match=r"own can not be made: KeyError: 'colour' \(.*, in __init__: raise"):
        case(Unmade).run()
