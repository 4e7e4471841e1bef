"""The invariants of Ben-Or and HBO, read off the messages: H1 to H5 of `rayrdma.protocols.ben_or`, and a threshold."""

from __future__ import annotations

from collections.abc import Iterator

from rayrdma.model.trace import Decided, Delivered, Noted, Sent
from rayrdma.protocols.ben_or import DECIDED_IN, UNSURE, Phase, Proposal, Report, Vote
from rayrdma.protocols.dissemination import Decision

from .observation import Check, Observation, Violation


def _votes(observation: Observation, what: type[Sent] | type[Delivered]) -> Iterator[tuple[int, Phase, int, int, Vote]]:
    """(who sent or received it, phase, round, on whose behalf, the vote), in the order of the trace."""
    for event in observation.trace or ():
        if type(event) is what and type(event.message) in (Report, Proposal):
            phase: Phase = type(event.message)
            for owner, vote in event.message.votes:
                yield event.process, phase, event.message.round, owner, vote


def h1_one_vote_for_a_process(observation: Observation) -> Violation | None:
    """H1: all that is said on behalf of a process in a phase is one value."""
    said: dict[tuple[Phase, int, int], tuple[int, Vote]] = {}
    for process, phase, round, owner, vote in _votes(observation, Sent):
        first, known = said.setdefault((phase, round, owner), (process, vote))
        if vote != known:
            where = f"in phase {phase.__name__} of round {round} p{first} and p{process}"
            return Violation("H1", f"{where} say {known} and {vote} on behalf of p{owner}")
    return None


def h2_one_proposal_a_round(observation: Observation) -> Violation | None:
    """H2: no two values are proposed in a round."""
    proposed: dict[int, Vote] = {}
    for process, phase, round, _, vote in _votes(observation, Sent):
        if phase is Proposal and vote != UNSURE and proposed.setdefault(round, vote) != vote:
            return Violation("H2", f"in round {round} p{process} proposes {vote}, somebody else {proposed[round]}")
    return None


def h4_received_one_vote_for_a_process(observation: Observation) -> Violation | None:
    """H4: nobody receives two values for one process in a phase."""
    heard: dict[tuple[int, Phase, int, int], Vote] = {}
    for process, phase, round, owner, vote in _votes(observation, Delivered):
        known = heard.setdefault((process, phase, round, owner), vote)
        if vote != known:
            return Violation("H4", f"p{process} received {known} and {vote} for p{owner} in round {round}")
    return None


def h5_all_go_on_with_what_was_decided(observation: Observation) -> Violation | None:
    """H5: after the round in which v was decided, nobody reports anything but v."""
    decided = {event.process: event.value for event in observation.decisions}
    ends = [
        (event.value, decided[event.process])
        for event in observation.trace or ()
        if type(event) is Noted and event.what == DECIDED_IN and event.process in decided
    ]
    if not ends:
        return None
    last, value = min(ends)
    for process, phase, round, owner, vote in _votes(observation, Sent):
        if phase is Report and round > last and vote != value:
            what = f"reports {vote} on behalf of p{owner} in round {round}"
            return Violation("H5", f"p{process} {what}, but {value} was decided in round {last}")
    return None


def h6_more_than_half_are_represented(observation: Observation) -> Violation | None:
    """H6: who goes on from a phase has heard the votes of more than n/2 processes, and decides what as many vote."""
    heard: dict[tuple[int, Phase, int], dict[int, Vote]] = {}
    told: set[int] = set()
    for event in observation.trace or ():
        if type(event) is Delivered:
            message = event.message
            if isinstance(message, Decision):
                told.add(event.process)
            elif isinstance(message, Report | Proposal):
                heard.setdefault((event.process, type(message), message.round), {}).update(message.votes)
        elif type(event) is Sent and isinstance(event.message, Report | Proposal):
            phase, round = _before(event.message)
            votes = heard.get((event.process, phase, round), {})
            if round and 2 * len(votes) <= observation.n:
                what = f"p{event.process} went on from phase {phase.__name__} of round {round}"
                return Violation("H6", f"{what}, represented {len(votes)} of {observation.n}")
        elif type(event) is Decided and event.process not in told:
            proposals = [
                votes for (process, phase, _), votes in heard.items() if (process, phase) == (event.process, Proposal)
            ]
            if not any(2 * list(votes.values()).count(event.value) > observation.n for votes in proposals):
                return Violation("H6", f"p{event.process} decided {event.value!r}, which no majority had proposed")
    return None


def _before(message: Report | Proposal) -> tuple[Phase, int]:
    """The phase before this message's."""
    return (Report, message.round) if isinstance(message, Proposal) else (Proposal, message.round - 1)


BEN_OR: tuple[Check, ...] = (
    h1_one_vote_for_a_process,
    h2_one_proposal_a_round,
    h4_received_one_vote_for_a_process,
    h5_all_go_on_with_what_was_decided,
    h6_more_than_half_are_represented,
)
