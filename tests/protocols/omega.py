"""Long runs of Omega, and what it is held against: the same algorithm with heartbeats as messages."""

from __future__ import annotations

import random
from collections.abc import Sequence

from rayrdma.checks.observation import Violation
from rayrdma.checks.omega import OMEGA
from rayrdma.faults.plan import Crash, Fault
from rayrdma.model.graph import complete
from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.protocols.omega import Accuse, Notify, Omega, OmegaOverLossyLinks, State, state_of
from rayrdma.simulator.kernel import Kernel
from rayrdma.simulator.run import observe
from rayrdma.simulator.schedule import Adversary, Schedule, Timely
from tests.fuzz import Run

OMEGAS: tuple[type[Omega], ...] = (Omega, OmegaOverLossyLinks)
N = 4
EVENTS = 40_000
"""A run is cut after so many. Of 640 honest ones half had settled after 5,000, and the last after 24,600."""


class OmegaByHeartbeats(Omega):
    """Omega whose heartbeats are messages; all else is the same, and a turn is as slow."""

    name = "omega-by-heartbeats"
    messages = (Notify, Accuse, State)

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.arrived: dict[int, State] = {}

    async def propose(self, value: object) -> None:
        await self.process.race(self.turns(), self.listen(), self.listen_to_hearts())

    async def listen_to_hearts(self) -> None:
        while True:
            sender, state = await self.process.receive(State)
            before = self.arrived.get(sender)
            if before is None or (state.heartbeat, not state.active) > (before.heartbeat, not before.active):
                self.arrived[sender] = state
                if state.active:
                    self.notified_by.add(sender)  # who was dropped comes back: it may have been silent only

    async def show(self, active: bool) -> None:
        await self.step()
        for other in self.others():
            self.process.send(other, State(self.heartbeat, self.accusations, active))

    async def shown_by(self, other: int) -> State:
        await self.step()
        return self.arrived.get(other, State(0, 0, False))

    async def step(self) -> None:
        """What makes this process as slow as one that operates on memory."""
        me = self.process.id
        await self.process.read(me, state_of(me), 0)


class Calming(Adversary):
    """The adversary for a while, and then nobody is slow any more: what went wrong before stays so."""

    def delay(self, process: int, memory: int, now: int) -> int:
        return super().delay(process, memory, now) if now < self.stabilises else 1


def run(
    protocol: type[Protocol],
    seed: int,
    faults: Sequence[Fault] = (),
    *,
    n: int = N,
    by: Schedule | None = None,
    events: int = EVENTS,
) -> Run:
    """One long run; two processes are timely, drawn by the seed, unless it is ``by`` another schedule."""
    kernel = Kernel(
        protocol,
        [None] * n,
        n,
        by if by is not None else Timely(seed, n, timely(seed, n)),
        faults,
        seed=str(seed),
        graph=complete(n),
        trace=True,
    )
    kernel.run(events)
    kernel.close()
    return Run(seed, faults, kernel, observe(kernel))


def calming_run(protocol: type[Protocol], seed: int) -> Run:
    """One short run, with many changes of leadership until all goes well at once, and for good."""
    return run(protocol, seed, n=3, by=Calming(seed, 3, 3, spans=40), events=3_000)


def promises_broken(outcome: Run) -> list[Violation]:
    """Those of Omega alone."""
    return [violation for check in OMEGA if (violation := check(outcome.observation)) is not None]


def timely(seed: int, n: int = N, count: int = 2) -> list[int]:
    """The timely processes of a seed."""
    return random.Random(f"timely/{seed}").sample(range(n), count)


def early_crashes(seed: int, n: int = N) -> list[Fault]:
    """None to n - 1 crashes, as the seed says, in the first part of a run; one timely process stays."""
    rng = random.Random(f"crashes/{seed}")
    stays = timely(seed, n)[0]
    victims = rng.sample([process for process in range(n) if process != stays], seed // n % n)
    return [Crash(process=process, at=rng.randrange(10_000)) for process in victims]
