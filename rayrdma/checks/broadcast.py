"""The invariants of broadcast without equivocation (I1 to I5 of `rayrdma.protocols.broadcast`).

What was broadcast and delivered is in the trace; what is certified is read off the books. A signature of a correct
process is genuine if that process has put it into its own book: no check here needs a key. Byzantine processes may
have signed whatever bears their names, for they could.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from rayrdma.model.operations import WRITE
from rayrdma.model.regions import ENCODE
from rayrdma.model.trace import Issued, Noted
from rayrdma.protocols.broadcast import Attestation, Certificate, Sent, Slot, book_of, digest, tolerated

from .observation import Check, Observation, Violation, notes


def deliveries(observation: Observation) -> Iterator[tuple[int, int, Sent[Any]]]:
    """(process, origin, message) of everything that correct processes delivered, in the order of time."""
    for _, event in notes(observation, "deliver"):
        yield (event.process, *event.value)


def i1_one_message_a_number(observation: Observation) -> Violation | None:
    """I1: for each origin and number correct processes deliver at most one message."""
    first: dict[tuple[int, int], tuple[int, Sent[Any]]] = {}
    for process, origin, sent in deliveries(observation):
        other, before = first.setdefault((origin, sent.number), (process, sent))
        if before is not sent and ENCODE(before) != ENCODE(sent):
            return Violation("I1", f"p{other} and p{process} delivered different messages {sent.number} of p{origin}")
    return None


def i2_numbers_without_a_gap(observation: Observation) -> Violation | None:
    """I2: the numbers that a process delivers from an origin are 1, 2, 3, ..."""
    last: dict[tuple[int, int], int] = {}
    for process, origin, sent in deliveries(observation):
        before = last.get((process, origin), 0)
        if sent.number != before + 1:
            return Violation("I2", f"p{process} delivered message {sent.number} of p{origin} after {before}")
        last[process, origin] = sent.number
    return None


def i3_what_is_delivered_was_broadcast(observation: Observation) -> Violation | None:
    """I3: what is delivered from a correct origin, it broadcast under that number."""
    said: set[tuple[int, bytes]] = set()
    for event in observation.trace or ():
        if not isinstance(event, Noted) or event.process in observation.byzantine:
            continue
        if event.what == "broadcast":
            said.add((event.process, ENCODE(event.value)))
        elif event.what == "deliver":
            origin, sent = event.value
            if origin not in observation.byzantine and (origin, ENCODE(sent)) not in said:
                return Violation("I3", f"p{event.process} delivered {sent!r}, which p{origin} never broadcast")
    return None


def i4_one_certificate_a_number(observation: Observation) -> Violation | None:
    """I4: for each origin and number at most one message has a valid certificate in any book that was ever written."""
    genuine: set[bytes] = set()
    certified: dict[tuple[int, int], bytes] = {}
    for holder, origin, slot in _slots(observation):
        certificate = slot.certificate
        if holder not in observation.byzantine:
            own = [slot.attestation, *(certificate.attestations if certificate is not None else ())]
            genuine.update(ENCODE(signed) for signed in own if signed is not None and signed.signer == holder)
        if certificate is not None and _is_genuine(certificate, origin, observation, genuine):
            message = certificate.message.value
            named = digest(message)
            if certified.setdefault((origin, message.number), named) != named:
                return Violation(
                    "I4",
                    f"p{holder} shows a certificate of another message {message.number} of p{origin} than one before",
                )
    return None


def _slots(observation: Observation) -> Iterator[tuple[int, int, Slot[Any]]]:
    """(holder, origin, slot) of everything that was written into its holder's book, mostly once."""
    seen: set[int] = set()  # a process writes the same objects again and again; the trace keeps them alive
    for event in observation.trace or ():
        if not isinstance(event, Issued) or event.operation is not WRITE or event.region != book_of(event.process):
            continue
        if event.argument is None or id(event.argument) in seen:
            continue
        seen.add(id(event.argument))
        for origin, page in enumerate(event.argument):
            for slot in page:
                if id(slot) not in seen:
                    seen.add(id(slot))
                    yield event.process, origin, slot


def _is_genuine(certificate: Certificate[Any], origin: int, observation: Observation, attestations: set[bytes]) -> bool:
    """Whether f+1 processes attested to it, the correct ones among them in truth."""
    message = certificate.message
    named = Attestation(origin, message.value.number, digest(message.value))
    signers = {
        signed.signer
        for signed in certificate.attestations
        if signed.value == named and (signed.signer in observation.byzantine or ENCODE(signed) in attestations)
    }
    return message.signer == origin and len(signers & set(range(observation.n))) > tolerated(observation.n)


def i5_all_deliver_the_same(observation: Observation) -> Violation | None:
    """I5: when nothing can happen any more, the correct processes that are up have delivered the same."""
    counts: dict[tuple[int, int], int] = {}
    for process, origin, _ in deliveries(observation):
        counts[process, origin] = counts.get((process, origin), 0) + 1
    for origin in range(observation.n):
        most = max((counts.get((process, origin), 0) for process in observation.survivors), default=0)
        for process in observation.survivors:
            if counts.get((process, origin), 0) < most:
                return Violation("I5", f"p{process} never delivers message {most} of p{origin}, which others delivered")
    return None


COPIES: tuple[Check, ...] = (
    i1_one_message_a_number,
    i2_numbers_without_a_gap,
    i3_what_is_delivered_was_broadcast,
)
"""Of both variants."""
BROADCAST: tuple[Check, ...] = (*COPIES, i4_one_certificate_a_number, i5_all_deliver_the_same)
"""Of the one with certificates."""
