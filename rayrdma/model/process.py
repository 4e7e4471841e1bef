"""What a protocol may do, and nothing else: the Process interface (design: the M&M model of P19, section 3).

Both engines subclass `Process`: they say how an operation is issued, how a message is sent, what time it is.
The model's own rules live here and are the same everywhere: at most one outstanding operation per (process,
memory) with later ones queued first-in first-out, delays counted by causal depth, one decision.
"""

from __future__ import annotations

import random
from abc import ABC, abstractmethod
from collections import deque
from collections.abc import Callable, Coroutine, Generator, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

from .errors import NoSuchRegister, ProtocolError
from .graph import Graph, reach_of
from .operations import (
    CHANGE_PERMISSION,
    COMPARE_AND_SWAP,
    OPERATION_DELAYS,
    READ,
    READ_REGION,
    WRITE,
    Operation,
)
from .outcomes import ACK, NAK, Outcome
from .permissions import Permission
from .regions import Record, Region, Value
from .signatures import Signatures, Signed, T
from .tasks import Completion, Event, First, Nursery, Task, Winner


class Quorum(Completion[Outcome]):
    """The common outcome of the first ``need`` responses to one write on several memories.

    ACK if all of them are acks, else NAK. A nak means *unknown*, never *not written*: the value may stand
    at any number of memories (P19, section 4; algorithms of replicated memory).
    """

    __slots__ = ("nak", "need", "operations", "responses")

    def __init__(self, process: Process, need: int, operations: list[Operation]) -> None:
        super().__init__(process)
        self.need = need
        self.operations = operations
        self.responses = 0
        self.nak = False
        for operation in operations:
            if operation.done:
                self.wake(operation)
            else:
                operation.waiter = self

    def wake(self, operation: Completion[Any]) -> None:
        """Count one response; those beyond the first ``need`` change nothing."""
        if self.done:
            return
        self.responses += 1
        if operation.value is NAK:
            self.nak = True
        if operation.depth > self.depth:
            self.depth = operation.depth
        if self.responses == self.need:
            self.complete(NAK if self.nak else ACK, self.depth)

    def waiting_for(self) -> str:
        return self.process.describe_wait(self.need, self.operations)


class Receive(Completion[tuple[int, Any]]):
    """The next message of some types, from anybody or from one sender."""

    __slots__ = ("lacking", "quorum", "sender", "types")

    def __init__(
        self,
        process: Process,
        types: tuple[type[Record], ...],
        sender: int | None,
        quorum: int,
        lacking: Callable[[], str] | None,
    ) -> None:
        super().__init__(process)
        self.types = types
        self.sender = sender
        self.quorum = quorum
        self.lacking = lacking

    def takes(self, sender: int, message: Record) -> bool:
        """Whether this is what it waits for."""
        return isinstance(message, self.types) and (self.sender is None or self.sender == sender)

    def waiting_for(self) -> str:
        if self.lacking is not None:
            return self.lacking()
        if self.quorum:
            return f"needs {self.quorum} of {self.process.n} processes, {self.process.processes_alive()} alive"
        return f"a message {' or '.join(kind.__name__ for kind in self.types)}"


class Leadership(Completion[None]):
    """Omega outputs this process."""

    __slots__ = ()

    def __await__(self) -> Generator[Completion[Any], None, None]:
        # For the present leader there is nothing to wait for, and its depth does not change.
        return _NOTHING if self.done else super().__await__()

    def waiting_for(self) -> str:
        return "being the leader"


_NOTHING: Any = iter(())


class Watch:
    """What a process that polls memories waits with between two looks."""

    __slots__ = ("looks", "process", "seen")

    def __init__(self, process: Process) -> None:
        self.process = process
        self.seen = -1
        self.looks = 0

    def changed(self) -> Completion[None]:
        """Wait until a look may see more than the one before did: polling, without the polls that see nothing.

        The simulator knows when that is. It lets the next reads be under way already when a change takes
        effect, as those of a process that polls all the time are; and a run in which all wait so has blocked.
        """
        change = Change(self.process)
        self.process._await_change(self, change)
        return change


class Change(Completion[None]):
    """Some register or permission of some memory is another one than before."""

    __slots__ = ()

    @property
    def abandoned(self) -> bool:
        """Nobody waits for it any more."""
        return self.waiter is None or getattr(self.waiter, "fenced", False)

    def waiting_for(self) -> str:
        return "a change in memory"


class Sleep(Completion[None]):
    """A timer."""

    __slots__ = ()

    def waiting_for(self) -> str:
        return "a timer"


class Process(ABC):
    """One process, as its protocol sees it.

    Attributes:
        id: 0 to n - 1. Process 0 is the paper's p1.
        n: how many processes there are.
        memories: the numbers of the memories.
        graph: the shared-memory graph, if the run has one: memory p is process p's own.
        reach: the memories that it may operate on: all, or those of its closed neighbourhood in the graph.
        decision: what it decided, or None.
        decision_depth: the causal depth of its decision, in delays.
    """

    def __init__(
        self, id: int, n: int, regions: Mapping[str, Region], memories: int, seed: str, graph: Graph | None = None
    ) -> None:
        self.id = id
        self.n = n
        self.memories = range(memories)
        self.graph = graph
        self.reach = reach_of(graph, id, memories)
        self.regions = regions
        self._seed = seed
        self.decided = False
        self.decision: Value = None
        self.decision_depth = 0
        self.ready: deque[Task[Any]] = deque()
        self._outstanding: list[Operation | None] = [None] * memories
        self._queued: list[deque[Operation] | None] = [None] * memories
        self._inbox: list[tuple[int, Record, int]] = []
        self._receivers: list[Receive] = []
        self._elections: list[Leadership] = []
        self._leading = Leadership(self)  # what `elected` gives to the present leader
        self._leading.done, self._leading.value = True, None
        self._posted = 0
        self.current: Task[Any]  # the task that is running; set by `start`

    @cached_property
    def rng(self) -> random.Random:
        """This process's own random numbers, the same for the same seed of the run."""
        return random.Random(f"{self._seed}/p{self.id}")

    @cached_property
    def signatures(self) -> Signatures:
        """What this process signs with, and what it knows of others' signatures; made when first needed."""
        return self._make_signatures()

    def common_coin(self, number: int) -> int:
        """0 or 1, the same at every process of the run: it was shared beforehand. No model of the papers has it."""
        return random.Random(f"{self._seed}/coin/{number}").randrange(2)

    # What an engine provides

    @abstractmethod
    def leader(self) -> int:
        """The output of the failure detector Omega at this process, now."""

    @abstractmethod
    def _issue(self, operation: Operation) -> None:
        """Send an operation on its way; `_respond` is called when its response is there."""

    @abstractmethod
    def _send(self, to: int, message: Record, depth: int) -> None:
        """Send a message of this causal depth on its way."""

    @abstractmethod
    def _start_timer(self, sleep: Sleep, duration: float) -> None:
        """Complete ``sleep`` after ``duration``."""

    @abstractmethod
    def _make_signatures(self) -> Signatures:
        """This process's own key and everybody's public ones, for this instance."""

    @abstractmethod
    def _await_change(self, watch: Watch, change: Change) -> None:
        """Complete ``change`` once something may have changed since ``watch`` completed one before."""

    @abstractmethod
    def note(self, what: str, value: Any) -> None:
        """Put something into the trace, for the checks; it changes nothing."""

    @abstractmethod
    def refuse(self, liar: int, why: str) -> None:
        """Say that something of ``liar``'s was not believed, for the trace; it changes nothing."""

    @abstractmethod
    def _on_decide(self) -> None:
        """The decision has just been set."""

    @abstractmethod
    def memory_answers(self, memory: int) -> bool:
        """Whether this memory is known to be alive; for the reason of a blocked run, never for a protocol."""

    @abstractmethod
    def processes_alive(self) -> int:
        """How many processes seem to be alive; likewise."""

    # Memory operations

    def read(self, memory: int, region: str, register: int) -> Completion[Any]:
        """Read one register: its value, None if never written, or NAK. 2 delays."""
        self._check(region, register)
        return self._post(Operation(self, READ, memory, region, register, None, self.current))

    def read_region(self, memory: int, region: str) -> Completion[Any]:
        """Read a whole region as one block: the tuple of its registers' values, or NAK. 2 delays."""
        self._check(region, 0)
        return self._post(Operation(self, READ_REGION, memory, region, 0, None, self.current))

    def write(self, memory: int, region: str, register: int, value: Any) -> Completion[Outcome]:
        """Write one register: ACK or NAK. 2 delays."""
        self._check(region, register)
        return self._post(Operation(self, WRITE, memory, region, register, value, self.current))

    def write_each(self, region: str, register: int, value: Any, need: int) -> Completion[Outcome]:
        """Write the same on every memory in parallel; the common outcome of the first ``need`` responses."""
        self._check(region, register)
        task = self.current
        return Quorum(
            self,
            need,
            [self._post(Operation(self, WRITE, memory, region, register, value, task)) for memory in self.memories],
        )

    def change_permission(self, memory: int, region: str, permission: Permission) -> Completion[None]:
        """Ask for a new permission. Completes in 2 delays and tells nothing: read back to know.

        Raises:
            ProtocolError: it names a process that there is not.
        """
        self._check(region, 0)
        if permission.highest >= self.n:
            raise ProtocolError(f"p{self.id} asks for {permission!r}, but there are p0 to p{self.n - 1}")
        return self._post(Operation(self, CHANGE_PERMISSION, memory, region, 0, permission, self.current))

    def compare_and_swap(self, memory: int, region: str, register: int, expected: Any, new: Any) -> Completion[Any]:
        """Atomically write ``new`` if the register holds ``expected``; the old value, or NAK. 2 delays."""
        self._check(region, register)
        return self._post(Operation(self, COMPARE_AND_SWAP, memory, region, register, (expected, new), self.current))

    # Messages and time

    def send(self, to: int, message: Record) -> None:
        """Send a message; links neither lose nor duplicate. 1 delay. Never blocks."""
        self._send(to, message, self.current.depth + 1)

    def broadcast(self, message: Record) -> None:
        """Send a message to every process, this one included."""
        for to in range(self.n):
            self.send(to, message)

    def receive(
        self,
        *types: type[Record],
        sender: int | None = None,
        quorum: int = 0,
        lacking: Callable[[], str] | None = None,
    ) -> Completion[tuple[int, Any]]:
        """The oldest message of one of ``types`` not yet received, of ``sender`` if it is given: (sender, message).

        Await it at once. The rest changes nothing but the reason of a blocked run: ``quorum`` processes have to answer
        in all, or what ``lacking`` says, as in "represented 4 of 8, needs > 4".
        """
        receive = Receive(self, types, sender, quorum, lacking)
        for position, (origin, message, depth) in enumerate(self._inbox):
            if receive.takes(origin, message):
                del self._inbox[position]
                receive.complete((origin, message), depth)
                return receive
        self._receivers.append(receive)
        return receive

    def sleep(self, duration: float) -> Completion[None]:
        """Wait for ``duration`` delays of the simulator, or as many milliseconds of a live run."""
        sleep = Sleep(self)
        self._start_timer(sleep, duration)
        return sleep

    def watch(self) -> Watch:
        """For a loop that polls memories: look, then wait for ``watch.changed()``, then look again."""
        return Watch(self)

    def elected(self) -> Completion[None]:
        """Wait until Omega outputs this process."""
        if self.leader() == self.id:
            return self._leading
        election = Leadership(self)
        self._elections.append(election)
        return election

    # Signatures

    def sign(self, role: str, value: T) -> Signed[T]:
        """Sign ``value`` for one ``role`` in this instance. No delay: a local step."""
        return self.signatures.sign(role, value)

    def valid(self, role: str, signed: Signed[Any]) -> bool:
        """Whether ``signed.signer`` signed this value for this role in this instance."""
        return self.signatures.valid(role, signed)

    # Structured concurrency

    def nursery(self) -> Nursery:
        """A block that tasks do not outlive: ``with process.nursery() as nursery: ...``."""
        return Nursery(self)

    def event(self) -> Event[Any]:
        """Something that tasks of this process tell each other once."""
        return Event(self)

    def first(self, need: int, completions: Iterable[Completion[Any]]) -> First:
        """The values of the first ``need`` of ``completions``, in the order in which they come."""
        return First(self, need, completions)

    async def race(self, *contestants: Coroutine[Any, None, Any]) -> Any:
        """Run all; return the result of the first to finish and fence the others.

        They are started in order, and if one finishes at once those after it never start.
        """
        tasks: list[Task[Any]] = []
        try:
            for contestant in contestants:
                task: Task[Any] = Task(self, contestant, self.current.depth)
                tasks.append(task)
                task.step()
                if task.done:
                    break
            return (await Winner(self, tasks))[0]
        finally:
            for task in tasks:
                task.fence()
            for late in contestants[len(tasks) :]:  # one that never started would warn that nobody awaited it
                late.close()

    # Decision

    def decide(self, value: Value) -> None:
        """Decide, once.

        Raises:
            ProtocolError: it has decided before.
        """
        if self.decided:
            raise ProtocolError(f"p{self.id} decided {self.decision!r} and then {value!r}; a process decides once")
        self.decided = True
        self.decision = value
        self.decision_depth = self.current.depth
        self._on_decide()

    # What engines call

    def start(self, coroutine: Coroutine[Any, None, Any]) -> Task[Any]:
        """Start the protocol's main task at depth 0."""
        task = self.current = Task(self, coroutine, 0)
        task.step()
        return task

    def _check(self, region: str, register: int) -> None:
        try:
            there = 0 <= register < self.regions[region].registers
        except KeyError:
            raise NoSuchRegister(
                f"there is no region {region!r}; the protocol declares {', '.join(self.regions) or 'none'}"
            ) from None
        if not there:
            self.regions[region].check_register(register)

    def _post(self, operation: Operation) -> Operation:
        """Issue now, or after the one that is outstanding on the same memory."""
        memory = operation.memory
        if self._outstanding[memory] is None:
            self._outstanding[memory] = operation
            self._posted += 1
            operation.number = self._posted
            self._issue(operation)
        else:
            queue = self._queued[memory]
            if queue is None:
                queue = self._queued[memory] = deque()
            queue.append(operation)
        return operation

    def _respond(self, operation: Operation, response: Any) -> None:
        """The response to an outstanding operation is there."""
        memory = operation.memory
        self._outstanding[memory] = None
        depth = operation.depth + OPERATION_DELAYS
        queue = self._queued[memory]
        while queue:
            following = queue.popleft()
            if not following.task.fenced:  # what an abandoned attempt had queued is never issued
                if depth > following.depth:
                    following.depth = depth
                self._post(following)
                break
        operation.complete(response, depth)

    def _deliver(self, sender: int, message: Record, depth: int) -> None:
        """A message has arrived."""
        receivers = self._receivers = [receive for receive in self._receivers if receive.waiter is not None]
        for position, receive in enumerate(receivers):
            if receive.takes(sender, message):
                del receivers[position]
                receive.complete((sender, message), depth)
                return
        self._inbox.append((sender, message, depth))

    def _omega_changed(self) -> None:
        """Omega's output at this process is another one than before."""
        if self._elections and self.leader() == self.id:
            elections, self._elections = self._elections, []
            for election in elections:
                election.complete(None, 0)

    def describe_wait(self, need: int, members: Sequence[Completion[Any]]) -> str:
        """What a wait for ``need`` of ``members`` still lacks, for the reason of a blocked run."""
        missing = [member for member in members if not member.done]
        operations = [operation for member in missing if (operation := member.operation()) is not None]
        if operations and (need > 1 or len(operations) == len(missing)):  # else a race of one with something else
            dead = sum(not self.memory_answers(operation.memory) for operation in operations)
            return f"needs {need} of {len(members)} memories, {len(members) - dead} alive"
        waits = dict.fromkeys(member.waiting_for() for member in missing)
        lacking = [wait for wait in waits if says_what_lacks(wait)]  # what can never come says the most
        return " or ".join(lacking or waits) or "nothing"


def says_what_lacks(wait: str) -> bool:
    """Whether the reason of a wait is a number that can not be reached, and not just what is waited for."""
    return "needs " in wait
