"""Mistakes in Fast Paxos.

All of them have no patience: classic rounds shall run into the fast one, which may happen whatever the patience.
"""

from __future__ import annotations

from rayrdma.protocols.fast_paxos import FastPaxos

from .mutant import Edited

ONE_TO_SPARE = ("fast: ClassVar[int] = 0", "fast: ClassVar[int] = 1")
IMPATIENT = ("patience: ClassVar[float] = 64", "patience: ClassVar[float] = 1")


def fast(shows: str, name: str, *edits: tuple[str, str], harmless: str = "") -> Edited:
    """A mistake, with the checks that tell of it."""
    return Edited(FastPaxos, name, tuple(shows.split()), (IMPATIENT, *edits), harmless=harmless)


def spare(shows: str, name: str, *edits: tuple[str, str], harmless: str = "") -> Edited:
    """Of four processes, one of which is to spare: with E = 0 a fast quorum is all, and any vote tells enough."""
    edits = (IMPATIENT, ONE_TO_SPARE, *edits)
    return Edited(FastPaxos, f"{name}, E = 1", tuple(shows.split()), edits, harmless=harmless, parties=(4, 0))


# Its steps, as they stand in its text.
FIRST_VOTE = "self.minimum_round == FAST_ROUND and self.voted_round < FAST_ROUND"
PREPARED = "message.ballot > self.minimum_round:\n                self.minimum_round = message.ballot\n"
ACCEPTED = "isinstance(message, Accept) and message.ballot >= self.minimum_round"
VOTE = "self.minimum_round = self.voted_round = round"
ENOUGH = "tally(votes, vote.value) >= self.quorum_of(vote.ballot)"
OTHER_ROUND = "if reply.ballot != round:"
LATEST = "max(promise.accepted_ballot for promise in promises)"
CLASSIC = """\
        if latest > FAST_ROUND:
            return found[0]
"""
RULE = "            if may_be_chosen(tally(votes, candidate), len(promises), self.process.n, self.fast):\n"
PICK = "Accept(round, self.pick(promises, value))"
PATIENCE = "        await process.race(self.collided(), self.lose_patience())\n"
USED = "        self.highest_seen = round\n"

MUTANTS = [
    fast(
        "F1 F3 agreement", "an acceptor votes again in the fast round", (FIRST_VOTE, "self.minimum_round == FAST_ROUND")
    ),
    fast("F1 F4", "an acceptor votes in the fast round after a promise", (FIRST_VOTE, "self.voted_round < FAST_ROUND")),
    fast("F5 agreement", "E > 0 is assumed with n = 2F + 1", ("return n - fast\n", "return n - 1\n")),
    fast("F5", "a classic quorum will do in the fast round", ("fast_quorum if round == FAST_ROUND else ", "")),
    fast(
        "F5 agreement",
        "votes for different values are counted together",
        (ENOUGH, ENOUGH.replace("tally(votes, vote.value)", "len(votes)")),
    ),
    fast(
        "F5 agreement",
        "votes of different rounds are counted together",
        ("self.votes.setdefault(vote.ballot, {})", "self.votes.setdefault(FAST_ROUND, {})"),
    ),
    fast("F4 agreement", "the coordinator picks its own value", (PICK, "Accept(round, value)")),
    fast(
        "F4 agreement",
        "a fast quorum among those asked is too large",
        (RULE, RULE.replace("votes, candidate)", "votes, candidate) - 1")),
    ),
    fast("F4", "the value of the latest classic round is not adopted", (CLASSIC, CLASSIC.replace("found[0]", "value"))),
    fast("F4", "of the rounds reported the first counts", (LATEST, LATEST.replace("max", "min"))),
    fast(
        "F5",
        "a minority of promises is enough",
        ("    return n - tolerated(n, fast)", "    return n - tolerated(n, fast) - 1"),
    ),
    fast("F4", "a promise for another round counts", (OTHER_ROUND, "if False:")),
    fast("F2", "rounds are not unique", ("* n + self.process.id + 1", "* n + 1")),
    fast("F1 F4", "an acceptor forgets what it promised", (PREPARED, PREPARED.splitlines()[0] + "\n")),
    fast("F1 F3 agreement", "an acceptor forgets its vote", (VOTE, "self.minimum_round = round")),
    fast("F1 F4 agreement", "an acceptor votes below its promise", (ACCEPTED, "isinstance(message, Accept)")),
    fast("F1", "a vote is no promise", (VOTE, "self.voted_round = round")),
    spare("F4", "any vote of the fast round is picked", (RULE, "            if True:\n")),
    spare(
        "F4 agreement",
        "a fast quorum among those asked is too large",
        (RULE, RULE.replace("votes, candidate)", "votes, candidate) - 1")),
    ),
    spare(
        "F1 F3 agreement F4",
        "an acceptor votes again in the fast round",
        (FIRST_VOTE, "self.minimum_round == FAST_ROUND"),
    ),
    spare(
        "F4 agreement",
        "the rarest vote of the fast round is picked",
        (RULE, "            if tally(votes, candidate) == min(tally(votes, each) for each in votes.values()):\n"),
    ),
]

HARMLESS = [
    spare(
        "",
        "the most frequent vote of the fast round is picked",
        (RULE, "            if tally(votes, candidate) == max(tally(votes, each) for each in votes.values()):\n"),
        harmless="of |Q| who promised at least |Q| - E voted for what was chosen, and E is less than half of |Q| as "
        "n > 2E + F: so that nothing is more frequent; and if nothing was chosen, anything proposed will do",
    ),
    fast(
        "",
        "any vote of the fast round is picked",
        (RULE, "            if True:\n"),
        harmless="with E = 0 a fast quorum is all acceptors: if one of them reports another vote, nothing was chosen",
    ),
    fast(
        "",
        "nobody waits for the fast round",
        (PATIENCE, ""),
        harmless="what is chosen in the fast round is picked by the classic ones, which may begin at any time",
    ),
    fast(
        "",
        "one's own rounds do not count as seen",
        (USED, ""),
        harmless="a round ends only when somebody names a higher one",
    ),
]
