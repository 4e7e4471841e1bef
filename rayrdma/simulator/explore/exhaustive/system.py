"""All of a small system: its processes, its memories, and what is under way between them.

A state is plain numbers, and so are the events that may come next in it. What is under way may take any time, so each
of it may be next; Omega may name any process, and a process or a memory may crash, as often as the bounds say.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from rayrdma.faults.plan import Byzantine
from rayrdma.model.errors import UsageError
from rayrdma.scenario import Scenario

from .automata import Input, MemoryAutomaton, ProcessAutomaton, Step, Vocabulary

NOTHING = 0
"""Under way between a process and a memory; else a request's number n as 2n + 1, a response's as 2n + 2."""
NOBODY = -1
OWN = ("effect", "response", "delivery", "elected", "changed", "timer")
"""The kinds of events that are a process's own."""
CRASHED = -1
"""The state of a memory that has; of a process it is -2 less the number of its outcome."""


@dataclass(frozen=True)
class Bounds:
    """What is looked at, and no more.

    Attributes:
        elections: how often Omega names each process; process 0 for the first time before anything happens.
        crashes: of processes and memories together.
        lies: how much comes to each Byzantine process; after it, it does no more.
        preemptions: how often a process that could go on has to wait for another one; None: no matter.
    """

    elections: int = 1
    crashes: int = 1
    lies: int = 4
    preemptions: int | None = None

    def __post_init__(self) -> None:
        for name, least, option in (
            ("elections", 1, " (--elections 1)"),
            ("crashes", 0, ""),
            ("lies", 0, ""),
            ("preemptions", 0, " (--preemptions 0)"),
        ):
            bound = getattr(self, name)
            if bound is not None and bound < least:
                raise UsageError(f"{bound} {name} make no sense; give {least} or more{option}")


class Event(NamedTuple):
    """What may come next: its kind, the process; the memory, the sender or the timer's position; what it is, by number.

    An effect has the number of its request, and a delivery that of its message.
    """

    kind: str
    process: int
    where: int = 0
    number: int = 0


class State(NamedTuple):
    """Of the whole system; see `NOTHING` and `CRASHED`.

    Attributes:
        processes, memories: their automata's states.
        under_way: between each process and each memory, process by process.
        messages: to whom, from whom, and what, in order.
        changed: the processes for which memories have changed since they looked.
        elections: how many each process has left.
        crashes: likewise, of all together.
        lies: likewise, what may come to each Byzantine process.
        running, preemptions: who went on last, and how often that may change while it could go on still.
    """

    processes: tuple[int, ...]
    memories: tuple[int, ...]
    under_way: tuple[int, ...]
    messages: tuple[tuple[int, int, int], ...]
    changed: tuple[int, ...]
    elections: tuple[int, ...]
    crashes: int
    lies: tuple[int, ...]
    running: int
    preemptions: int


class System:
    """A scenario as a graph of states.

    Attributes:
        n, m: how many processes and memories.
        automata: the processes.
        vocabulary: what numbers mean.

    Args:
        reduce: leave out what makes no difference to what is decided: answers that nobody waits for come at once,
            whoever is over gets nothing any more, who crashes is as good as slow, and where all that may take effect
            at a memory next is under way, that comes before anything else.
    """

    def __init__(self, scenario: Scenario, bounds: Bounds, reduce: bool = True) -> None:
        self.n = scenario.n
        self.m = scenario.memories
        self._reduce = reduce
        self._bounds = bounds
        self.vocabulary = Vocabulary()
        layout = scenario.regions()
        liars = {fault.process: fault for fault in scenario.faults if isinstance(fault, Byzantine)}
        self._memory = MemoryAutomaton(layout, self.vocabulary)
        self.automata = [
            ProcessAutomaton(
                scenario.protocol,
                process,
                scenario.inputs,
                scenario.memories,
                {region.name: region for region in layout},
                f"{scenario.seed}/0",
                self.vocabulary,
                liars.get(process),
            )
            for process in range(scenario.n)
        ]
        self._liars = frozenset(liars)

    def initial(self) -> State:
        """Everybody has started, and nothing has come to anybody."""
        state = State(
            processes=(0,) * self.n,
            memories=(self._memory.initial,) * self.m,
            under_way=(NOTHING,) * self.n * self.m,
            messages=(),
            changed=(1,) * self.n,
            elections=(self._bounds.elections - 1, *(self._bounds.elections,) * (self.n - 1)),
            # Nothing in the system tells of a crash: who crashed is as good as slow, and every state is looked at.
            crashes=0 if self._reduce else self._bounds.crashes,
            lies=tuple(self._bounds.lies if process in self._liars else 0 for process in range(self.n)),
            running=NOBODY,
            preemptions=self._bounds.preemptions or 0,
        )
        for process, automaton in enumerate(self.automata):
            state = self._after(state, process, automaton.start())
        return self._settled(state)[0]

    # What may come next

    def successors(self, state: State) -> list[tuple[tuple[Event, ...], State]]:
        """Whatever may come next, with what comes at once after it, and where that leads."""
        if self._reduce and all(self._is_over(state, process) for process in range(self.n)):
            return []
        contested = self._contested(state) if self._reduce and self._bounds.preemptions is None else []
        events = contested or list(self._events(state))
        if self._bounds.preemptions is None:
            return [self._then(state, event) for event in events]
        could_go_on = any(event.process == state.running and event.kind in OWN for event in events)
        found = []
        for event in events:
            left = state.preemptions - (could_go_on and event.process != state.running and event.kind in OWN)
            if left >= 0:
                running = event.process if event.kind in OWN else state.running
                found.append(self._then(state._replace(running=running, preemptions=left), event))
        return found

    def _then(self, state: State, event: Event) -> tuple[tuple[Event, ...], State]:
        after, at_once = self._settled(self._apply(state, event))
        return (event, *at_once), after

    def _events(self, state: State) -> Iterator[Event]:
        for position, number in enumerate(state.under_way):
            if number:
                process, memory = divmod(position, self.m)
                if number & 1:
                    yield Event("effect", process, memory, number >> 1)
                elif self._hears(state, process):
                    yield Event("response", process, memory)
        previous = None
        for message in state.messages:
            if message != previous and self._hears(state, message[0]):
                yield Event("delivery", *message)
            previous = message
        for process, number in enumerate(state.processes):
            if number < 0 or not self._hears(state, process):
                continue
            local = self.automata[process].states[number]
            if local.elections and state.elections[process]:
                yield Event("elected", process)
            if local.changes and state.changed[process]:
                yield Event("changed", process)
            for position in range(local.sleeps):
                yield Event("timer", process, position)
        if state.crashes:
            for process in range(self.n):
                if not self._is_over(state, process) and process not in self._liars:
                    yield Event("crash", process)
            for memory, number in enumerate(state.memories):
                if number >= 0 and 2 * (state.memories.count(CRASHED) + 1) < self.m:
                    yield Event("memory-crash", 0, memory)

    def _contested(self, state: State) -> list[Event]:
        """The effects at one memory, if all that may come there next is under way: nothing else matters to them.

        A process that has something under way at a memory issues nothing else there before it has an answer, and one
        that is over never does. So whatever happens elsewhere first, these are what takes effect there next: they
        are a persistent set (Godefroid, LNCS 1032, chapter 4).
        """
        for memory in range(self.m):
            if state.memories[memory] == CRASHED:
                continue
            here = range(memory, self.n * self.m, self.m)
            effects = [process for process, position in enumerate(here) if state.under_way[position] & 1]
            if effects and all(process in effects or self._is_over(state, process) for process in range(self.n)):
                return [Event("effect", process, memory, state.under_way[here[process]] >> 1) for process in effects]
        return []

    def _hears(self, state: State, process: int) -> bool:
        return process not in self._liars or state.lies[process] > 0

    # What comes of it

    def _apply(self, state: State, event: Event) -> State:
        kind, process, where, number = event
        match kind:
            case "effect":
                return self._take_effect(state, process, where)
            case "response":
                position = process * self.m + where
                response = (state.under_way[position] - 2) >> 1
                state = state._replace(under_way=_with(state.under_way, position, NOTHING))
                return self._step(state, process, ("response", where, response))
            case "delivery":
                messages = list(state.messages)
                messages.remove((process, where, number))
                state = state._replace(messages=tuple(messages))
                return self._step(state, process, ("delivery", where, number))
            case "timer":
                return self._step(state, process, ("timer", where, 0))
            case "changed":
                state = state._replace(changed=_with(state.changed, process, 0))
                return self._step(state, process, ("changed", 0, 0))
            case "elected":
                left = _with(state.elections, process, state.elections[process] - 1)
                return self._step(state._replace(elections=left), process, ("elected", 0, 0))
            case "crash":
                return self._crash(state, process)
        return self._crash_memory(state, where)

    def _take_effect(self, state: State, process: int, memory: int) -> State:
        position = process * self.m + memory
        request = state.under_way[position] >> 1
        after, response, seen = self._memory.step(state.memories[memory], process, request)
        answer = NOTHING if state.processes[process] < 0 else (response << 1) + 2
        return state._replace(
            memories=_with(state.memories, memory, after),
            under_way=_with(state.under_way, position, answer),
            changed=(1,) * self.n if seen else state.changed,
        )

    def _step(self, state: State, process: int, what: Input) -> State:
        if state.processes[process] < 0:
            return state
        if process in self._liars:
            state = state._replace(lies=_with(state.lies, process, state.lies[process] - 1))
        return self._after(state, process, self.automata[process].step(state.processes[process], what))

    def _after(self, state: State, process: int, step: Step) -> State:
        under_way, messages = state.under_way, state.messages
        for memory, request in step.requests:
            if state.memories[memory] != CRASHED:
                under_way = _with(under_way, process * self.m + memory, (request << 1) + 1)
        if step.messages:
            sent = ((to, process, message) for to, message in step.messages if state.processes[to] >= 0)
            messages = tuple(sorted((*messages, *sent)))
        return state._replace(
            processes=_with(state.processes, process, step.state), under_way=under_way, messages=messages
        )

    def _crash(self, state: State, process: int) -> State:
        outcome = self.automata[process].states[state.processes[process]].outcome
        first = process * self.m
        under_way = list(state.under_way)
        for position in range(first, first + self.m):
            if not under_way[position] & 1:  # what was issued may still take effect
                under_way[position] = NOTHING
        return state._replace(
            processes=_with(state.processes, process, CRASHED - 1 - outcome),
            under_way=tuple(under_way),
            messages=tuple(message for message in state.messages if message[0] != process),
            changed=_with(state.changed, process, 0),
            elections=_with(state.elections, process, 0),
            crashes=state.crashes - 1,
        )

    def _crash_memory(self, state: State, memory: int) -> State:
        under_way = list(state.under_way)
        for position in range(memory, len(under_way), self.m):
            if under_way[position] & 1:
                under_way[position] = NOTHING
        return state._replace(
            memories=_with(state.memories, memory, CRASHED), under_way=tuple(under_way), crashes=state.crashes - 1
        )

    def _settled(self, state: State) -> tuple[State, list[Event]]:
        """Let come at once what makes no difference later."""
        at_once: list[Event] = []
        if not self._reduce:
            return state, at_once
        for process, number in enumerate(state.processes):
            while number >= 0:
                local = self.automata[process].states[number]
                if local.over:
                    state = self._forget(state, process)
                    break
                first = process * self.m
                memory = next((k for k in local.dead if (way := state.under_way[first + k]) and not way & 1), None)
                if memory is None or not self._hears(state, process):
                    break
                at_once.append(Event("response", process, memory))
                state = self._apply(state, at_once[-1])
                number = state.processes[process]
        return state, at_once

    def _forget(self, state: State, process: int) -> State:
        """Nothing comes to a process that is over."""
        first = process * self.m
        under_way = list(state.under_way)
        for position in range(first, first + self.m):
            if not under_way[position] & 1:
                under_way[position] = NOTHING
        outcome = self.automata[process].states[state.processes[process]].outcome
        return state._replace(
            processes=_with(state.processes, process, CRASHED - 1 - outcome),
            under_way=tuple(under_way),
            messages=tuple(message for message in state.messages if message[0] != process),
            changed=_with(state.changed, process, 0),
            elections=_with(state.elections, process, 0),
        )

    # What they came to

    def _is_over(self, state: State, process: int) -> bool:
        number = state.processes[process]
        return number < 0 or self.automata[process].states[number].over

    def outcome(self, state: State) -> tuple[int, ...]:
        """What each process came to, by number."""
        return tuple(
            self.automata[process].states[number].outcome if number >= 0 else CRASHED - 1 - number
            for process, number in enumerate(state.processes)
        )

    def error(self, state: State) -> str:
        """What a process did that no protocol may do; empty if none did."""
        found = (
            self.automata[process].states[number].error
            for process, number in enumerate(state.processes)
            if number >= 0 and process not in self._liars
        )
        return next(filter(None, found), "")


def _with(numbers: Sequence[int], position: int, number: int) -> tuple[int, ...]:
    """The same but for one."""
    return (*numbers[:position], number, *numbers[position + 1 :])
