"""The classical mistakes in Paxos, and one that looks like a mistake and is none."""

from __future__ import annotations

from rayrdma.protocols.paxos import Paxos

from .mutant import Edited


def paxos(shows: str, name: str, *edits: tuple[str, str], harmless: str = "") -> Edited:
    """A mistake, with the checks that tell of it."""
    return Edited(Paxos, name, tuple(shows.split()), edits, harmless=harmless)


# Its steps, as they stand in its text.
UNIQUE = "* n + self.process.id + 1"
ACCEPTED = "self.minimum_ballot = self.accepted_ballot = message.ballot"
PROMISED = """\
                    self.minimum_ballot = message.ballot
                    process.send(sender, Promise"""
OTHER_BALLOT = "if reply.ballot != request.ballot:"
LATEST = "max(promises, key=lambda promise: promise.accepted_ballot)"
BALLOT_USED = "        self.highest_seen = ballot\n"

MUTANTS = [
    paxos("A2 agreement", "the leader's first ballot is not the least", ("FIRST_BALLOT = 1\n", "FIRST_BALLOT = 10\n")),
    paxos(
        "A2 agreement",
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
    paxos("A1 A4 agreement", "everybody uses the shortcut", ("if process.id == FIRST_LEADER:", "if True:")),
    paxos("A3", "an acceptance does not raise the minimum", (ACCEPTED, "self.accepted_ballot = message.ballot")),
    paxos("A3 A2", "an acceptor forgets what it accepted", (ACCEPTED, "self.minimum_ballot = message.ballot")),
    paxos("A3 A2 agreement", "an acceptor forgets what it promised", (PROMISED, PROMISED.splitlines()[1])),
    paxos("A2 A4", "an acceptance of another ballot counts", (OTHER_BALLOT, "if False:")),
    paxos(
        "A4 agreement",
        "a minority decides",
        ("while len(answers) < self.majority:", "while len(answers) < self.majority - 1:"),
    ),
    paxos(
        "A2 agreement",
        "the accepted value is not adopted",
        ("return latest.accepted_value if latest.accepted_ballot > 0 else ", "return "),
    ),
    paxos("A2", "an accepted value is adopted, but not the latest", (LATEST, LATEST[:-1] + " > 0)")),
    paxos("A1", "ballots are not unique", (UNIQUE, "* n + 1")),
    paxos(
        "A4 agreement",
        "one acceptor is counted twice",
        ("answers[sender] = reply", "answers[sender] = answers[-1] = reply"),
    ),
]

HARMLESS = [
    paxos(
        "",
        "one's own ballots do not count as seen",
        (BALLOT_USED, ""),
        harmless="a ballot ends only when somebody names a higher one",
    ),
]
