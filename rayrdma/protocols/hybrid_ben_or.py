"""HBO, Hybrid Ben-Or: randomised binary consensus on a sparse shared-memory graph (P18, section 4).

Every process speaks for its neighbours too. For each process q, round and phase there is a wait-free consensus object
in q's memory, used by q and its neighbours only: whatever they say on behalf of q is then one value, so that the
survivors *represent* everybody whom some survivor can reach.

Assumes: crash faults; a shared-memory graph; the memory of a crashed process stays accessible; reliable links; no
failure detector. Every n - f processes, with their neighbours, are more than half of all: so it is for
f < (1 - 1/(2(1+h))) n in a graph of vertex expansion h, and often for larger f (`rayrdma topology` finds the largest).

Claims: terminates with probability 1; in 6 delays if all inputs agree, for each of the two phases is a compare-and-swap
and a message.

Invariants: H1 to H5 of `ben_or`. H1 is what the objects are for.
"""

from __future__ import annotations

from typing import ClassVar

from rayrdma.model.permissions import everyone
from rayrdma.model.regions import Region

from .ben_or import BenOr, Phase, Report, Vote, Votes

OBJECTS = "objects"


class HybridBenOr(BenOr):
    """One process of HBO. An object is one word: the first vote that is swapped into it is everybody's.

    Attributes:
        last_round: no object is used twice, so that a memory has some for so many rounds. Whoever comes further
            waits for the decision of somebody else.
    """

    name = "hybrid-ben-or"
    needs_memories = True
    needs_graph = True
    last_round: ClassVar[int] = 512

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        return [Region(OBJECTS, registers=2 * cls.last_round, permission=everyone(n), of=Vote, register_bytes=8)]

    async def speak(self, phase: Phase, round: int, vote: Vote) -> Votes:
        """What is said in a phase on behalf of every process that this one reaches: what all agree on that reach it."""
        process = self.process
        if round > self.last_round:
            await process.receive(lacking=lambda: f"needs objects for more than {self.last_round} rounds")
        with process.nursery() as nursery:
            agreed = [(owner, nursery.start(self.agree(owner, phase, round, vote))) for owner in process.reach]
            await nursery.first(len(agreed))
        return tuple((owner, task.value) for owner, task in agreed)

    async def agree(self, owner: int, phase: Phase, round: int, vote: Vote) -> Vote:
        """RVals[q, k].propose(vote) or PVals[q, k].propose(vote), of q = ``owner``. One round trip, whoever is dead."""
        first: Vote | None = await self.process.compare_and_swap(owner, OBJECTS, word(phase, round), None, vote)
        return vote if first is None else first


class HybridBenOrCommonCoin(HybridBenOr):
    """HBO with a coin that all processes see alike, shared beforehand: an extension, for it is in none of the papers.

    Two rounds are expected, whatever n is, where coins of everybody's own may need a number exponential in n.
    """

    name = "hybrid-ben-or-common-coin"

    def coin(self, round: int) -> Vote:
        return self.process.common_coin(round)


def word(phase: Phase, round: int) -> int:
    """The number of the object for this phase, the same in every memory."""
    return 2 * (round - 1) + (phase is not Report)
