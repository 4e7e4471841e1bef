"""The classical mistakes, as they were made in these algorithms before, and some that look like mistakes and are none.

A budget is the number of seeds within which the checks must catch it: at least twice, mostly five times the longest
stretch of seeds without a catch among the first 3,000. A few need a schedule of their own (see `test_mutants`).
"""

from __future__ import annotations

from typing import Any

from rayrdma.model.outcomes import ACK
from rayrdma.model.permissions import everyone, static
from rayrdma.model.tasks import Nursery
from rayrdma.protocols import DiskPaxos, Paxos, ProtectedMemoryPaxos
from rayrdma.protocols.dissemination import decide_and_tell
from rayrdma.protocols.protected_memory_paxos import FIRST_LEADER, FIRST_PROPOSAL, SLOTS, Slot
from tests.mutation import Mutant


class Unfenced(Nursery):
    """A nursery whose tasks go on after the block was left."""

    def _fence(self) -> None:
        pass


async def attempt_or_shortcut(protocol: Any, value: Any, number: Any, when: Any) -> None:
    """An attempt of Protected Memory Paxos; but, for process 0, its step h alone where ``when`` says so."""
    process = protocol.process
    protocol.later = getattr(protocol, "later", 0) + 1
    if process.id != FIRST_LEADER or not when(protocol.later):
        return await protocol.attempt(value)
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


def pmp(budget: int, name: str, *edits: tuple[str, str], harmless: str = "") -> Mutant:
    return Mutant(ProtectedMemoryPaxos, name, edits, budget, harmless, HELPERS)


def paxos(budget: int, name: str, *edits: tuple[str, str], harmless: str = "") -> Mutant:
    return Mutant(Paxos, name, edits, budget, harmless, HELPERS)


def disk_paxos(budget: int, name: str, *edits: tuple[str, str], harmless: str = "") -> Mutant:
    return Mutant(DiskPaxos, name, edits, budget, harmless, HELPERS)


# The steps of Protected Memory Paxos, as they stand in its text.
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
    return "await self.attempt(value)", f"await attempt_or_shortcut(self, value, {number}, {when})"


NAKS_OF_STEP_B = pmp(
    1_000,
    "a nak of step b is not heeded",
    (STEP_B, "        await process.write(memory, SLOTS, process.id, attempt.announcement)\n"),
    (FOUND, FOUND.replace("in slots", "in (*slots, attempt.announcement)")),
)
PROTECTED_MEMORY_PAXOS = [
    pmp(200, "a nak of step h counts as an ack", (STEP_H, STEP_H.splitlines()[0].replace("if ", "")[:-8] + "\n")),
    pmp(50, "a nak of the first write counts as an ack", (FIRST_WRITE, FIRST_WRITE.replace("is ACK", "in (ACK, NAK)"))),
    pmp(
        5,
        "no permissions",
        ("permission=exclusive_writer(FIRST_LEADER, n)", "permission=everyone(n)"),
        ("legal_change=exclusive_write_to_caller", "legal_change=static"),
    ),
    pmp(
        600,
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
        50, "the shortcut is used on later attempts", later_shortcut("lambda _: FIRST_PROPOSAL", "lambda k: k % 2 == 0")
    ),
    pmp(
        50,
        "the shortcut is used on later attempts, with a new number",
        later_shortcut("lambda protocol: protocol.next_number()", "lambda k: k % 2 == 0"),
    ),
    pmp(50, "a restart forgets the first attempt", later_shortcut("restart", "lambda k: k == 2")),
    pmp(250, "the accepted value is not adopted", (ADOPT, "attempt.accepted = best.accepted_proposal")),
    pmp(300, "a minority of acks decides", (ENOUGH, "nursery.first(self.majority - 1)")),
    pmp(200, "a minority of acks decides the first attempt", (FIRST_WRITE, FIRST_WRITE.replace("ty)", "ty - 1)"))),
    pmp(
        600,
        "slots are read before permission is taken",
        (STEP_A, STEP_C + STEP_A),
        (STEP_C + FOUND, FOUND.replace("in slots", "in (*slots, attempt.announcement)")),
    ),
    pmp(800, "phase 2 begins at the first ready memory", ("attempt.ready == self.majority", "attempt.ready == 1")),
    pmp(800, "a value is adopted after phase 2 began", (LATE, "")),
    pmp(
        200,
        "an abandoned attempt acts late, and step d heeds only what it read",
        (NURSERY, NURSERY.replace("process.nursery()", "Unfenced(process)")),
        (STEP_D, "if max(slot.minimum_proposal for slot in found) > attempt.number:"),
    ),
    NAKS_OF_STEP_B,
    pmp(250, "a higher minimum proposal is not heeded", (STEP_D, "if False:")),
    pmp(50, "proposal numbers are not unique", (UNIQUE, "* n + 1")),
    pmp(400, "one memory is counted twice", (ON_EVERY_MEMORY, "for memory in (*process.memories[:-1], 0):")),
    pmp(
        300,
        "an attempt announces on late memories what it accepts itself",
        (
            STEP_B,
            STEP_B.replace("attempt.announcement", "Slot(attempt.number, self.accepted_proposal, self.accepted_value)"),
        ),
    ),
]

# Two that take a schedule of their own.
NO_SHORTCUT = pmp(
    0, "the first attempt takes all steps", ("if process.id == FIRST_LEADER == process.leader():", "if False:")
)
ACKS_OF_TWO_ATTEMPTS = pmp(
    0,
    "acks of two attempts are counted together",
    (
        "        self.highest_seen = FIRST_PROPOSAL\n",
        "        self.highest_seen = FIRST_PROPOSAL\n        self.acks = 0\n",
    ),
    (ENOUGH, "nursery.first(max(1, self.majority - self.acks))"),
    (STEP_H, STEP_H + "        self.acks += 1\n"),
)

# The snippets of Paxos.
ACCEPTED = "self.minimum_ballot = self.accepted_ballot = message.ballot"
PROMISED = """\
                    self.minimum_ballot = message.ballot
                    process.send(sender, Promise"""
OTHER_BALLOT = "if reply.ballot != request.ballot:"
LATEST = "max(promises, key=lambda promise: promise.accepted_ballot)"
BALLOT_USED = "        self.highest_seen = ballot\n"

MESSAGE_PAXOS = [
    paxos(200, "the leader's first ballot is not the least", ("FIRST_BALLOT = 1\n", "FIRST_BALLOT = 10\n")),
    paxos(
        100,
        "the shortcut is used on later ballots",
        (
            "        await super().lead(value)\n",
            "        while process.id == FIRST_LEADER and not process.decided:\n"
            "            await process.elected()\n"
            "            await self.commit(self.next_ballot(), value)\n"
            "        if process.id != FIRST_LEADER:\n"
            "            await super().lead(value)\n",
        ),
    ),
    paxos(20, "everybody uses the shortcut", ("if process.id == FIRST_LEADER:", "if True:")),
    paxos(1_500, "an acceptance does not raise the minimum", (ACCEPTED, "self.accepted_ballot = message.ballot")),
    paxos(20, "an acceptor forgets what it accepted", (ACCEPTED, "self.minimum_ballot = message.ballot")),
    paxos(20, "an acceptor forgets what it promised", (PROMISED, PROMISED.splitlines()[1])),
    paxos(300, "an acceptance of another ballot counts", (OTHER_BALLOT, "if False:")),
    paxos(
        100, "a minority decides", ("while len(answers) < self.majority:", "while len(answers) < self.majority - 1:")
    ),
    paxos(
        50,
        "the accepted value is not adopted",
        ("return latest.accepted_value if latest.accepted_ballot > 0 else ", "return "),
    ),
    paxos(2_500, "an accepted value is adopted, but not the latest", (LATEST, LATEST[:-1] + " > 0)")),
    paxos(20, "ballots are not unique", (UNIQUE, "* n + 1")),
    paxos(100, "one acceptor is counted twice", ("answers[sender] = reply", "answers[sender] = answers[-1] = reply")),
]

# The snippets of Disk Paxos.
WRITE = """\
        if await process.write(disk, BLOCKS, process.id, self.block) is NAK:
            return phase.nursery.cancel()
"""
READ = """\
        blocks = await process.read_region(disk, BLOCKS)
        if blocks is NAK:
            return phase.nursery.cancel()
"""
DISK_PAXOS = [
    disk_paxos(5, "a disk is read before it is written", (WRITE + READ, READ + WRITE)),
    disk_paxos(
        5,
        "a disk is read while it is written, and the read overtakes",
        (
            WRITE + READ,
            "        reading = process.read_region(disk, BLOCKS)\n"
            "        writing = process.write(disk, BLOCKS, process.id, self.block)\n"
            "        blocks = await reading\n"
            "        await writing\n",
        ),
    ),
    disk_paxos(
        150,
        "the blocks of a majority of processes are read",
        ("in enumerate(blocks):", "in enumerate(blocks[: majority(process.n)]):"),
    ),
    disk_paxos(
        20,
        "raising mbal drops bal and inp",
        ("self.next_ballot(), self.block.bal, self.block.inp", "self.next_ballot(), 0, None"),
    ),
    disk_paxos(20, "ballots are not unique", (UNIQUE, "* n + 1")),
    disk_paxos(20, "a higher ballot is not heeded", ("if self.highest_seen > self.block.mbal:", "if False:")),
    disk_paxos(
        5,
        "one disk is counted twice",
        ("for disk in self.process.memories:", "for disk in (*self.process.memories[:-1], 0):"),
    ),
    disk_paxos(
        5,
        "the last read is left out",
        (
            READ,
            "        blocks = await process.read_region(disk, BLOCKS) if self.block.bal < self.block.mbal else ()\n",
        ),
    ),
    disk_paxos(
        50,
        "a minority of disks will do",
        ("await nursery.first(self.majority)", "await nursery.first(self.majority - 1)"),
    ),
    disk_paxos(250, "the input that was found is not adopted", ("latest.inp if latest.bal > 0 else value", "value")),
    disk_paxos(
        300,
        "the shortcut is used on later ballots",
        ("self.highest_seen == 0:", "self.highest_seen < 50:"),
        ("self.highest_seen = FIRST_BALLOT", "ballot = self.next_ballot()"),
        ("Block(FIRST_BALLOT, FIRST_BALLOT, value)", "Block(ballot, ballot, value)"),
    ),
    disk_paxos(50, "an abandoned phase acts late", ("with self.process.nursery()", "with Unfenced(self.process)")),
]

HARMLESS = [
    pmp(
        1_000,
        "step a is not waited for",
        (STEP_A, STEP_A.replace("await ", "")),
        harmless="a memory has one outstanding operation of a process: step b is issued when step a is done anyway",
    ),
    pmp(
        1_000,
        "an abandoned attempt acts late",
        (NURSERY, NURSERY.replace("process.nursery()", "Unfenced(process)")),
        harmless="step d compares with the highest number that this process has seen *or used*: the next attempt's "
        "number stops what is left of this one before step h, and only the attempt that waits can decide",
    ),
    pmp(
        1_000,
        "one's own numbers do not count as seen",
        (NUMBER_USED, ""),
        harmless="step c reads them back; a number is used again only if no memory of that attempt came to step d, so "
        "that nothing was accepted with it",
    ),
    pmp(
        1_000,
        "the first write is repeated once",
        later_shortcut("lambda _: FIRST_PROPOSAL", "lambda k: k == 1"),
        harmless="the same number with the same value, and acked only where the permission never changed",
    ),
    pmp(
        1_000,
        "a nak of step h leaves the attempt to the other memories",
        (STEP_H, STEP_H.replace("return attempt.nursery.cancel()", "await process.event()")),
        harmless="a majority of acks is a majority of acks (it only blocks where it could try again)",
    ),
    pmp(
        1_000,
        "a late memory with a higher accepted proposal is left out",
        (LATE, LATE.replace("return attempt.nursery.cancel()", "await process.event()")),
        harmless="it is not among the memories that were counted as ready, nor will it be among those that ack",
    ),
    paxos(
        1_000,
        "one's own ballots do not count as seen",
        (BALLOT_USED, ""),
        harmless="a ballot ends only when somebody names a higher one",
    ),
    disk_paxos(
        1_000,
        "one's own ballots do not count as seen",
        (BALLOT_USED, ""),
        harmless="a ballot ends only when a higher one is read",
    ),
    disk_paxos(
        1_000,
        "the write and the read are issued together",
        (
            WRITE + READ,
            "        process.write(disk, BLOCKS, process.id, self.block)\n"
            "        blocks = await process.read_region(disk, BLOCKS)\n",
        ),
        harmless="a disk has one outstanding operation of a process: the read takes effect after the write",
    ),
]

ONLY_THE_OWNER_DECIDES = pmp(
    1_000,
    "an announcement erases what this process accepted before",
    ("Slot(self.next_number(), self.accepted_proposal, self.accepted_value)", "Slot(self.next_number(), 0, None)"),
    harmless="only the owner of a number decides with it, and it gave the number up (the paper writes it so); M4 "
    "breaks, which promises more than agreement: a value may have been acked by a majority unknown to its owner",
)

MUTANTS = [*PROTECTED_MEMORY_PAXOS, *MESSAGE_PAXOS, *DISK_PAXOS]
