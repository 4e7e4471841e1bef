"""The classical mistakes in Protected Memory Paxos, and some that look like mistakes and are none."""

from __future__ import annotations

from typing import Any

from rayrdma.model.outcomes import ACK
from rayrdma.model.permissions import everyone, static
from rayrdma.protocols.dissemination import decide_and_tell
from rayrdma.protocols.protected_memory_paxos import FIRST_LEADER, FIRST_PROPOSAL, SLOTS, ProtectedMemoryPaxos, Slot

from .mutant import Edited
from .unfenced import Unfenced


async def attempt_or_shortcut(protocol: Any, value: Any, number: Any, when: Any) -> None:
    """An attempt of Protected Memory Paxos; but, for process 0, its step h alone where ``when`` says so."""
    process = protocol.process
    protocol.later = getattr(protocol, "later", 0) + 1
    if process.id != FIRST_LEADER or not when(protocol.later):
        await protocol.attempt(value)
        return
    accepted = number(protocol)
    protocol.accepted_proposal, protocol.accepted_value = accepted, value
    slot = Slot(accepted, accepted, value)
    if await process.write_each(SLOTS, process.id, slot, need=protocol.majority) is ACK:
        decide_and_tell(process, value)


def restart(protocol: Any) -> int:
    """A process forgets all that it did and begins with the least number."""
    protocol.highest_seen, protocol.accepted_proposal, protocol.accepted_value = FIRST_PROPOSAL, 0, None
    return FIRST_PROPOSAL


HELPERS = {helper.__name__: helper for helper in (Unfenced, attempt_or_shortcut, restart, everyone, static)}


def pmp(
    shows: str, name: str, *edits: tuple[str, str], harmless: str = "", parties: tuple[int, int] | None = None
) -> Edited:
    """A mistake, with the checks that tell of it."""
    return Edited(ProtectedMemoryPaxos, name, tuple(shows.split()), edits, HELPERS, harmless=harmless, parties=parties)


# Its steps, as they stand in its text.
STEP_A = "        await process.change_permission(memory, SLOTS, exclusive_writer(process.id, process.n))\n"
STEP_B = """\
        if await process.write(memory, SLOTS, process.id, attempt.announcement) is NAK:
            return attempt.nursery.cancel()
"""
STEP_C = """\
        slots = await process.read_region(memory, SLOTS)
        if slots is NAK:
            return attempt.nursery.cancel()
"""
FOUND = "        found = [slot for slot in slots if slot is not None]\n"
STEP_D = "if self.highest_seen > attempt.number:"
LATE = """\
            if attempt.writing:
                return attempt.nursery.cancel()
"""
ADOPT = "attempt.accepted, attempt.value = best.accepted_proposal, best.value"
STEP_H = """\
        if await process.write(memory, SLOTS, process.id, slot) is NAK:
            return attempt.nursery.cancel()
"""
ENOUGH = "nursery.first(self.majority)"
ON_EVERY_MEMORY = "for memory in process.memories:"
NURSERY = "with process.nursery() as nursery:"
FIRST_WRITE = "if await process.write_each(SLOTS, process.id, slot, need=self.majority) is ACK:"
ONE_REGION = """\
            Region(
                SLOTS,
                registers=n,
                of=Slot,
                permission=exclusive_writer(FIRST_LEADER, n),
                legal_change=exclusive_write_to_caller,
            )
"""
UNIQUE = "* n + self.process.id + 1"
NUMBER_USED = "        self.highest_seen = number\n"


def later_shortcut(number: str, when: str) -> tuple[str, str]:
    """``attempt_or_shortcut`` instead of an attempt."""
    return "await self.attempt(value)", f"await attempt_or_shortcut(self, value, {number}, {when})"


NO_SHORTCUT = pmp(
    "M7", "the first attempt takes all steps", ("if process.id == FIRST_LEADER == process.leader():", "if False:")
)
ACKS_OF_TWO_ATTEMPTS = pmp(
    "M5",
    "acks of two attempts are counted together",
    (
        "        self.highest_seen = FIRST_PROPOSAL\n",
        "        self.highest_seen = FIRST_PROPOSAL\n        self.acks = 0\n",
    ),
    (ENOUGH, "nursery.first(max(1, self.majority - self.acks))"),
    (STEP_H, STEP_H + "        self.acks += 1\n"),
)
NAKS_OF_STEP_B = pmp(
    "M4",
    "a nak of step b is not heeded",
    (STEP_B, "        await process.write(memory, SLOTS, process.id, attempt.announcement)\n"),
    (FOUND, FOUND.replace("in slots", "in (*slots, attempt.announcement)")),
)
ONLY_THE_OWNER_DECIDES = pmp(
    "M4",
    "an announcement erases what this process accepted before",
    ("Slot(self.next_number(), self.accepted_proposal, self.accepted_value)", "Slot(self.next_number(), 0, None)"),
    harmless="only the owner of a number decides with it, and it gave the number up (the paper writes it so); M4 "
    "breaks, which promises more than agreement: a value may have been acked by a majority unknown to its owner",
)
WAITS_FOR_THE_OTHERS = pmp(
    "termination",
    "a nak of step h leaves the attempt to the other memories",
    (STEP_H, STEP_H.replace("return attempt.nursery.cancel()", "await process.event()")),
)
MUTANTS = [
    pmp(
        "M5 agreement",
        "a nak of step h counts as an ack",
        (STEP_H, STEP_H.splitlines()[0].replace("if ", "")[:-8] + "\n"),
    ),
    pmp(
        "M5 agreement",
        "a nak of the first write counts as an ack",
        (FIRST_WRITE, FIRST_WRITE.replace("is ACK", "in (ACK, NAK)")),
    ),
    pmp(
        "M1 M6",
        "no permissions",
        ("permission=exclusive_writer(FIRST_LEADER, n)", "permission=everyone(n)"),
        ("legal_change=exclusive_write_to_caller", "legal_change=static"),
    ),
    pmp(
        "agreement",
        "permission is taken of a slot, not of a memory",
        (
            ONE_REGION,
            "            Region(f'{SLOTS}{p}', 1, exclusive_writer(FIRST_LEADER, n), Slot, exclusive_write_to_caller)\n"
            "            for p in range(n)\n",
        ),
        (STEP_A, STEP_A.replace("SLOTS", "f'{SLOTS}{process.id}'")),
        (STEP_B, STEP_B.replace("SLOTS, process.id", "f'{SLOTS}{process.id}', 0")),
        (STEP_C, "        slots = [await process.read(memory, f'{SLOTS}{p}', 0) for p in range(process.n)]\n"),
        (STEP_H, STEP_H.replace("SLOTS, process.id", "f'{SLOTS}{process.id}', 0")),
        (FIRST_WRITE, FIRST_WRITE.replace("SLOTS, process.id", "f'{SLOTS}{process.id}', 0")),
    ),
    pmp(
        "M2 M6 M4",
        "the shortcut is used on later attempts",
        later_shortcut("lambda _: FIRST_PROPOSAL", "lambda k: k % 2 == 0"),
    ),
    pmp(
        "M6",
        "the shortcut is used on later attempts, with a new number",
        later_shortcut("lambda protocol: protocol.next_number()", "lambda k: k % 2 == 0"),
    ),
    pmp("M2 M6 M4", "a restart forgets the first attempt", later_shortcut("restart", "lambda k: k == 2")),
    pmp("M4 agreement", "the accepted value is not adopted", (ADOPT, "attempt.accepted = best.accepted_proposal")),
    pmp("M5", "a minority of acks decides", (ENOUGH, "nursery.first(self.majority - 1)"), parties=(3, 3)),
    pmp(
        "M5",
        "a minority of acks decides the first attempt",
        (FIRST_WRITE, FIRST_WRITE.replace("ty)", "ty - 1)")),
        parties=(3, 3),
    ),
    pmp(
        "M4 agreement",
        "slots are read before permission is taken",
        (STEP_A, STEP_C + STEP_A),
        (STEP_C + FOUND, FOUND.replace("in slots", "in (*slots, attempt.announcement)")),
    ),
    pmp(
        "M4 agreement",
        "phase 2 begins at the first ready memory",
        ("attempt.ready == self.majority", "attempt.ready == 1"),
    ),
    pmp("M3 M5", "a value is adopted after phase 2 began", (LATE, "")),
    pmp(
        "M6 M2",
        "an abandoned attempt acts late, and step d heeds only what it read",
        (NURSERY, NURSERY.replace("process.nursery()", "Unfenced(process)")),
        (STEP_D, "if max(slot.minimum_proposal for slot in found) > attempt.number:"),
    ),
    NAKS_OF_STEP_B,
    NO_SHORTCUT,
    ACKS_OF_TWO_ATTEMPTS,
    WAITS_FOR_THE_OTHERS,
    pmp("M4", "a higher minimum proposal is not heeded", (STEP_D, "if False:")),
    pmp("M3", "proposal numbers are not unique", (UNIQUE, "* n + 1")),
    pmp("M5 M4", "one memory is counted twice", (ON_EVERY_MEMORY, "for memory in (*process.memories[:-1], 0):")),
    pmp(
        "M6",
        "an attempt announces on late memories what it accepts itself",
        (
            STEP_B,
            STEP_B.replace("attempt.announcement", "Slot(attempt.number, self.accepted_proposal, self.accepted_value)"),
        ),
    ),
]

HARMLESS = [
    ONLY_THE_OWNER_DECIDES,
    pmp(
        "",
        "step a is not waited for",
        (STEP_A, STEP_A.replace("await ", "")),
        harmless="a memory has one outstanding operation of a process: step b is issued when step a is done anyway",
    ),
    pmp(
        "",
        "an abandoned attempt acts late",
        (NURSERY, NURSERY.replace("process.nursery()", "Unfenced(process)")),
        harmless="step d compares with the highest number that this process has seen *or used*: the next attempt's "
        "number stops what is left of this one before step h, and only the attempt that waits can decide",
    ),
    pmp(
        "",
        "one's own numbers do not count as seen",
        (NUMBER_USED, ""),
        harmless="step c reads them back; a number is used again only if no memory of that attempt came to step d, so "
        "that nothing was accepted with it",
    ),
    pmp(
        "",
        "the first write is repeated once",
        later_shortcut("lambda _: FIRST_PROPOSAL", "lambda k: k == 1"),
        harmless="the same number with the same value, and acked only where the permission never changed",
    ),
    pmp(
        "",
        "a late memory with a higher accepted proposal is left out",
        (LATE, LATE.replace("return attempt.nursery.cancel()", "await process.event()")),
        harmless="it is not among the memories that were counted as ready, nor will it be among those that ack",
    ),
]
