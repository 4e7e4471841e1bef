"""Registers and consensus of optimal resilience, read off messages and memories.

R1 to R5 of `rayrdma.protocols.mixed_register`, C1 of `rayrdma.protocols.mixed_consensus`.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import TypeGuard

from rayrdma.model.graph import Graph, complete
from rayrdma.model.operations import WRITE
from rayrdma.model.outcomes import ACK
from rayrdma.model.trace import Delivered, Noted, Responded, Sent, TookEffect
from rayrdma.protocols.ben_or import DECIDED_IN
from rayrdma.protocols.mixed_register import COPIES, Collect, Collected, Content, Copies, Store, Stored

from .observation import Check, Observation, Violation


def r1_memories_never_go_back(observation: Observation) -> Violation | None:
    """R1: what a process keeps in a memory is, for every register, as late as what it kept there before, or later."""
    kept: dict[tuple[int, int], Copies] = {}
    for write in _writes(observation):
        where = write.process, write.memory
        if write.register != write.process:
            return Violation("R1", f"p{write.process} wrote what p{write.register} keeps in m{write.memory}")
        if where in kept and not _covers(write.argument, kept[where]):
            return Violation("R1", f"p{write.process} wrote {write.argument} over {kept[where]} in m{write.memory}")
        kept[where] = write.argument
    return None


def r2_one_value_of_a_number(observation: Observation) -> Violation | None:
    """R2: a register's k-th value is one value, and its writer was the first to name it."""
    values: dict[tuple[int, int], Content] = {(owner, 0): () for owner in range(observation.n)}
    last: Copies | None = None
    for process, copies in _named(observation):
        if copies is last:  # one message to many
            continue
        last = copies
        for owner, (times, content) in enumerate(copies):
            if (owner, times) not in values:
                values[owner, times] = content
                if process != owner:
                    return Violation("R2", f"p{process} was the first to name value {times} of p{owner}, {content}")
            elif values[owner, times] != content:
                return Violation("R2", f"value {times} of p{owner} is {values[owner, times]}, and also {content}")
    return None


def r3_stored_is_kept(observation: Observation) -> Violation | None:
    """R3: who says that it has stored something has written that, or later, to all memories that it reaches."""
    graph = _graph(observation)
    asked: dict[tuple[int, int, int], Copies] = {}
    written: dict[tuple[int, int], Copies] = {}  # took effect
    kept: dict[tuple[int, int], Copies] = {}  # and was answered
    for event in observation.trace or ():
        if _is_write(event):
            written[event.process, event.memory] = event.argument
        elif type(event) is Responded and event.response is ACK:
            kept[event.process, event.memory] = written[event.process, event.memory]
        elif type(event) is Delivered and type(event.message) is Store:
            asked[event.process, event.sender, event.message.request] = event.message.copies
        elif type(event) is Sent and type(event.message) is Stored:
            copies = asked.get((event.process, event.to, event.message.request))
            for memory in graph.closed(event.process):
                there = kept.get((event.process, memory), ((0, ()),) * observation.n)
                if copies is None or not _covers(there, copies):
                    what = f"p{event.process} told p{event.to} that it had stored {copies}"
                    return Violation("R3", f"{what}, but keeps {there} in m{memory}")
    return None


def r4_what_stood_is_collected(observation: Observation) -> Violation | None:
    """R4: an answer to a collect has all that stood, as it was asked for, in all memories that its sender reaches."""
    graph = _graph(observation)
    nothing: Copies = ((0, ()),) * observation.n
    stands = dict.fromkeys(range(observation.memories), nothing)
    asked: dict[tuple[int, int, int], list[Copies]] = {}
    for event in observation.trace or ():
        if _is_write(event):
            stands[event.memory] = tuple(map(max, stands[event.memory], event.argument))
        elif type(event) is Delivered and type(event.message) is Collect:
            request = event.process, event.sender, event.message.request
            asked[request] = [stands[memory] for memory in graph.closed(event.process)]
        elif type(event) is Sent and type(event.message) is Collected:
            stood = asked.get((event.process, event.to, event.message.request))
            if stood is None or not all(_covers(event.message.copies, copies) for copies in stood):
                what = f"p{event.process} told p{event.to} that it had found {event.message.copies}"
                return Violation("R4", f"{what}, where {stood} stood when it was asked")
    return None


def r5_enough_answers(observation: Observation) -> Violation | None:
    """R5: who goes on to its next request has the answers of n - f processes to the one before."""
    resilience = _graph(observation).resilience
    heard: dict[tuple[int, int], set[int]] = {}
    if resilience is None:
        return None
    need = observation.n - resilience
    for event in observation.trace or ():
        if type(event) is Delivered and type(event.message) in (Stored, Collected):
            heard.setdefault((event.process, event.message.request), set()).add(event.sender)
        elif type(event) is Sent and type(event.message) in (Store, Collect):
            before = event.message.request - 1
            count = len(heard.get((event.process, before), ()))
            if before and count < need:
                return Violation("R5", f"p{event.process} went on with {count} answers to request {before}, not {need}")
    return None


def c1_nobody_prefers_anything_else(observation: Observation) -> Violation | None:
    """C1: from the round on in which v was decided, whoever gets there prefers v, and does not give it up."""
    decided = {event.process: event.value for event in observation.decisions}
    rounds = [
        (event.value, decided[event.process])
        for event in observation.trace or ()
        if type(event) is Noted and event.what == DECIDED_IN and event.process in decided
    ]
    if not rounds:
        return None
    first, value = min(rounds)
    for event in observation.trace or ():
        if type(event) is Sent and type(event.message) is Store:
            _, stand = event.message.copies[event.process]
            if stand and stand[0] >= first and stand[1] != value:
                what = f"p{event.process} prefers {stand[1]} in round {stand[0]}"
                return Violation("C1", f"{what}, but {value} was decided in round {first}")
    return None


def _graph(observation: Observation) -> Graph:
    return observation.graph or complete(observation.n)


def _covers(copies: Copies, others: Copies) -> bool:
    """Whether all of ``copies`` are as late as ``others``, or later."""
    return copies is others or all(map(tuple.__ge__, copies, others))


def _is_write(event: object) -> TypeGuard[TookEffect]:
    return type(event) is TookEffect and event.operation is WRITE and event.region == COPIES and event.response is ACK


def _writes(observation: Observation) -> Iterator[TookEffect]:
    return filter(_is_write, observation.trace or ())


def _named(observation: Observation) -> Iterator[tuple[int, Copies]]:
    """(process, copies that it sent or wrote), in the order of the trace."""
    for event in observation.trace or ():
        if type(event) is Sent and type(event.message) in (Store, Collected):
            yield event.process, event.message.copies
        elif _is_write(event):
            yield event.process, event.argument


MIXED_REGISTERS: tuple[Check, ...] = (
    r1_memories_never_go_back,
    r2_one_value_of_a_number,
    r3_stored_is_kept,
    r4_what_stood_is_collected,
    r5_enough_answers,
)
MIXED_CONSENSUS: tuple[Check, ...] = (*MIXED_REGISTERS, c1_nobody_prefers_anything_else)
