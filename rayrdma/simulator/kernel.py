"""The simulator: virtual time, one heap of events, every choice in the hands of a `Schedule`.

Theory of operation. An event is (key, sequence, handler, argument) with key = 4 x time + rank, so that at one
time faults and Omega come first, then effects at memories, then deliveries and responses (algorithms 1.6);
ties are broken by the order in which events were made. A memory operation issued at t takes effect at
t + d1 and its response is there at t + d1 + d2; a message is there after d. Effects of a crashed process's
operations stay in the heap: what was issued may still happen. A crashed memory answers nothing.

A run has *blocked* when no event is left and a live process has not decided: that is a proof for this
schedule, not a time-out.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from heapq import heappop, heappush
from typing import Any

from rayrdma.faults.behaviour import Behaviour, Plan
from rayrdma.faults.plan import After, Byzantine, ClockSkew, Crash, Fault, LostCompletion, Pause
from rayrdma.model.errors import ProtocolError
from rayrdma.model.graph import Graph
from rayrdma.model.memory import Memory
from rayrdma.model.operations import COMPARE_AND_SWAP, NAMES, OPERATION_DELAYS, READ, READ_REGION, WRITE, Operation
from rayrdma.model.outcomes import NAK
from rayrdma.model.process import Change, Sleep, Watch
from rayrdma.model.protocol import Protocol, make, read_message
from rayrdma.model.regions import ENCODE, Record, Region, Value
from rayrdma.model.tasks import Task
from rayrdma.model.trace import (
    Crashed,
    Decided,
    Delivered,
    Event,
    Issued,
    LeaderChanged,
    Noted,
    Paused,
    Refused,
    Responded,
    Resumed,
    Sent,
    TookEffect,
)

from .process import SimulatedProcess
from .schedule import LOST, Schedule

FAULT, EFFECT, DELIVERY = 0, 1, 2
EVENT_LIMIT = 1_000_000


@dataclass
class World:
    """What one instance of a protocol leaves to the next one: the time, who is dead or deaf, what was counted.

    Byzantine processes have their plan from there, and remember in it what they saw of older instances.
    """

    time: int = 0
    dead_processes: set[int] = field(default_factory=set)
    dead_memories: set[int] = field(default_factory=set)
    deaf: set[tuple[int, int]] = field(default_factory=set)  # a process hears nothing more of a memory
    counts: dict[tuple[str, int, str], int] = field(default_factory=dict)
    plan: Plan | None = None


class Kernel:
    """One run of one instance of a protocol.

    Args:
        protocol: its class.
        inputs: what each process proposes; their number is n.
        memories: how many.
        schedule: the adversary.
        faults: those in ``world`` already happened.
        seed: of the processes' own random numbers.
        instance: its number, which signatures cover.
        regions: instead of the protocol's own.
        graph: who may reach which memory; None: everybody every one.
        trace: whether to keep the events.
    """

    def __init__(
        self,
        protocol: type[Protocol],
        inputs: Sequence[Value],
        memories: int,
        schedule: Schedule,
        faults: Sequence[Fault] = (),
        *,
        seed: str = "0",
        instance: int = 0,
        regions: Sequence[Region] | None = None,
        graph: Graph | None = None,
        world: World | None = None,
        trace: bool = False,
    ) -> None:
        n = len(inputs)
        self.world = world if world is not None else World()
        self.now = self.world.time
        self._dead_memories = self.world.dead_memories
        self.start_time = self.now
        self.trace: list[Event] | None = [] if trace else None
        self.events = 0
        self.decisions: list[Decided] = []
        self._heap: list[tuple[int, int, Any, Any]] = []
        self._sequence = 0
        self.protocol = protocol
        self.inputs = inputs
        self.instance = instance
        self.refusals = 0
        self.changes = -1  # in memories, counted from the first time that somebody watches them
        self._watching: list[tuple[SimulatedProcess, Watch, Change]] = []
        self._written: Any = self  # what was written last, where, and what a reader finds; itself is never written
        self._written_to = ""
        self._read_back: Any = None
        self._readings: dict[tuple[str, bytes], Any] = {}  # what Byzantine processes wrote, and what readers find
        self._schedule = schedule
        self._delay = schedule.delay
        # Bound once: three of four events have one of these handlers.
        self._on_effect, self._on_response, self._on_delivery = self._effect, self._response, self._delivery
        self.layout = list(regions if regions is not None else protocol.regions(n))
        named = {region.name: region for region in self.layout}
        self.graph = graph
        self.memories = [
            Memory(self.layout if graph is None else graph.regions(memory, self.layout)) for memory in range(memories)
        ]
        self.processes = [SimulatedProcess(self, id, n, named, memories, seed, graph) for id in range(n)]
        self._protocols = [make(protocol, process) for process in self.processes]
        self._watched_memories: list[tuple[After, Crash]] = []
        self._losses = {(f.process, f.memory): f for f in faults if isinstance(f, LostCompletion)}
        self._skews = {f.process: f for f in faults if isinstance(f, ClockSkew)}
        self._started: list[Task[Any]] = []
        self._behaviours: dict[int, Behaviour] = {}
        self._lawless(protocol, [fault for fault in faults if isinstance(fault, Byzantine)], seed)
        self._plan([fault for fault in faults if isinstance(fault, Crash | Pause)])

    def run(self, event_limit: int = EVENT_LIMIT) -> None:
        """Start every live process and let everything happen that can; at most ``event_limit`` events.

        Raises:
            ProtocolError: the protocol did what no protocol may do.
        """
        self._begin()
        heap = self._heap
        events = 0
        while heap and events < event_limit:
            key, _, handler, argument = heappop(heap)
            self.now = key >> 2
            handler(argument)
            events += 1
        self.events = events
        self.world.time = self.now

    def _begin(self) -> None:
        """Let Omega say what it says, and start every live process."""
        stabilises = self.now + self._schedule.stabilises
        for time, number, leader in self._schedule.leaderships():
            if time == 0:
                self.processes[number].omega = leader
            else:
                self._at(self.now + time, FAULT, self._omega, (number, leader))
        self._stable_from = stabilises
        self._at(stabilises, FAULT, self._stabilise, None)
        for process, protocol, value in zip(self.processes, self._protocols, self.inputs, strict=True):
            if not process.crashed:
                main = self._behaviours[process.id].run(value) if process.byzantine else protocol.propose(value)
                self._started.append(process.start(main))

    def close(self) -> None:
        """End the processes that still wait. Left to the garbage collector they would swallow a Ctrl-C.

        Raises:
            ProtocolError: one does not end in peace; all others are ended first.
        """
        wrong: ProtocolError | None = None
        for task in self._started:
            try:
                task.fence()
            except ProtocolError as error:
                wrong = wrong or error
        if wrong is not None:
            raise wrong

    @property
    def quiescent(self) -> bool:
        """Nothing can happen any more."""
        return not self._heap

    def undecided(self) -> list[SimulatedProcess]:
        """The live and correct processes that have not decided."""
        return [process for process in self.processes if not (process.crashed or process.byzantine or process.decided)]

    def settled(self, process: int) -> bool:
        """Whether this process will never decide, and knows it."""
        return self._protocols[process].settled

    def rounds_taken(self) -> int:
        """The most rounds of a randomised protocol that one of those who decided took."""
        return max((self._protocols[decided.process].rounds_taken for decided in self.decisions), default=0)

    def signatures(self) -> dict[int, tuple[int, int]]:
        """How many each process made and checked, of those that needed any."""
        used = {process.id: process.__dict__.get("signatures") for process in self.processes}
        return {id: (kept.made, kept.verified) for id, kept in used.items() if kept is not None}

    # What processes ask for

    def issue(self, process: SimulatedProcess, operation: Operation) -> None:
        """An operation leaves its process, if that is still alive: it may die within the step that it takes."""
        if process.crashed:
            return
        if operation.kind is WRITE:
            # The same goes to many memories: it is looked at once.
            if operation.argument is not self._written or operation.region != self._written_to:
                # It must fit, as on every transport; and what no correct process can write is as good as nothing.
                region = process.regions[operation.region]
                data = region.encode(operation.argument)
                self._read_back = self._reading(region, data) if process.byzantine else operation.argument
                self._written, self._written_to = operation.argument, operation.region  # only what did fit
            operation.argument = self._read_back
        elif operation.kind is COMPARE_AND_SWAP:
            process.regions[operation.region].encode(operation.argument[1])
        # What a process that polls reads when it is woken was under way already when it was.
        head_start = 1 if process.woken == self.now and operation.kind in (READ, READ_REGION) else 0
        if self.trace is not None:
            self.trace.append(
                Issued(
                    self.now - head_start,
                    process.id,
                    operation.memory,
                    operation.number,
                    operation.kind,
                    operation.region,
                    operation.register,
                    operation.argument,
                )
            )
        self._sequence += 1
        delay = self._delay(process.id, operation.memory, self.now - self.start_time)
        heappush(
            self._heap, ((self.now + delay - head_start) << 2 | EFFECT, self._sequence, self._on_effect, operation)
        )
        if process.watched:
            self._count_process(process, NAMES[operation.kind])
            self._count_process(process, "operation")

    def _reading(self, region: Region, data: bytes) -> Any:
        """What a reader makes of these bytes. A liar writes the same again and again."""
        written = region.name, data
        if written not in self._readings:
            self._readings[written] = region.value_of(data)
        return self._readings[written]

    def send(self, process: SimulatedProcess, to: int, message: Record, depth: int) -> None:
        """A message leaves its process."""
        if process.byzantine:  # a live process takes nothing else for a message either
            read = read_message(self.protocol, ENCODE(message))
            if read is None:
                return
            message = read
        if self.trace is not None:
            self.trace.append(Sent(self.now, process.id, to, message))
        self._sequence += 1
        delay = self._delay(process.id, -1 - to, self.now - self.start_time)
        if delay != LOST:
            heappush(
                self._heap,
                (
                    (self.now + delay) << 2 | DELIVERY,
                    self._sequence,
                    self._on_delivery,
                    (process.id, to, message, depth),
                ),
            )
        if process.watched:
            self._count_process(process, "send")

    def start_timer(self, process: SimulatedProcess, sleep: Sleep, duration: float) -> None:
        """A process wants to be woken."""
        if process.id in self._skews and self.now < (skew := self._skews[process.id]).until:
            duration /= skew.rate
        self._at(
            self.now + max(1, math.ceil(duration)),
            DELIVERY,
            self._timer,
            (process, sleep, process.current.depth),
        )

    def decided(self, process: SimulatedProcess) -> None:
        """A process has decided."""
        decided = Decided(self.now, process.id, process.decision, process.decision_depth)
        self.decisions.append(decided)
        if self.trace is not None:
            self.trace.append(decided)

    def await_change(self, process: SimulatedProcess, watch: Watch, change: Change) -> None:
        """Complete ``change`` at once if something changed since this watch's last look, else when something does."""
        if self.changes < 0:
            self.changes = 0
        if watch.seen != self.changes:
            watch.seen = self.changes
            change.complete(None, 0)
        else:
            self._watching.append((process, watch, change))

    def noted(self, process: int, what: str, value: Any) -> None:
        """A process came to something."""
        if self.trace is not None:
            self.trace.append(Noted(self.now, process, what, value))

    def refused(self, process: int, liar: int, why: str) -> None:
        """A process did not believe another one."""
        self.refusals += 1
        if self.trace is not None:
            self.trace.append(Refused(self.now, process, liar, why))

    # What happens

    def _effect(self, operation: Operation) -> None:
        memory = operation.memory
        if memory in self._dead_memories:
            return
        process = operation.process.id
        response = self.memories[memory].apply(
            process, operation.kind, operation.region, operation.register, operation.argument
        )
        if self.trace is not None:
            self.trace.append(
                TookEffect(
                    self.now,
                    process,
                    memory,
                    operation.number,
                    operation.kind,
                    operation.region,
                    operation.register,
                    operation.argument,
                    response,
                )
            )
        if self.changes >= 0 and operation.kind not in (READ, READ_REGION) and response is not NAK:
            self.changes += 1
            for watching in self._watching:
                self._at(self.now, DELIVERY, self._changed, (watching, operation.depth))
            self._watching.clear()
        if self._watched_memories:
            self._count_memory(memory, NAMES[operation.kind])
            self._count_memory(memory, "operation")
            if memory in self.world.dead_memories:
                return
        if self._losses and self._loses(operation):
            return
        self._sequence += 1
        delay = self._delay(process, memory, self.now - self.start_time)
        heappush(
            self._heap,
            ((self.now + delay) << 2 | DELIVERY, self._sequence, self._on_response, (operation, response)),
        )

    def _response(self, answered: tuple[Operation, Any]) -> None:
        operation, response = answered
        process: Any = operation.process
        if process.crashed:
            return
        if process.held is not None:
            process.held.append((self._response, answered))
            return
        if self.trace is not None:  # before the next operation on that memory is issued, and may crash its issuer
            depth = operation.depth + OPERATION_DELAYS
            self.trace.append(Responded(self.now, process.id, operation.memory, operation.number, response, depth))
        process._respond(operation, response)
        ready = process.ready
        while ready:
            ready.popleft().step()

    def _delivery(self, sent: tuple[int, int, Record, int]) -> None:
        sender, to, message, depth = sent
        process = self.processes[to]
        if process.crashed:
            return
        if process.held is not None:
            process.held.append((self._delivery, sent))
            return
        if self.trace is not None:
            self.trace.append(Delivered(self.now, to, sender, message))
        process._deliver(sender, message, depth)
        ready = process.ready
        while ready:
            ready.popleft().step()

    def _timer(self, timer: tuple[SimulatedProcess, Sleep, int]) -> None:
        process, sleep, depth = timer
        if process.crashed:
            return
        if process.held is not None:
            process.held.append((self._timer, timer))
            return
        sleep.complete(None, depth)
        self._drain(process)

    def _changed(self, woken: tuple[tuple[SimulatedProcess, Watch, Change], int]) -> None:
        (process, watch, change), depth = woken
        if process.crashed:
            return
        if process.held is not None:
            process.held.append((self._changed, woken))
            return
        if change.abandoned:  # something else woke it: the look that this leads to may have been before the change
            return
        watch.seen = self.changes
        process.woken = self.now
        # The reads that follow are two delays deep from the write that they see: it took one to its effect, and
        # their answer takes one.
        change.complete(None, depth)
        self._drain(process)
        process.woken = -1

    def _drain(self, process: SimulatedProcess) -> None:
        ready = process.ready
        while ready:
            ready.popleft().step()

    # Omega

    def _omega(self, output: tuple[int, int]) -> None:
        number, leader = output
        process = self.processes[number]
        if process.crashed or process.omega == leader:
            return
        process.omega = leader
        if self.trace is not None:
            self.trace.append(LeaderChanged(self.now, number, leader))
        if process.held is None:
            process._omega_changed()
            self._drain(process)

    def _stabilise(self, _: None) -> None:
        """Omega is accurate now: everywhere the least process that is up."""
        up = [process.id for process in self.processes if not process.crashed and process.held is None]
        for process in self.processes:
            if up:
                self._omega((process.id, up[0]))

    # Faults

    def _lawless(self, protocol: type[Protocol], faults: Sequence[Byzantine], seed: str) -> None:
        if not faults:
            return
        if self.world.plan is None:
            self.world.plan = Plan((fault.process for fault in faults), seed)
        for fault in faults:
            process = self.processes[fault.process]
            process.byzantine = True
            self._behaviours[process.id] = fault.does(process, protocol, self.world.plan)

    def _plan(self, faults: Iterable[Crash | Pause]) -> None:
        for number in self.world.dead_processes:
            self.processes[number].crashed = True
        for fault in faults:
            if isinstance(fault, Pause):
                if fault.until > self.now:
                    self._at(math.ceil(fault.at), FAULT, self._pause, fault)
                    self._at(math.ceil(fault.until), FAULT, self._resume, fault)
            elif self._happened(fault):
                continue
            elif isinstance(fault.at, After):
                watch = (fault.at, fault)
                if fault.process is not None:
                    self.processes[fault.process].watched.append(watch)
                else:
                    self._watched_memories.append(watch)
            elif math.ceil(fault.at) <= self.now:
                self._crash(fault)
            else:
                self._at(math.ceil(fault.at), FAULT, self._crash, fault)

    def _happened(self, fault: Crash) -> bool:
        return fault.process in self.world.dead_processes or fault.memory in self.world.dead_memories

    def _crash(self, fault: Crash) -> None:
        if fault.memory is not None:
            self.world.dead_memories.add(fault.memory)
            what, number = "memory", fault.memory
        else:
            assert fault.process is not None
            what, number = "process", fault.process
            self.world.dead_processes.add(number)
            self.processes[number].crashed = True
            self._detect()
        if self.trace is not None:
            self.trace.append(Crashed(self.now, what, number))

    def _detect(self) -> None:
        """Omega notices a little later, if it is accurate at all by then."""
        self._at(self.now + self._schedule.detection, FAULT, self._recheck, None)

    def _recheck(self, _: None) -> None:
        if self.now >= self._stable_from:
            self._stabilise(None)

    def _pause(self, fault: Pause) -> None:
        process = self.processes[fault.process]
        if not process.crashed and process.held is None:
            process.held = deque()
            self._detect()
            if self.trace is not None:
                self.trace.append(Paused(self.now, process.id))

    def _resume(self, fault: Pause) -> None:
        process = self.processes[fault.process]
        if process.crashed or process.held is None:
            return
        held, process.held = process.held, None
        if self.trace is not None:
            self.trace.append(Resumed(self.now, process.id))
        process._omega_changed()
        self._drain(process)
        for handler, argument in held:
            handler(argument)
        self._detect()

    def _count_process(self, process: SimulatedProcess, operation: str) -> None:
        for after, fault in process.watched:
            if after.operation == operation and not process.crashed:
                key = ("process", process.id, operation)
                self.world.counts[key] = self.world.counts.get(key, 0) + 1
                if self.world.counts[key] == after.count:
                    self._crash(fault)

    def _count_memory(self, memory: int, operation: str) -> None:
        for after, fault in self._watched_memories:
            if fault.memory == memory and after.operation == operation:
                key = ("memory", memory, operation)
                self.world.counts[key] = self.world.counts.get(key, 0) + 1
                if self.world.counts[key] == after.count:
                    self._crash(fault)

    def _loses(self, operation: Operation) -> bool:
        """Whether the completion of an operation is lost."""
        process: Any = operation.process
        fault = self._losses.get((process.id, operation.memory))
        if fault is None:
            return False
        deaf, at = self.world.deaf, fault.at
        if at.operation in ("operation", NAMES[operation.kind]):
            key = (f"p{process.id} at a memory", operation.memory, at.operation)
            self.world.counts[key] = self.world.counts.get(key, 0) + 1
            if self.world.counts[key] == at.count:
                deaf.add((process.id, operation.memory))
        return (process.id, operation.memory) in deaf

    def _at(self, time: int, rank: int, handler: Any, argument: Any) -> None:
        self._sequence += 1
        heappush(self._heap, (max(time, self.now) << 2 | rank, self._sequence, handler, argument))
