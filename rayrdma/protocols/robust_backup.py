"""Robust Backup(A): a crash-tolerant message-passing protocol A, made Byzantine-tolerant (P19, section 4.1).

Assumes: Byzantine processes, n >= 2 f_P + 1; memories crash, m >= 2 f_M + 1; signatures; static permissions.
A tolerates f_P crashes, and uses nothing but messages, timers and Omega.

Claims: if A solves consensus, Robust Backup(A) solves weak Byzantine agreement. It is no fast path: a message
takes 12 delays, and 14 where its receiver has something to publish itself: Paxos, whose leader decides after two
messages, takes 26; with three processes, of which two make a certificate, 22.

Invariants, among correct processes: I1 to I5 of `rayrdma.protocols.broadcast`, and
    I6  no correct process takes a correct one for faulty.
    I7  the invariants of A hold of what was received.

Omega of the crash model names a process that is up, and a liar is up. Here everybody leads in turn instead, for times
that double, so that after the network became timely some correct process leads for long enough; whoever was
found faulty is passed over.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Region, Value

from .broadcast import books
from .paxos import Paxos
from .sizes import check_fits, fits
from .transmission import Transmitter, transmission_of

FIRST_TIME_OUT = 48
"""Delays, or milliseconds, that the first leader has for each process; the common case takes 13 to 15 for each, until
the last one has been told of the decision."""
DOUBLINGS = 24


class RobustBackup(Protocol):
    """One process of Robust Backup(``of``).

    Attributes:
        of: the crash-tolerant protocol A.
        inputs: the type of what A's processes propose.
        over: what A's messages go through.
    """

    elects = False
    byzantine = True
    goes_on = True
    of: ClassVar[type[Protocol]]
    inputs: ClassVar[Any] = Value
    over: ClassVar[type[Transmitter]] = Transmitter

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.transmitter = self.over(process, self.of, self.decided, self.acceptable)

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        """Every process's book, and a view of all of them."""
        return books(n, transmission_of(cls.of, cls.inputs))

    def acceptable(self, value: Any) -> bool:
        """Whether this may be proposed: everybody must have room to repeat it."""
        return fits(value)

    async def propose(self, value: Value) -> None:
        check_fits(value)
        await self.run(value)

    async def run(self, value: Any) -> None:
        """Propose what is acceptable, and serve everybody for ever."""
        with self.process.nursery() as nursery:
            nursery.start(self.lead_in_turn())
            await self.transmitter.run(value)

    def decided(self, value: Value) -> None:
        """A has decided, for this process too if it has not decided before."""
        self.process.note("backup", value)
        if not self.process.decided:
            self.process.decide(value)

    async def lead_in_turn(self) -> None:
        """Omega: process 0, then 1, ... for times that double, until A has decided here."""
        process = self.process
        leader = 0
        for doubled in range(DOUBLINGS):
            await process.sleep(FIRST_TIME_OUT * process.n * 2**doubled)
            if self.transmitter.decided:
                return
            leader = self.after(leader)
            self.transmitter.lead(leader)

    def after(self, leader: int) -> int:
        """The next leader: the next process that has not been found faulty."""
        others = [(leader + step) % self.process.n for step in range(1, self.process.n + 1)]
        return next(other for other in others if not self.transmitter.peers[other].faulty)


class RobustBackupPaxos(RobustBackup):
    """Robust Backup(Paxos)."""

    name = "robust-backup-paxos"
    of = Paxos
