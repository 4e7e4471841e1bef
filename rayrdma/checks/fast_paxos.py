"""The invariants of Fast Paxos, read off the messages that were sent (F1 to F5 of `rayrdma.protocols.fast_paxos`).

A value is *chosen* in a round when a quorum of that kind of round voted for it, by the sizes that the protocol's file
gives: what a run counted is not asked.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from rayrdma.model.regions import ENCODE, Value
from rayrdma.model.trace import Decided, Sent
from rayrdma.protocols.fast_paxos import FAST_ROUND, Voted, classic_quorum, fast_quorum
from rayrdma.protocols.paxos import Accept, Prepare, Promise

from .observation import Check, Observation, Violation


class Chosen(NamedTuple):
    """A value that a quorum has voted for in a round, at a position in the trace."""

    position: int
    round: int
    value: Value


def f1_one_vote_a_round(observation: Observation) -> Violation | None:
    """F1: an acceptor votes once a round, in none below its promise, and reports its last vote truly."""
    votes: dict[tuple[int, int], bytes] = {}
    last: dict[int, tuple[int, Value]] = {}
    promised: dict[int, int] = {}
    for event in _sent(observation):
        message, who = event.message, event.process
        if isinstance(message, Voted):
            value = ENCODE(message.value)
            if votes.setdefault((who, message.ballot), value) != value:
                return Violation("F1", f"p{who} voted twice in round {message.ballot}, now for {message.value!r}")
            if message.ballot < promised.get(who, 0):
                return Violation("F1", f"p{who}, which had promised {promised[who]}, voted in round {message.ballot}")
            promised[who], last[who] = message.ballot, (message.ballot, message.value)
        elif isinstance(message, Promise):
            if message.ballot <= promised.get(who, 0):
                return Violation("F1", f"p{who}, which had promised {promised[who]}, promised {message.ballot}")
            reported, true = (message.accepted_ballot, message.accepted_value), last.get(who, (0, None))
            if (reported[0], ENCODE(reported[1])) != (true[0], ENCODE(true[1])):
                return Violation("F1", f"p{who} reported {reported!r}, but its last vote was {true!r}")
            promised[who] = message.ballot
    return None


def f2_one_value_a_classic_round(observation: Observation) -> Violation | None:
    """F2: a classic round is one coordinator's own and carries one value; nobody coordinates the fast one."""
    owners: dict[int, int] = {}
    values: dict[int, bytes] = {}
    for event in _sent(observation):
        message, who = event.message, event.process
        if not isinstance(message, Prepare | Accept):
            continue
        round = message.ballot
        if round <= FAST_ROUND or owners.setdefault(round, who) != who:
            return Violation("F2", f"p{who} coordinates round {round}, which is not its own")
        if isinstance(message, Accept) and values.setdefault(round, ENCODE(message.value)) != ENCODE(message.value):
            return Violation("F2", f"round {round} carries {message.value!r} and another value")
    return None


def f3_one_choice_a_round(observation: Observation) -> Violation | None:
    """F3: at most one value is chosen in a round."""
    chosen: dict[int, Value] = {}
    for _, round, value in _choices(observation):
        if ENCODE(chosen.setdefault(round, value)) != ENCODE(value):
            return Violation("F3", f"{chosen[round]!r} and {value!r} are both chosen in round {round}")
    return None


def f4_coordinators_pick_what_is_chosen(observation: Observation) -> Violation | None:
    """F4: once v is chosen in a round, every later round's coordinator picks v."""
    first = min(_choices(observation), default=None, key=lambda chosen: chosen.round)
    if first is None:
        return None
    for event in _sent(observation):
        message = event.message
        if (
            isinstance(message, Accept)
            and message.ballot > first.round
            and ENCODE(message.value) != ENCODE(first.value)
        ):
            return Violation(
                "F4",
                f"p{event.process} picked {message.value!r} in round {message.ballot}, but {first.value!r} is chosen "
                f"in round {first.round}",
            )
    return None


def f5_decisions_were_chosen(observation: Observation) -> Violation | None:
    """F5: what is decided, had been chosen in some round."""
    chosen = list(_choices(observation))
    for position, event in enumerate(observation.trace or ()):
        if type(event) is Decided and not any(
            choice.position < position and ENCODE(choice.value) == ENCODE(event.value) for choice in chosen
        ):
            return Violation("F5", f"p{event.process} decided {event.value!r}, which no quorum had voted for")
    return None


def _sent(observation: Observation) -> Iterator[Sent]:
    return (event for event in observation.trace or () if type(event) is Sent)


def _choices(observation: Observation) -> Iterator[Chosen]:
    """Everything that is chosen, in the order in which it comes to be."""
    fast: int = getattr(observation.protocol, "fast", 0)
    voters: dict[tuple[int, bytes], set[int]] = {}
    for position, event in enumerate(observation.trace or ()):
        if type(event) is Sent and isinstance(event.message, Voted):
            round, value = event.message.ballot, event.message.value
            those = voters.setdefault((round, ENCODE(value)), set())
            if event.process not in those:
                those.add(event.process)
                if len(those) == (fast_quorum if round == FAST_ROUND else classic_quorum)(observation.n, fast):
                    yield Chosen(position, round, value)


FAST_PAXOS: tuple[Check, ...] = (
    f1_one_vote_a_round,
    f2_one_value_a_classic_round,
    f3_one_choice_a_round,
    f4_coordinators_pick_what_is_chosen,
    f5_decisions_were_chosen,
)
