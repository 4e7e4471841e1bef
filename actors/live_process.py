"""A process that really runs: the Process interface over connections, links and a clock.

Operations on transports that answer within the call cost no trip through a loop; a write to several
memories of one host is a single call into the transport.
"""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Protocol, TypeVar

import msgspec

from rayrdma.faults.behaviour import Behaviour
from rayrdma.faults.plan import After
from rayrdma.model.graph import Graph
from rayrdma.model.operations import NAMES, OPERATION_DELAYS, READ, READ_REGION, WRITE, Operation
from rayrdma.model.outcomes import ACK, Outcome
from rayrdma.model.process import Change, Process, Quorum, Sleep, Watch
from rayrdma.model.protocol import Protocol as AgreementProtocol
from rayrdma.model.protocol import read_message
from rayrdma.model.regions import ENCODE, Record, Region, Value
from rayrdma.model.signatures import Identity, Signatures
from rayrdma.model.tasks import Completion, Task
from rayrdma.model.trace import Decided, Delivered, Event, Issued, LeaderChanged, Noted, Refused, Responded, Sent
from rayrdma.transports.connection import PENDING, Connection
from rayrdma.transports.links import Inbox, Outbox


class FailureDetector(Protocol):
    """What a process sees of its Omega."""

    leader: int

    def trusted(self) -> int:
        """How many processes it does not suspect."""


class WriteEach(Protocol):
    """Writes the same to one register of every memory in one call (the fans of the transports shm and verbs)."""

    def write(self, register: int, payload: bytes) -> int:
        """0 if all acked, else outcomes for `answers`."""

    def answers(self, outcomes: int) -> list[Any]:
        """What each memory answered."""


MILLISECOND = 0.001
SHORTEST_PAUSE = 0.00002
"""Seconds between two looks at memories at first; each further look that sees nothing new adds as much."""
T = TypeVar("T", Sleep, Change)


class Clockwork:
    """What a live process keeps over all its instances: faults that count operations."""

    def __init__(self, crash_after: After | None, die: Callable[[], None]) -> None:
        self.crash_after = crash_after
        self.counted = 0
        self._die = die

    def count(self, operation: str) -> None:
        """Die right after the operation that the fault names."""
        after = self.crash_after
        if after is not None and (
            after.operation == operation or (after.operation == "operation" and operation != "send")
        ):
            self.counted += 1
            if self.counted == after.count:
                self._die()


def kill_this_process() -> None:
    """As a crash: no hook runs, nothing is said."""
    os.kill(os.getpid(), signal.SIGKILL)


class LiveProcess(Process):
    """One process in one instance of a protocol.

    Attributes:
        refusals: how often it did not believe another process.
        instead: what it does instead of the protocol, if it is Byzantine.
    """

    def __init__(
        self,
        id: int,
        n: int,
        regions: Mapping[str, Region],
        connections: Sequence[Connection],
        seed: str,
        *,
        instance: int,
        epoch_ns: int,
        protocol: type[AgreementProtocol],
        inbox: Inbox,
        outbox: Outbox,
        omega: FailureDetector,
        fans: Mapping[str, WriteEach],
        clockwork: Clockwork,
        identity: Identity,
        trace: bool,
        graph: Graph | None = None,
    ) -> None:
        super().__init__(id, n, regions, len(connections), seed, graph)
        self.instance = instance
        self._epoch_ns = epoch_ns  # of the trace: the same for all processes of a host
        self.stopped = False
        self.decided_ns = 0
        self.started_ns = 0
        self.trace: list[Event] | None = [] if trace else None
        self._connections = connections
        self._pending: list[int] = []
        self._incoming = inbox
        self._outgoing = outbox
        self._omega = omega
        self._seen_leader = omega.leader
        self._fans = {} if trace or clockwork.crash_after else fans
        self._clockwork = clockwork
        self._identity = identity
        self.refusals = 0
        self.instead: Behaviour | None = None
        self._timers: list[tuple[float, Sleep, int]] = []
        self._lookers: list[tuple[float, Change, int]] = []
        self._changes = 0  # operations that may have changed a memory
        self._acked: Completion[Outcome] = Completion(self)
        self._acked.done = True
        self._acked.value = ACK
        self._kind = protocol
        self._protocol = protocol(self)
        self._main: Task[Any] | None = None

    # What the protocol asks for

    def leader(self) -> int:
        return self._omega.leader

    def memory_answers(self, memory: int) -> bool:
        return self._outstanding[memory] is None

    def processes_alive(self) -> int:
        return self._omega.trusted()

    def write_each(self, region: str, register: int, value: Any, need: int) -> Completion[Outcome]:
        fan = self._fans.get(region)
        if fan is None or self._pending:
            return super().write_each(region, register, value, need)
        self._changes += 1
        outcomes = fan.write(register, ENCODE(value))
        if outcomes == 0:
            acked = self._acked
            acked.depth = self.current.depth + OPERATION_DELAYS
            return acked
        self._check(region, register)
        operations = []
        for memory, answer in enumerate(fan.answers(outcomes)):
            operation = Operation(self, WRITE, memory, region, register, value, self.current)
            self._outstanding[memory] = operation
            operations.append(operation)
            if answer is PENDING:
                self._pending.append(memory)
            else:
                self._respond(operation, answer)
        return Quorum(self, need, operations)

    def _issue(self, operation: Operation) -> None:
        if self.stopped:
            return
        if self.trace is not None:
            self.trace.append(
                Issued(
                    self._now(),
                    self.id,
                    operation.memory,
                    operation.number,
                    operation.kind,
                    operation.region,
                    operation.register,
                    operation.argument,
                )
            )
        if operation.kind not in (READ, READ_REGION):
            self._changes += 1
        response = self._connections[operation.memory].post(operation)
        self._clockwork.count(NAMES[operation.kind])
        if response is PENDING:
            self._pending.append(operation.memory)
        else:
            self._answer(operation, response)

    def _answer(self, operation: Operation, response: Any) -> None:
        if self.trace is not None:  # before the response lets the next operation be issued
            depth = operation.depth + OPERATION_DELAYS
            self.trace.append(Responded(self._now(), self.id, operation.memory, operation.number, response, depth))
        self._respond(operation, response)

    def _send(self, to: int, message: Record, depth: int) -> None:
        if self.stopped:
            return
        if self.trace is not None:
            self.trace.append(Sent(self._now(), self.id, to, message))
        if to == self.id:
            if self.trace is not None:
                self.trace.append(Delivered(self._now(), self.id, self.id, message))
            self._deliver(self.id, message, depth)
        else:
            self._outgoing.send(to, self.instance, depth, message)
        self._clockwork.count("send")

    def _start_timer(self, sleep: Sleep, duration: float) -> None:
        self._timers.append((time.monotonic() + duration * MILLISECOND, sleep, self.current.depth))

    def _make_signatures(self) -> Signatures:
        return self._identity.signatures(self.instance)

    def _await_change(self, watch: Watch, change: Change) -> None:
        if watch.seen != self._changes:  # what the last look saw made it write
            watch.seen, watch.looks = self._changes, 0
        watch.looks += 1
        due = time.monotonic() + min(watch.looks * SHORTEST_PAUSE, MILLISECOND)
        self._lookers.append((due, change, self.current.depth))

    def note(self, what: str, value: Any) -> None:
        if self.trace is not None:
            self.trace.append(Noted(self._now(), self.id, what, value))

    def refuse(self, liar: int, why: str) -> None:
        self.refusals += 1
        if self.trace is not None:
            self.trace.append(Refused(self._now(), self.id, liar, why))

    def decide(self, value: Value) -> None:
        self.decided_ns = time.perf_counter_ns()
        super().decide(value)

    def _on_decide(self) -> None:
        if self.trace is not None:
            self.trace.append(Decided(self._now(), self.id, self.decision, self.decision_depth))

    # What drives it

    def begin(self, value: Value) -> None:
        """Start the protocol."""
        self._incoming.start(self.instance)
        main = self._protocol.propose(value) if self.instead is None else self.instead.run(value)
        self._main = self.current = Task(self, main, 0)
        self.started_ns = time.perf_counter_ns()
        self._main.step()

    @property
    def finished(self) -> bool:
        """Nothing is left to do for it in this instance."""
        return self.stopped or (self._main is not None and self._main.done)

    @property
    def settled(self) -> bool:
        """Nothing more is to be expected of it for itself, in this instance."""
        return self.finished or self.decided or self._protocol.settled

    def step(self) -> bool:
        """Take in whatever has happened, and react; whether anything had."""
        happened = self._poll_memories()
        while (envelope := self._incoming.receive()) is not None:
            happened = True
            self._take_message(envelope.sender, envelope.payload, envelope.depth)
        if self._timers:
            self._timers, rung = self._ring(self._timers)
            happened |= rung
        if self._lookers:
            self._lookers, rung = self._ring(self._lookers)
            happened |= rung
        leader = self._omega.leader
        if leader != self._seen_leader:
            self._seen_leader = leader
            happened = True
            if self.trace is not None:
                self.trace.append(LeaderChanged(self._now(), self.id, leader))
            self._omega_changed()
        ready = self.ready
        while ready:
            ready.popleft().step()
        return happened

    def wait(self, seconds: float, others: Iterable[int] = ()) -> frozenset[int]:
        """Sleep until a message comes or one of these descriptors is readable, or for ``seconds``."""
        return self._incoming.wait(seconds, others)

    @property
    def expects_memories(self) -> bool:
        """Whether some memory has not answered yet, or is looked at all the time."""
        return bool(self._pending or self._lookers)

    def waiting_for(self) -> str:
        """What its protocol waits for."""
        return self._main.waiting_for() if self._main is not None else "nothing"

    @property
    def rounds_taken(self) -> int:
        """How many rounds of a randomised protocol it has begun."""
        return self._protocol.rounds_taken

    def elapsed(self) -> float:
        """Seconds from the start of the protocol to its decision."""
        return (self.decided_ns - self.started_ns) / 1e9

    def _now(self) -> float:
        return (time.perf_counter_ns() - self._epoch_ns) / 1e9

    def _poll_memories(self) -> bool:
        happened = False
        pending, self._pending = self._pending, []
        for memory in pending:
            operation = self._outstanding[memory]
            response = self._connections[memory].poll()
            if operation is None or response is PENDING:
                self._pending.append(memory)
            else:
                happened = True
                self._answer(operation, response)
        return happened

    def _take_message(self, sender: int, payload: msgspec.Raw, depth: int) -> None:
        message = read_message(self._kind, payload)
        if message is None:
            return
        if self.trace is not None:
            self.trace.append(Delivered(self._now(), self.id, sender, message))
        self._deliver(sender, message, depth)
        ready = self.ready
        while ready:
            ready.popleft().step()

    def _ring(self, timers: list[tuple[float, T, int]]) -> tuple[list[tuple[float, T, int]], bool]:
        """Complete what is due; what is not, and whether anything was."""
        now = time.monotonic()
        due = [timer for timer in timers if timer[0] <= now]
        for _, waiting, depth in due:
            waiting.complete(None, depth)
        return [timer for timer in timers if timer[0] > now], bool(due)
