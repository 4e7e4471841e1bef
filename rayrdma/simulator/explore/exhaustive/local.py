"""One process alone: what comes to it is put in, and what it sends and issues comes out.

A process of the model is deterministic, so what it does next depends on nothing but what came to it before, in its
order. That makes it an automaton, which `automata` learns step by step.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rayrdma.model.operations import COMPARE_AND_SWAP, WRITE, Operation
from rayrdma.model.process import Change, Leadership, Process, Sleep, Watch
from rayrdma.model.protocol import Protocol, read_message
from rayrdma.model.regions import ENCODE, Record, Region
from rayrdma.model.signatures import Signatures
from rayrdma.model.tasks import Completion
from rayrdma.simulator.keys import identities

FIRST_LEADER = 0


class LocalProcess(Process):
    """A process whose requests are kept until somebody takes them.

    Attributes:
        byzantine: what it writes is read as what its bytes say.
        omega: whom Omega names: process 0, until it names this one.
        named: it is named, and has not yet done anything about that.
        asked: the operations that it has issued since `ask` was called last.
        sent: likewise the messages: to whom, and what.
        notes: what it came to, for the checks.
    """

    def __init__(
        self,
        protocol: type[Protocol],
        id: int,
        n: int,
        regions: Mapping[str, Region],
        memories: int,
        seed: str,
        byzantine: bool = False,
    ) -> None:
        super().__init__(id, n, regions, memories, seed)
        self.protocol = protocol
        self.byzantine = byzantine
        self.omega = FIRST_LEADER
        self.named = id == FIRST_LEADER
        self.asked: list[Operation] = []
        self.sent: list[tuple[int, Record]] = []
        self.notes: list[tuple[str, Any]] = []
        self._changes: list[Change] = []
        self._sleeps: list[Sleep] = []

    # What comes to it

    def respond(self, memory: int, response: Any) -> None:
        """The answer to what is outstanding at a memory.

        Raises:
            LookupError: nothing is.
        """
        operation = self._outstanding[memory]
        if operation is None:
            raise LookupError(memory)
        self._respond(operation, response)
        self._drain()

    def deliver(self, sender: int, message: Record) -> None:
        """A message."""
        self._deliver(sender, message, 0)
        self._drain()

    def elect(self) -> None:
        """Omega names it."""
        self.omega = self.id
        self._omega_changed()
        self._drain()

    def change(self) -> None:
        """Some memory has changed since it looked."""
        changes, self._changes = self.changes, []
        for change in changes:
            change.complete(None, 0)
        self._drain()

    def wake(self, position: int) -> None:
        """The time of one of its `sleeps` is over."""
        sleep = self.sleeps[position]
        self._sleeps.remove(sleep)
        sleep.complete(None, 0)
        self._drain()

    def _drain(self) -> None:
        while self.ready:
            self.ready.popleft().step()

    # What it waits for

    @property
    def outstanding(self) -> list[Operation | None]:
        """The operation under way at each memory."""
        return self._outstanding

    @property
    def queued(self) -> list[list[Operation]]:
        """What waits for the one before it at each memory, and will be issued."""
        return [[waiting for waiting in queue or () if not waiting.task.fenced] for queue in self._queued]

    @property
    def elections(self) -> list[Leadership]:
        """Those that somebody awaits; likewise the others."""
        return [election for election in self._elections if awaited(election)]

    @property
    def changes(self) -> list[Change]:
        return [change for change in self._changes if awaited(change)]

    @property
    def sleeps(self) -> list[Sleep]:
        return [sleep for sleep in self._sleeps if awaited(sleep)]

    @property
    def receivers(self) -> list[Completion[Any]]:
        return [receive for receive in self._receivers if awaited(receive)]

    @property
    def inbox(self) -> list[tuple[int, Record]]:
        """What it has not received yet."""
        return [(sender, message) for sender, message, _ in self._inbox]

    # What it asks for

    def elected(self) -> Completion[None]:
        """Wait to be named, every time: how often that happens is bounded, and so is what follows from it."""
        if self.named:
            self.named = False
            return self._leading
        election = Leadership(self)
        self._elections.append(election)
        return election

    def leader(self) -> int:
        return self.omega

    def _issue(self, operation: Operation) -> None:
        region = self.regions[operation.region]
        if operation.kind is WRITE:
            data = region.encode(operation.argument)
            if self.byzantine:
                operation.argument = region.value_of(data)
        elif operation.kind is COMPARE_AND_SWAP:
            region.encode(operation.argument[1])
        self.asked.append(operation)

    def _send(self, to: int, message: Record, depth: int) -> None:
        read = read_message(self.protocol, ENCODE(message)) if self.byzantine else message
        if read is not None:
            self.sent.append((to, read))

    def _start_timer(self, sleep: Sleep, duration: float) -> None:
        self._sleeps.append(sleep)

    def _await_change(self, watch: Watch, change: Change) -> None:
        self._changes.append(change)

    def _make_signatures(self) -> Signatures:
        return identities(self.n)[self.id].signatures(0)

    def note(self, what: str, value: Any) -> None:
        if not self.byzantine:
            self.notes.append((what, value))

    def refuse(self, liar: int, why: str) -> None:
        pass

    def _on_decide(self) -> None:
        if self.byzantine:  # what it decides binds nobody
            self.decided = False

    def memory_answers(self, memory: int) -> bool:
        return True

    def processes_alive(self) -> int:
        return self.n


def awaited(completion: Completion[Any]) -> bool:
    """Whether anything comes of it."""
    return completion.waiter is not None and not getattr(completion.waiter, "fenced", False)
