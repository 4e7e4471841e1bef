"""What is to be run, in either engine: validated, plain, and printed in the result."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

from rayrdma.faults.behaviour import fits
from rayrdma.faults.plan import After, Byzantine, Crash, Fault, check_faults
from rayrdma.model.errors import UsageError
from rayrdma.model.graph import Graph
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Region, Value

ENGINES = ("sim", "ray")
TRANSPORTS = ("auto", "verbs", "shm", "ray-channel")
SCHEDULES = ("constant", "jitter", "adversary")


@dataclass(frozen=True)
class Scenario:
    """One run of a protocol.

    Args:
        protocol: its class.
        inputs: what each process proposes, in every round; their number is n.
        memories: how many memories.
        faults: what crashes or pauses.
        seed: of everything random.
        rounds: instances of the protocol, one after the other, on the same parties.
        schedule: of the simulator: ``constant`` (the common case), ``jitter`` or ``adversary``.
        transport: of live memories: ``auto``, ``verbs``, ``shm`` or ``ray-channel``.
        timeout: seconds that a live round may take before it counts as blocked.
        register_bytes: the size of every register instead of the protocol's own.
        processes_per_actor: live processes that share an actor; None: one each up to 16.
        trace: whether a run folder gets a diagram, for which live processes keep what they see.
        address: of a Ray that is already there; None: the one that is initialised or announced, else an own one.
        graph: who may reach which memory, if each process has its own; None: everybody every one.
    Raises:
        UsageError: it makes no sense; the message says what would.
    """

    protocol: type[Protocol]
    inputs: tuple[Value, ...]
    memories: int = 3
    faults: tuple[Fault, ...] = ()
    seed: int = 0
    rounds: int = 1
    schedule: str = "constant"
    transport: str = "auto"
    timeout: float = 30.0
    register_bytes: int | None = None
    processes_per_actor: int | None = None
    trace: bool = False
    address: str | None = None
    graph: Graph | None = None

    def __post_init__(self) -> None:
        if not self.inputs:
            raise UsageError("a run needs at least one process")
        for value in self.inputs:
            if not isinstance(value, str | bytes | int | float):
                raise UsageError(f"an input is text, bytes or a number, not {value!r}")
        if self.memories < 0:
            raise UsageError(f"there can not be {self.memories} memories; give 0 or more")
        if self.protocol.binary and not all(type(value) is int and value in (0, 1) for value in self.inputs):
            raise UsageError(f"{self.protocol.name} decides 0 or 1; give only these as inputs (--inputs 0,1,1)")
        if self.graph is not None and not self.graph.n == self.n == self.memories:
            raise UsageError(
                f"on the graph {self.graph.name} each of its {self.graph.n} processes has one memory; "
                f"there can not be {self.n} processes and {self.memories} memories"
            )
        if self.protocol.needs_graph and self.graph is None:
            raise UsageError(f"{self.protocol.name} needs a shared-memory graph (--topology complete)")
        if self.protocol.needs_memories and self.memories == 0:
            raise UsageError(f"{self.protocol.name} needs memories; give at least one (--memories 3)")
        if self.rounds < 1:
            raise UsageError(f"there can not be {self.rounds} rounds; give at least 1")
        if not self.timeout > 0:
            raise UsageError(f"a time-out of {self.timeout:g} s makes no sense; give more than 0 seconds")
        if self.register_bytes is not None and self.register_bytes < 1:
            raise UsageError(
                f"a register can not have {self.register_bytes} bytes; give at least 1 (--register-bytes 256)"
            )
        if self.processes_per_actor is not None and self.processes_per_actor < 1:
            raise UsageError("at least one process must be in an actor (--processes-per-actor 1)")
        choose("schedule", self.schedule, SCHEDULES)
        choose("transport", self.transport, TRANSPORTS)
        check_faults(self.faults, self.n, self.memories)
        for fault in self.faults:
            if isinstance(fault, Byzantine):
                fits(fault.does, self.protocol)
        self.regions()

    @property
    def n(self) -> int:
        """How many processes."""
        return len(self.inputs)

    def regions(self) -> list[Region]:
        """The regions of every memory.

        Raises:
            UsageError: the register size makes no sense.
        """
        regions = self.protocol.regions(self.n) if self.memories else []
        if self.register_bytes is not None:
            regions = [dataclasses.replace(region, register_bytes=self.register_bytes) for region in regions]
        return regions

    def byzantine(self) -> frozenset[int]:
        """The processes that do something else than the protocol."""
        return frozenset(fault.process for fault in self.faults if isinstance(fault, Byzantine))

    def memory_faults_by_operation(self) -> list[Crash]:
        """Crashes of memories at an operation: only a memory that sees its operations can count them."""
        return [
            fault
            for fault in self.faults
            if isinstance(fault, Crash) and fault.memory is not None and isinstance(fault.at, After)
        ]


def choose(what: str, value: str, known: tuple[str, ...]) -> None:
    """Raise UsageError unless ``value`` is one of ``known``."""
    if value not in known:
        raise UsageError(f"there is no {what} {value!r}; choose one of {', '.join(known)}")
