"""The invariants of Paxos, read off the messages that were sent (A1 to A4 of `rayrdma.protocols.paxos`)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple

from rayrdma.model.quorums import majority
from rayrdma.model.regions import ENCODE
from rayrdma.model.trace import Decided, Sent
from rayrdma.protocols.paxos import Accept, Accepted, Prepare, Promise, Refused

from .observation import Check, Observation, Violation


class Said(NamedTuple):
    """A message of ``process``, at a position in the trace."""

    position: int
    process: int
    message: Any


def one_value_a_ballot(messages: Iterable[Said]) -> Violation | None:
    """A1, of these messages."""
    owners: dict[int, int] = {}
    values: dict[int, bytes] = {}
    for _, process, message in messages:
        if isinstance(message, Prepare | Accept) and owners.setdefault(message.ballot, process) != process:
            return Violation("A1", f"p{owners[message.ballot]} and p{process} both use ballot {message.ballot}")
        if isinstance(message, Accept):
            value = ENCODE(message.value)
            if values.setdefault(message.ballot, value) != value:
                return Violation("A1", f"ballot {message.ballot} carries {message.value!r} and another value")
    return None


def accepted_value_stays(messages: Sequence[Said], n: int) -> Violation | None:
    """A2, of these messages."""
    carried = proposals(messages)
    chosen = min((ballot for _, ballot in _acceptances(messages, n)), default=None)
    if chosen is None or chosen not in carried:
        return None
    for ballot, value in carried.items():
        if ballot > chosen and ENCODE(value) != ENCODE(carried[chosen]):
            return Violation(
                "A2",
                f"ballot {ballot} carries {value!r}, but a majority accepted {carried[chosen]!r} at ballot {chosen}",
            )
    return None


def acceptors_keep_promises(messages: Sequence[Said]) -> Violation | None:
    """A3, of these messages."""
    carried = proposals(messages)
    states: dict[int, tuple[int, int, Any]] = {}
    for _, process, message in messages:
        minimum, accepted, value = states.get(process, (0, 0, None))
        who = f"p{process}, which had promised {minimum} and accepted {accepted},"
        if isinstance(message, Promise):
            if message.ballot <= minimum:
                return Violation("A3", f"{who} promised {message.ballot}")
            if (message.accepted_ballot, ENCODE(message.accepted_value)) != (accepted, ENCODE(value)):
                return Violation("A3", f"{who} reported ({message.accepted_ballot}, {message.accepted_value!r})")
            states[process] = message.ballot, accepted, value
        elif isinstance(message, Accepted):
            if message.ballot < minimum:
                return Violation("A3", f"{who} accepted {message.ballot}")
            states[process] = message.ballot, message.ballot, carried.get(message.ballot)
        elif isinstance(message, Refused) and message.minimum_ballot != minimum:
            return Violation("A3", f"{who} refused {message.ballot} for {message.minimum_ballot}")
    return None


def decisions_were_accepted(
    messages: Sequence[Said], n: int, decisions: Iterable[tuple[int, int, Any]]
) -> Violation | None:
    """A4, of these messages and decisions: (position in the trace, process, value)."""
    carried = proposals(messages)
    accepted = [(position, carried.get(ballot)) for position, ballot in _acceptances(messages, n)]
    for position, process, decided in decisions:
        if not any(before < position and ENCODE(value) == ENCODE(decided) for before, value in accepted):
            return Violation("A4", f"p{process} decided {decided!r}, which no majority had accepted")
    return None


def proposals(messages: Iterable[Said]) -> dict[int, Any]:
    """The value of each ballot."""
    carried: dict[int, Any] = {}
    for _, _, message in messages:
        if isinstance(message, Accept):
            carried.setdefault(message.ballot, message.value)
    return carried


def _acceptances(messages: Iterable[Said], n: int) -> Iterator[tuple[int, int]]:
    """(position in the trace, ballot) of each ballot's acceptance by a majority."""
    acceptors: dict[int, set[int]] = {}
    for position, process, message in messages:
        if isinstance(message, Accepted):
            those = acceptors.setdefault(message.ballot, set())
            if process not in those:
                those.add(process)
                if len(those) == majority(n):
                    yield position, message.ballot


def _sent(observation: Observation) -> list[Said]:
    return [
        Said(position, event.process, event.message)
        for position, event in enumerate(observation.trace or ())
        if type(event) is Sent
    ]


def a1_one_value_a_ballot(observation: Observation) -> Violation | None:
    """A1: a ballot is one process's own and carries one value."""
    return one_value_a_ballot(_sent(observation))


def a2_accepted_value_stays(observation: Observation) -> Violation | None:
    """A2: once a majority accepted (b, v), every proposal above b carries v."""
    return accepted_value_stays(_sent(observation), observation.n)


def a3_acceptors_keep_promises(observation: Observation) -> Violation | None:
    """A3: an acceptor's minimum ballot never decreases, it accepts nothing below it, and reports truly."""
    return acceptors_keep_promises(_sent(observation))


def a4_decisions_were_accepted(observation: Observation) -> Violation | None:
    """A4: what is decided, a majority had accepted in one ballot before."""
    decisions = [
        (position, event.process, event.value)
        for position, event in enumerate(observation.trace or ())
        if type(event) is Decided
    ]
    return decisions_were_accepted(_sent(observation), observation.n, decisions)


PAXOS: tuple[Check, ...] = (
    a1_one_value_a_ballot,
    a2_accepted_value_stays,
    a3_acceptors_keep_promises,
    a4_decisions_were_accepted,
)
