"""Ben-Or's randomised consensus over messages (PODC 1983), binary: what HBO starts from.

Assumes: crash faults; n > 2f; reliable links; no failure detector, no memory, no bound on anything's speed.

Claims: terminates with probability 1, and against an adversary only so: with a coin of each process's own the number
of rounds can be exponential in n. 2 delays if all inputs agree.

It is written as P18 writes HBO, of which it is the case without shared memory: a process speaks for itself alone, and
waits until more than half of the processes are *represented* in what it has received.

Invariants:
    H1  whatever is said on behalf of a process in a phase is one value.
    H2  all values but '?' of a round's second phase are equal.
    H3  decisions are equal, and some process's input.
    H4  what a process has received never has two values for one process.
    H5  once v is decided in a round, everybody starts the next one with v.
"""

from __future__ import annotations

import itertools
from typing import ClassVar

from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Record, Value

from .dissemination import Decision, decide_and_tell, learn

UNSURE = 2
"""The paper's '?': no value had a majority."""
Vote = int
"""0, 1 or `UNSURE`."""
Votes = tuple[tuple[int, Vote], ...]
"""(process, its vote), of each on whose behalf somebody speaks."""
DECIDED_IN = "decided in round"
"""What a process notes when it decides by itself, and not because somebody told it."""


class Report(Record, frozen=True):
    """<R, k, ...>: in phase R of this round, this is the estimate of each of these processes."""

    round: int
    votes: Votes


class Proposal(Record, frozen=True):
    """<P, k, ...>: in phase P of this round, this is what each of these processes proposes, or `UNSURE`."""

    round: int
    votes: Votes


Phase = type[Report] | type[Proposal]


class BenOr(Protocol):
    """One process of Ben-Or's algorithm."""

    name = "ben-or"
    messages: ClassVar[tuple[type[Record], ...]] = (Report, Proposal, Decision)
    needs_memories = False
    elects = False
    binary = True

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.early: dict[tuple[Phase, int], dict[int, Vote]] = {}  # what others said of phases to come

    async def propose(self, value: Value) -> None:
        await self.process.race(self.rounds(value), learn(self.process))

    async def rounds(self, estimate: Vote) -> None:
        """Two phases a round, until a value is proposed by more than half."""
        for round in itertools.count(1):
            self.rounds_taken = round
            reported = await self.exchange(Report, round, estimate)
            proposed = await self.exchange(Proposal, round, self.majority_of(reported, UNSURE))
            decision = self.majority_of(proposed, UNSURE)
            if decision != UNSURE:
                self.process.note(DECIDED_IN, round)
                decide_and_tell(self.process, decision)
                return
            # At most one value but '?' is among them: it had a majority in phase R (H2).
            estimate = next((vote for vote in proposed.values() if vote != UNSURE), UNSURE)
            if estimate == UNSURE:
                estimate = self.coin(round)

    async def exchange(self, phase: Phase, round: int, vote: Vote) -> dict[int, Vote]:
        """Say ``vote`` on behalf of whom one speaks for, and hear from others until a majority is represented."""
        self.process.broadcast(phase(round, await self.speak(phase, round, vote)))
        return await self.hear(phase, round)

    async def speak(self, phase: Phase, round: int, vote: Vote) -> Votes:
        """What this process says in a phase: its own vote."""
        return ((self.process.id, vote),)

    async def hear(self, phase: Phase, round: int) -> dict[int, Vote]:
        """The votes of strictly more than n/2 *processes*, however many messages they came in."""
        process = self.process
        represented = self.early.pop((phase, round), {})
        while not self.enough(len(represented)):
            _, message = await process.receive(
                phase, lacking=lambda: f"represented {len(represented)} of {process.n}, needs > {process.n // 2}"
            )
            if message.round == round:
                represented.update(message.votes)
            elif message.round > round:
                self.early.setdefault((phase, message.round), {}).update(message.votes)
        return represented

    def enough(self, count: int) -> bool:
        """Whether so many processes are more than half: any two such sets meet."""
        return 2 * count > self.process.n

    def majority_of(self, votes: dict[int, Vote], otherwise: Vote) -> Vote:
        """The value but '?' of more than half of *all* processes, if there is one."""
        return next((v for v in (0, 1) if self.enough(list(votes.values()).count(v))), otherwise)

    def coin(self, round: int) -> Vote:
        """A fair coin of this process's own."""
        return self.process.rng.randrange(2)
