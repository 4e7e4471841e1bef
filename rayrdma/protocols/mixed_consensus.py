"""Randomised binary consensus that tolerates what a shared-memory graph can tolerate at all (algorithms 10.6).

HBO waits until more than half of the processes are represented. This waits for n - f answers, and takes what crashes
can not partition (P18's SM-cut): more is impossible for any algorithm (P18, section 4; Attiya, Kumari and Schiller,
OPODIS 2020, who show that consensus is possible up to there). It is the skeleton of Aspnes and Herlihy's consensus
(J. Algorithms 1990) with a coin of each process's own, over the registers of `mixed_register`.

Assumes: as `mixed_register`.

Claims: whichever f = ``graph.resilience`` processes crash, everybody alive decides with probability 1. If all inputs
agree that takes a write and a collect, 8 delays, if everybody is there in time, else two of each: 16 for one who runs
alone, 20 for three who ask each other at once. Registers are of bounded size and are written over.

The registers are linearizable, but not strongly: an adversary that sees the coins may afterwards choose what a
collect under way returns, which can keep a randomised algorithm from ever ending (Golab, Higham and Woelfel, STOC
2011). Safety never depends on that. Termination with probability 1 is claimed against the strong adversary all the
same: this skeleton is content with *regular* registers (Hadzilacos, Hu and Toueg, Inf. Proc. Letters 2022), and so it
collects without writing back. Two things make it so, both of the order of operations that do not overlap:

*   Of two who enter round k + 1 by the will of leaders in round k, both had written their preference for round k before
    they collected. One of them was first, and the other one saw it. So they entered with one value.
*   Who tosses a coin for round k + 1 had said before that it gave up, and then collected. Whoever begins a collect
    later sees that the leaders in round k are not of one mind. So who can still enter by their will has written its
    preference before the toss, and by the first point only one value can: the toss agrees with it half of the time.

So all who enter a round agree with probability 2^-n or more, whatever went before, and then they decide two rounds
later or sooner. An adversary may make use of that; the schedules of the tests took about 3 rounds, 10 at most.

Invariants:
    C1  if somebody decides v in round k, whoever is in a round k or later prefers v there, and never gave it up.
    C2  decisions are equal, and some process's input.
"""

from __future__ import annotations

from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Region, Value

from .ben_or import DECIDED_IN, UNSURE, Vote
from .dissemination import Decision, decide_and_tell, learn
from .mixed_register import MixedRegisters

NOT_STARTED = 0, UNSURE
STAND_BYTES = 11
"""A process's register holds its round and its preference for that, or `UNSURE` once it has given it up."""


class MixedConsensus(Protocol):
    """One process of it."""

    name = "mixed-consensus"
    messages = (*MixedRegisters.messages, Decision)
    needs_graph = True
    needs_resilience = True
    elects = False
    binary = True

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        return MixedRegisters.regions(n, STAND_BYTES)

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.registers = MixedRegisters(process)

    async def propose(self, value: Value) -> None:
        # Who has decided answers no more: it has told everybody, and nobody alive waits for answers any longer.
        await self.process.race(self.rounds(value), learn(self.process), self.registers.serve())

    async def rounds(self, preference: Vote) -> None:
        """Follow the leaders where they agree, toss where they do not, until whoever disagrees is far behind."""
        round = 1
        while True:
            self.rounds_taken = round
            await self.registers.write((round, preference))
            stands = [stand or NOT_STARTED for stand in await self.registers.collect()]
            last = max(at for at, _ in stands)
            leaders = {preferred for at, preferred in stands if at == last}
            near = {preferred for at, preferred in stands if at >= last - 1}
            if round == last and near == {preference} != {UNSURE}:
                self.process.note(DECIDED_IN, round)
                decide_and_tell(self.process, preference)
                return
            if len(leaders) == 1 and leaders != {UNSURE}:
                round, preference = round + 1, leaders.pop()
            elif preference != UNSURE:
                preference = UNSURE
            else:
                round, preference = round + 1, self.process.rng.randrange(2)
