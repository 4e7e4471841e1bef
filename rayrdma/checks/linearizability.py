"""Whether a history is linearizable (Herlihy and Wing, 1990), also with operations whose outcome nobody knows.

It is, if every operation that is ok can be given an instant between its invocation and its response, and every unknown
one an instant after its invocation or none, so that the responses are those of the specification, carried out in the
order of these instants. Linearizability is local, so each key is checked by itself.

The search goes through the events once (just-in-time linearization: Lowe, Testing for linearizability, 2017) and
keeps every *configuration* that explains what was answered so far: a state of the object, and what has been linearized
of the operations under way. Nothing is linearized before it has to be. When an operation responds, each configuration
in which it was not is replaced by those that arise from it by linearizing others under way first and it last. If there
is none, this operation could not be linearized, and the configurations before it say what was possible.

What keeps them few, beside that equal ones are one (all of it loses nothing, by exchange):

  1. What only looks is linearized in the first state that gives its response.
  2. What overwrites can be put just before anything else that overwrites, where nobody sees it. So as soon as the one
     is linearized, all others that are under way count as *settled*, and may still be linearized for their effect.
  3. Of equal operations under way, that one is linearized first which responds first; unknown ones come last.
  4. Of two configurations with the same state, one is as good as the other if it has *used* nothing that the other one
     has not, and everything is settled in it that is in the other one. So an unknown operation is used only for what
     it explains.

Unknown operations can still make them many. What explains a history mostly needs few of these: so a first search goes
on with few configurations. Only if that fails, another one goes on with more of them, and at last with all.
"""

from __future__ import annotations

from bisect import insort
from collections.abc import Hashable, Iterator, Sequence
from heapq import heappop, heappush
from itertools import chain, count
from typing import Any

import msgspec

from .history import FAIL, OK, UNKNOWN, History, Name, Operation, text_of
from .specifications import Specification

SHOWN = 8
"""The most concurrent operations, and the most states, that a counterexample shows."""

WIDTH = 32
"""With how many configurations a search begins."""
STEPS = 2
"""How many steps from each of them, on an average, are taken for one response once something explains it."""

State = Hashable


class Counterexample(msgspec.Struct, frozen=True):
    """Up to this operation's response nothing explains the history of its key; up to just before, something does.

    Attributes:
        states: of the object, that were possible while it was under way, the oldest first.
        concurrent: operations that were under way at the same time, as any unknown one that was invoked before.
    """

    operation: Operation
    states: list[Any]
    concurrent: list[Operation]

    def __str__(self) -> str:
        states = [text_of(state) for state in self.states]
        lines = [
            f"key {text_of(self.operation.key)}: {_tell(self.operation)} can not be linearized",
            f"  states that were possible: {', '.join(states[:SHOWN])}{_more(len(states))}",
            f"  concurrent with it{':' if self.concurrent else ' was nothing'}",
            *(f"    {_tell(other)}" for other in self.concurrent[:SHOWN]),
            *([f"   {_more(len(self.concurrent))}"] if len(self.concurrent) > SHOWN else []),
        ]
        return "\n".join(lines)


class Verdict(msgspec.Struct, frozen=True):
    """On a history.

    Attributes:
        operations, unknown, failed: how many there are in all, and of these.
        clients, keys: how many.
        counterexamples: one for each key whose history is not linearizable.
    """

    linearizable: bool
    operations: int
    unknown: int
    failed: int
    clients: int
    keys: int
    counterexamples: list[Counterexample]

    def __str__(self) -> str:
        counts = f"{self.operations:,} operations, {self.unknown:,} unknown and {self.failed:,} failed"
        said = (
            f"{'' if self.linearizable else 'not '}linearizable: {counts}, clients {self.clients:,}, keys {self.keys:,}"
        )
        if self.linearizable:
            return said
        others = len(self.counterexamples) - 1
        more = f"\nand so it is with {others:,} more of the keys" if others else ""
        return f"{said}\n{self.counterexamples[0]}{more}"


def check_linearizability(history: History) -> Verdict:
    """Hold every key's history against the specification."""
    operations = history.operations
    keys: dict[Name, list[Operation]] = {}
    for operation in operations:
        keys.setdefault(operation.key, []).append(operation)
    found = (_counterexample(history.specification, own) for own in keys.values())
    counterexamples = [counterexample for counterexample in found if counterexample is not None]
    return Verdict(
        linearizable=not counterexamples,
        operations=len(operations),
        unknown=sum(operation.outcome is UNKNOWN for operation in operations),
        failed=sum(operation.outcome is FAIL for operation in operations),
        clients=len({operation.client for operation in operations}),
        keys=len(keys),
        counterexamples=counterexamples,
    )


def _counterexample(specification: Specification, operations: Sequence[Operation]) -> Counterexample | None:
    present = [operation for operation in operations if operation.outcome is not FAIL]
    width = WIDTH
    while True:
        search = _Search(specification, width)
        counterexample = search.counterexample(present)
        if counterexample is None or search.complete:
            return counterexample
        width *= 8


class _Pending:
    """An operation under way.

    Attributes:
        bit: its own in the sets of a configuration.
        order: who responds first comes first.
    """

    __slots__ = ("bit", "known", "looks", "operation", "order", "overwrites", "what")

    def __init__(self, operation: Operation, bit: int, specification: Specification) -> None:
        self.operation = operation
        self.bit = bit
        self.what = operation.operation, operation.argument
        self.known = operation.outcome is OK
        self.looks = self.known and specification.looks(*self.what, operation.response)
        self.overwrites = specification.overwrites(*self.what)
        self.order = operation.ends, operation.invoked

    def __lt__(self, other: _Pending) -> bool:
        return self.order < other.order


class _Configurations:
    """The best configurations: (used, settled) by state, as sets of bits, none of which is as good as another."""

    def __init__(self) -> None:
        self.of: dict[State, list[tuple[int, int]]] = {}

    def add(self, state: State, used: int, settled: int) -> bool:
        """Add one, unless there is one that is as good; whatever it is as good as goes."""
        others = self.of.setdefault(state, [])
        for other_used, other_settled in others:
            if not other_used & ~used and not settled & ~other_settled:
                return False
        others[:] = [other for other in others if used & ~other[0] or other[1] & ~settled]
        others.append((used, settled))
        return True

    def __iter__(self) -> Iterator[tuple[State, int, int]]:
        return ((state, *each) for state, others in self.of.items() for each in others)


class _Search:
    """Goes once through the history of one object.

    Args:
        width: how many configurations it goes on with, at most: those that need the fewest unknown operations.

    Attributes:
        complete: whether it has left nothing out.
    """

    def __init__(self, specification: Specification, width: int) -> None:
        self.specification = specification
        self.width = width
        self.complete = True
        self.configurations = _Configurations()
        self.configurations.add(specification.initial, 0, 0)
        self.looking: dict[tuple[str, Any], dict[Any, int]] = {}  # by what and by response: bits
        self.changing: dict[tuple[str, Any], list[_Pending]] = {}  # by what, in the order of responses
        self.overwriting: dict[tuple[str, Any], list[_Pending]] = {}  # the same
        self.covered = 0  # bits of those that can be overwritten at once
        self.unknown = 0  # bits
        self.free_bits: list[int] = []
        self.bits = 0

    def counterexample(self, operations: Sequence[Operation]) -> Counterexample | None:
        """The first operation that can not be linearized, of those that did not fail."""
        events = [(operation.invoked, operation) for operation in operations]
        events += [(operation.responded or 0, operation) for operation in operations if operation.outcome is OK]
        under_way: dict[int, _Pending] = {}
        possible: list[tuple[int, list[State]]] = [(0, [self.specification.initial])]  # from which line on
        for line, operation in sorted(events, key=lambda event: event[0]):
            if line == operation.invoked:
                under_way[line] = self.invoke(operation)
                continue
            reached = self.respond(under_way.pop(operation.invoked))
            if not self.configurations.of:
                meanwhile = [reached]
                for since, states in reversed(possible):
                    meanwhile.insert(0, states)
                    if since < operation.invoked:
                        break
                concurrent = [
                    other
                    for other in operations
                    if other is not operation and other.invoked < line and other.ends > operation.invoked
                ]
                return Counterexample(operation, list(dict.fromkeys(chain(*meanwhile))), concurrent)
            possible.append((line, list(self.configurations.of)))
        return None

    def invoke(self, operation: Operation) -> _Pending:
        """An operation is under way from now on."""
        if not self.free_bits:
            self.free_bits.append(1 << self.bits)
            self.bits += 1
        pending = _Pending(operation, self.free_bits.pop(), self.specification)
        if not pending.known:
            self.unknown |= pending.bit
        if pending.looks:
            bits = self.looking.setdefault(pending.what, {})
            bits[operation.response] = bits.get(operation.response, 0) | pending.bit
            now = _Configurations()
            for state, used, settled in self.configurations:
                now.add(state, used, settled | self.answered_in(state))
            self.configurations = now
            return pending
        insort((self.overwriting if pending.overwrites else self.changing).setdefault(pending.what, []), pending)
        if pending.overwrites and pending.known:
            _, response = self.specification.apply(self.specification.initial, *pending.what)
            if response == operation.response:
                self.covered |= pending.bit
        return pending

    def respond(self, due: _Pending) -> list[State]:
        """An operation has responded: keep what explains that; return the states that others make possible."""
        reached: dict[State, None] = {}
        explored, explains = _Configurations(), _Configurations()
        rest = ~due.bit
        steps = count()
        under_way: list[tuple[int, int, State, int, int, bool]] = []
        for state, used, settled in self.configurations:
            if settled & due.bit:
                explains.add(state, used & rest, settled & rest)
                if due.looks or used & due.bit:
                    continue
            explored.add(state, used, settled)
            heappush(under_way, (self.doubts(used), next(steps), state, used, settled, False))
        while under_way:
            _, step, state, used, settled, vain = heappop(under_way)
            if step > STEPS * self.width and explains.of:
                self.complete = False
                break
            for pending, after in self.possible(state, used, vain):
                reached[after] = None
                now_used, now_settled = used | pending.bit, settled | self.answered_in(after)
                # Nobody sees what it wrote: to overwrite that would be to overwrite what was there before.
                vain = pending.overwrites and now_settled == settled
                if pending.overwrites:
                    now_settled |= self.covered
                if pending.known:
                    now_settled |= pending.bit
                if pending is due or (due.looks and now_settled & due.bit):
                    explains.add(after, now_used & rest, now_settled & rest)
                elif (self.changing or not vain) and explored.add(after, now_used, now_settled):
                    heappush(under_way, (self.doubts(now_used), next(steps), after, now_used, now_settled, vain))
        self.configurations = self.narrowed(explains)
        self.forget(due)
        return list(reached)

    def possible(self, state: State, used: int, vain: bool) -> Iterator[tuple[_Pending, State]]:
        """What may be linearized next of what changes something, and the state after it."""
        for some in (self.changing,) if vain else (self.changing, self.overwriting):
            for what, alike in some.items():
                after, response = self.specification.apply(state, *what)
                for pending in alike:
                    if not used & pending.bit and (not pending.known or pending.operation.response == response):
                        yield pending, after
                        break

    def answered_in(self, state: State) -> int:
        """The bits of those that look, and see this state."""
        bits = 0
        for what, responses in self.looking.items():
            bits |= responses.get(self.specification.apply(state, *what)[1], 0)
        return bits

    def doubts(self, used: int) -> int:
        """How many unknown operations were used."""
        return (used & self.unknown).bit_count()

    def narrowed(self, configurations: _Configurations) -> _Configurations:
        """The best of them, if they are too many."""
        if sum(map(len, configurations.of.values())) <= self.width:
            return configurations
        self.complete = False
        narrowed = _Configurations()
        best = sorted(configurations, key=lambda each: (self.doubts(each[1]), -each[2].bit_count()))
        for each in best[: self.width]:
            narrowed.add(*each)
        return narrowed

    def forget(self, due: _Pending) -> None:
        """An operation is not under way any more."""
        if due.looks:
            bits = self.looking[due.what]
            bits[due.operation.response] &= ~due.bit
            if not any(bits.values()):
                del self.looking[due.what]
        else:
            some = self.overwriting if due.overwrites else self.changing
            some[due.what].remove(due)
            if not some[due.what]:
                del some[due.what]
            self.covered &= ~due.bit
        self.free_bits.append(due.bit)


def _tell(operation: Operation) -> str:
    first, last = operation.invoked, operation.responded
    return f"{operation} ({f'lines {first} to {last}' if operation.outcome is OK else f'from line {first} on'})"


def _more(count: int) -> str:
    return f" and {count - SHOWN} more" if count > SHOWN else ""
