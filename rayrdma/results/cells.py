"""The cells of the talk's comparison table, and all that is measured for them."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from rayrdma.protocols.fab import FaB
from rayrdma.protocols.pbft import PBFT

from .bounds import BoundMeasured
from .delays import DelaysMeasured
from .live import Kill, Latency
from .scalability import ScaleMeasured

MEASURED, NOT_CLAIMED, NOT_MEASURED = "measured", "not claimed", "not measured"


class System(msgspec.Struct, frozen=True):
    """A column: the talk's name of it, and the protocol that stands for it."""

    name: str
    protocol: str
    algorithm: str


class Finding(msgspec.Struct, frozen=True):
    """One thing that was measured for a cell, and whether it is as claimed."""

    what: str
    found: str
    holds: bool


class Cell(msgspec.Struct, frozen=True):
    """What the talk claims, and what was found; ``measured`` is the findings in one line, or why there are none."""

    claim: str
    status: str
    measured: str
    findings: list[Finding]


class Row(msgspec.Struct, frozen=True):
    """One property of all systems."""

    name: str
    cells: list[Cell]


class Measurements(msgspec.Struct):
    """What has been measured so far."""

    bounds: list[BoundMeasured] = []
    delays: list[DelaysMeasured] = []
    scales: list[ScaleMeasured] = []
    latencies: list[Latency] = []
    kills: list[Kill] = []

    @property
    def hold(self) -> bool:
        """All of it is as claimed."""
        held = [measured.holds for measured in self.bounds]
        held += [measured.holds for measured in self.delays]
        held += [measured.holds for measured in self.scales]
        held += [measured.holds for measured in self.latencies]
        held += [measured.holds for measured in self.kills]
        return bool(held) and all(held)


SHARED_MEMORY = System("Shared memory", "disk-paxos", "Disk Paxos")
MESSAGE_PASSING = System("Message passing", "paxos", "Paxos")
RDMA_FULL = System("RDMA Full", "protected-memory-paxos", "Protected Memory Paxos")
RDMA_SCALE = System("RDMA Scale", "hybrid-ben-or", "Hybrid Ben-Or on sparse graphs")
BYZANTINE = {PBFT.name: "PBFT with n > 3f", FaB.name: "FaB with n > 5f"}
"""What message passing takes to tolerate Byzantine processes."""
SYSTEMS = [SHARED_MEMORY, MESSAGE_PASSING, RDMA_FULL, RDMA_SCALE]


def cell_of(claim: str, findings: Iterable[Finding]) -> Cell:
    """The cell with this claim; without findings nothing was measured for it."""
    findings = list(findings)
    if not findings:
        return Cell(claim, NOT_MEASURED, NOT_MEASURED, [])
    return Cell(claim, MEASURED, "; ".join(f"{finding.what}: {finding.found}" for finding in findings), findings)
