"""The classical mistakes in Disk Paxos, and two that look like mistakes and are none."""

from __future__ import annotations

from rayrdma.protocols.disk_paxos import DiskPaxos

from .mutant import Edited
from .unfenced import Unfenced


def disk_paxos(
    shows: str, name: str, *edits: tuple[str, str], harmless: str = "", parties: tuple[int, int] | None = None
) -> Edited:
    """A mistake, with the checks that tell of it."""
    return Edited(
        DiskPaxos, name, tuple(shows.split()), edits, {"Unfenced": Unfenced}, harmless=harmless, parties=parties
    )


# Its steps, as they stand in its text.
UNIQUE = "* n + self.process.id + 1"
BALLOT_USED = "        self.highest_seen = ballot\n"
WRITE = """\
        if await process.write(disk, BLOCKS, process.id, self.block) is NAK:
            return phase.nursery.cancel()
"""
READ = """\
        blocks = await process.read_region(disk, BLOCKS)
        if blocks is NAK:
            return phase.nursery.cancel()
"""
MUTANTS = [
    disk_paxos("D4 D5 agreement", "a disk is read before it is written", (WRITE + READ, READ + WRITE)),
    disk_paxos(
        "D4 D5 agreement",
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
        "D4 agreement",
        "the blocks of a majority of processes are read",
        ("in enumerate(blocks):", "in enumerate(blocks[: majority(process.n)]):"),
    ),
    disk_paxos(
        "D1",
        "raising mbal drops bal and inp",
        ("self.next_ballot(), self.block.bal, self.block.inp", "self.next_ballot(), 0, None"),
    ),
    disk_paxos("D2", "ballots are not unique", (UNIQUE, "* n + 1")),
    disk_paxos("D4", "a higher ballot is not heeded", ("if self.highest_seen > self.block.mbal:", "if False:")),
    disk_paxos(
        "D5 D4",
        "one disk is counted twice",
        ("for disk in self.process.memories:", "for disk in (*self.process.memories[:-1], 0):"),
    ),
    disk_paxos(
        "D4",
        "the last read is left out",
        (
            READ,
            "        blocks = await process.read_region(disk, BLOCKS) if self.block.bal < self.block.mbal else ()\n",
        ),
    ),
    disk_paxos(
        "D4 agreement",
        "a minority of disks will do",
        ("await nursery.first(self.majority)", "await nursery.first(self.majority - 1)"),
        parties=(3, 3),  # of one disk nothing is a minority
    ),
    disk_paxos(
        "D3 agreement", "the input that was found is not adopted", ("latest.inp if latest.bal > 0 else value", "value")
    ),
    disk_paxos(
        "D3 agreement",
        "the shortcut is used on later ballots",
        ("self.highest_seen == 0:", "self.highest_seen < 50:"),
        ("self.highest_seen = FIRST_BALLOT", "ballot = self.next_ballot()"),
        ("Block(FIRST_BALLOT, FIRST_BALLOT, value)", "Block(ballot, ballot, value)"),
    ),
    disk_paxos("D5", "an abandoned phase acts late", ("with self.process.nursery()", "with Unfenced(self.process)")),
]

HARMLESS = [
    disk_paxos(
        "",
        "one's own ballots do not count as seen",
        (BALLOT_USED, ""),
        harmless="a ballot ends only when a higher one is read",
    ),
    disk_paxos(
        "",
        "the write and the read are issued together",
        (
            WRITE + READ,
            "        process.write(disk, BLOCKS, process.id, self.block)\n"
            "        blocks = await process.read_region(disk, BLOCKS)\n",
        ),
        harmless="a disk has one outstanding operation of a process: the read takes effect after the write",
    ),
]
