"""The invariants of Preferential Paxos and of Fast & Robust (P1 to P4 of `rayrdma.protocols.fast_and_robust`)."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rayrdma.model.operations import WRITE
from rayrdma.model.regions import ENCODE, Value
from rayrdma.model.signatures import Signed
from rayrdma.model.trace import Issued, Noted
from rayrdma.protocols.broadcast import tolerated
from rayrdma.protocols.cheap_quorum import LEADER, LEADERS, Copy, Proof, own_region
from rayrdma.protocols.preferential_paxos import BOTTOM, MIDDLE, TOP, Preference, SetUp

from .cheap_quorum import fast_decisions
from .observation import Check, Observation, Violation, notes
from .robust_backup import brought_back, received


def p1_one_input_a_process(observation: Observation) -> Violation | None:
    """P1: of each process correct ones receive one set-up message at most."""
    seen: set[int] = set()
    for _, process, message in received(observation):
        if isinstance(message, SetUp):
            if process in seen:
                return Violation("P1", f"p{process} was believed two inputs")
            seen.add(process)
    return None


def p2_adopted_is_among_the_best(observation: Observation) -> Violation | None:
    """P2: what a correct process adopts is among the first f_P+1 of all inputs in the order of their classes."""
    adopted = list(_adopted(observation))
    if not adopted:
        return None
    inputs = [message.preference for _, _, message in received(observation) if isinstance(message, SetUp)]
    shown = _Shown(observation)
    at_least = [shown.classes(preference)[0] for preference in inputs]
    for process, preference in adopted:
        if ENCODE(preference) not in {ENCODE(input) for input in inputs}:
            return Violation("P2", f"p{process} adopted {preference.value!r}, which was nobody's input")
        better = sum(least > shown.classes(preference)[1] for least in at_least)
        if better > tolerated(observation.n):
            return Violation("P2", f"p{process} adopted {preference.value!r}, but {better} inputs have better evidence")
    return None


def p3_the_backup_keeps_what_was_decided(observation: Observation) -> Violation | None:
    """P3: what Cheap Quorum decided, every correct process brings to the backup, adopts, and decides there."""
    decided = fast_decisions(observation)
    if not decided:
        return None
    for process, what, value in _backups(observation):
        if ENCODE(value) != ENCODE(decided[0].value):
            return Violation(
                "P3", f"p{decided[0].process} decided {decided[0].value!r}, but p{process} {what} {value!r}"
            )
    return None


def p4_decisions_of_both_are_equal(observation: Observation) -> Violation | None:
    """P4: whatever correct processes decide, fast or in the backup, is one value."""
    decisions = [(event.process, event.value) for event in observation.decisions]
    decisions += [(process, value) for _, process, value in brought_back(observation)]
    for process, value in decisions[1:]:
        if ENCODE(value) != ENCODE(decisions[0][1]):
            return Violation("P4", f"p{decisions[0][0]} decided {decisions[0][1]!r}, and p{process} {value!r}")
    return None


def _adopted(observation: Observation) -> Iterator[tuple[int, Preference]]:
    for _, event in notes(observation, "adopt"):
        yield event.process, event.value


def _backups(observation: Observation) -> Iterator[tuple[int, str, Value]]:
    """(process, what it did, value) of all that correct processes had to do with the backup."""
    for event in observation.trace or ():
        if not isinstance(event, Noted) or event.process in observation.byzantine:
            continue
        if event.what == "broadcast" and isinstance(event.value.content.body, SetUp):
            yield event.process, "brought", event.value.content.body.preference.value
        elif event.what == "adopt":
            yield event.process, "adopted", event.value.value
        elif event.what == "backup":
            yield event.process, "decided there", event.value


class _Shown:
    """What is known of signatures without a key.

    A correct process has signed what it wrote in its own region, and nothing else. A Byzantine one has signed what a
    correct one copied or proved of it, for that looked; what else bears its name, it may or may not have signed.
    """

    def __init__(self, observation: Observation) -> None:
        self._observation = observation
        self._known: set[bytes] = set()
        for event in observation.trace or ():
            if (
                not isinstance(event, Issued)
                or event.operation is not WRITE
                or event.process in observation.byzantine
                or event.region not in (LEADERS, own_region(event.process))
            ):
                continue
            if isinstance(event.argument, Copy):
                copies: tuple[Any, ...] = (event.argument.signed,)
            else:
                copies = event.argument.signed.value if isinstance(event.argument, Proof) else ()
                if event.region == LEADERS:
                    self._known.add(ENCODE(event.argument))
            for copy in copies:
                self._known |= {ENCODE(copy), ENCODE(copy.value)}

    def _signed(self, signed: Signed[Any], doubt: bool) -> bool:
        """Whether it is genuine; ``doubt``: what to say of one that nobody can tell."""
        return ENCODE(signed) in self._known or (signed.signer in self._observation.byzantine and doubt)

    def classes(self, preference: Preference) -> tuple[int, int]:
        """The least and the highest class that this input can be of."""
        return self._class(preference, False), self._class(preference, True)

    def _class(self, preference: Preference, doubt: bool) -> int:
        value = ENCODE(preference.value)
        evidence = preference.evidence
        copies = evidence.proof.signed.value if evidence.proof is not None else ()
        signed = [found for found in (evidence.leaders, *(copy.value for copy in copies)) if found is not None]
        leaders = {
            ENCODE(found)
            for found in signed
            if found.signer == LEADER and ENCODE(found.value) == value and self._signed(found, doubt)
        }
        if not leaders:
            return BOTTOM
        unanimous = [copy.signer for copy in copies] == list(range(self._observation.n)) and all(
            ENCODE(copy.value) in leaders and self._signed(copy, doubt) for copy in copies
        )
        return TOP if unanimous else MIDDLE


PREFERENTIAL_PAXOS: tuple[Check, ...] = (
    p1_one_input_a_process,
    p2_adopted_is_among_the_best,
)
FAST_AND_ROBUST: tuple[Check, ...] = (
    *PREFERENTIAL_PAXOS,
    p3_the_backup_keeps_what_was_decided,
    p4_decisions_of_both_are_equal,
)
