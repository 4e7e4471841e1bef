"""Arms: places where the same tests run. Here is what all arms have in common, and the simulated one."""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from inspect import isgenerator
from typing import Any, ClassVar

import pytest

from rayrdma.model.memory import Memory
from rayrdma.model.operations import COMPARE_AND_SWAP, WRITE
from rayrdma.transports.connection import PENDING, Pending

from . import scripts
from .party import MEMORIES, REGIONS, Ledger, Op, Party, Script

SIMULATED = pytest.param("simulated")
SHM = pytest.param("shm", marks=pytest.mark.live)
CHANNEL = pytest.param("ray-channel", marks=pytest.mark.live)
CALLS = pytest.param("ray-channel (actor calls)", marks=pytest.mark.live)
VERBS = pytest.param("verbs", marks=pytest.mark.verbs)
FLAGS_ARM = "verbs (queue-pair flags)"
FLAGS = pytest.param(FLAGS_ARM, marks=pytest.mark.verbs)
"""For what happens one after the other: a software device looks at the flags before it carries a write out."""
EVERY = [SIMULATED, SHM, CHANNEL, CALLS, VERBS]


def on(*arms: Any) -> pytest.MarkDecorator:
    """Run a test on these arms instead of on all."""
    return pytest.mark.parametrize("arm", arms, indirect=True)


class Worker(ABC):
    """The test's hold on one party."""

    @abstractmethod
    def begin(self, function: Callable[..., Any], *arguments: Any) -> None:
        """Let the party call ``function(party, *arguments)``."""

    @abstractmethod
    def result(self) -> Any:
        """What it returned; what it raised is raised."""

    @abstractmethod
    def kill(self) -> None:
        """A crash at whatever instruction this comes to; returns when it is dead."""

    @abstractmethod
    def stop(self) -> None:
        """Stop at whatever instruction this comes to; returns when it has stopped."""

    @abstractmethod
    def resume(self) -> None:
        """Go on."""

    @property
    @abstractmethod
    def alive(self) -> bool:
        """Whether it can be used any more."""

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """`begin` and `result`."""
        self.begin(function, *arguments)
        return self.result()

    def operate(self, operation: Op) -> Any:
        """The response to one operation."""
        return self.call(scripts.operate, operation)


class Arm(ABC):
    """Memories and parties of one kind.

    Attributes:
        instance: the one that is open.
        ledger: shared with all parties.
    """

    name: ClassVar[str]
    ledger: Ledger

    def __init__(self) -> None:
        self.instance = 0
        self._workers: dict[int, Worker] = {}

    def worker(self, process: int) -> Worker:
        """The party that is this process, a new one if it has died."""
        worker = self._workers.get(process)
        if worker is None or not worker.alive:
            worker = self._workers[process] = self._make_worker(process)
        return worker

    def workers(self, count: int) -> list[Worker]:
        """Processes 0 to ``count`` - 1."""
        return [self.worker(process) for process in range(count)]

    def refresh(self) -> None:
        """Empty memories, the initial permissions, a new instance for all."""
        self._revive_memories()
        self.reset()
        self.ledger.clear()
        for worker in self._workers.values():
            if worker.alive:
                worker.call(scripts.start, self.instance)

    def reset(self) -> None:
        """Open the next instance at the memories; the parties stay in theirs."""
        self.instance += 1
        for memory in range(MEMORIES):
            self._reset_memory(memory)

    def abandon(self) -> None:
        """Whoever is still at something is of no use any more."""
        for worker in self._workers.values():
            if worker.alive and self._busy(worker):
                worker.kill()

    def reach(self, words: memoryview, process: int, number: int) -> None:
        """Let the parties go on until a word of the ledger has become that high."""
        self.wait(lambda: words[process] >= number)

    @abstractmethod
    def wait(self, happened: Callable[[], bool]) -> None:
        """Let the parties go on until something has happened."""

    @abstractmethod
    def crash(self, memory: int) -> None:
        """From now on this memory answers nothing."""

    @abstractmethod
    def close(self) -> None:
        """End all parties and memories."""

    @abstractmethod
    def _make_worker(self, process: int) -> Worker:
        """A party in the present instance."""

    @abstractmethod
    def _busy(self, worker: Worker) -> bool:
        """Whether its result is not there or was not fetched."""

    @abstractmethod
    def _reset_memory(self, memory: int) -> None:
        """Open ``self.instance``."""

    @abstractmethod
    def _revive_memories(self) -> None:
        """Replace memories that have crashed."""


class SimulatedConnection:
    """Operations take effect at any time after they were issued, whatever becomes of their issuer."""

    transport = "simulated"
    lost: str | None = None

    def __init__(self, arm: SimulatedArm, process: int, memory: int) -> None:
        self._arm = arm
        self._process = process
        self._memory = memory
        self._response: Any = None
        self._under_way: Op | None = None

    def start(self, instance: int) -> None:
        """Every instance has memories of its own here, which `SimulatedArm._reset_memory` makes."""
        self._under_way = None

    def post(self, operation: Op) -> Pending:
        assert self._under_way is None, "one outstanding operation per process and memory"
        region = self._arm.memories[self._memory].regions[operation.region].region
        region.check_register(operation.register)
        if operation.kind == WRITE:
            region.encode(operation.argument)  # as the kernel of the simulator does
        elif operation.kind == COMPARE_AND_SWAP:
            region.encode(operation.argument[1])
        self._under_way, self._response = operation, PENDING
        self._arm.issued.append(self)
        return PENDING

    def take_effect(self) -> None:
        operation = self._under_way
        if operation is not None and self._memory not in self._arm.crashed:
            memory = self._arm.memories[self._memory]
            self._response = memory.apply(
                self._process, operation.kind, operation.region, operation.register, operation.argument
            )

    def poll(self) -> Any:
        self._arm.step()
        return self.fetch()

    def fetch(self) -> Any:
        """The response, if it is there."""
        if self._under_way is None or self._response is PENDING:
            return PENDING
        self._under_way = None
        return self._response

    def close(self) -> None:
        """Nothing is held."""


class SimulatedWorker(Worker):
    """A party that takes a step when the arm chooses it."""

    def __init__(self, arm: SimulatedArm, process: int) -> None:
        self._arm = arm
        self.connections = [arm.connection(arm, process, memory) for memory in range(MEMORIES)]
        self._party = Party(process, self.connections, arm.ledger)
        self.script: Script | None = None
        self._waits_for: SimulatedConnection | None = None
        self._result: Any = None
        self._error: Exception | None = None
        self.stopped = False
        self._dead = False

    @property
    def alive(self) -> bool:
        return not self._dead

    def begin(self, function: Callable[..., Any], *arguments: Any) -> None:
        self._waits_for = self._result = self._error = None
        result = function(self._party, *arguments)
        if isgenerator(result):
            self.script = result
        else:
            self._result = result

    def result(self) -> Any:
        self._arm.wait(lambda: self.script is None)
        if self._error is not None:
            raise self._error
        return self._result

    def step(self) -> None:
        """Take in a response if it is there, and go on to the next operation."""
        assert self.script is not None
        response = None
        if self._waits_for is not None:
            response = self._waits_for.fetch()
            if response is PENDING:
                return
        self._waits_for = None
        try:
            operation = self.script.send(response)
            if operation is not None:
                self.connections[operation.memory].post(operation)
                self._waits_for = self.connections[operation.memory]
        except StopIteration as stop:
            self.script, self._result = None, stop.value
        except Exception as error:
            self.script, self._error = None, error

    def kill(self) -> None:
        self._dead, self.script = True, None

    def stop(self) -> None:
        self.stopped = True

    def resume(self) -> None:
        self.stopped = False


class SimulatedArm(Arm):
    """The model's memory. A seeded choice says which party, or which operation under way, goes on next."""

    name = "simulated"
    connection: ClassVar[type[SimulatedConnection]] = SimulatedConnection
    memory: ClassVar[type[Memory]] = Memory

    def __init__(self, seed: int = 0) -> None:
        super().__init__()
        self.ledger = Ledger(bytearray(Ledger.BYTES))
        self._rng = random.Random(seed)
        self.memories = [self.memory(REGIONS) for _ in range(MEMORIES)]
        self.crashed: set[int] = set()
        self.issued: list[SimulatedConnection] = []

    def step(self) -> bool:
        """One party takes a step, or one operation takes effect; whether there was any to."""
        able = [worker for worker in self._workers.values() if worker.script is not None and not worker.stopped]
        choice = int(self._rng.random() * (len(able) + len(self.issued)))
        if choice < len(able):
            able[choice].step()
        elif self.issued:
            self.issued.pop(choice - len(able)).take_effect()
        return bool(able or self.issued)

    def wait(self, happened: Callable[[], bool]) -> None:
        while not happened():
            assert self.step(), "nobody can take a step, and it has not happened"

    def crash(self, memory: int) -> None:
        self.crashed.add(memory)

    def close(self) -> None:
        self._workers.clear()

    def _make_worker(self, process: int) -> SimulatedWorker:
        return SimulatedWorker(self, process)

    def _busy(self, worker: Worker) -> bool:
        assert isinstance(worker, SimulatedWorker)
        return worker.script is not None or any(connection._under_way for connection in worker.connections)

    def _reset_memory(self, memory: int) -> None:
        self.memories[memory] = self.memory(REGIONS)

    def _revive_memories(self) -> None:
        self.crashed.clear()
        self.issued.clear()
