"""The shared-memory graph of the uniform m&m model (P18): who may reach whose memory.

Process p owns memory p. Exactly p and its neighbours may operate on it; everybody may send everybody messages. A
memory outlives its owner: when p crashes, its neighbours go on using memory p.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from .errors import UsageError
from .permissions import LegalChange, Permission
from .regions import Region


@dataclass(frozen=True)
class Graph:
    """An undirected graph over processes.

    Args:
        neighbours: of each process, in ascending order, itself not among them.
        name: for results.
        resilience: the most crashes that can not partition the system (P18's SM-cut), for protocols that wait for
            n - f answers; None: nobody has found out.
    Raises:
        UsageError: it is no undirected graph without self-loops.
    """

    neighbours: tuple[tuple[int, ...], ...]
    name: str = "graph"
    resilience: int | None = None

    def __post_init__(self) -> None:
        sets = [set(those) for those in self.neighbours]
        for process, those in enumerate(self.neighbours):
            if process in sets[process]:
                raise UsageError(f"process {process} can not be its own neighbour in {self.name}")
            if sorted(sets[process]) != list(those):
                raise UsageError(f"the neighbours of process {process} in {self.name} are not in ascending order")
            for other in those:
                if not 0 <= other < self.n or process not in sets[other]:
                    raise UsageError(f"{self.name} joins process {process} to {other}, but not {other} to {process}")

    @property
    def n(self) -> int:
        """How many processes."""
        return len(self.neighbours)

    def closed(self, process: int) -> tuple[int, ...]:
        """S_p = {p} and its neighbours: who may reach memory p, and which memories p may reach."""
        return tuple(sorted((process, *self.neighbours[process])))

    def represented(self, processes: Iterable[int]) -> frozenset[int]:
        """N[C]: the processes on whose behalf ``processes`` can speak."""
        return frozenset(other for process in processes for other in self.closed(process))

    def regions(self, memory: int, regions: Iterable[Region]) -> list[Region]:
        """``regions`` as the memory of this number has them: out of reach of all but its owner's neighbourhood."""
        reach = frozenset(self.closed(memory))
        return [
            dataclasses.replace(
                region, permission=_within(region.permission, reach), legal_change=Within(region.legal_change, reach)
            )
            for region in regions
        ]


def complete(n: int) -> Graph:
    """Everybody may reach every memory: RDMA Full."""
    return Graph(tuple(tuple(q for q in range(n) if q != p) for p in range(n)), "complete", n - 1)


@dataclass(frozen=True)
class Within:
    """A legal-change policy that gives nothing to processes out of reach."""

    policy: LegalChange
    reach: frozenset[int]

    @property
    def one_writer(self) -> bool:
        """As `permissions.one_writer`."""
        return getattr(self.policy, "one_writer", False)

    def __call__(self, process: int, region: str, old: Permission, new: Permission) -> bool:
        inside = process in self.reach and (new.readers | new.write) <= self.reach
        return inside and self.policy(process, region, old, new)


def _within(permission: Permission, reach: frozenset[int]) -> Permission:
    return Permission(*(those & reach for those in (permission.read, permission.write, permission.readwrite)))


def reach_of(graph: Graph | None, process: int, memories: int) -> Sequence[int]:
    """The memories that ``process`` may reach: all of them, where there is no graph."""
    return range(memories) if graph is None else graph.closed(process)
