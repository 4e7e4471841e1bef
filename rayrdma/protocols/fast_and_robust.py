"""Fast & Robust (P19, section 4.3): Cheap Quorum, and Preferential Paxos for whoever leaves it.

Assumes: Byzantine processes, n >= 2 f_P + 1; memories crash, m >= 2 f_M + 1; signatures; the permission that Cheap
Quorum needs.

Claims: weak Byzantine agreement that decides in two delays and with one signature in the common case.

If a correct follower decided in Cheap Quorum, all correct processes bring its value with a proof of unanimity, which
exists for one value only, and there are f_P+1 of them; if a correct leader did, they all bring its value with its
signature, and it signed one value only. Either way that value is all that can be adopted (priority decision lemma).

Whoever shows panic joins the backup, and every correct process sees that and panics too, those that have decided as
well: so the backup has n - f_P correct processes if it has one.

Invariants, among correct processes: those of Cheap Quorum and of Preferential Paxos, and
    P3  what Cheap Quorum decided, every correct process brings to the backup, adopts, and decides there.
    P4  decisions of both are equal.
"""

from __future__ import annotations

from typing import ClassVar

from rayrdma.model.process import Process
from rayrdma.model.regions import Region, Value

from .cheap_quorum import CheapQuorum, Evidence
from .preferential_paxos import Preference, PreferentialPaxos


class FastAndRobust(CheapQuorum):
    """One process of Fast & Robust.

    Attributes:
        slow: what it falls back to.
    """

    name = "fast-and-robust"
    slow: ClassVar[type[PreferentialPaxos]] = PreferentialPaxos

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.backup = self.slow(process)

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        """Cheap Quorum's, and Preferential Paxos's."""
        return [*CheapQuorum.regions(n), *PreferentialPaxos.regions(n)]

    async def abort(self, value: Value, evidence: Evidence) -> None:
        self.process.note("abort", (value, evidence))
        await self.backup.run(Preference(value, evidence))
