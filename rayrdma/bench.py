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
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec

from rayrdma.model.errors import EnvironmentProblem
from rayrdma.model.operations import READ, WRITE, Kind
from rayrdma.model.permissions import everyone
from rayrdma.model.regions import Record, Region
from rayrdma.protocols.protected_memory_paxos import SLOTS, ProtectedMemoryPaxos
from rayrdma.results.result import versions
from rayrdma.simulator.kernel import Kernel
from rayrdma.simulator.schedule import Jitter

MEMORIES = 3
PAYLOAD = b"x" * 64
SAMPLES = 5000
SHARED_MEMORY = Path("/dev/shm")


class Figure(msgspec.Struct, frozen=True):
    """One measured thing.

    Attributes:
        p50, p99: in ``unit``; for rates p99 is None.
        bare: what it is compared with, and that one's median in this run.
        ratio: of the medians, this over the bare one (for ``times_faster``: the bare one over this).
    """

    name: str
    p50: float
    p99: float | None
    unit: str
    bare: str | None = None
    bare_p50: float | None = None
    ratio: float | None = None


class Bench(msgspec.Struct, frozen=True):
    """All figures of one run."""

    figures: list[Figure]
    versions: dict[str, str]


def run_bench(live: bool = True, progress: Callable[[str], None] = lambda what: None) -> Bench:
    """Measure everything; ``live`` includes what needs Ray.

    Raises:
        EnvironmentProblem: no shared memory, or no Ray.
    """
    progress("simulator")
    figures = simulator()
    progress("shared memory")
    figures += shared_memory()
    if live:
        from rayrdma.actors.benchmark import live_figures  # Ray is imported only where it is used

        decision = next(figure for figure in figures if figure.name == DECISION)
        figures += live_figures(decision, progress)
    return Bench(figures, versions())


DECISION = f"Protected Memory Paxos decision, {MEMORIES} shm memories"


def figure(name: str, samples: Sequence[float], unit: str = "us", scale: float = 1e-3) -> Figure:
    """Median and 99th percentile of samples; ``scale`` turns their unit (nanoseconds) into ``unit``."""
    ordered = sorted(samples)
    return Figure(
        name,
        statistics.median(ordered) * scale,
        ordered[min(len(ordered) - 1, int(len(ordered) * 0.99))] * scale,
        unit,
    )


def against(measured: Figure, what: str, bare: Figure, faster: bool = False) -> Figure:
    """``measured`` with the ratio to ``bare``; with ``faster``, how many times faster it is."""
    ratio = bare.p50 / measured.p50 if faster else measured.p50 / bare.p50
    return msgspec.structs.replace(measured, bare=what, bare_p50=bare.p50, ratio=ratio)


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

    def __init__(self, kind: Kind, argument: Any = None) -> None:
        self.kind = kind
        self.region = "plain"
        self.register = 0
        self.argument = argument


class Alone:
    """Links and failure detector of a process that is alone."""

    leader = 0

    def start(self, instance: int) -> None:
        """Nothing comes."""

    def send(self, to: int, instance: int, depth: int, message: Record) -> None:
        """Nobody listens."""


def shared_memory(samples: int = SAMPLES) -> list[Figure]:
    """A decision, a write and a read over shm, beside copying 64 bytes into three mappings from Python."""
    if not SHARED_MEMORY.is_dir():
        raise EnvironmentProblem("the shm transport needs /dev/shm, which is not there")
    with _segments() as (decide, write, read, mappings):
        decisions, copies, writes, reads = [], [], [], []
        clock = time.perf_counter_ns
        for instance in range(1, samples + 1):
            decisions.append(decide(instance))
            start = clock()
            for mapping in mappings:
                mapping[64:128] = PAYLOAD
            copies.append(clock() - start)
            start = clock()
            write()
            writes.append(clock() - start)
            start = clock()
            read()
            reads.append(clock() - start)
    bare = figure("64 bytes copied into three mappings", copies)
    return [
        bare,
        against(figure(DECISION, decisions), bare.name, bare),
        figure("shm write, 64 bytes, one memory", writes),
        figure("shm read, 64 bytes, one memory", reads),
    ]


@contextlib.contextmanager
def _segments() -> Iterator[tuple[Callable[[int], int], Callable[[], Any], Callable[[], Any], list[mmap.mmap]]]:
    """Three memories, one process that decides on them over and over, and three bare mappings."""
    from rayrdma.actors.live_process import Clockwork, LiveProcess, kill_this_process
    from rayrdma.transports.shm import Fan, Segment, ShmConnection

    n = 3
    regions = ProtectedMemoryPaxos.regions(n)
    plain = Region("plain", registers=1, of=Plain, permission=everyone(n))
    folder = tempfile.mkdtemp(prefix="rayrdma-", dir=SHARED_MEMORY)
    clockwork = Clockwork(None, kill_this_process)
    alone: Any = Alone()
    try:
        segments = [Segment.create(f"{folder}/memory-{i}", n, regions) for i in range(MEMORIES)]
        other = Segment.create(f"{folder}/plain", n, [plain])
        bare = []
        for i in range(MEMORIES):
            path = Path(f"{folder}/bare-{i}")
            path.write_bytes(bytes(mmap.PAGESIZE))
            with path.open("r+b") as file:
                bare.append(mmap.mmap(file.fileno(), mmap.PAGESIZE))
        named = {region.name: region for region in regions}
        connections = [ShmConnection(segment, regions, 0, 0) for segment in segments]
        fan = Fan(segments, regions[0], 0, 0)
        connection = ShmConnection(other, [plain], 0, 0)
        writing, reading = Direct(WRITE, Plain(PAYLOAD[:48])), Direct(READ)

        def decide(instance: int) -> int:
            for segment in segments:
                segment.reset(instance)
            for each in connections:
                each.start(instance)
            fan.start(instance)
            process = LiveProcess(
                0, n, named, connections, "bench", instance=instance, protocol=ProtectedMemoryPaxos,
                inbox=alone, outbox=alone, omega=alone, fans={SLOTS: fan}, clockwork=clockwork, trace=False,
            )
            process.begin("a value of some bytes")
            if not process.decided or process.decision_depth != 2:
                raise AssertionError("the common case did not decide in 2 delays")
            return process.decided_ns - process.started_ns

        yield decide, lambda: connection.post(writing), lambda: connection.post(reading), bare
    finally:
        shutil.rmtree(folder, ignore_errors=True)
