"""A run over verbs without Ray: every process and every memory is forked from the tests, and runs what an actor runs.

Ray takes a minute to start where processors are emulated. Everything is imported once, before the forks; each opens the
device by itself, after its fork.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import os
import secrets
import shutil
import signal
import tempfile
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

from rayrdma.actors.devices import use_device, why_no_device
from rayrdma.actors.loop import Loop
from rayrdma.actors.seat import Dialled, Ports
from rayrdma.actors.wiring import Report, Wiring, observe
from rayrdma.checks.observation import Observation
from rayrdma.model.regions import Value
from rayrdma.scenario import Scenario
from rayrdma.transports.verbs.agent import VerbsMemory
from rayrdma.transports.verbs.connection import VerbsConnection
from rayrdma.transports.verbs.handshake import Keys
from tests.parity.live import die_with_parent

SECONDS = 120.0
"""After so long without an answer, there will be none."""
HERE = "127.0.0.1"
_context = multiprocessing.get_context("fork")


class Died(Exception):
    """A process of the operating system is dead, and will not answer."""


class Fork:
    """A process that makes somebody, and calls it as it is told, one call after the other."""

    def __init__(self, make: Callable[..., Any], *arguments: Any) -> None:
        self._pipe, there = _context.Pipe()
        self._process = _context.Process(target=serve, args=(there, make, arguments), daemon=True)
        self._process.start()
        there.close()
        self.pid = self._process.pid or 0
        self.alive = True

    def begin(self, what: str, *arguments: Any) -> None:
        """Call a method; `result` waits for the answer."""
        with contextlib.suppress(BrokenPipeError):  # `result` says so
            self._pipe.send((what, arguments))

    def result(self) -> Any:
        """The answer to the oldest call.

        Raises:
            Died: there will be none.
        """
        try:
            assert self._pipe.poll(SECONDS), f"no answer after {SECONDS:g} s"
            succeeded, answer = self._pipe.recv()
        except (EOFError, ConnectionResetError):
            self.alive = False
            raise Died from None
        if not succeeded:
            raise answer
        return answer

    def call(self, what: str, *arguments: Any) -> Any:
        """What a method returns."""
        self.begin(what, *arguments)
        return self.result()

    def answers_within(self, seconds: float) -> bool:
        """Whether there is an answer by then, for `result`."""
        return bool(self._pipe.poll(seconds))

    @property
    def running(self) -> bool:
        """Whether it is not dead."""
        return self._process.is_alive()

    def kill(self) -> None:
        """As a crash."""
        self.alive = False
        os.kill(self.pid, signal.SIGKILL)

    def end(self) -> None:
        """Return when it is gone."""
        self._process.kill()
        self._process.join()
        self._process.close()
        self._pipe.close()


def serve(pipe: Any, make: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    """Make somebody, and call it as the pipe says, until that is closed."""
    die_with_parent()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    use_device.cache_clear()  # a device can not be shared with the parent
    why_no_device.cache_clear()
    try:
        called = make(*arguments)
    except Exception as error:
        called, failed = None, _noted(error)
    while True:
        try:
            what, call_arguments = pipe.recv()
        except EOFError:
            return
        try:
            if called is None:
                raise failed
            answer = (True, getattr(called, what)(*call_arguments))
        except Exception as error:
            answer = (False, _noted(error))
        pipe.send(answer)


def _noted(error: Exception) -> Exception:
    error.add_note(traceback.format_exc())
    return error


class Host:
    """A memory: what its agent does, at an address of this host. The device does the rest."""

    def __init__(self, wiring: Wiring, number: int, known: Mapping[int, str], address: str = HERE) -> None:
        by_secret = {secret: process for process, secret in known.items()}
        self._memories = {
            part: VerbsMemory(use_device(), address, regions, by_secret, n=wiring.n)
            for part, regions in wiring.parts_of(number).items()
        }
        for part, memory in self._memories.items():
            if part < 0:
                memory.reset(0)

    def agents(self) -> list[str]:
        """Where its parts are asked."""
        return [memory.endpoint for memory in self._memories.values()]

    def reset(self, instance: int) -> None:
        """A new instance of the protocol."""
        for part, memory in self._memories.items():
            if part >= 0:
                memory.reset(instance)

    def keys(self, process: int, region: str) -> Keys:
        """What the agent tells this process, and no other one."""
        (memory,) = (memory for part, memory in self._memories.items() if part >= 0)
        held = memory._writing[process, region].registration
        assert held is not None
        return Keys(memory._parts[region].memory.address, 0, held.key)

    def queue_pairs(self) -> int:
        """How many there are towards all processes."""
        return sum(memory.queue_pairs for memory in self._memories.values())

    def close(self) -> None:
        """Give everything back."""
        for memory in self._memories.values():
            memory.close()


class Member(Loop):
    """A process, in the loop that steps it in an actor."""

    def __init__(self, wiring: Wiring, id: int) -> None:
        super().__init__(wiring, [id], HERE)
        self._rounds = ThreadPoolExecutor(1)
        self._round: Future[list[Report]] | None = None

    def dial(self, agents: Sequence[Sequence[str]], secret: str) -> None:
        """Connect to every part of every memory; beyond its reach, too, for whoever tries it there."""
        (seat,) = self._seats.values()
        seat.ports = ports = Ports(secret)
        for memory, endpoints in enumerate(agents):
            parts = self._wiring.parts_of(memory).items()
            protocol, *pulse = [
                ports.connect(seat.id, part, endpoint, regions, self._wiring.n)
                for (part, regions), endpoint in zip(parts, endpoints, strict=True)
            ]
            seat.dialled.append(Dialled(protocol, pulse[0] if pulse else None))

    def begin_round(self, instance: int, values: Mapping[int, Value], timeout: float, epoch_ns: int) -> None:
        """Start a round, and go on taking calls."""
        self._round = self._rounds.submit(self.run_round, instance, values, timeout, epoch_ns)
        self._round.add_done_callback(lambda _: self._settle(instance))

    def reports(self) -> list[Report]:
        """Return when the round is over."""
        assert self._round is not None
        return self._round.result()

    def looks(self) -> dict[str, Any]:
        """What its connections know about themselves."""
        (seat,) = self._seats.values()
        connections = [dialled.protocol for dialled in seat.dialled]
        assert all(isinstance(connection, VerbsConnection) for connection in connections)
        return {
            "lost": [connection.lost for connection in connections],
            "refused": [connection.refused for connection in connections],
            "reconnected": [connection.reconnected for connection in connections],
            "queue_pairs": [connection.queue_pairs for connection in connections],
        }


class Fleet:
    """All parties of a scenario. A context manager: leaving it ends them.

    Attributes:
        dead: the processes that are.
    """

    def __init__(self, scenario: Scenario) -> None:
        self.scenario = scenario
        self._folder = tempfile.mkdtemp(prefix="fleet-", dir="/tmp")
        wiring = Wiring.of(scenario, self._folder)
        own = {process: secrets.token_hex(16) for process in range(scenario.n)}
        self.memories: dict[int, Fork] = {}
        self.processes: dict[int, Fork] = {}
        self.dead: set[int] = set()
        try:
            for memory in range(scenario.memories):
                self.memories[memory] = self._host(wiring, memory, own)
            for process in range(scenario.n):
                self.processes[process] = Fork(Member, wiring, process)
            agents = list(self._ask(self.memories, "agents").values())
            listens = self._ask(self.processes, "listens").values()
            inboxes, pulses, keys = (
                {process: what for each in listens for process, what in each[kind].items()}
                for kind in ("inboxes", "pulses", "keys")
            )
            for process, fork in self.processes.items():
                fork.begin("dial", agents, own[process])
            for fork in self.processes.values():
                fork.result()
            self._ask(self.processes, "meet", inboxes, pulses, keys)
            self._ask(self.processes, "beat")
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Fleet:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def _host(self, wiring: Wiring, memory: int, known: Mapping[int, str]) -> Fork:
        return Fork(Host, wiring, memory, known)

    def close(self) -> None:
        """End them all."""
        for fork in (*self.processes.values(), *self.memories.values()):
            fork.end()
        shutil.rmtree(self._folder)

    # Rounds

    def run_round(self, instance: int) -> Observation:
        """Run an instance from its beginning to its end."""
        self.reset(instance)
        self.begin_round(instance)
        return self.end_round(instance)

    def reset(self, instance: int) -> None:
        """Empty all memories that live."""
        self._ask({number: fork for number, fork in self.memories.items() if fork.alive}, "reset", instance)

    def begin_round(self, instance: int) -> None:
        """Start an instance at all processes that live, in memories that were reset for it."""
        scenario = self.scenario
        values = dict(enumerate(scenario.inputs))
        self._ask(self._live(), "begin_round", instance, values, scenario.timeout, time.perf_counter_ns())

    def end_round(self, instance: int) -> Observation:
        """Wait until its correct processes are done, and end it at those who would go on."""
        lawless = self.scenario.byzantine()
        correct = {process: fork for process, fork in self._live().items() if process not in lawless}
        if self.scenario.protocol.goes_on:
            self._ask(correct, "settled", instance)
            self._ask(self._live(), "end_round", instance)
        reports = self._ask(correct, "reports")
        others = {process: fork for process, fork in self._live().items() if process in lawless}
        self._ask(others, "end_round", instance)
        reports |= self._ask(others, "reports")
        return observe(self.scenario, [report for each in reports.values() for report in each])

    def looks(self) -> dict[int, dict[str, Any]]:
        """What the connections of each live process know about themselves."""
        return self._ask(self._live(), "looks")

    def _live(self) -> dict[int, Fork]:
        return {process: fork for process, fork in self.processes.items() if fork.alive}

    def _ask(self, forks: Mapping[int, Fork], what: str, *arguments: Any) -> dict[int, Any]:
        """The answers of those that did not die of it."""
        for fork in forks.values():
            fork.begin(what, *arguments)
        answers = {}
        for number, fork in forks.items():
            try:
                answers[number] = fork.result()
            except Died:
                if fork in self.processes.values():
                    self.dead.add(number)
        return answers
