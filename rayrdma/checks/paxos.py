"""The invariants of Paxos, read off the messages that were sent (A1 to A4 of `rayrdma.protocols.paxos`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rayrdma.model.quorums import majority
from rayrdma.model.regions import ENCODE
from rayrdma.model.trace import Decided, Sent
from rayrdma.protocols.paxos import Accept, Accepted, Prepare, Promise, Refused

from .observation import Check, Observation, Violation


def a1_one_value_a_ballot(observation: Observation) -> Violation | None:
    """A1: a ballot is one process's own and carries one value."""
    owners: dict[int, int] = {}
    values: dict[int, bytes] = {}
    for event in _sent(observation):
        message = event.message
        if isinstance(message, Prepare | Accept) and owners.setdefault(message.ballot, event.process) != event.process:
            return Violation("A1", f"p{owners[message.ballot]} and p{event.process} both use ballot {message.ballot}")
        if isinstance(message, Accept):
            value = ENCODE(message.value)
            if values.setdefault(message.ballot, value) != value:
                return Violation("A1", f"ballot {message.ballot} carries {message.value!r} and another value")
    return None


def a2_accepted_value_stays(observation: Observation) -> Violation | None:
    """A2: once a majority accepted (b, v), every proposal above b carries v."""
    proposals = _proposals(observation)
    chosen = min((ballot for _, ballot in _acceptances(observation)), default=None)
    if chosen is None or chosen not in proposals:
        return None
    for ballot, value in proposals.items():
        if ballot > chosen and ENCODE(value) != ENCODE(proposals[chosen]):
            return Violation(
                "A2",
                f"ballot {ballot} carries {value!r}, but a majority accepted {proposals[chosen]!r} at ballot {chosen}",
            )
    return None


def a3_acceptors_keep_promises(observation: Observation) -> Violation | None:
    """A3: an acceptor's minimum ballot never decreases, it accepts nothing below it, and reports truly."""
    proposals = _proposals(observation)
    states: dict[int, tuple[int, int, Any]] = {}
    for event in _sent(observation):
        message = event.message
        minimum, accepted, value = states.get(event.process, (0, 0, None))
        who = f"p{event.process}, which had promised {minimum} and accepted {accepted},"
        if isinstance(message, Promise):
            if message.ballot <= minimum:
                return Violation("A3", f"{who} promised {message.ballot}")
            if (message.accepted_ballot, ENCODE(message.accepted_value)) != (accepted, ENCODE(value)):
                return Violation("A3", f"{who} reported ({message.accepted_ballot}, {message.accepted_value!r})")
            states[event.process] = message.ballot, accepted, value
        elif isinstance(message, Accepted):
            if message.ballot < minimum:
                return Violation("A3", f"{who} accepted {message.ballot}")
            states[event.process] = message.ballot, message.ballot, proposals.get(message.ballot)
        elif isinstance(message, Refused) and message.minimum_ballot != minimum:
            return Violation("A3", f"{who} refused {message.ballot} for {message.minimum_ballot}")
    return None


def a4_decisions_were_accepted(observation: Observation) -> Violation | None:
    """A4: what is decided, a majority had accepted in one ballot before."""
    proposals = _proposals(observation)
    accepted = [(position, proposals.get(ballot)) for position, ballot in _acceptances(observation)]
    for position, event in enumerate(observation.trace or ()):
        if type(event) is Decided and not any(
            before < position and ENCODE(value) == ENCODE(event.value) for before, value in accepted
        ):
            return Violation("A4", f"p{event.process} decided {event.value!r}, which no majority had accepted")
    return None


def _sent(observation: Observation) -> Iterator[Sent]:
    for event in observation.trace or ():
        if type(event) is Sent:
            yield event


def _proposals(observation: Observation) -> dict[int, Any]:
    """The value of each ballot."""
    proposals: dict[int, Any] = {}
    for event in _sent(observation):
        if isinstance(event.message, Accept):
            proposals.setdefault(event.message.ballot, event.message.value)
    return proposals


def _acceptances(observation: Observation) -> Iterator[tuple[int, int]]:
    """(position in the trace, ballot) of each ballot's acceptance by a majority."""
    acceptors: dict[int, set[int]] = {}
    for position, event in enumerate(observation.trace or ()):
        if type(event) is Sent and isinstance(event.message, Accepted):
            those = acceptors.setdefault(event.message.ballot, set())
            if event.process not in those:
                those.add(event.process)
                if len(those) == majority(observation.n):
                    yield position, event.message.ballot


PAXOS: tuple[Check, ...] = (
    a1_one_value_a_ballot,
    a2_accepted_value_stays,
    a3_acceptors_keep_promises,
    a4_decisions_were_accepted,
)
