"""Byzantine behaviours: what a process does instead of its protocol (P19, section 3).

A behaviour gets the same `Process` object as the protocol would. It can say anything to anybody, and write
anything where it has permission; it can not forge a signature, nor act as another process. One that lies
about an otherwise honest execution runs the protocol behind a `Facade` and tampers with what goes out.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any, ClassVar

from rayrdma.model.errors import UsageError
from rayrdma.model.operations import Operation
from rayrdma.model.process import Change, Process, Quorum, Sleep, Watch
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Record, Value
from rayrdma.model.signatures import Signatures
from rayrdma.model.tasks import Completion


class Plan:
    """What colluding behaviours agree on, before and without any message.

    Attributes:
        members: the Byzantine processes of the run.
        kept: what they saw, of this instance and older ones; in the simulator all see the same list.
    """

    KEPT = 1000

    def __init__(self, members: Iterable[int], seed: str) -> None:
        self.members = tuple(members)
        self.kept: list[Any] = []
        self._seed = seed
        self._halves: dict[tuple[int, str], frozenset[int]] = {}

    def draw(self, what: str) -> random.Random:
        """Random numbers for ``what``, the same for every member."""
        return random.Random(f"{self._seed}/{what}")

    def half(self, n: int, what: str = "half") -> frozenset[int]:
        """Half of ``n`` parties, the same half for every member."""
        if (n, what) not in self._halves:
            self._halves[n, what] = frozenset(self.draw(f"{what}/{n}").sample(range(n), n // 2))
        return self._halves[n, what]

    def keep(self, message: Any) -> None:
        """Remember a message or a register's value, for use at another time."""
        if len(self.kept) < self.KEPT:
            self.kept.append(message)


class Behaviour(ABC):
    """One Byzantine process in one instance. Subclass it; the library needs no change.

    Attributes:
        name: what the command line calls it.
        attacks: the protocols that it was made for; empty: it fits any.
        leads: whether it is what the first leader can do and nobody else; False: the leader can do no more with it than
            others; None: it can.
    """

    name: ClassVar[str]
    attacks: ClassVar[tuple[type[Protocol], ...]] = ()
    leads: ClassVar[bool | None] = None

    def __init__(self, process: Process, protocol: type[Protocol], plan: Plan) -> None:
        self.process = process
        self.protocol = protocol
        self.plan = plan
        self.rng = process.rng
        self.facades: list[Facade] = []

    @abstractmethod
    async def run(self, value: Value) -> None:
        """Do it. ``value`` is what this process was given to propose."""

    def act(self, facade: Facade, value: Value) -> None:
        """Start an honest execution that proposes ``value`` behind a facade."""
        self.facades.append(facade)
        facade.start(self.protocol(facade).propose(value))

    async def go_on(self, seen: Callable[[int, Record], object] = lambda sender, message: None) -> None:
        """For ever: hand every message that comes to the facades that take it, and to ``seen``."""
        if not self.protocol.messages:
            await self.process.event()
        while True:
            sender, message = await self.process.receive(*self.protocol.messages)
            depth = self.process.current.depth
            seen(sender, message)
            for facade in self.facades:
                if facade.hears(sender):
                    facade._deliver(sender, message, depth)


class Facade(Process):
    """A process behind which an execution of the protocol takes a Byzantine process for itself.

    Override `outgoing`, `writes` and `hears` to tamper. What it decides, nobody learns.
    """

    def __init__(self, process: Process) -> None:
        super().__init__(process.id, process.n, process.regions, len(process.memories), process._seed)
        self.real = process
        self.ready = process.ready

    def outgoing(self, to: int, message: Record) -> Iterable[tuple[int, Record]]:
        """What is sent instead of this message."""
        yield to, message

    def writes(self, memory: int, region: str, register: int, value: Any) -> tuple[Any, ...]:
        """The value that is written instead, alone in a tuple; nothing is written if that is empty."""
        return (value,)

    def hears(self, sender: int) -> bool:
        """Whether the execution gets this process's messages."""
        return True

    def write(self, memory: int, region: str, register: int, value: Any) -> Completion[Any]:
        instead = self.writes(memory, region, register, value)
        return super().write(memory, region, register, instead[0]) if instead else Completion(self)

    def write_each(self, region: str, register: int, value: Any, need: int) -> Completion[Any]:
        writes: Any = [self.write(memory, region, register, value) for memory in self.memories]
        return Quorum(self, need, writes)

    def _post(self, operation: Operation) -> Operation:
        operation.process = self.real
        return self.real._post(operation)

    def _send(self, to: int, message: Record, depth: int) -> None:
        for receiver, instead in self.outgoing(to, message):
            self.real._send(receiver, instead, depth)

    def decide(self, value: Value) -> None:
        self.decided, self.decision = True, value

    def leader(self) -> int:
        return self.real.leader()

    def elected(self) -> Completion[None]:
        return self.real.elected()

    def memory_answers(self, memory: int) -> bool:
        return self.real.memory_answers(memory)

    def processes_alive(self) -> int:
        return self.real.processes_alive()

    def _start_timer(self, sleep: Sleep, duration: float) -> None:
        self.real._start_timer(sleep, duration)

    def _await_change(self, watch: Watch, change: Change) -> None:
        self.real._await_change(watch, change)

    def note(self, what: str, value: Any) -> None:
        """Nobody cares what a Byzantine process comes to."""

    def refuse(self, liar: int, why: str) -> None:
        """Nobody cares what a Byzantine process believes."""

    def _make_signatures(self) -> Signatures:
        return self.real.signatures

    def _issue(self, operation: Operation) -> None:
        raise AssertionError("the real process issues")

    def _on_decide(self) -> None:
        raise AssertionError("a Byzantine process decides nothing")


def fits(behaviour: type[Behaviour], protocol: type[Protocol]) -> None:
    """Raise UsageError unless ``behaviour`` makes sense against ``protocol``."""
    if behaviour.attacks and not issubclass(protocol, behaviour.attacks):
        against = ", ".join(attacked.name for attacked in behaviour.attacks)
        raise UsageError(f"{behaviour.name!r} is an attack on {against}, not on {protocol.name}")
