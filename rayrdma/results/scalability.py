"""How many processes fit in a network: what each NIC has to hold, counted, and HBO itself for up to 100,000 processes.

That a NIC with many connections is slow is an argument about hardware and no theorem: see `rayrdma.clusters.nic`.
"""

from __future__ import annotations

import msgspec

from rayrdma.clusters.nic import NicCache
from rayrdma.clusters.topology import make_topology
from rayrdma.model.protocol import Protocol
from rayrdma.protocols.disk_paxos import DiskPaxos
from rayrdma.protocols.hybrid_ben_or import HybridBenOr
from rayrdma.protocols.paxos import Paxos
from rayrdma.protocols.protected_memory_paxos import ProtectedMemoryPaxos

from .result import DECIDED

SIZES = (10, 100, 1_000, 10_000, 100_000)
DEGREE = 16
CRASHED = 0.7


class ScaleMeasured(msgspec.Struct, frozen=True):
    """One number of processes.

    Attributes:
        degree: of the sparse graph, a random regular one.
        connections: that the NIC of a memory has to hold, to its users other than the owner, by the protocol.
        permissions: entries (process, region) that it has to hold, by the protocol.
        operation_ns: what an operation costs by the model of the NIC's cache, by the protocol.
        survivors: of the run of HBO, in which the others crashed before the start.
        rounds: that it took, and the mean ``seconds`` of one.
        messages: that a process takes in a phase, in the mean.
        holds: all survivors decided.
    """

    processes: int
    degree: int
    connections: dict[str, int]
    permissions: dict[str, int]
    operation_ns: dict[str, float]
    survivors: int
    rounds: int
    seconds: float
    messages: float
    verdict: str
    reason: str
    holds: bool


def measure_scale(n: int) -> ScaleMeasured:
    """Count what the NICs of ``n`` processes hold, and run HBO once, in this process."""
    from rayrdma.scale import ScaleConfig, run_scale  # compiled kernels are loaded only where they are used

    degree = min(DEGREE, n // 2 - 1)  # of ten processes, 4
    topology = make_topology("random-regular", processes=n, degree=degree)
    result = run_scale(ScaleConfig(topology, "random", CRASHED, coin="common", engine="sim"))
    # Where all share all a memory has n users; on a graph its owner and the neighbours.
    users: dict[type[Protocol], int] = {DiskPaxos: n, Paxos: 0, ProtectedMemoryPaxos: n, HybridBenOr: degree + 1}
    connections = {protocol.name: max(0, count - 1) for protocol, count in users.items()}
    model = NicCache()
    return ScaleMeasured(
        processes=n,
        degree=degree,
        connections=connections,
        permissions={protocol.name: _entries(protocol, count) for protocol, count in users.items()},
        operation_ns={name: model.operation_ns(count) for name, count in connections.items()},
        survivors=result.survivors,
        rounds=result.rounds,
        seconds=sum(result.phase_seconds) / result.rounds,
        messages=result.messages_mean,
        verdict=result.verdict,
        reason=result.reason,
        holds=result.verdict == DECIDED,
    )


def _entries(protocol: type[Protocol], users: int) -> int:
    """Who may do something in which region of a memory with so many users."""
    if not users:
        return 0
    return sum(len(region.permission.readers | region.permission.write) for region in protocol.regions(users))
