"""What processes and memories do, learned step by step and remembered: a state and what comes give the next state.

States have numbers, and so do operations, responses and messages: the same number is the same thing. Whatever has not
been seen yet is found out by letting a process go through what came to it before, and then through what comes now.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from rayrdma.faults.behaviour import Plan
from rayrdma.faults.plan import Byzantine
from rayrdma.model.errors import ProtocolError
from rayrdma.model.memory import Memory
from rayrdma.model.operations import READ, READ_REGION, Kind
from rayrdma.model.outcomes import NAK
from rayrdma.model.protocol import Protocol, make
from rayrdma.model.regions import ENCODE, Region, Value
from rayrdma.simulator.watchdog import steps

from .fingerprint import fingerprint
from .local import LocalProcess

T = TypeVar("T")

Input = tuple[str, int, int]
"""What comes to a process: its kind, from where, and the number of what it is."""
START: Input = ("start", 0, 0)


class Numbers(Generic[T]):
    """Things of a kind, each with a number."""

    def __init__(self) -> None:
        self.things: list[T] = []
        self._numbers: dict[Hashable, int] = {}

    def of(self, thing: T, key: Hashable) -> int:
        """Its number; two with the same key are the same."""
        number = self._numbers.get(key)
        if number is None:
            number = self._numbers[key] = len(self.things)
            self.things.append(thing)
        return number


def key_of(value: Any) -> Hashable:
    """Equal only for values that nobody can tell apart."""
    if isinstance(value, Hashable) and not isinstance(value, tuple):
        try:
            return type(value), ENCODE(value)
        except TypeError:
            return type(value), value
    if isinstance(value, tuple):
        return tuple(map(key_of, value))
    return type(value), ENCODE(value)


@dataclass(frozen=True)
class Request:
    """An operation, without whose it is."""

    kind: Kind
    region: str
    register: int
    argument: Any


@dataclass(frozen=True)
class Step:
    """What comes of something that came to a process.

    Attributes:
        state: the next one.
        requests: the operations that it issued: on which memory, and their numbers.
        messages: that it sent: to whom, and their numbers.
    """

    state: int
    requests: tuple[tuple[int, int], ...]
    messages: tuple[tuple[int, int], ...]


@dataclass(frozen=True)
class LocalState:
    """What there is to know of a state of a process.

    Attributes:
        history: one way to it.
        outcome: the number of what it decided and noted.
        dead: the memories whose answer makes no difference to it.
        elections, changes: whether it waits for Omega, or for a change in memory.
        sleeps: for how many timers.
        over: nothing can make it do anything any more.
        error: what it did that no protocol may do.
    """

    history: tuple[Input, ...]
    outcome: int = 0
    dead: frozenset[int] = frozenset()
    elections: bool = False
    changes: bool = False
    sleeps: int = 0
    over: bool = False
    error: str = ""


@dataclass(frozen=True)
class Outcome:
    """What a process came to: what it decided, if it has, and what it noted for the checks."""

    decided: bool
    decision: Value
    notes: tuple[tuple[str, Any], ...]


class Vocabulary:
    """What processes and memories say to each other, and come to, by numbers."""

    def __init__(self) -> None:
        self.requests: Numbers[Request] = Numbers()
        self.responses: Numbers[Any] = Numbers()
        self.messages: Numbers[Any] = Numbers()
        self.outcomes: Numbers[Outcome] = Numbers()


class ProcessAutomaton:
    """One process.

    Attributes:
        states: by number.
    """

    def __init__(
        self,
        protocol: type[Protocol],
        id: int,
        inputs: Sequence[Value],
        memories: int,
        regions: Mapping[str, Region],
        seed: str,
        vocabulary: Vocabulary,
        byzantine: Byzantine | None,
    ) -> None:
        self._protocol = protocol
        self._id = id
        self._inputs = inputs
        self._memories = memories
        self._regions = regions
        self._seed = seed
        self._vocabulary = vocabulary
        self._byzantine = byzantine
        self._states: Numbers[LocalState] = Numbers()
        self.states = self._states.things
        self._steps: dict[tuple[int, Input], Step] = {}
        self._first: Step | None = None
        self._last: tuple[tuple[Input, ...], LocalProcess, Any] | None = None

    def start(self) -> Step:
        """What it does first."""
        if self._first is None:
            self._first = self._learn((), START)
        return self._first

    def step(self, state: int, what: Input) -> Step:
        """What comes of this."""
        step = self._steps.get((state, what))
        if step is None:
            step = self._steps[state, what] = self._learn(self.states[state].history, what)
        return step

    def seen(self) -> list[tuple[tuple[int, Input], Step]]:
        """All that has been learned so far."""
        return list(self._steps.items())

    def _learn(self, history: tuple[Input, ...], what: Input) -> Step:
        if history and self._last is not None and self._last[0] == history:
            process, main = self._last[1:]
        else:
            process, main = self._at(history)
        self._last = None
        process.asked.clear()
        process.sent.clear()
        error = ""
        try:
            main = self._apply(process, what) or main
        except ProtocolError as wrong:
            error = str(wrong)
        words = self._vocabulary
        requests = tuple(
            (
                asked.memory,
                words.requests.of(
                    Request(asked.kind, asked.region, asked.register, asked.argument),
                    (asked.kind, asked.region, asked.register, key_of(asked.argument)),
                ),
            )
            for asked in process.asked
        )
        messages = tuple((to, words.messages.of(message, key_of(message))) for to, message in process.sent)
        if error:
            state = self._states.of(LocalState((*history, what), error=error), ("error", error))
        else:
            key, dead = fingerprint(process, main)
            found = self._describe(process, main, (*history, what), dead)
            state = self._states.of(found, key)
            if self.states[state] is found:
                self._last = (found.history, process, main)
        return Step(state, requests, messages)

    def _at(self, history: tuple[Input, ...]) -> tuple[LocalProcess, Any]:
        if self._last is not None:
            self._last[2].fence()
        process = LocalProcess(
            self._protocol,
            self._id,
            len(self._inputs),
            self._regions,
            self._memories,
            self._seed,
            self._byzantine is not None,
        )
        main = None
        for what in history:
            main = self._apply(process, what) or main
        return process, main

    @steps
    def _apply(self, process: LocalProcess, what: Input) -> Any:
        kind, where, number = what
        words = self._vocabulary
        match kind:
            case "start":
                return self._begin(process)
            case "response":
                process.respond(where, words.responses.things[number])
            case "delivery":
                process.deliver(where, words.messages.things[number])
            case "timer":
                process.wake(where)
            case "elected":
                process.elect()
            case "changed":
                process.change()
        return None

    def _begin(self, process: LocalProcess) -> Any:
        value = self._inputs[self._id]
        if self._byzantine is None:
            return process.start(make(self._protocol, process).propose(value))
        plan = Plan([self._id], self._seed)
        return process.start(self._byzantine.does(process, self._protocol, plan).run(value))

    def _describe(
        self, process: LocalProcess, main: Any, history: tuple[Input, ...], dead: frozenset[int]
    ) -> LocalState:
        outcome = Outcome(process.decided, process.decision, tuple(process.notes))
        key = key_of((outcome.decided, outcome.decision, outcome.notes))
        asked = (memory for memory, operation in enumerate(process.outstanding) if operation is not None)
        return LocalState(
            history,
            self._vocabulary.outcomes.of(outcome, key),
            dead,
            elections=bool(process.elections),
            changes=bool(process.changes),
            sleeps=len(process.sleeps),
            over=main.done and dead.issuperset(asked),
        )


class MemoryAutomaton:
    """Memories, all of the same regions.

    Attributes:
        states: of one memory: each region's permission and registers.
    """

    def __init__(self, layout: Sequence[Region], vocabulary: Vocabulary) -> None:
        self._layout = layout
        self._vocabulary = vocabulary
        self._states: Numbers[dict[str, Any]] = Numbers()
        self._steps: dict[tuple[int, int, int], tuple[int, int, bool]] = {}
        self.initial = self._number(Memory(layout))

    def step(self, state: int, process: int, request: int) -> tuple[int, int, bool]:
        """The next state, the response, and whether a poller would see it."""
        known = self._steps.get((state, process, request))
        if known is None:
            known = self._steps[state, process, request] = self._learn(state, process, request)
        return known

    def _learn(self, state: int, process: int, request: int) -> tuple[int, int, bool]:
        memory = Memory(self._layout)
        for name, (permission, registers) in self._states.things[state].items():
            memory.regions[name].permission, memory.regions[name].registers = permission, list(registers)
        asked = self._vocabulary.requests.things[request]
        response = memory.apply(process, asked.kind, asked.region, asked.register, asked.argument)
        seen = asked.kind not in (READ, READ_REGION) and response is not NAK
        return self._number(memory), self._vocabulary.responses.of(response, key_of(response)), seen

    def _number(self, memory: Memory) -> int:
        content = {name: (state.permission, tuple(state.registers)) for name, state in memory.regions.items()}
        key = tuple((name, permission, key_of(registers)) for name, (permission, registers) in content.items())
        return self._states.of(content, key)
