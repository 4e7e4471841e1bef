"""Structured concurrency for protocol code: completions, tasks and nurseries, without an event loop.

Theory of operation. A protocol is a coroutine. What it awaits is always a `Completion`: a memory operation,
a message, a quorum of them, another task. A completion that is already there costs no suspension; else the
task is parked on it, and `Completion.complete` puts the task on its process's ready queue. The *engine* (the
simulator's kernel, or the live loop of an actor) completes completions and then drains the ready queue.

A `Nursery` owns the tasks started in it. Leaving its ``with`` block **fences** them: whatever they were
waiting for may still happen, but they never act on it, and what they had queued but not issued is never
issued. An abandoned attempt that acts late is the classical way to break Protected Memory Paxos.

Every task carries its causal **depth** in delays (P19's metric: a message 1, a memory operation 2, a local
step 0). A completion has the depth of what caused it; who awaits it is at least that deep.
"""

from __future__ import annotations

import inspect
import traceback
from collections.abc import Callable, Coroutine, Generator, Iterable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from .errors import ProtocolError, RayrdmaError
from .place import place

if TYPE_CHECKING:
    from .operations import Operation
    from .process import Process

T = TypeVar("T")


class Completion(Generic[T]):
    """Something that happens once, with a value and a causal depth. Awaitable by one task."""

    __slots__ = ("depth", "done", "process", "value", "waiter")

    value: T

    def __init__(self, process: Process) -> None:
        self.process = process
        self.done = False
        self.depth = 0
        self.waiter: Any = None

    def complete(self, value: T, depth: int) -> None:
        """It happened: wake whoever waits."""
        self.value = value
        self.depth = depth
        self.done = True
        waiter = self.waiter
        if waiter is not None:
            waiter.wake(self)

    def __await__(self) -> Generator[Completion[Any], None, T]:
        if not self.done:
            yield self
        task = self.process.current
        if self.depth > task.depth:
            task.depth = self.depth
        return self.value

    def park(self, task: Task[Any]) -> None:
        """``task`` waits for this."""
        self.waiter = task

    def waiting_for(self) -> str:
        """What somebody who awaits this is waiting for, for the reason of a blocked run."""
        return "an event"

    def operation(self) -> Operation | None:
        """The memory operation that this comes down to, if it is one."""
        return None


class Event(Completion[T]):
    """A completion that protocol code sets by itself, once; later settings change nothing. Many may wait."""

    __slots__ = ("waiters",)

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.waiters: list[Task[Any]] = []

    def park(self, task: Task[Any]) -> None:
        self.waiters.append(task)

    def wake(self, completion: Completion[Any]) -> None:
        """Wake all who wait."""
        for task in self.waiters:
            task.wake(completion)

    def set(self, value: T) -> None:
        """Complete with ``value`` at the depth of the task that says so."""
        if not self.done:
            self.waiter = self
            self.complete(value, self.process.current.depth)

    def waiting_for(self) -> str:
        return "another task of its own"


class Task(Completion[T]):
    """A coroutine under way. Its completion is the coroutine's return."""

    __slots__ = ("awaiting", "coroutine", "fenced")

    def __init__(self, process: Process, coroutine: Coroutine[Completion[Any], None, T], depth: int) -> None:
        self.process = process
        self.done = False
        self.depth = depth
        self.waiter = None
        self.coroutine = coroutine
        self.fenced = False
        self.awaiting: Completion[Any] | None = None

    def wake(self, completion: Completion[Any]) -> None:
        self.process.ready.append(self)

    def step(self) -> None:
        """Run to the next completion that is not there yet, unless fenced meanwhile."""
        if self.fenced:
            return
        process = self.process
        outer = process.current
        process.current = self
        self.awaiting = None
        try:
            awaiting = self.coroutine.send(None)
        except StopIteration as stop:
            if not self.fenced:
                self.complete(stop.value, self.depth)
        except RayrdmaError:
            raise
        except (Exception, SystemExit) as error:
            raise ProtocolError(f"p{process.id}'s protocol raised {describe(error)}") from error
        else:
            if self.fenced:  # by a task that it started itself
                self._close()
            elif isinstance(awaiting, Completion):
                self.awaiting = awaiting
                awaiting.park(self)
            else:
                raise ProtocolError(f"p{process.id}'s protocol awaits what no Process gave it; await its methods only")
        finally:
            process.current = outer

    def fence(self) -> None:
        """Never act again."""
        if self.done or self.fenced:
            return
        self.fenced = True
        if self.awaiting is not None:
            self.awaiting.waiter = None
            self._close()
        elif inspect.getcoroutinestate(self.coroutine) == inspect.CORO_CREATED:  # its first step was broken off
            self._close()  # a running one is closed where it parks next (see `step`)

    def _close(self) -> None:
        try:
            self.coroutine.close()
        except (Exception, SystemExit) as error:  # it caught even that it was ended, or something went wrong then
            raise ProtocolError(
                f"p{self.process.id}'s protocol, as a task was ended, raised {describe(error)}"
            ) from error

    def waiting_for(self) -> str:
        return self.awaiting.waiting_for() if self.awaiting is not None else "nothing"

    def operation(self) -> Operation | None:
        return self.awaiting.operation() if self.awaiting is not None else None


class First(Completion[Any]):
    """The values of the first ``need`` of several completions, in the order in which they came."""

    __slots__ = ("lacking", "members", "need", "values")

    def __init__(
        self,
        process: Process,
        need: int,
        members: Iterable[Completion[Any]],
        lacking: Callable[[], str] | None = None,
    ) -> None:
        super().__init__(process)
        self.need = need
        self.lacking = lacking
        self.values: list[Any] = []
        self.members = list(members)
        if need == 0:
            self.complete([], process.current.depth)
        for member in self.members:
            if member.done:
                self.wake(member)
            else:
                member.waiter = self

    def wake(self, completion: Completion[Any]) -> None:
        if self.done:
            return
        self.values.append(completion.value)
        if completion.depth > self.depth:
            self.depth = completion.depth
        if len(self.values) == self.need:
            for member in self.members:  # nobody waits for the others any more
                member.waiter = None
            self.complete(self.values, self.depth)

    def waiting_for(self) -> str:
        return self.lacking() if self.lacking is not None else self.process.describe_wait(self.need, self.members)


class Winner(First):
    """The first of several tasks. The others are fenced as it finishes: two that are ready at once do not both act."""

    __slots__ = ("tasks",)

    def __init__(self, process: Process, tasks: list[Task[Any]]) -> None:
        self.tasks = tasks
        super().__init__(process, 1, tasks)

    def complete(self, value: Any, depth: int) -> None:
        for task in self.tasks:
            task.fence()
        super().complete(value, depth)


class Nursery:
    """Tasks that live no longer than the ``with`` block in which they were started."""

    __slots__ = ("awaited", "cancelled", "children", "process")

    def __init__(self, process: Process) -> None:
        self.process = process
        self.children: list[Task[Any]] = []
        self.cancelled = False
        self.awaited: First | None = None

    def start(self, coroutine: Coroutine[Completion[Any], None, T]) -> Task[T]:
        """Start a task. It runs at once, up to its first wait. In a cancelled block nothing starts any more."""
        process = self.process
        task = Task(process, coroutine, process.current.depth)
        if self.cancelled:
            task.fenced = True
            coroutine.close()
        else:
            self.children.append(task)
            task.step()
        return task

    def first(self, need: int, lacking: Callable[[], str] | None = None) -> First:
        """The results of the first ``need`` tasks, in the order in which they finish; None if one cancelled.

        What ``lacking`` says is the reason of a blocked run, where not all of the tasks wait for memories.
        """
        first = self.awaited = First(self.process, need, self.children, lacking)
        if self.cancelled:
            first.complete(None, self.process.current.depth)
        return first

    def cancel(self) -> None:
        """End the block: no task of it acts any more (the caller: after its next wait), and `first` gives None."""
        if not self.cancelled:
            self.cancelled = True
            self._fence()
            if self.awaited is not None and not self.awaited.done:
                self.awaited.complete(None, self.process.current.depth)

    def __enter__(self) -> Nursery:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._fence()

    def _fence(self) -> None:
        for child in self.children:
            child.fence()


def describe(error: BaseException) -> str:
    """What was raised, and the line of the protocol that it came from."""
    what = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    return f"{what} ({place(traceback.walk_tb(error.__traceback__))})"
