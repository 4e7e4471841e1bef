"""HBO where memories can only be read and written: its objects are made of registers (P18, section 4).

An object is a sequence of attempts. Each is an adopt-commit (Gafni, PODC 1998): who finds that all want what it wants
says so; who then finds that all said so is done, and everybody else has seen that somebody said so and takes that value
along. Who saw nothing of the kind tosses a coin between the values that it saw.

Assumes: as `hybrid_ben_or`, but no compare-and-swap.

Claims: as `hybrid_ben_or`, but for the delays: where all want the same, an object takes 4, and 4 more for each other
process that reaches it; in all three processes that reach each other decide in 26. Where they do not, an adversary
can have an object take a number of attempts that is exponential in the degree, bearable up to a degree of about 8.

Invariants: H1 to H5 of `ben_or`.
"""

from __future__ import annotations

from typing import ClassVar

from rayrdma.model.permissions import everyone
from rayrdma.model.regions import Region

from .ben_or import Phase, Vote
from .hybrid_ben_or import HybridBenOr, word

VOICES = "voices"

Attempt = tuple[Vote, bool | None]
"""What a process wanted, and whether it found that all wanted the same; None: it has not looked yet."""


class HybridBenOrRegisters(HybridBenOr):
    """One process of HBO over registers. Each is written by one process; it has that one's attempts at one object."""

    name = "hybrid-ben-or-registers"
    last_round: ClassVar[int] = 128

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        voices = 2 * cls.last_round * n
        return [Region(VOICES, registers=voices, permission=everyone(n), of=tuple[Attempt, ...], register_bytes=256)]

    async def agree(self, owner: int, phase: Phase, round: int, vote: Vote) -> Vote:
        mine: tuple[Attempt, ...] = ()
        while True:
            earlier = mine
            mine = await self.say(owner, phase, round, (*earlier, (vote, None)))
            wanted = {want for want, _ in await self.collect(owner, phase, round, len(mine))} | {vote}
            mine = await self.say(owner, phase, round, (*earlier, (vote, len(wanted) == 1)))
            found = [
                attempt for attempt in await self.collect(owner, phase, round, len(mine)) if attempt[1] is not None
            ]
            found.append(mine[-1])
            if all(unanimous for _, unanimous in found):
                return vote
            # Two who found unanimity found it for one value: the later to write would have seen the other's.
            values = {want for want, unanimous in found if unanimous} or wanted
            vote = self.process.rng.choice(sorted(values))

    async def say(self, owner: int, phase: Phase, round: int, attempts: tuple[Attempt, ...]) -> tuple[Attempt, ...]:
        """Write this process's attempts at an object."""
        await self.process.write(owner, VOICES, self.voice(phase, round, self.process.id), attempts)
        return attempts

    async def collect(self, owner: int, phase: Phase, round: int, attempt: int) -> list[Attempt]:
        """What the others who reach this object said in this attempt, one read after the other."""
        assert self.process.graph is not None
        said = []
        for other in self.process.graph.closed(owner):
            if other != self.process.id:
                attempts = await self.process.read(owner, VOICES, self.voice(phase, round, other))
                if attempts is not None and len(attempts) >= attempt:
                    said.append(attempts[attempt - 1])
        return said

    def voice(self, phase: Phase, round: int, process: int) -> int:
        """The register of ``process`` for this object."""
        return word(phase, round) * self.process.n + process
