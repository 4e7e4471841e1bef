"""Fault tolerance by measurement: every system at its bound, and one failure past it, under an adversary.

At the bound every schedule must decide; past it something must go wrong, and the run says what: a wait that
can never end, or, where a smaller quorum is forced, two decisions.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import msgspec

from rayrdma.checks import check
from rayrdma.checks.observation import Observation
from rayrdma.faults.behaviour import Behaviour
from rayrdma.faults.byzantine import BEHAVIOURS
from rayrdma.faults.byzantine.disks import OverwritesBlocks
from rayrdma.faults.byzantine.generic import Silent
from rayrdma.faults.byzantine.voting import TwoProposals
from rayrdma.faults.byzantine.worlds import TwoWorlds
from rayrdma.faults.plan import After, Byzantine, Crash, Pause
from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.quorums import majority
from rayrdma.model.regions import Value
from rayrdma.model.trace import Crashed, Decided, Delivered, Sent
from rayrdma.protocols.aligned_paxos import AlignedPaxos
from rayrdma.protocols.broadcast import Certified
from rayrdma.protocols.disk_paxos import DiskPaxos
from rayrdma.protocols.fast_and_robust import FastAndRobust
from rayrdma.protocols.paxos import Accept, Accepted, Paxos, Promise
from rayrdma.protocols.pbft import PBFT
from rayrdma.protocols.preferential_paxos import PreferentialPaxos, PriorityPaxos
from rayrdma.protocols.protected_memory_paxos import ProtectedMemoryPaxos
from rayrdma.protocols.robust_backup import RobustBackup
from rayrdma.protocols.transmission import Transmitter
from rayrdma.scenario import Scenario
from rayrdma.simulator.engine import simulate
from rayrdma.simulator.schedule import Schedule

from .result import BLOCKED, DECIDED, VIOLATED, judge

AT, PAST = "at", "past"
LONG = 5
LATEST_CRASH = 60
"""Delays: later than that an adversarial run has mostly decided."""


class ForcedPaxos(Paxos):
    """Paxos that counts n - f = n/2 answers as a quorum, to have it decide at n = 2f. It must not."""

    name = "paxos-with-half-a-quorum"

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.majority = process.n // 2


class DisksAlone(DiskPaxos):
    """Disk Paxos in the disk model proper, which has no links: who wants to know the decision leads a ballot."""

    name = "disk-paxos-without-links"

    async def propose(self, value: Value) -> None:
        await self.lead(value)

    async def commit(self) -> None:
        if await self.phase() is not None:
            self.process.decide(self.block.inp)


class PBFTPastItsBound(PBFT):
    """PBFT that is to tolerate f Byzantine processes of n = 3f, with the quorums that this would take."""

    name = "pbft-past-its-bound"

    @classmethod
    def tolerated(cls, n: int) -> int:
        return n // 3


class ForcedPBFT(PBFTPastItsBound):
    """The same with quorums of n - f = 2f, to have it decide at n = 3f. It must not."""

    name = "pbft-with-quorums-of-2f"
    first_time_out = 256  # so that a slow network does not hide it by changing views

    @classmethod
    def quorum_of(cls, n: int) -> int:
        return n - cls.tolerated(n)


class CertifiedPastItsBound(Certified):
    """Certificates of f+1 processes among n = 2f, of which f may be silent."""

    def __init__(self, process: Process, deliver: Callable[[int, int, Any], None]) -> None:
        super().__init__(process, deliver)
        self.needed = process.n // 2 + 1


class TransmitterPastItsBound(Transmitter):
    """Over those."""

    broadcast = CertifiedPastItsBound


class PriorityPaxosPastItsBound(PriorityPaxos):
    """It waits for the inputs of n - f = f processes."""

    def inputs_needed(self) -> int:
        return self.process.n // 2


class BackupPastItsBound(PreferentialPaxos):
    """The backup of those."""

    of = PriorityPaxosPastItsBound
    over = TransmitterPastItsBound


class FastAndRobustPastItsBound(FastAndRobust):
    """Fast & Robust that is to tolerate f Byzantine processes of n = 2f, with the quorums that this would take."""

    name = "fast-and-robust-past-its-bound"
    slow = BackupPastItsBound


class ForcedCertified(Certified):
    """Certificates of f processes, to have messages delivered at n = 2f. They prove nothing."""

    def __init__(self, process: Process, deliver: Callable[[int, int, Any], None]) -> None:
        super().__init__(process, deliver)
        self.needed = process.n // 2


class ForcedTransmitter(Transmitter):
    """Over those."""

    broadcast = ForcedCertified


class ForcedBackup(RobustBackup):
    """Robust Backup(Paxos) with quorums of f everywhere, to have it decide at n = 2f. It must not."""

    name = "robust-backup-with-quorums-of-f"
    of = ForcedPaxos
    over = ForcedTransmitter


@dataclass(frozen=True)
class Bound:
    """One shape of a system, and how many of its parties crash or are Byzantine.

    Attributes:
        side: ``at`` the bound or one failure ``past`` it.
        expected: the verdict on every schedule, or, if ``violated``, on some.
        byzantine: how many processes are Byzantine; each does one of the ``behaviours``.
        lawless: which, if it can not be any.
        asleep: a process that is slow.
        one_in: of so many schedules one is run, because it takes long.
    """

    protocol: type[Protocol]
    side: str
    processes: int
    memories: int
    crashed_processes: int
    crashed_memories: int
    expected: str
    schedule: str = "adversary"
    byzantine: int = 0
    behaviours: tuple[type[Behaviour], ...] = ()
    lawless: tuple[int, ...] = ()
    asleep: tuple[Pause, ...] = ()
    one_in: int = 1

    def schedule_of(self, seed: int) -> Schedule | None:
        """Who chooses, if it is none of the schedules that a scenario can name."""
        return None

    def scenario(self, seed: int) -> Scenario:
        """One seeded schedule: at the bound crashes strike at any moment, past it before anything happens."""
        rng = random.Random(f"{self.protocol.name}/{self.side}/{seed}")
        operation = "write" if self.memories else "send"
        counted = 0.5 * (rng.random() < 0.5)  # in half of the schedules every crash has a time, and surely strikes

        def moment() -> float | After:
            if self.side == PAST:
                return 0.0
            if rng.random() < counted:  # between two operations of one step: there no time can strike
                return After(operation, rng.randrange(1, 9))
            return float(rng.randrange(LATEST_CRASH))

        failing = rng.sample(range(self.processes), self.crashed_processes + self.byzantine)
        processes, lawless = sorted(failing[: self.crashed_processes]), sorted(failing[self.crashed_processes :])
        if self.byzantine and 0 not in failing and rng.random() < 0.5:
            lawless[0] = 0  # the first leader is one of them more often than by chance
        lawless = list(self.lawless) or lawless
        memories = sorted(rng.sample(range(self.memories), self.crashed_memories))
        return Scenario(
            protocol=self.protocol,
            inputs=tuple(f"v{id}" for id in range(self.processes)),
            memories=self.memories,
            faults=(
                *(Crash(process=number, at=moment()) for number in processes),
                *(Crash(memory=number, at=moment()) for number in memories),
                *(Byzantine(number, rng.choice(self.behaviours)) for number in lawless),
                *self.asleep,
            ),
            seed=seed,
            schedule=self.schedule,
        )


def _over_memories(protocol: type[Protocol]) -> Iterator[Bound]:
    for n, m in ((2, 3), (3, 3), (5, 5)):
        yield Bound(protocol, AT, n, m, n - 1, m - majority(m), DECIDED)
    yield Bound(protocol, PAST, 3, 3, 3, 0, BLOCKED)
    for n, m in ((3, 3), (3, 5)):
        yield Bound(protocol, PAST, n, m, 0, majority(m), BLOCKED)


def _over_messages(protocol: type[Protocol], forced: type[Protocol]) -> Iterator[Bound]:
    for f in (1, 2, 3):
        yield Bound(protocol, AT, 2 * f + 1, 0, f, 0, DECIDED)
    for f in (1, 2, 3):
        yield Bound(protocol, PAST, 2 * f, 0, f, 0, BLOCKED)
    for f in (1, 2):
        yield Bound(forced, PAST, 2 * f, 0, 0, 0, VIOLATED, "jitter")  # two leaders at a time


def _over_agents() -> Iterator[Bound]:
    """Any minority of processes and memories together; and what Protected Memory Paxos does in the same places."""
    for processes, memories in ((2, 0), (1, 1), (0, 2)):
        yield Bound(AlignedPaxos, AT, 3, 2, processes, memories, DECIDED)
    for processes, memories in ((2, 1), (1, 2)):
        yield Bound(AlignedPaxos, PAST, 3, 2, processes, memories, BLOCKED)
    yield Bound(AlignedPaxos, AT, 3, 3, 0, 2, DECIDED)  # a majority of the memories: it is among `_over_memories`
    yield Bound(AlignedPaxos, AT, 3, 5, 1, 2, DECIDED)
    yield Bound(AlignedPaxos, PAST, 3, 5, 2, 2, BLOCKED)
    yield Bound(ProtectedMemoryPaxos, AT, 3, 5, 2, 2, DECIDED)


def _attacks(protocol: type[Protocol]) -> tuple[type[Behaviour], ...]:
    return tuple(b for b in BEHAVIOURS.values() if not b.attacks or issubclass(protocol, b.attacks))


def _byzantine_disks() -> Iterator[Bound]:
    yield Bound(
        DisksAlone, PAST, 3, 3, 0, 0, VIOLATED, "jitter",
        byzantine=1, behaviours=(OverwritesBlocks,), lawless=(2,), asleep=(Pause(0, 150, 400),),
    )  # fmt: skip


def _byzantine_memories() -> Iterator[Bound]:
    attacks = _attacks(FastAndRobust)
    for f in (1, 2):
        one_in = 1 if f == 1 else LONG
        yield Bound(FastAndRobust, AT, 2 * f + 1, 3, 0, 1, DECIDED, byzantine=f, behaviours=attacks, one_in=one_in)
    for f in (2, 3):
        yield Bound(FastAndRobustPastItsBound, PAST, 2 * f, 3, 0, 0, BLOCKED, byzantine=f, behaviours=(Silent,))
    yield Bound(
        ForcedBackup, PAST, 4, 3, 0, 0, VIOLATED, "jitter",
        byzantine=2, behaviours=(TwoWorlds,), lawless=(0, 1), asleep=(Pause(3, 0, 1000),), one_in=LONG,
    )  # fmt: skip


def _byzantine_messages() -> Iterator[Bound]:
    attacks = _attacks(PBFT)
    for f in (1, 2):
        yield Bound(PBFT, AT, 3 * f + 1, 0, 0, 0, DECIDED, byzantine=f, behaviours=attacks)
    for f in (1, 2):
        yield Bound(PBFTPastItsBound, PAST, 3 * f, 0, 0, 0, BLOCKED, byzantine=f, behaviours=(Silent,))
    yield Bound(ForcedPBFT, PAST, 3, 0, 0, 0, VIOLATED, "jitter", byzantine=1, behaviours=(TwoProposals,))


BOUNDS: tuple[Bound, ...] = (
    *_over_memories(DiskPaxos),
    *_over_messages(Paxos, ForcedPaxos),
    *_over_memories(ProtectedMemoryPaxos),
    *_over_agents(),
    *_byzantine_disks(),
    *_byzantine_messages(),
    *_byzantine_memories(),
)


class BoundMeasured(msgspec.Struct, frozen=True):
    """What came of the schedules of one `Bound`.

    Attributes:
        schedules: how many were run, each with a seed of its own.
        all_crashed: in how many every planned crash struck; elsewhere a process did not come to the operation
            after which it was to crash.
        verdicts: how many schedules had which.
        disagreements: in how many two processes decided differently.
        why: what went wrong in the first schedule that went wrong, in a violated one that disagreed.
        seed: of that schedule; else the first one's.
        faults: of that schedule.
        holds: it went as expected.
        topology: the shared-memory graph, or empty.
    """

    protocol: str
    side: str
    processes: int
    memories: int
    crashed_processes: int
    crashed_memories: int
    byzantine: int
    expected: str
    schedules: int
    all_crashed: int
    verdicts: dict[str, int]
    disagreements: int
    why: str
    seed: int
    faults: list[str]
    holds: bool
    topology: str = ""


def measure(bound: Bound, seeds: Sequence[int], progress: Callable[[], None] = lambda: None) -> BoundMeasured:
    """Run one schedule a seed; ``progress`` is called after each."""
    verdicts: dict[str, int] = {}
    all_crashed = disagreements = 0
    wrong: tuple[int, str, list[str]] | None = None
    for seed in seeds:
        scenario = bound.scenario(seed)
        simulated = next(simulate(scenario, by=bound.schedule_of(seed)))
        observation: Observation = simulated.observation
        violations = check(observation)
        verdict, reason = judge(observation, violations, simulated.quiescent)
        verdicts[verdict] = verdicts.get(verdict, 0) + 1
        disagreed = any(violation.check == "agreement" for violation in violations)
        disagreements += disagreed
        struck = sum(isinstance(event, Crashed) for event in observation.trace or ())
        all_crashed += struck == bound.crashed_processes + bound.crashed_memories
        if wrong is None and verdict != DECIDED and (disagreed or bound.expected != VIOLATED):
            why = tell_quorums(observation) if disagreed else reason
            wrong = seed, why, [str(fault) for fault in scenario.faults]
        progress()
    seed, why, faults = wrong or (seeds[0], "", [])
    return BoundMeasured(
        protocol=bound.protocol.name,
        side=bound.side,
        processes=bound.processes,
        memories=bound.memories,
        crashed_processes=bound.crashed_processes,
        crashed_memories=bound.crashed_memories,
        byzantine=bound.byzantine,
        expected=bound.expected,
        schedules=len(seeds),
        all_crashed=all_crashed,
        verdicts=verdicts,
        disagreements=disagreements,
        why=why,
        seed=seed,
        faults=faults,
        holds=disagreements > 0 if bound.expected == VIOLATED else verdicts == {bound.expected: len(seeds)},
        topology=scenario.graph.name if scenario.graph is not None else "",
    )


def tell_quorums(observation: Observation) -> str:
    """The two quorums of Paxos that should have met when two processes decided differently."""
    accepted: dict[int, set[int]] = {}
    promised: dict[int, set[int]] = {}
    proposed: dict[int, Value] = {}
    decided: dict[int, Decided] = {}
    for event in observation.trace or ():
        if isinstance(event, Sent) and isinstance(event.message, Accept):
            proposed[event.message.ballot] = event.message.value
        elif isinstance(event, Delivered) and isinstance(event.message, Promise):
            if event.message.ballot not in proposed:  # a later promise was not waited for
                promised.setdefault(event.message.ballot, set()).add(event.sender)
        elif isinstance(event, Delivered) and isinstance(event.message, Accepted):
            accepted.setdefault(event.message.ballot, set()).add(event.sender)
        elif isinstance(event, Decided):
            for ballot, value in proposed.items():
                if value == event.value and ballot in accepted:
                    decided.setdefault(ballot, event)
    for low, high in itertools.combinations(sorted(decided), 2):
        if proposed[low] != proposed[high] and not accepted[low] & promised[high]:
            return (
                f"p{decided[low].process} decided {proposed[low]!r}, accepted by {_members(accepted[low])}; "
                f"p{decided[high].process} asked {_members(promised[high])}, who had heard of nothing, "
                f"and decided {proposed[high]!r}"
            )
    first = {repr(event.value): event for event in reversed(observation.decisions)}
    return " and ".join(f"p{event.process} decided {event.value!r}" for event in first.values())


def _members(processes: set[int]) -> str:
    return f"{{{', '.join(f'p{process}' for process in sorted(processes))}}}"
