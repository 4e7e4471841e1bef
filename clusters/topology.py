"""The shared-memory graph of the message-and-memory model: who may access whose memory (P18, section 3).

Processes are vertices; process p's memory is accessible to p and its neighbours. A graph is kept as sorted rows of a
sparse array, so that 100,000 processes of degree 32 take 13 MB and a second or two to make; networkx is at the door
for other people's graphs.
"""

from __future__ import annotations

import inspect
import operator
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from rayrdma.model.errors import UsageError
from rayrdma.model.graph import Graph

from . import generators
from .files import read_graph
from .generators import BYTES_PER_EDGE, Edges
from .room import require_bytes


@dataclass(frozen=True, eq=False)
class Topology:
    """An undirected simple graph over processes 0 to n - 1.

    Attributes:
        name: what it is, with its parameters, such as ``random-regular(n=100, degree=4, seed=0)``.
        indptr: where each process's row starts in ``indices``; n + 1 numbers.
        indices: the neighbours of process 0, then of process 1, ..., each row ascending.
    """

    name: str
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]

    def __post_init__(self) -> None:
        self.indptr.setflags(write=False)
        self.indices.setflags(write=False)

    @classmethod
    def from_edges(cls, n: int, edges: npt.ArrayLike, name: str) -> Topology:
        """The graph with these edges; repeated ones, in either direction, count once.

        Args:
            edges: pairs of processes, an array of shape (m, 2).
        Raises:
            UsageError: no processes, an edge from a process to itself, or to one that there is not.
        """
        if n < 1:
            raise UsageError(f"{name} has no processes; a graph needs 1 or more")
        pairs = np.asarray(edges)
        pairs = pairs.reshape(0, 2) if pairs.size == 0 else pairs
        if pairs.ndim != 2 or pairs.shape[1] != 2:
            raise UsageError(f"edges are pairs of processes, not an array of shape {pairs.shape}")
        wrong = (pairs < 0) | (pairs >= n)
        if wrong.any():
            raise UsageError(f"{name} has processes 0 to {n - 1}, but an edge names {pairs[wrong][0]}")
        loops = pairs[:, 0] == pairs[:, 1]
        if loops.any():
            raise UsageError(
                f"process {pairs[loops][0, 0]} of {name} has an edge to itself; everybody shares its own memory anyway"
            )
        one, other = pairs.T.astype(np.int64)
        keys = np.concatenate([one * n + other, other * n + one])
        keys.sort()
        keys = keys[np.diff(keys, prepend=-1) > 0]
        indptr = np.searchsorted(keys, np.arange(n + 1, dtype=np.int64) * n)
        return cls(name, indptr, (keys % n).astype(np.int32))

    @classmethod
    def from_networkx(cls, graph: Any, name: str) -> Topology:
        """The same graph. Nodes become processes by their number where all are numbers, else in their order.

        Raises:
            UsageError: it has a direction, parallel edges, self-loops, or no nodes.
        """
        if graph.is_directed():
            raise UsageError(f"{name} has directed edges; a connection goes both ways")
        nodes = list(graph.nodes)
        if all(str(node).removeprefix("-").isdecimal() for node in nodes):
            nodes.sort(key=int)
        number = {node: process for process, node in enumerate(nodes)}
        edges = [(number[one], number[other]) for one, other in graph.edges()]
        if graph.is_multigraph() and len({frozenset(edge) for edge in edges}) < len(edges):
            raise UsageError(f"{name} has parallel edges; two processes have one connection")
        return cls.from_edges(len(nodes), np.array(edges, np.int64), name)

    def to_networkx(self) -> Any:
        """The same graph as a ``networkx.Graph``."""
        import networkx as nx

        graph = nx.Graph(name=self.name)
        graph.add_nodes_from(range(self.n))
        rows = self._rows
        upper = rows < self.indices
        graph.add_edges_from(zip(rows[upper].tolist(), self.indices[upper].tolist(), strict=True))
        return graph

    @property
    def n(self) -> int:
        """The number of processes."""
        return len(self.indptr) - 1

    @property
    def edges(self) -> int:
        """The number of edges: connections between two processes."""
        return len(self.indices) // 2

    @cached_property
    def degrees(self) -> npt.NDArray[np.int64]:
        """How many neighbours each process has."""
        return np.diff(self.indptr)

    @property
    def degree_min(self) -> int:
        """The least number of neighbours of a process."""
        return int(self.degrees.min())

    @property
    def degree_max(self) -> int:
        """The greatest number of neighbours of a process."""
        return int(self.degrees.max())

    @cached_property
    def connected(self) -> bool:
        """Every process reaches every other one along edges."""
        from scipy.sparse.csgraph import connected_components

        return bool(connected_components(self.matrix(), directed=False, return_labels=False) == 1)

    def neighbours(self, process: int) -> npt.NDArray[np.int32]:
        """The neighbours of a process, ascending."""
        return self.indices[self.indptr[process] : self.indptr[process + 1]]

    def closed(self) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
        """``indptr`` and ``indices`` of the closed neighbourhoods: each row with the process itself, ascending."""
        rows = self._rows
        before = np.bincount(rows[self.indices < rows], minlength=self.n)
        every = np.arange(self.n, dtype=np.int32)
        indices = np.insert(self.indices, self.indptr[:-1] + before, every)
        return self.indptr + np.arange(self.n + 1), indices

    def graph(self, resilience: int | None = None) -> Graph:
        """The same as protocols see it.

        Args:
            resilience: the most crashes that can not partition the system, for protocols that need to know.
        """
        return Graph(tuple(tuple(self.neighbours(p).tolist()) for p in range(self.n)), self.name, resilience)

    def matrix(self) -> Any:
        """The adjacency matrix, a ``scipy.sparse.csr_array`` of float64."""
        from scipy.sparse import csr_array

        return csr_array((np.ones(len(self.indices)), self.indices, self.indptr), shape=(self.n, self.n))

    @property
    def _rows(self) -> npt.NDArray[np.int32]:
        return np.repeat(np.arange(self.n, dtype=np.int32), self.degrees)

    def __repr__(self) -> str:
        return f"<Topology {self.name}: {self.n} processes, {self.edges} edges>"


TOPOLOGIES: dict[str, Callable[..., Edges]] = {
    function.__name__.replace("_", "-"): function
    for function in (
        generators.complete,
        generators.none,
        generators.ring,
        generators.path,
        generators.star,
        generators.hypercube,
        generators.torus,
        generators.petersen,
        generators.random_regular,
        generators.margulis_gabber_galil,
        generators.chordal_cycle,
        generators.paley,
        generators.circulant,
        generators.complete_bipartite,
        generators.bridged_cliques,
        generators.barbell,
        generators.disjoint_clusters,
    )
}
"""The graphs that are made by rule, by name. ``file`` is one more name: a graph from a file."""


def make_topology(
    name: str,
    *,
    processes: int | None = None,
    degree: int | None = None,
    offsets: Sequence[int] | None = None,
    sizes: Sequence[int] | None = None,
    file: str | Path | None = None,
    seed: int = 0,
) -> Topology:
    """A shared-memory graph by name; the same one in every process that asks for it.

    Args:
        name: one of `TOPOLOGIES`, or ``file``.
        processes: how many.
        degree: of a ``random-regular`` graph.
        offsets: of a ``circulant`` graph.
        sizes: of a ``torus`` in each dimension, of ``disjoint-clusters``, of both sides of a ``complete-bipartite``
            graph, of a ``barbell``'s cliques and of the path between.
        file: a graph in a format of networkx, told by the suffix: .edgelist .edges .adjlist .gml .graphml .g6 .s6 .net
            .gexf, or .json (node-link).
        seed: of a ``random-regular`` graph; others need none.
    Raises:
        UsageError: an unknown name, a parameter that the graph lacks or does not take or that makes no such graph,
            a file that holds none, or no room for it.
    """
    given: dict[str, Any] = {
        "processes": processes, "degree": degree, "offsets": offsets, "sizes": sizes, "file": file,
    }  # fmt: skip
    given = {parameter: value for parameter, value in given.items() if value is not None}
    if name != "file" and name not in TOPOLOGIES:
        raise UsageError(f"there is no topology {name!r}; {', '.join(sorted(TOPOLOGIES))} and file are there")
    takes = ["file"] if name == "file" else [*inspect.signature(TOPOLOGIES[name]).parameters]
    needed = [parameter for parameter in takes if parameter != "seed"]
    if set(given) != set(needed):
        foreign = [parameter for parameter in given if parameter not in needed]
        lacks = [parameter for parameter in needed if parameter not in given]
        wrong = f"does not take {' nor '.join(foreign)}" if foreign else f"lacks {' and '.join(lacks)}"
        raise UsageError(f"the topology {name} {wrong}; it takes {' and '.join(needed) or 'no parameter'}")
    if name == "file":
        return _from_file(Path(str(file)))
    for parameter, value in given.items():
        given[parameter] = _whole(parameter, value)
    if "seed" in takes:
        if seed < 0:
            raise UsageError(f"a seed is 0 or more, not {seed}")
        given["seed"] = seed
    n, edges = TOPOLOGIES[name](**given)
    return Topology.from_edges(n, edges, _describe(name, given))


def _whole(parameter: str, value: Any) -> Any:
    try:
        return operator.index(value) if parameter in ("processes", "degree") else [*map(operator.index, value)]
    except TypeError:
        kind = "a whole number" if parameter in ("processes", "degree") else "whole numbers"
        raise UsageError(f"{parameter} must be {kind}, not {value!r}") from None


def _describe(name: str, given: dict[str, Any]) -> str:
    words = {"processes": "n"}
    shown = (
        f"{words.get(parameter, parameter)}={','.join(map(str, value)) if isinstance(value, list) else value}"
        for parameter, value in given.items()
    )
    described = ", ".join(shown)
    return f"{name}({described})" if described else name


def _from_file(file: Path) -> Topology:
    graph = read_graph(file)
    require_bytes(BYTES_PER_EDGE * graph.number_of_edges(), f"the graph in {file}")
    return Topology.from_networkx(graph, str(file))
