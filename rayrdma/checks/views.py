"""The invariants of the protocols in views, PBFT and FaB, read off the votes that were sent."""

from __future__ import annotations

from collections.abc import Iterator

from rayrdma.model.regions import ENCODE
from rayrdma.model.signatures import Signed
from rayrdma.model.trace import Decided as DecidedEvent
from rayrdma.model.trace import Sent
from rayrdma.protocols.views import Ballot, ViewProtocol, Vote

from .observation import Check, Observation, Violation


def _votes(observation: Observation) -> Iterator[Signed[Ballot]]:
    """Every vote that its own signer sent, in the order of time."""
    for event in observation.trace or ():
        if isinstance(event, Sent) and isinstance(event.message, Vote) and event.message.vote.signer == event.process:
            yield event.message.vote


def _quorum(observation: Observation) -> int:
    protocol = observation.protocol
    assert issubclass(protocol, ViewProtocol)
    return protocol.quorum_of(observation.n)


def one_vote_a_view(observation: Observation) -> Violation | None:
    """C1: a correct process votes for one value in each view and phase, and never goes back to an older view."""
    last: dict[tuple[int, str], Ballot] = {}
    for vote in _votes(observation):
        if vote.signer in observation.byzantine:
            continue
        before = last.setdefault((vote.signer, vote.role), vote.value)
        if vote.value.view < before.view:
            return Violation("C1", f"p{vote.signer} voted in view {vote.value.view} after {before.view} ({vote.role})")
        if vote.value.view == before.view and ENCODE(vote.value) != ENCODE(before):
            return Violation("C1", f"p{vote.signer} voted for {before.value!r} and {vote.value.value!r} in one view")
        last[vote.signer, vote.role] = vote.value
    return None


def one_value_a_view(observation: Observation) -> Violation | None:
    """B1: in a view at most one value has a quorum of votes in a phase."""
    quorum = _quorum(observation)
    voters: dict[tuple[str, int], dict[bytes, set[int]]] = {}
    for vote in _votes(observation):
        ballots = voters.setdefault((vote.role, vote.value.view), {})
        ballots.setdefault(ENCODE(vote.value.value), set()).add(vote.signer)
        if sum(len(signers) >= quorum for signers in ballots.values()) > 1:
            return Violation("B1", f"two values have {quorum} {vote.role} votes in view {vote.value.view}")
    return None


def what_is_decided_stays(observation: Observation) -> Violation | None:
    """B2: once a quorum of votes has decided a value in a view, no correct process votes for another one later."""
    protocol, quorum = observation.protocol, _quorum(observation)
    assert issubclass(protocol, ViewProtocol)
    voters: dict[bytes, set[int]] = {}
    decided: Ballot | None = None
    for vote in _votes(observation):
        ballot = vote.value
        if decided is not None and vote.signer not in observation.byzantine and ballot.view > decided.view:
            if ENCODE(ballot.value) != ENCODE(decided.value):
                return Violation(
                    "B2",
                    f"{decided.value!r} was decided in view {decided.view}, and p{vote.signer} votes for "
                    f"{ballot.value!r} in view {ballot.view}",
                )
        elif decided is None and vote.role == protocol.phases[-1]:
            voters.setdefault(ENCODE(ballot), set()).add(vote.signer)
            if len(voters[ENCODE(ballot)]) >= quorum:
                decided = ballot
    return None


def a_quorum_decides(observation: Observation) -> Violation | None:
    """B3: what a correct process decides, a quorum voted for in the last phase of one view."""
    protocol, quorum = observation.protocol, _quorum(observation)
    assert issubclass(protocol, ViewProtocol)
    voters: dict[bytes, set[int]] = {}
    for event in observation.trace or ():
        if isinstance(event, Sent) and isinstance(event.message, Vote) and event.message.vote.signer == event.process:
            if event.message.vote.role == protocol.phases[-1]:
                voters.setdefault(ENCODE(event.message.vote.value), set()).add(event.process)
        elif isinstance(event, DecidedEvent):
            value = ENCODE(event.value)
            if not any(len(signers) >= quorum and value in ballot for ballot, signers in voters.items()):
                return Violation("B3", f"p{event.process} decided {event.value!r} without {quorum} votes for it")
    return None


VIEWS: tuple[Check, ...] = (one_vote_a_view, one_value_a_view, what_is_decided_stays, a_quorum_decides)
