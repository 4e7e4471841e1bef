"""What the coordinator tells the actors, and what they report: plain data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

from rayrdma.actors.by_value import dump_class, load_class
from rayrdma.actors.omega import PERIOD, heartbeat_region
from rayrdma.checks.observation import Observation
from rayrdma.faults.plan import After, Byzantine, Crash
from rayrdma.model.graph import Graph
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Region, Value
from rayrdma.model.trace import Decided, Event
from rayrdma.scenario import Scenario


def host_identity() -> str:
    """The same for two processes exactly if they can share memory: one kernel, one /dev/shm."""
    boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return f"{boot}/{Path('/dev/shm').stat().st_dev}"


@dataclass(frozen=True)
class Wiring:
    """A run, as every actor of it must know it.

    Attributes:
        n: processes.
        memories: memories.
        code: the protocol's class, by value.
        register_bytes: instead of the protocol's own.
        seed: of the processes' random numbers.
        folder: private, for sockets and, for a moment, segments; on every host the same name.
        period: seconds between heartbeats.
        crashes: of processes, by operation count.
        behaviours: the classes of what Byzantine processes do, by value.
        trace: whether processes keep their events.
        tcp: messages go over TCP, for parties on several hosts.
        graph: who may reach which memory; None: everybody every one.
    """

    n: int
    memories: int
    code: bytes
    register_bytes: int | None
    seed: int
    folder: str
    period: float
    crashes: Mapping[int, After] = field(default_factory=dict)
    behaviours: Mapping[int, bytes] = field(default_factory=dict)
    trace: bool = False
    tcp: bool = False
    graph: Graph | None = None

    @classmethod
    def of(cls, scenario: Scenario, folder: str = "") -> Wiring:
        """What the actors must know of a scenario."""
        return cls(
            n=scenario.n,
            memories=scenario.memories,
            code=dump_class(scenario.protocol),
            register_bytes=scenario.register_bytes,
            seed=scenario.seed,
            folder=folder,
            period=PERIOD,
            crashes={
                fault.process: fault.at
                for fault in scenario.faults
                if isinstance(fault, Crash) and fault.process is not None and isinstance(fault.at, After)
            },
            behaviours={
                fault.process: dump_class(fault.does) for fault in scenario.faults if isinstance(fault, Byzantine)
            },
            trace=scenario.trace,
            graph=scenario.graph,
        )

    @cached_property
    def protocol(self) -> type[Protocol]:
        """The class itself."""
        protocol: type[Protocol] = load_class(self.code)
        return protocol

    @property
    def beats_in_memory(self) -> bool:
        """Whether heartbeats are shown in memories; on a graph a process does not reach them all."""
        return self.memories > 0 and self.graph is None

    def regions_of(self, memory: int) -> list[Region]:
        """Of one memory, with its permissions."""
        return self.regions() if self.graph is None else self.graph.regions(memory, self.regions())

    def parts_of(self, memory: int) -> dict[int, list[Region]]:
        """The same, and at ``-1 - memory`` the heartbeats, if they are shown in memories."""
        parts = {memory: self.regions_of(memory)}
        if self.beats_in_memory:
            parts[-1 - memory] = [heartbeat_region(self.n)]
        return parts

    def regions(self) -> list[Region]:
        """Of every memory, but for who may reach it."""
        regions = self.protocol.regions(self.n) if self.memories else []
        if self.register_bytes is not None:
            regions = [replace(region, register_bytes=self.register_bytes) for region in regions]
        return regions

    def listen(self, process: int, what: str, address: str) -> str:
        """Where a process receives ``what``, on the host of this ``address``."""
        return f"tcp://{address}:*" if self.tcp else f"ipc://{self.folder}/{what}-{process}"


@dataclass(frozen=True)
class MemoryAddress:
    """Where a memory is: its actor, and either the files of its segments, if all can map them, or where the agents of
    its parts are asked, if it is operated on through a device."""

    number: int
    actor: Any
    node: str
    segments: tuple[str, ...] | None = None
    agents: tuple[str, ...] | None = None


@dataclass(frozen=True)
class Report:
    """How one instance went at one process.

    Attributes:
        seconds: from its call of the protocol to its decision.
        moment: of its decision, on a clock that the processes of one host share.
        signatures: how many it made and how many it checked.
        refusals: how often it did not believe another process.
        refused_by_devices: how many of its operations the memories' devices refused.
        rounds_taken: of a randomised protocol.
    """

    process: int
    decided: bool
    value: Value
    depth: int
    seconds: float
    moment: float
    stopped: bool
    waiting_for: str
    trace: list[Event] | None
    signatures: tuple[int, int] = (0, 0)
    refusals: int = 0
    refused_by_devices: int = 0
    rounds_taken: int = 0

    @classmethod
    def silent(cls, process: int) -> Report:
        """Of a process whose actor does not answer."""
        return cls(process, False, None, 0, 0.0, 0.0, False, "its actor to answer", None)


def observe(scenario: Scenario, reports: Sequence[Report]) -> Observation:
    """What the reports of all processes on one instance come to."""
    byzantine = scenario.byzantine()
    correct = [report for report in reports if report.process not in byzantine]
    decisions = [
        Decided(report.seconds, report.process, report.value, report.depth)
        for report in sorted(correct, key=lambda report: report.moment)
        if report.decided
    ]
    events = [event for report in correct for event in report.trace or ()]
    return Observation(
        protocol=scenario.protocol,
        n=scenario.n,
        memories=scenario.memories,
        regions=scenario.regions(),
        inputs=scenario.inputs,
        decisions=decisions,
        undecided={report.process: report.waiting_for for report in correct if not report.decided},
        byzantine=byzantine,
        signatures={report.process: report.signatures for report in correct if any(report.signatures)},
        rounds_taken=max((report.rounds_taken for report in correct if report.decided), default=0),
        refused_by_devices={
            report.process: report.refused_by_devices for report in reports if report.refused_by_devices
        },
        log=sorted(events, key=lambda event: event.time),
        graph=scenario.graph,
    )
