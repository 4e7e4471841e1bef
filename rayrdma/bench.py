"""What things cost here, each beside its bare cost in the same run: ratios travel, times do not.

Everything that is compared is measured in turns, sample by sample, so that both see the same machine.
"""

from __future__ import annotations

import contextlib
import mmap
import shutil
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from rayrdma.explorer_bench import explorer
from rayrdma.model.errors import EnvironmentProblem
from rayrdma.model.operations import READ, WRITE, Kind
from rayrdma.model.permissions import everyone
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import ENCODE, Record, Region
from rayrdma.model.signatures import Identity, Signer, Verifier
from rayrdma.protocols.cheap_quorum import LEADERS, VAL, CheapQuorum
from rayrdma.protocols.protected_memory_paxos import SLOTS, ProtectedMemoryPaxos
from rayrdma.results.figures import Bench, Figure, against, figure
from rayrdma.results.result import versions
from rayrdma.simulator.kernel import Kernel
from rayrdma.simulator.schedule import Jitter

MEMORIES = 3
PAYLOAD = b"x" * 64
BURSTS = 300
SETS = 16
SHARED_MEMORY = Path("/dev/shm")


Tell = Callable[[str, int, int], None]
"""Called with (what is being measured, parts done, parts)."""
PARTS = 6


def run_bench(tell: Tell = lambda what, done, parts: None) -> Bench:
    """Measure everything.

    Raises:
        EnvironmentProblem: no shared memory, or no Ray.
    """
    from rayrdma.actors.benchmark import carriers, take_over  # Ray is imported only where it is used
    from rayrdma.actors.byzantine_benchmark import backup, fast_path

    tell("simulator", 0, PARTS)
    figures = simulator()
    tell("explorer", 1, PARTS)
    figures += explorer()
    tell("shared memory", 2, PARTS)
    figures += shared_memory()
    decision = next(figure for figure in figures if figure.name == DECISION)
    figures += signed_decision()
    tell("channels, calls and messages", 3, PARTS)
    figures += carriers(decision)
    tell("take-over", 4, PARTS)
    figures.append(take_over())
    tell("Byzantine protocols", 5, PARTS)
    figures += fast_path() + backup()
    return Bench(figures, versions())


DECISION = f"Protected Memory Paxos decision, {MEMORIES} shm memories"


def simulator(seconds: float = 2.0) -> list[Figure]:
    """Runs and events a second on one core: 3 processes, 3 memories, two contenders, tracing off."""
    rates, events = [], []
    end = time.perf_counter() + seconds
    seed = 0
    while time.perf_counter() < end:
        happened = 0
        start = time.perf_counter()
        for _ in range(200):
            seed += 1
            kernel = Kernel(ProtectedMemoryPaxos, ("a", "b", "c"), 3, Jitter(seed, 3, contenders=2, until=30))
            kernel.run()
            happened += kernel.events
        elapsed = time.perf_counter() - start
        rates.append(200 / elapsed)
        events.append(happened / elapsed)
    return [
        Figure("simulator, runs a second", statistics.median(rates), None, "1/s"),
        Figure("simulator, events a second", statistics.median(events), None, "1/s"),
    ]


class Plain(Record, frozen=True):
    """Sixteen words, about 64 bytes when encoded."""

    payload: bytes


class Direct:
    """An operation without a process, for timing a connection."""

    __slots__ = ("argument", "kind", "region", "register")

    def __init__(self, kind: Kind, argument: Any = None, region: str = "plain") -> None:
        self.kind = kind
        self.region = region
        self.register = 0
        self.argument = argument


class Alone:
    """Links and failure detector of a process that is alone."""

    leader = 0

    def trusted(self) -> int:
        """Itself."""
        return 1

    def start(self, instance: int) -> None:
        """Nothing comes."""

    def send(self, to: int, instance: int, depth: int, message: Record) -> None:
        """Nobody listens."""


def shared_memory(bursts: int = BURSTS) -> list[Figure]:
    """A decision, a write and a read over shm, beside copying 64 bytes into three mappings from Python.

    Each of them in turn, on one set of memories after the other.
    """
    if not SHARED_MEMORY.is_dir():
        raise EnvironmentProblem("the shm transport needs /dev/shm, which is not there")
    decisions, copies, writes, reads = [], [], [], []
    clock = time.perf_counter_ns
    with _arena() as arena:
        for instance in range(1, bursts + 1):
            for process in arena.processes(instance):
                process.begin("a value of some bytes")
                decisions.append(process.decided_ns - process.started_ns)
                if process.decision_depth != 2:
                    raise AssertionError("this was not the common case: its time means nothing")
                start = clock()
                for mapping in arena.bare:
                    mapping[64:128] = PAYLOAD
                copies.append(clock() - start)
                start = clock()
                arena.connection.post(arena.write)
                writes.append(clock() - start)
                start = clock()
                arena.connection.post(arena.read)
                reads.append(clock() - start)
    bare = figure("64 bytes copied into three mappings", copies)
    return [
        bare,
        against(figure(DECISION, decisions), bare.name, bare),
        figure("shm write, 64 bytes, one memory", writes),
        figure("shm read, 64 bytes, one memory", reads),
    ]


def signed_decision(bursts: int = BURSTS // 3) -> list[Figure]:
    """A decision of Cheap Quorum's leader, beside one of Protected Memory Paxos and one signature, in turns."""
    signed, crash, signatures = [], [], []
    value = "a value of some bytes"
    clock = time.perf_counter_ns
    with _arena() as plain, _arena(CheapQuorum, LEADERS) as byzantine:
        statement = ENCODE(plain.identity.signatures(1).sign(VAL, value))
        for instance in range(1, bursts + 1):
            pairs = zip(plain.processes(instance), byzantine.processes(instance), strict=True)
            for process, leader in pairs:
                process.begin(value)
                crash.append(process.decided_ns - process.started_ns)
                leader.begin(value)
                signed.append(leader.decided_ns - leader.started_ns)
                if (leader.decision_depth, process.decision_depth) != (2, 2):
                    raise AssertionError("this was not the common case: its time means nothing")
                start = clock()
                plain.signer.sign(statement)
                signatures.append(clock() - start)
    signature, paxos = figure("one Ed25519 signature", signatures), figure(DECISION, crash)
    both = Figure(
        f"two decisions of {ProtectedMemoryPaxos.name} and one signature", 2 * paxos.p50 + signature.p50, None, "us"
    )
    return [signature, against(figure(f"Cheap Quorum decision, {MEMORIES} shm memories", signed), both.name, both)]


class Arena:
    """Sets of three memories for a process that decides on one after the other, and three bare mappings."""

    def __init__(self, folder: str, protocol: type[Protocol] = ProtectedMemoryPaxos, written: str = SLOTS) -> None:
        from rayrdma.actors.live_process import Clockwork, kill_this_process
        from rayrdma.transports.shm import Fan, Segment, ShmConnection

        self._n = 3
        self._protocol = protocol
        self._regions = protocol.regions(self._n)
        self._written = next(region for region in self._regions if region.name == written)
        self.signer = Signer(0)
        self.identity = Identity(self.signer, Verifier({0: self.signer.public}))
        self._clockwork = Clockwork(None, kill_this_process)
        self._sets = []
        for number in range(SETS):
            segments = [
                Segment.create(f"{folder}/memory-{number}-{i}", self._n, self._regions) for i in range(MEMORIES)
            ]
            connections = [ShmConnection(segment, self._regions, 0, 0) for segment in segments]
            self._sets.append((segments, connections, Fan(segments, self._written, 0, 0)))
        plain = Region("plain", registers=1, of=Plain, permission=everyone(self._n))
        other = Segment.create(f"{folder}/plain", self._n, [plain])
        self.connection = ShmConnection(other, [plain], 0, 0)
        self.write = Direct(WRITE, Plain(PAYLOAD[:48]))
        self.read = Direct(READ)
        self.bare = [_mapping(Path(f"{folder}/bare-{i}")) for i in range(MEMORIES)]

    def processes(self, instance: int) -> list[Any]:
        """On each set of memories, emptied for ``instance``, a process that is about to decide."""
        from rayrdma.actors.live_process import LiveProcess

        named = {region.name: region for region in self._regions}
        alone: Any = Alone()
        processes = []
        for segments, connections, fan in self._sets:
            for segment in segments:
                segment.reset(instance)
            for connection in connections:
                connection.start(instance)
            fan.start(instance)
            processes.append(
                LiveProcess(
                    0,
                    self._n,
                    named,
                    connections,
                    "bench",
                    instance=instance,
                    epoch_ns=0,
                    protocol=self._protocol,
                    inbox=alone,
                    outbox=alone,
                    omega=alone,
                    fans={self._written.name: fan},
                    clockwork=self._clockwork,
                    identity=self.identity,
                    trace=False,
                )
            )
        return processes


@contextlib.contextmanager
def _arena(*what: Any) -> Iterator[Arena]:
    folder = tempfile.mkdtemp(prefix="rayrdma-", dir=SHARED_MEMORY)
    try:
        yield Arena(folder, *what)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _mapping(path: Path) -> mmap.mmap:
    path.write_bytes(bytes(mmap.PAGESIZE))
    with path.open("r+b") as file:
        return mmap.mmap(file.fileno(), mmap.PAGESIZE)
