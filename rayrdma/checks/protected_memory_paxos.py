"""The invariants of Protected Memory Paxos, read off what was done to the memories.

M1 to M7 of `rayrdma.protocols.protected_memory_paxos`. A value is *chosen* with number b when a majority of
memories acked the write of (b, b, value).
"""

from __future__ import annotations

from collections.abc import Iterator

from rayrdma.model.operations import WRITE
from rayrdma.model.outcomes import ACK
from rayrdma.model.quorums import majority
from rayrdma.model.regions import ENCODE, Value
from rayrdma.model.trace import Crashed, Decided, Issued, LeaderChanged, Paused, Responded, TookEffect
from rayrdma.protocols.protected_memory_paxos import FIRST_LEADER, FIRST_PROPOSAL, SLOTS, Slot

from .model import replay
from .observation import Check, Observation, Violation

FIRST_DECISION_DELAYS = 2


def m1_single_writer(observation: Observation) -> Violation | None:
    """M1: each memory has one writer at each instant."""
    for region in observation.regions:
        if region.name == SLOTS and len(region.permission.writers) != 1:
            return Violation("M1", f"every memory starts with {region.permission!r}: not one writer")
    for effect in replay(observation):
        if effect.event.region == SLOTS and len(effect.after.writers) != 1:
            return Violation("M1", f"m{effect.event.memory} has {effect.after!r} at {effect.event.time:g}")
    return None


def m2_proposals_never_decrease(observation: Observation) -> Violation | None:
    """M2: in a slot the minimum proposal never decreases, and accepted proposal <= minimum proposal."""
    minimum: dict[tuple[int, int], int] = {}
    for event, slot in _writes(observation):
        key = event.memory, event.register
        before = minimum.get(key, 0)
        if slot.minimum_proposal < before or slot.accepted_proposal > slot.minimum_proposal:
            return Violation(
                "M2", f"p{event.process} wrote {slot!r} on m{event.memory}, where its minimum was {before}"
            )
        if event.response is ACK:
            minimum[key] = slot.minimum_proposal
    return None


def m3_one_value_a_number(observation: Observation) -> Violation | None:
    """M3: a proposal number is one process's own, and at most one value is ever written as accepted with it."""
    owners: dict[int, int] = {}
    values: dict[int, bytes] = {}
    for event, slot in _writes(observation):
        number = slot.minimum_proposal
        if owners.setdefault(number, event.process) != event.process:
            return Violation("M3", f"p{owners[number]} and p{event.process} both use number {number}")
        accepted, value = slot.accepted_proposal, ENCODE(slot.value)
        if accepted and values.setdefault(accepted, value) != value:
            return Violation("M3", f"number {accepted} carries {slot.value!r} and another value")
    return None


def m4_chosen_value_stays(observation: Observation) -> Violation | None:
    """M4: once (b, v) was acked at a majority, whatever is accepted with a number above b is v."""
    chosen = min(((number, value) for _, number, value in _choices(observation)), default=None, key=lambda c: c[0])
    if chosen is None:
        return None
    number, value = chosen
    for event, slot in _writes(observation):
        if slot.accepted_proposal > number and ENCODE(slot.value) != ENCODE(value):
            return Violation(
                "M4", f"p{event.process} wrote {slot!r}, but a majority acked {value!r} with number {number}"
            )
    return None


def m5_decisions_were_acked(observation: Observation) -> Violation | None:
    """M5: what is decided, a majority had acked (that it is one value, and proposed, the outcome checks say)."""
    chosen = [(position, ENCODE(value)) for position, _, value in _choices(observation)]
    for position, event in enumerate(observation.trace or ()):
        if type(event) is Decided and not any(
            before < position and value == ENCODE(event.value) for before, value in chosen
        ):
            return Violation("M5", f"p{event.process} decided {event.value!r}, which no majority had acked")
    return None


def m6_permission_kept_since_taken(observation: Observation) -> Violation | None:
    """M6: step h acked at a memory: its permission did not change since this attempt's step a (or the start)."""
    announced: dict[int, int] = {}  # memory -> the number announced under its present permission; 0: not yet
    for effect in replay(observation):
        event = effect.event
        if event.region != SLOTS:
            continue
        if effect.legal:
            announced[event.memory] = 0
        elif event.operation is WRITE and event.response is ACK and isinstance(event.argument, Slot):
            slot = event.argument
            now = announced.get(event.memory)
            if slot.accepted_proposal < slot.minimum_proposal:
                announced[event.memory] = slot.minimum_proposal
            elif now != slot.minimum_proposal and not (
                now is None and event.process == FIRST_LEADER and slot.minimum_proposal == FIRST_PROPOSAL
            ):
                return Violation(
                    "M6",
                    f"p{event.process} wrote {slot!r} on m{event.memory} at {event.time:g}, whose permission had "
                    "changed since that attempt took it",
                )
    return None


def m7_one_write_a_memory(observation: Observation) -> Violation | None:
    """M7: in a common-case run the first decision comes after 2 delays: one write a memory and nothing else."""
    return one_round_trip(observation, "M7")


def one_round_trip(observation: Observation, check: str) -> Violation | None:
    """In a common-case run the first decision comes after 2 delays, and each memory sees one write and nothing else."""
    trace = observation.trace or ()
    first = next((event for event in trace if type(event) is Decided), None)
    if first is None or not common_case(observation):
        return None
    if first.depth != FIRST_DECISION_DELAYS:
        return Violation(check, f"p{first.process} decided first, {first.depth} delays deep")
    operations = [event for event in trace if type(event) is Issued]
    if any(event.operation is not WRITE for event in operations):
        return Violation(check, "there was a read or a change of permission in the common case")
    if sorted(event.memory for event in operations) != list(range(observation.memories)):
        return Violation(check, f"{len(operations)} writes on {observation.memories} memories, not one each")
    return None


def _writes(observation: Observation) -> Iterator[tuple[TookEffect, Slot]]:
    """The slots that were to be written, acked or not."""
    for event in observation.trace or ():
        if type(event) is TookEffect and event.operation is WRITE and event.region == SLOTS:
            slot = event.argument
            if isinstance(slot, Slot):
                yield event, slot


def _choices(observation: Observation) -> Iterator[tuple[int, int, Value]]:
    """(position in the trace, number, value) of everything that a majority came to ack."""
    memories: dict[int, set[int]] = {}
    need = majority(observation.memories)
    for position, event in enumerate(observation.trace or ()):
        if (
            type(event) is TookEffect
            and event.operation is WRITE
            and event.response is ACK
            and isinstance(event.argument, Slot)
            and 0 < event.argument.accepted_proposal == event.argument.minimum_proposal
        ):
            slot = event.argument
            those = memories.setdefault(slot.accepted_proposal, set())
            if event.memory not in those:
                those.add(event.memory)
                if len(those) == need:
                    yield position, slot.accepted_proposal, slot.value


def common_case(observation: Observation) -> bool:
    """Every leg to and from a memory took one delay, nobody crashed or paused, Omega never changed its mind."""
    left: dict[tuple[int, int], float] = {}
    for event in observation.trace or ():
        if isinstance(event, Crashed | Paused | LeaderChanged):
            return False
        if isinstance(event, Issued | TookEffect | Responded):
            key = event.process, event.memory
            if not isinstance(event, Issued) and event.time != left[key] + 1:
                return False
            left[key] = event.time
    return True


PROTECTED_MEMORY_PAXOS: tuple[Check, ...] = (
    m1_single_writer,
    m2_proposals_never_decrease,
    m3_one_value_a_number,
    m4_chosen_value_stays,
    m5_decisions_were_acked,
    m6_permission_kept_since_taken,
    m7_one_write_a_memory,
)
