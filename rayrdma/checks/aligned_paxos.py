"""The invariants of Aligned Paxos, read off the messages that were sent and what was done to the memories.

L1 to L6 of `rayrdma.protocols.aligned_paxos`, over agents of both kinds, and those that hold at an agent of one kind.
A value is *chosen* with number b when a majority of the n + m agents accepted it: memories that acked (b, b, value),
and processes that sent `Accepted`.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import NamedTuple

from rayrdma.model.operations import READ_REGION, WRITE
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.quorums import majority
from rayrdma.model.regions import ENCODE, Record, Value
from rayrdma.model.trace import Decided, Delivered, Issued, Responded, Sent, TookEffect
from rayrdma.protocols.dissemination import Decision
from rayrdma.protocols.paxos import Accept, Accepted, Prepare, Promise
from rayrdma.protocols.protected_memory_paxos import FIRST_PROPOSAL, SLOTS, Slot

from .observation import Check, Observation, Violation
from .paxos import a3_acceptors_keep_promises
from .protected_memory_paxos import (
    m1_single_writer,
    m2_proposals_never_decrease,
    m6_permission_kept_since_taken,
    one_round_trip,
)

Agent = tuple[str, int]
"""("p", process) or ("m", memory)."""


class Proposed(NamedTuple):
    """At a position in the trace ``process`` asked an agent to accept this value with this number."""

    position: int
    process: int
    number: int
    value: Value


class Answer(NamedTuple):
    """At a position in the trace a proposer had the promise or the acceptance of an agent for its number."""

    position: int
    kind: type[Record]
    number: int
    agent: Agent


class Heard(NamedTuple):
    """The agents that had answered ``process`` when it proposed with this number, or decided."""

    process: int
    number: int
    agents: frozenset[Agent]

    def __str__(self) -> str:
        return f"{{{', '.join(f'{kind}{number}' for kind, number in sorted(self.agents))}}} for number {self.number}"


def l1_one_value_a_number(observation: Observation) -> Violation | None:
    """L1: a number is one process's own, and carries one value, whatever the kind of agent."""
    owners: dict[int, int] = {}
    values: dict[int, bytes] = {}
    for process, number in _numbers(observation):
        if owners.setdefault(number, process) != process:
            return Violation("L1", f"p{owners[number]} and p{process} both use number {number}")
    for _, _, number, value in _proposals(observation):
        if values.setdefault(number, ENCODE(value)) != ENCODE(value):
            return Violation("L1", f"number {number} carries {value!r} and another value")
    return None


def l2_memories_keep_promises(observation: Observation) -> Violation | None:
    """L2: a memory accepts nothing below a number that was announced there. (Of processes A3 says the same.)"""
    promised: dict[int, int] = {}
    for event in observation.trace or ():
        if type(event) is TookEffect and event.response is ACK and (slot := _slot(event)) is not None:
            before = promised.get(event.memory, 0)
            if _is_proposal(slot) and slot.accepted_proposal < before:
                return Violation(
                    "L2", f"m{event.memory}, where {before} was announced, accepted {slot!r} of p{event.process}"
                )
            promised[event.memory] = max(before, slot.minimum_proposal)
    return None


def l3_quorums_meet(observation: Observation) -> Violation | None:
    """L3: any two sets of agents of which somebody heard before it went on share an agent."""
    heard = list(_quorums(observation))
    need, agents = majority(observation.n + observation.memories), observation.n + observation.memories
    for one, other in itertools.combinations(heard, 2):
        if not one.agents & other.agents:
            return Violation("L3", f"p{one.process} went on with {one}, p{other.process} with {other}")
    for quorum in heard:
        if len(quorum.agents) < need:
            return Violation("L3", f"p{quorum.process} went on with {quorum}, which is no majority of {agents} agents")
    return None


def l4_chosen_value_stays(observation: Observation) -> Violation | None:
    """L4: once a majority of the agents accepted (b, v), whatever is proposed with a number above b is v."""
    chosen = min(((number, value) for _, number, value in _choices(observation)), default=None, key=lambda c: c[0])
    if chosen is None:
        return None
    for _, process, number, value in _proposals(observation):
        if number > chosen[0] and ENCODE(value) != ENCODE(chosen[1]):
            return Violation(
                "L4",
                f"p{process} proposed {value!r} with number {number}, but a majority of the agents accepted "
                f"{chosen[1]!r} with number {chosen[0]}",
            )
    return None


def l5_decisions_were_chosen(observation: Observation) -> Violation | None:
    """L5: what is decided, a majority of the agents had accepted in one number (the rest the outcome checks say)."""
    chosen = [(position, ENCODE(value)) for position, _, value in _choices(observation)]
    for position, event in enumerate(observation.trace or ()):
        if type(event) is Decided and not any(
            before < position and value == ENCODE(event.value) for before, value in chosen
        ):
            return Violation(
                "L5", f"p{event.process} decided {event.value!r}, which no majority of the agents had accepted"
            )
    return None


def l6_one_round_trip(observation: Observation) -> Violation | None:
    """L6: in a common-case run the first decision comes after 2 delays: one write a memory and nothing else there."""
    return one_round_trip(observation, "L6")


def _numbers(observation: Observation) -> Iterator[tuple[int, int]]:
    """(process, number) wherever a process uses one."""
    for event in observation.trace or ():
        if type(event) is Sent and isinstance(event.message, Prepare | Accept):
            yield event.process, event.message.ballot
        elif type(event) is Issued and (slot := _slot(event)) is not None:
            yield event.process, slot.minimum_proposal


def _proposals(observation: Observation) -> Iterator[Proposed]:
    """What was proposed in phase 2: messages to processes, and writes as they are issued."""
    for position, event in enumerate(observation.trace or ()):
        if type(event) is Sent and isinstance(event.message, Accept):
            yield Proposed(position, event.process, event.message.ballot, event.message.value)
        elif type(event) is Issued and (slot := _slot(event)) is not None and _is_proposal(slot):
            yield Proposed(position, event.process, slot.accepted_proposal, slot.value)


def _slot(event: Issued | TookEffect) -> Slot | None:
    """What an operation is to write into a slot."""
    written = event.argument if event.operation is WRITE and event.region == SLOTS else None
    return written if isinstance(written, Slot) else None


def _is_proposal(slot: Slot) -> bool:
    """Whether it is a slot of phase 2, and not an announcement."""
    return 0 < slot.accepted_proposal == slot.minimum_proposal


def _acceptances(observation: Observation) -> Iterator[tuple[int, Agent, int]]:
    """(position in the trace, agent, number) of each acceptance, as the agent did it."""
    for position, event in enumerate(observation.trace or ()):
        if type(event) is Sent and isinstance(event.message, Accepted):
            yield position, ("p", event.process), event.message.ballot
        elif type(event) is TookEffect and event.response is ACK:
            slot = _slot(event)
            if slot is not None and _is_proposal(slot):
                yield position, ("m", event.memory), slot.accepted_proposal


def _choices(observation: Observation) -> Iterator[tuple[int, int, Value]]:
    """(position in the trace, number, value) of everything that a majority of the agents came to accept."""
    values = {number: value for _, _, number, value in _proposals(observation)}
    agents: dict[int, set[Agent]] = {}
    need = majority(observation.n + observation.memories)
    for position, agent, number in _acceptances(observation):
        those = agents.setdefault(number, set())
        if agent not in those:
            those.add(agent)
            if len(those) == need and number in values:
                yield position, number, values[number]


def _answers(observation: Observation) -> Iterator[Answer]:
    """What proposers came to hear. A memory's promise is its slots, read after the announcement was acked there."""
    under_way: dict[tuple[int, int], Issued] = {}
    announced: dict[tuple[int, int], int] = {}  # (process, memory) -> the number last announced there
    for position, event in enumerate(observation.trace or ()):
        if type(event) is Delivered and isinstance(event.message, Promise | Accepted):
            yield Answer(position, type(event.message), event.message.ballot, ("p", event.sender))
        elif type(event) is Issued:
            under_way[event.process, event.number] = event
        elif type(event) is Responded and event.response is not NAK:
            issued = under_way[event.process, event.number]
            here, slot = (event.process, event.memory), _slot(issued)
            if slot is not None and _is_proposal(slot):
                yield Answer(position, Accepted, slot.accepted_proposal, ("m", event.memory))
            elif slot is not None:
                announced[here] = slot.minimum_proposal
            elif issued.operation is READ_REGION and here in announced:
                yield Answer(position, Promise, announced[here], ("m", event.memory))


def _quorums(observation: Observation) -> Iterator[Heard]:
    """Of whom each proposer had heard when it first proposed with a number, and when it decided with one."""
    answers = list(_answers(observation))

    def heard(process: int, number: int, kind: type[Record], until: int) -> Heard:
        agents = (a.agent for a in answers if a.position < until and a.kind is kind and a.number == number)
        return Heard(process, number, frozenset(agents))

    numbers: dict[int, list[Proposed]] = {}
    for proposed in _proposals(observation):
        known = numbers.setdefault(proposed.process, [])
        if all(before.number != proposed.number for before in known):
            known.append(proposed)
            if proposed.number != FIRST_PROPOSAL:  # the least one needs nobody's promise
                yield heard(proposed.process, proposed.number, Promise, proposed.position)
    told: set[int] = set()
    for position, event in enumerate(observation.trace or ()):
        if type(event) is Delivered and isinstance(event.message, Decision):
            told.add(event.process)
        elif type(event) is Decided and event.process not in told:
            own = [proposed.number for proposed in numbers.get(event.process, ()) if proposed.position < position]
            yield heard(event.process, max(own, default=0), Accepted, position)


ALIGNED_PAXOS: tuple[Check, ...] = (
    m1_single_writer,
    m2_proposals_never_decrease,
    a3_acceptors_keep_promises,
    l1_one_value_a_number,
    l2_memories_keep_promises,
    l3_quorums_meet,
    l4_chosen_value_stays,
    l5_decisions_were_chosen,
    m6_permission_kept_since_taken,
    l6_one_round_trip,
)
