"""The invariants of Robust Backup (I6 and I7 of `rayrdma.protocols.robust_backup`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rayrdma.model.trace import Refused
from rayrdma.protocols.paxos import PaxosTwoPhase

from . import paxos
from .observation import Check, Observation, Violation, notes
from .paxos import Said


def received(observation: Observation) -> Iterator[Said]:
    """Every message that some correct process found right, when the first did; by position in the trace."""
    known: set[tuple[int, int]] = set()
    for position, event in notes(observation, "received"):
        sender, number, body = event.value
        if (sender, number) not in known:
            known.add((sender, number))
            yield Said(position, sender, body)


def brought_back(observation: Observation) -> Iterator[tuple[int, int, Any]]:
    """(position in the trace, process, value) of what the protocol inside decided at each correct process."""
    for position, event in notes(observation, "backup"):
        yield position, event.process, event.value


def i6_no_correct_process_is_refused(observation: Observation) -> Violation | None:
    """I6: no correct process takes a correct one for faulty, nor disbelieves anything of its."""
    for event in observation.trace or ():
        if type(event) is Refused and not {event.process, event.liar} & observation.byzantine:
            return Violation("I6", f"p{event.process} took p{event.liar}, which is correct, for a liar: {event.why}")
    return None


def i7_what_was_received_is_a_run_of_paxos(observation: Observation) -> Violation | None:
    """I7: A1 to A4 of Paxos hold of what was received. Another protocol inside has rules of its own."""
    if not issubclass(getattr(observation.protocol, "of", PaxosTwoPhase), PaxosTwoPhase):
        return None
    said = list(received(observation))
    found = (
        paxos.one_value_a_ballot(said)
        or paxos.accepted_value_stays(said, observation.n)
        or paxos.acceptors_keep_promises(said)
    )
    if found is None and paxos.proposals(said):
        found = paxos.decisions_were_accepted(said, observation.n, brought_back(observation))
    return None if found is None else Violation("I7", str(found))


ROBUST_BACKUP: tuple[Check, ...] = (i6_no_correct_process_is_refused, i7_what_was_received_is_a_run_of_paxos)
