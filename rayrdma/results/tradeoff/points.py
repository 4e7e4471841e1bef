"""What ``rayrdma tradeoff`` found: a row for each number of processes and degree of the shared-memory graph."""

from __future__ import annotations

import msgspec

from rayrdma.clusters.nic import NicCache
from rayrdma.results.result import BLOCKED, DECIDED

MESSAGE_PASSING, RDMA_SCALE, RDMA_FULL = "message passing", "RDMA Scale", "RDMA Full"
"""The talk's names: no edge, a sparse random regular graph, every edge."""


class Run(msgspec.Struct, frozen=True):
    """HBO run on the graph with these processes crashed before the start.

    Attributes:
        crashed: how many.
        verdict: of all survivors; ``decided`` or ``blocked``.
        represented: how many processes the survivors speak for; to decide takes more than half.
        rounds: that were begun.
        arrival: of messages: ``asynchronous``, in an order of every receiver's own, or ``synchronous``, all at once.
    """

    crashed: int
    verdict: str
    represented: int
    rounds: int
    arrival: str


class Point(msgspec.Struct, frozen=True):
    """One graph: what it costs and what it tolerates.

    Attributes:
        system: the talk's name for it.
        degree: neighbours of each process.
        connections_per_nic: queue pairs to other hosts; one process a host. As many as neighbours.
        connections: of the whole system, counted once for both ends.
        permissions_per_nic: entries, each of which lets a process into a region of the memory behind the NIC: the
            regions of HBO, of which there is one, times their users, the neighbours and the owner. (The owner takes the
            way through its NIC too: atomics of a NIC are none against those of the CPU.)
        tolerated: crashes after which the survivors decide, whoever they are.
        kind: of that number, ``exact`` or ``certified``: exact where one more can block.
        found_by: what says so.
        blocked: the fewest crashes of which it is known that they can block the rest; None: no number can.
        inside: HBO with ``tolerated`` crashes, the survivors being the worst that were found. None: not run.
        beyond: HBO with ``blocked`` crashes. None: not run, or there is none.
        miss_rate, operation_ns: by the model of the NIC's cache; a share, and nanoseconds.
        operations_per_round: on memories, by one process in a round of HBO: two objects of each process it reaches.
        round_ns: what these cost one after the other, by the model, in nanoseconds.
        seconds: that it took to find all this out.
    """

    system: str
    processes: int
    degree: int
    topology: str
    connections_per_nic: int
    connections: int
    permissions_per_nic: int
    tolerated: int
    kind: str
    found_by: str
    blocked: int | None
    inside: Run | None
    beyond: Run | None
    miss_rate: float
    operation_ns: float
    operations_per_round: int
    round_ns: float
    seconds: float

    @property
    def share(self) -> float:
        """The tolerated crashes as a share of all processes, f/n."""
        return self.tolerated / self.processes


class Tradeoff(msgspec.Struct, frozen=True):
    """Everything that one sweep found.

    Attributes:
        processes, degrees: that were swept, ascending. No edges and all edges are always beside.
        nic: the model of the NIC's cache.
        elapsed: seconds for all of it.
        holds: every run ended as its side of the bound says.
    """

    processes: list[int]
    degrees: list[int]
    seed: int
    nic: NicCache
    points: list[Point]
    machine: str
    versions: dict[str, str]
    elapsed: float
    holds: bool
    folder: str | None = None


def as_expected(points: list[Point]) -> bool:
    """Every run decided inside its bound, and blocked beyond it."""
    decided = all(point.inside.verdict == DECIDED for point in points if point.inside is not None)
    return decided and all(point.beyond.verdict == BLOCKED for point in points if point.beyond is not None)


def operations_per_round(degree: int) -> int:
    """Operations on memories of one process in a round of HBO: on the objects of both phases of all that it reaches.

    Message passing, degree 0, takes none.
    """
    return 2 * (degree + 1) if degree else 0


def round_ns(nic: NicCache, degree: int) -> float:
    """What these cost, one after the other, by the model, in nanoseconds."""
    return operations_per_round(degree) * nic.operation_ns(degree)


def percent(share: float) -> str:
    """In per cent with one decimal, cut and not rounded: all but one are not 100 %."""
    return f"{int(share * 1000) / 10:.1f}%"
