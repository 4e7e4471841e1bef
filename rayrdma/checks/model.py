"""Whether a trace is a run of the M&M model with permissions at all (P19, section 3).

The memories are replayed here from the definition, apart from `rayrdma.model.memory`, so that a mistake in
the one does not hide in the other.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any, NamedTuple

from rayrdma.model.graph import Graph
from rayrdma.model.operations import (
    CHANGE_PERMISSION,
    COMPARE_AND_SWAP,
    NAMES,
    OPERATION_DELAYS,
    READ,
    READ_REGION,
    WRITE,
)
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import Permission
from rayrdma.model.regions import Region
from rayrdma.model.trace import (
    Crashed,
    Decided,
    Delivered,
    Event,
    Issued,
    Paused,
    Responded,
    Resumed,
    Sent,
    TookEffect,
)

from .observation import Check, Observation, Violation


class Effect(NamedTuple):
    """An operation's effect, held against the definition.

    Attributes:
        event: what the trace says.
        permission: of its region, just before.
        response: what the memory had to answer.
        after: the permission of its region, just after.
        legal: of a change of permission: whether the region's policy let it happen.
    """

    event: TookEffect
    permission: Permission
    response: Any
    after: Permission
    legal: bool


def replay(observation: Observation) -> list[Effect]:
    """Every effect of the trace, in order, beside what the definition of a memory makes of it."""
    effects: list[Effect] | None = observation.derived.get(replay)
    if effects is None:
        effects = observation.derived[replay] = list(_replay(observation))
    return effects


def _replay(observation: Observation) -> Iterator[Effect]:
    regions = {region.name: region for region in observation.regions}
    permissions: dict[tuple[int, str], Permission] = {}
    registers: dict[tuple[int, str, int], Any] = {}
    for event in observation.trace or ():
        if type(event) is not TookEffect:
            continue
        process, memory, name, kind = event.process, event.memory, event.region, event.operation
        region = regions[name]
        permission = after = permissions.get((memory, name), region.permission)
        near = _reaches(observation.graph, process, memory)
        may_read = near and (process in permission.read or process in permission.readwrite)
        may_write = near and (process in permission.write or process in permission.readwrite)
        response: Any = NAK
        legal = False
        if region.covers:
            if kind is CHANGE_PERMISSION:
                response = None
            elif (
                near
                and kind is READ_REGION
                and all(_reads(process, permissions, memory, regions[c]) for c in region.covers)
            ):
                response = tuple(
                    registers.get((memory, covered, register))
                    for covered in region.covers
                    for register in range(regions[covered].registers)
                )
        elif kind is CHANGE_PERMISSION:
            response = None
            named = event.argument.readers | event.argument.write
            legal = all(_reaches(observation.graph, p, memory) for p in (process, *named)) and region.legal_change(
                process, name, permission, event.argument
            )
            if legal:
                after = permissions[memory, name] = event.argument
        elif kind is WRITE:
            if may_write:
                response = ACK
                registers[memory, name, event.register] = event.argument
        elif kind is COMPARE_AND_SWAP:
            if may_read and may_write:
                expected, new = event.argument
                response = registers.get((memory, name, event.register))
                if response == expected:
                    registers[memory, name, event.register] = new
        elif may_read and kind is READ:
            response = registers.get((memory, name, event.register))
        elif may_read and kind is READ_REGION:
            response = tuple(registers.get((memory, name, register)) for register in range(region.registers))
        yield Effect(event, permission, response, after, legal)


def _reaches(graph: Graph | None, process: int, memory: int) -> bool:
    """In the m&m model only a memory's owner and its neighbours reach it."""
    return graph is None or process == memory or process in graph.neighbours[memory]


def _reads(process: int, permissions: dict[tuple[int, str], Permission], memory: int, region: Region) -> bool:
    permission = permissions.get((memory, region.name), region.permission)
    return process in permission.read or process in permission.readwrite


def disjoint_permissions(observation: Observation) -> Violation | None:
    """The sets R, W and RW of a region are disjoint at all times."""
    for region in observation.regions:
        if _overlap(region.permission):
            return Violation("disjoint permissions", f"region {region.name!r} starts with {region.permission!r}")
    for effect in replay(observation):
        if _overlap(effect.after):
            return Violation("disjoint permissions", f"{_describe(effect.event)} left {effect.after!r}")
    return None


def permission_at_effect(observation: Observation) -> Violation | None:
    """Who has the permission at the instant of the effect succeeds, and nobody else does.

    The permissions are those that the region's policy allowed: an illegal change leaves them as they were.
    """
    for effect in replay(observation):
        if (effect.event.response is NAK) != (effect.response is NAK):
            answer = "refused" if effect.event.response is NAK else "done"
            return Violation(
                "permission at effect", f"{_describe(effect.event)} was {answer} under {effect.permission!r}"
            )
    return None


def registers_hold_what_was_written(observation: Observation) -> Violation | None:
    """A read returns the last acked write: a refused one had no effect. A change of permission tells nothing."""
    for effect in replay(observation):
        if effect.event.response != effect.response:
            return Violation(
                "registers",
                f"{_describe(effect.event)} gave {effect.event.response!r}, "
                f"but what stands there gives {effect.response!r}",
            )
    return None


def one_outstanding_operation(observation: Observation) -> Violation | None:
    """At most one outstanding operation per (process, memory), each issued, done and answered once, in order.

    An effect may come after its issuer's crash, and an operation may stay without effect or answer.
    """
    outstanding: dict[tuple[int, int], Issued] = {}
    done: dict[tuple[int, int], TookEffect] = {}
    for event in observation.trace or ():
        if type(event) is Issued:
            key = event.process, event.memory
            if key in outstanding:
                return Violation(
                    "one outstanding operation",
                    f"{_describe(event)} was issued before operation {outstanding[key].number} was answered",
                )
            outstanding[key] = event
        elif type(event) is TookEffect:
            key = event.process, event.memory
            issued = outstanding.get(key)
            if issued is None or key in done or _content(issued) != _content(event):
                return Violation("one outstanding operation", f"{_describe(event)} took effect, but was not due")
            done[key] = event
        elif type(event) is Responded:
            key = event.process, event.memory
            effect = done.pop(key, None)
            if effect is None or effect.number != event.number or effect.response != event.response:
                return Violation(
                    "one outstanding operation",
                    f"p{event.process} got the answer {event.response!r} to its operation {event.number}, "
                    f"which m{event.memory} did not give",
                )
            del outstanding[key]
    return None


def silent_after_crash(observation: Observation) -> Violation | None:
    """A crashed memory does nothing; a crashed process neither, nor one that is paused until it goes on."""
    dead_memories: set[int] = set()
    stopped: set[int] = set()
    for event in observation.trace or ():
        if type(event) is Crashed:
            (dead_memories if event.what == "memory" else stopped).add(event.number)
        elif type(event) is Paused:
            stopped.add(event.process)
        elif type(event) is Resumed:
            stopped.discard(event.process)
        elif type(event) is TookEffect:
            if event.memory in dead_memories:
                return Violation("silent after crash", f"{_describe(event)} took effect after m{event.memory} crashed")
        elif isinstance(event, Issued | Responded | Sent | Delivered | Decided) and event.process in stopped:
            return Violation(
                "silent after crash",
                f"p{event.process} took a step at {event.time:g} ({type(event).__name__}), but it had stopped",
            )
    return None


def links_neither_make_nor_repeat(observation: Observation) -> Violation | None:
    """A message is received only if it was sent, and once."""
    under_way: Counter[tuple[int, int, Any]] = Counter()
    for event in observation.trace or ():
        if type(event) is Sent:
            under_way[event.process, event.to, event.message] += 1
        elif type(event) is Delivered:
            key = event.sender, event.process, event.message
            if not under_way[key]:
                return Violation("links", f"p{event.process} received {event.message!r}, not sent by p{event.sender}")
            under_way[key] -= 1
    return None


def delays(observation: Observation) -> Violation | None:
    """Nothing is free: every leg takes a delay; an answer is two delays deep or more, and no deeper than time."""
    issued: dict[tuple[int, int], float] = {}
    done: dict[tuple[int, int], float] = {}
    start: float | None = None
    for event in observation.trace or ():
        if start is None:
            start = event.time
        if type(event) is Issued:
            issued[event.process, event.memory] = event.time
        elif type(event) is TookEffect:
            key = event.process, event.memory
            if event.time < issued.get(key, event.time) + 1:
                return Violation("delays", f"{_describe(event)} took effect as soon as it was issued")
            done[key] = event.time
        elif type(event) is Responded:
            key = event.process, event.memory
            if event.time < done.get(key, event.time) + 1:
                return Violation("delays", f"the answer of m{event.memory} reached p{event.process} as it was given")
            if not OPERATION_DELAYS <= event.depth <= event.time - start:
                return Violation(
                    "delays",
                    f"the answer to operation {event.number} of p{event.process} came {event.depth} delays deep, "
                    f"{event.time - start:g} after the start",
                )
        elif type(event) is Decided and event.depth > event.time - start:
            return Violation(
                "delays",
                f"p{event.process} decided {event.depth} delays deep, {event.time - start:g} after the start",
            )
    return None


def _overlap(permission: Permission) -> bool:
    sets = permission.read, permission.write, permission.readwrite
    return len(frozenset[int]().union(*sets)) != sum(map(len, sets))


def _content(event: Issued | TookEffect) -> tuple[Any, ...]:
    return event.number, event.operation, event.region, event.register, event.argument


def _describe(event: Event) -> str:
    assert isinstance(event, Issued | TookEffect)
    return f"{NAMES[event.operation]} {event.number} of p{event.process} on m{event.memory} at {event.time:g}"


MODEL: tuple[Check, ...] = (
    disjoint_permissions,
    permission_at_effect,
    registers_hold_what_was_written,
    one_outstanding_operation,
    silent_after_crash,
    links_neither_make_nor_repeat,
    delays,
)
