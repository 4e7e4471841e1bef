"""The promises of Omega, L1 to L4 of `rayrdma.protocols.omega`. "From some time on" is in the last third of a run.

A run has to be long enough to be held against them, and its crashes have to be over well before its last third.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from rayrdma.model.operations import WRITE
from rayrdma.model.trace import Crashed, Event, Issued, Noted, Sent
from rayrdma.protocols.omega import LEADER, OmegaOverLossyLinks, State

from .observation import Check, Observation, Violation


@dataclass
class Traffic:
    """What processes asked of links and memories.

    Attributes:
        messages: how many each process sent.
        reads: how many, by (process, memory); a block is one.
        writes: how many, by (process, memory).
    """

    messages: Counter[int] = field(default_factory=Counter)
    reads: Counter[tuple[int, int]] = field(default_factory=Counter)
    writes: Counter[tuple[int, int]] = field(default_factory=Counter)


def traffic(events: Iterable[Event]) -> Traffic:
    """What processes asked for in a part of a trace."""
    traffic = Traffic()
    for event in events:
        if type(event) is Sent:
            traffic.messages[event.process] += 1
        elif type(event) is Issued:
            counter = traffic.writes if event.operation is WRITE else traffic.reads
            counter[event.process, event.memory] += 1
    return traffic


def last_third(observation: Observation) -> Sequence[Event]:
    """What happened when all had to be settled."""
    trace = observation.trace or ()
    return trace[len(trace) * 2 // 3 :]


def leaders(observation: Observation) -> dict[int, int]:
    """The last output of each process that did not crash."""
    outputs: dict[int, int] = {}
    for event in observation.trace or ():
        if type(event) is Noted and event.what == LEADER:
            outputs[event.process] = event.value
        elif type(event) is Crashed and event.what == "process":
            outputs.pop(event.number, None)
    return outputs


def l1_one_correct_leader(observation: Observation) -> Violation | None:
    """L1: all correct processes have the same leader, it is correct, and it stays."""
    outputs = leaders(observation)
    for event in last_third(observation):
        if type(event) is Noted and event.what == LEADER:
            return Violation("L1", f"at {event.time:g} p{event.process} changed its leader to p{event.value}")
    for process, leader in outputs.items():
        if leader not in outputs:
            return Violation("L1", f"p{process}'s leader is p{leader}, which has crashed")
    if len(set(outputs.values())) > 1:
        said = ", ".join(f"p{process}'s is p{leader}" for process, leader in sorted(outputs.items()))
        return Violation("L1", f"processes have different leaders: {said}")
    return None


def l2_no_messages(observation: Observation) -> Violation | None:
    """L2: no message is sent."""
    for event in last_third(observation):
        if type(event) is Sent:
            what = type(event.message).__name__
            return Violation("L2", f"at {event.time:g} p{event.process} sent {what} to p{event.to}")
    return None


def l3_the_leader_writes_and_the_others_read(observation: Observation) -> Violation | None:
    """L3: the leader alone writes, to its own memory, which each of the others reads; and that is all.

    Over lossy links everybody may also read its own memory.
    """
    late = traffic(last_third(observation))
    own = issubclass(observation.protocol, OmegaOverLossyLinks)
    for process, leader in leaders(observation).items():
        reads = {memory for reader, memory in late.reads if reader == process}
        writes = {memory for writer, memory in late.writes if writer == process}
        must_read = {leader} - {process}
        must_write = {leader} & {process}
        if not must_read <= reads <= must_read | ({process} if own else set()):
            return Violation("L3", f"p{process} reads {_memories(reads)}, its leader is p{leader}")
        if writes != must_write:
            return Violation("L3", f"p{process} writes to {_memories(writes)}, its leader is p{leader}")
    return None


def l4_no_more_accusations(observation: Observation) -> Violation | None:
    """L4: who leads is not accused any more."""
    known: dict[int, int] = {}
    for event in last_third(observation):
        if type(event) is Issued and event.operation is WRITE and type(event.argument) is State:
            accusations = event.argument.accusations
            if known.setdefault(event.process, accusations) != accusations:
                return Violation("L4", f"by {event.time:g} p{event.process} had been accused again")
    return None


def _memories(memories: set[int]) -> str:
    return ", ".join(f"m{memory}" for memory in sorted(memories)) or "no memory"


OMEGA: tuple[Check, ...] = (
    l1_one_correct_leader,
    l2_no_messages,
    l3_the_leader_writes_and_the_others_read,
    l4_no_more_accusations,
)
