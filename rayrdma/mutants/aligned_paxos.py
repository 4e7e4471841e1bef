"""Mistakes in Aligned Paxos: those of its own, and those of Paxos and Protected Memory Paxos that it can repeat."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable
from typing import Any

from rayrdma.model.permissions import everyone, static
from rayrdma.model.regions import Region
from rayrdma.model.tasks import First, Nursery
from rayrdma.protocols.aligned_paxos import AlignedPaxos
from rayrdma.protocols.protected_memory_paxos import SLOTS, Slot

from .mutant import Edited
from .unfenced import Unfenced


def open_regions(n: int) -> list[Region]:
    """Slots that everybody may always write."""
    return [Region(SLOTS, registers=n, of=Slot, permission=everyone(n), legal_change=static)]


class Grouped(Nursery, ABC):
    """A nursery that counts groups of its tasks. At first come those of the memories, as many as of the processes."""

    @abstractmethod
    def groups(self) -> tuple[int, Iterable[First]]:
        """How many groups there must be, of which ones."""

    def first(self, need: int, lacking: Callable[[], str] | None = None) -> First:
        self.awaited = First(self.process, *self.groups(), lacking)
        return self.awaited

    def of(self, need: int, *members: Any) -> First:
        return First(self.process, need, members)


class EitherKind(Grouped):
    """Two of three memories will do, or two of three processes."""

    def groups(self) -> tuple[int, Iterable[First]]:
        return 1, (self.of(2, *self.children[:3]), self.of(2, *self.children[3:]))


class BothKinds(Grouped):
    """A majority of the memories, and one of the processes."""

    def groups(self) -> tuple[int, Iterable[First]]:
        m = len(self.process.memories)
        majorities = ((len(part) // 2 + 1, part) for part in (self.children[:m], self.children[m:]))
        return 2, [self.of(need, *part) for need, part in majorities]


class Couples(Grouped):
    """A process and the memory of its number are one agent."""

    def groups(self) -> tuple[int, Iterable[First]]:
        return 2, [self.of(1, *couple) for couple in zip(self.children[:3], self.children[3:], strict=True)]


HELPERS = {
    helper.__name__: helper for helper in (open_regions, EitherKind, BothKinds, Couples, Unfenced, everyone, static)
}


def aligned(
    shows: str, name: str, *edits: tuple[str, str], harmless: str = "", parties: tuple[int, int] | None = None
) -> Edited:
    """A mistake, with the checks that tell of it."""
    return Edited(AlignedPaxos, name, tuple(shows.split()), edits, HELPERS, harmless=harmless, parties=parties)


# Its steps, as they stand in its text.
MEMORIES_FIRST_PHASE = """\
        if attempt.number != FIRST_PROPOSAL:
            # communicate1"""
PROCESSES_FIRST_PHASE = """\
        if attempt.number != FIRST_PROPOSAL:
            process.send(agent, Prepare"""
TAKE = "            await process.change_permission(memory, SLOTS, exclusive_writer(process.id, process.n))\n"
ANNOUNCE = """\
            if await process.write(memory, SLOTS, process.id, attempt.announcement) is NAK:
                return attempt.nursery.cancel()
"""
READ = """\
            slots = await process.read_region(memory, SLOTS)
            if slots is NAK:
                return attempt.nursery.cancel()
"""
FOUND = "            found = [slot for slot in slots if slot is not None]\n"
HIGHER = "if self.highest_seen > attempt.number:"
FROM_MEMORY = "attempt.promised(best.accepted_proposal, best.value)"
FROM_PROCESS = "attempt.promised(promise.accepted_ballot, promise.accepted_value)"
PROMISED = "def promised(self, accepted: int, value: Value)"
COUNT = "        self.promises += 1\n"
PREPARED = "if self.promises == self.majority:"
SECOND_WRITE = """\
        if await process.write(memory, SLOTS, process.id, slot) is NAK:
            return attempt.nursery.cancel()
"""
ENOUGH = "nursery.first(self.majority, self.lacking)"
NURSERY = "with process.nursery() as nursery:"
PROPOSAL = """\
        value = await attempt.proposal
        self.proposed"""
ASK_PROCESS = '        """Both phases at a process, as in Paxos; this process is one of them."""\n'
UNIQUE = "* n + process + 1"
OTHER_NUMBER = "if reply.ballot != attempt.number:"
LATE = "        if accepted > self.accepted:\n"
NEW_PROMISE = "if message.ballot > self.minimum_ballot:"
PROMISE = """\
                    self.minimum_ballot = message.ballot
                    process.send(proposer, Promise"""
ACCEPTED = "self.minimum_ballot = self.accepted_ballot = message.ballot"


def counted_by(what: str, enough: str) -> tuple[tuple[str, str], ...]:
    """Phase 1 counts promises otherwise. Each comes with its kind and its number."""
    return (
        (PROMISED, PROMISED[:-1] + ", kind: str, agent: int)"),
        (FROM_MEMORY, FROM_MEMORY[:-1] + ", 'm', memory)"),
        (FROM_PROCESS, FROM_PROCESS[:-1] + ", 'p', agent)"),
        ("        self.promises = 0\n", "        self.promises = []\n"),
        (COUNT, f"        self.promises.append({what})\n"),
        (PREPARED, f"if {enough}:"),
    )


PHASE_2_AT_A_LATE_MEMORY = aligned(
    "M6 L2",
    "phase 2 begins at a memory whose phase 1 is not over",
    (
        ANNOUNCE,
        "            if attempt.proposal.done:\n"
        "                late = Slot(attempt.number, attempt.number, attempt.proposal.value)\n"
        "                if await process.write(memory, SLOTS, process.id, late) is NAK:\n"
        "                    attempt.nursery.cancel()\n"
        "                return\n" + ANNOUNCE,
    ),
)
ERASES = aligned(
    "L4",
    "an announcement erases what this process proposed before",
    ("Slot(self.next_number(), self.proposed, self.proposed_value)", "Slot(self.next_number(), 0, None)"),
    harmless="only the owner of a number decides with it, and it gave the number up, as in Protected Memory Paxos; "
    "L4 breaks, which promises more than agreement",
)
BOTH_KINDS = aligned(
    "termination",
    "a majority of each kind is asked for",
    (NURSERY, NURSERY.replace("process.nursery()", "BothKinds(process)")),
    harmless="a majority of each is a majority of all; but it blocks where Aligned Paxos need not",
)
MUTANTS = [
    aligned(
        "L3 L5",
        "a majority of the processes will do, or one of the memories",
        *counted_by("kind", "max(map(self.promises.count, 'pm')) == 2"),
        (NURSERY, NURSERY.replace("process.nursery()", "EitherKind(process)")),
        parties=(3, 3),
    ),
    aligned(
        "protocol L3 L5",
        "a process and a memory of one number count as one agent",
        *counted_by("agent", "len(set(self.promises)) == 2"),
        (NURSERY, NURSERY.replace("process.nursery()", "Couples(process)")),
        parties=(3, 3),
    ),
    aligned(
        "L3 L5",
        "what a memory answered in phase 1 counts in phase 2",
        (SECOND_WRITE, "        process.write(memory, SLOTS, process.id, slot)\n"),
    ),
    PHASE_2_AT_A_LATE_MEMORY,
    aligned(
        "L3 L5",
        "the proposer needs no answer of its own agent",
        (
            ASK_PROCESS,
            ASK_PROCESS + "        if agent == self.process.id:\n"
            "            attempt.promised(0, None)\n"
            "            await attempt.proposal\n"
            "            return\n",
        ),
    ),
    aligned(
        "L4",
        "what memories accepted is not adopted",
        (FROM_MEMORY, "attempt.promised(0, None)"),
    ),
    aligned(
        "L4",
        "what processes accepted is not adopted",
        (FROM_PROCESS, "attempt.promised(0, None)"),
    ),
    aligned("L3", "a minority of promises begins phase 2", (PREPARED, PREPARED.replace("majority", "majority - 1"))),
    aligned("L3 L5", "a minority decides", (ENOUGH, ENOUGH.replace("majority,", "majority - 1,"))),
    aligned("L3 L5", "an answer to an earlier attempt counts", (OTHER_NUMBER, "if False:")),
    aligned(
        "termination",
        "an abandoned attempt acts late",
        (NURSERY, NURSERY.replace("process.nursery()", "Unfenced(process)")),
    ),
    aligned(
        "L3 L5",
        "one memory is counted twice",
        ("for memory in process.memories:", "for memory in (*process.memories[:-1], 0):"),
    ),
    aligned(
        "L3 L5 termination",
        "one process is counted twice",
        ("for agent in range(process.n):", "for agent in (*range(process.n - 1), 0):"),
    ),
    aligned(
        "L3 L4 M6",
        "the shortcut is used on later attempts",
        ("if self.number == FIRST_PROPOSAL:", "if self.number % 3 == FIRST_PROPOSAL:"),
        (MEMORIES_FIRST_PHASE, MEMORIES_FIRST_PHASE.replace("number !=", "number % 3 !=")),
        (PROCESSES_FIRST_PHASE, PROCESSES_FIRST_PHASE.replace("number !=", "number % 3 !=")),
    ),
    aligned("L1", "numbers are not unique", (UNIQUE, "* n + 1")),
    aligned(
        "L1 L5",
        "a value is adopted after phase 2 began",
        (
            PROPOSAL,
            PROPOSAL.replace("value = await attempt.proposal", "await attempt.proposal\n        value = attempt.value"),
        ),
    ),
    # At a memory.
    aligned(
        "L3 L5",
        "a nak of phase 2 counts as an ack",
        (SECOND_WRITE, SECOND_WRITE.splitlines()[0].replace("if ", "")[:-8] + "\n"),
    ),
    aligned("M1 L2 M6", "no permissions", ("return ProtectedMemoryPaxos.regions(n)", "return open_regions(n)")),
    aligned(
        "L3",
        "slots are read before permission is taken",
        (TAKE, READ + TAKE),
        (READ + FOUND, FOUND.replace("in slots", "in (*slots, attempt.announcement)")),
    ),
    aligned("L2", "a higher minimum proposal is not heeded", (HIGHER, "if False:")),
    aligned(
        "L3",
        "a nak of the announcement is not heeded",
        (ANNOUNCE, "            await process.write(memory, SLOTS, process.id, attempt.announcement)\n"),
        (FOUND, FOUND.replace("in slots", "in (*slots, attempt.announcement)")),
    ),
    aligned(
        "M6 L2",
        "an attempt announces on late memories what it accepts itself",
        (
            ANNOUNCE,
            ANNOUNCE.replace("attempt.announcement", "Slot(attempt.number, self.proposed, self.proposed_value)"),
        ),
    ),
    # At a process.
    aligned(
        "A3 L4",
        "a process forgets what it promised",
        (PROMISE, PROMISE.splitlines()[1]),
    ),
    aligned("A3 L4", "a process forgets what it accepted", (ACCEPTED, "self.minimum_ballot = message.ballot")),
]

HARMLESS = [
    ERASES,
    BOTH_KINDS,
    aligned(
        "",
        "an acceptance does not raise the minimum",
        (ACCEPTED, "self.accepted_ballot = message.ballot"),
        harmless="whoever asks a process to accept a number has its promise of that number; only the least needs none, "
        "and nothing is below it",
    ),
    aligned(
        "",
        "a number is promised twice",
        (NEW_PROMISE, NEW_PROMISE.replace(">", ">=")),
        harmless="a process is asked once to promise a number: links do not repeat, nobody forgets what it used",
    ),
    aligned(
        "L2 M6",
        "one's own numbers do not count as seen",
        (
            "        self.highest_seen = number\n",
            "        self.highest_seen = max(self.highest_seen, FIRST_PROPOSAL)\n",
        ),
        harmless="a process that promised the number refuses to promise it again, and a memory where it was announced "
        "shows it: no majority can promise it twice; what was proposed with it the announcement keeps; L2 breaks, "
        "which promises more: over its own announcement it may write a lower number of its own; and M6, which tells "
        "attempts apart by their numbers",
    ),
    aligned(
        "",
        "a late agent that accepted something higher is left out",
        (
            LATE,
            "        if self.proposal.done and accepted > self.accepted:\n            return self.nursery.cancel()\n"
            + LATE,
        ),
        harmless="so does Protected Memory Paxos: the attempt could go on, for a majority has promised without it",
    ),
]
