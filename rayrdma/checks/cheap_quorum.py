"""The invariants of Cheap Quorum (P19, section 4.2), read off what took effect in memory.

A signature of a correct process is genuine if that process has put it into memory itself: no check here needs a key,
and a forgery that was believed shows.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rayrdma.model.operations import CHANGE_PERMISSION, WRITE
from rayrdma.model.outcomes import ACK
from rayrdma.model.permissions import Permission
from rayrdma.model.quorums import majority
from rayrdma.model.regions import ENCODE, Value
from rayrdma.model.trace import Decided, Issued, Noted, Responded, TookEffect
from rayrdma.protocols.cheap_quorum import LEADER, LEADERS, Copy, Evidence, Proof

from .model import replay
from .observation import Check, Observation, Violation, notes


def aborts(observation: Observation) -> Iterator[tuple[int, Value, Evidence]]:
    """Process, value and evidence of every correct process that aborted."""
    for _, event in notes(observation, "abort"):
        yield (event.process, *event.value)


def fast_decisions(observation: Observation) -> list[Decided]:
    """What correct processes decided in Cheap Quorum. Who has aborted decides elsewhere, if it does."""
    found: list[Decided] | None = observation.derived.get(fast_decisions)
    if found is None:
        found = observation.derived[fast_decisions] = []
        aborted: set[int] = set()
        for event in observation.trace or ():
            if type(event) is Noted and event.what == "abort":
                aborted.add(event.process)
            elif type(event) is Decided and event.process not in aborted:
                found.append(event)
    return found


def who_aborts_keeps_what_was_decided(observation: Observation) -> Violation | None:
    """A2: if a correct process decided v, every correct process that aborts does so with v."""
    decisions = fast_decisions(observation)
    for process, value, _ in aborts(observation):
        for decided in decisions:
            if ENCODE(decided.value) != ENCODE(value):
                return Violation(
                    "A2", f"p{decided.process} decided {decided.value!r}, and p{process} aborted with {value!r}"
                )
    return None


def who_aborts_after_a_follower_decided_has_a_proof(observation: Observation) -> Violation | None:
    """A3: if a correct follower decided, every correct process that aborts holds a true proof of unanimity for it."""
    followers = [decided for decided in fast_decisions(observation) if decided.process != LEADER]
    if not followers:
        return None
    written = {ENCODE(event.argument.signed) for event in _writes(observation) if isinstance(event.argument, Copy)}
    decided = ENCODE(followers[0].value)
    for process, _, evidence in aborts(observation):
        if evidence.proof is None or _genuine(evidence.proof, observation, written) != decided:
            return Violation("A3", f"p{followers[0].process} decided, and p{process} aborted without a proof of it")
    return None


def _writes(observation: Observation) -> Iterator[Issued]:
    for event in observation.trace or ():
        if isinstance(event, Issued) and event.operation is WRITE:
            yield event


def proofs_are_of_one_value(observation: Observation) -> Violation | None:
    """A4: all unanimity proofs in memory in which no correct process's copy is forged are for one value."""
    written: set[bytes] = set()
    proved: bytes | None = None
    for event in _writes(observation):
        if isinstance(event.argument, Copy) and event.argument.signed.signer == event.process:
            written.add(ENCODE(event.argument.signed))
        elif isinstance(event.argument, Proof):
            value = _genuine(event.argument, observation, written)
            if value is not None and proved is not None and value != proved:
                return Violation("A4", f"p{event.process} wrote a proof of another value than one before")
            proved = proved if value is None else value
    return None


def _genuine(proof: Proof, observation: Observation, written: set[bytes]) -> bytes | None:
    """The value that a proof is of, if the correct ones among all n have copied it."""
    copies = proof.signed.value
    values = {ENCODE(copy.value.value) for copy in copies}
    signers = [copy.signer for copy in copies]
    forged = any(copy.signer not in observation.byzantine and ENCODE(copy) not in written for copy in copies)
    return values.pop() if signers == list(range(observation.n)) and len(values) == 1 and not forged else None


def no_majority_acks_after_a_revocation(observation: Observation) -> Violation | None:
    """A5: a write of the leader that was issued after a revocation completed is acked by no majority."""
    need = majority(observation.memories)
    asked: dict[tuple[int, int, int], Any] = {}
    revoked: dict[int, set[int]] = {}
    complete = False
    late: dict[bytes, set[int]] = {}
    for event in observation.trace or ():
        if isinstance(event, Issued) and event.region == LEADERS and event.operation in (WRITE, CHANGE_PERMISSION):
            if event.operation is CHANGE_PERMISSION or complete:
                asked[event.process, event.memory, event.number] = event
        elif isinstance(event, Responded) and (event.process, event.memory, event.number) in asked:
            issued = asked[event.process, event.memory, event.number]
            if issued.operation is CHANGE_PERMISSION and issued.argument == Permission(read=range(observation.n)):
                revoked.setdefault(event.process, set()).add(event.memory)
                complete |= len(revoked[event.process]) >= need
            elif issued.operation is WRITE and event.response is ACK:
                late.setdefault(ENCODE(issued.argument), set()).add(event.memory)
                if len(late[ENCODE(issued.argument)]) >= need:
                    return Violation("A5", f"p{event.process}'s write was acked by a majority after a revocation")
    return None


def the_leaders_permission_never_comes_back(observation: Observation) -> Violation | None:
    """A6: once a memory has revoked it, nobody writes the leader's register there any more."""
    revoked: set[int] = set()
    for effect in replay(observation):
        event: TookEffect = effect.event
        if event.region != LEADERS:
            continue
        if event.memory in revoked and (effect.after.writers or event.response is ACK):
            return Violation("A6", f"m{event.memory} let p{event.process} write or grant after it had revoked")
        if not effect.after.writers:
            revoked.add(event.memory)
    return None


CHEAP_QUORUM: tuple[Check, ...] = (
    who_aborts_keeps_what_was_decided,
    who_aborts_after_a_follower_decided_has_a_proof,
    proofs_are_of_one_value,
    no_majority_acks_after_a_revocation,
    the_leaders_permission_never_comes_back,
)
