"""Shared-memory graphs from files, in the formats that networkx reads, told by the suffix."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from rayrdma.model.errors import UsageError


def _readers() -> dict[str, Callable[[Path], Any]]:
    import networkx as nx

    def edge_list(file: Path) -> Any:
        return nx.read_edgelist(file, create_using=nx.MultiGraph)  # so that a repeated line is seen

    def node_link(file: Path) -> Any:
        data = json.loads(file.read_text(encoding="utf-8"))
        return nx.node_link_graph(data, edges="edges" if "edges" in data else "links")  # by networkx's age

    return {
        ".edgelist": edge_list,
        ".edges": edge_list,
        ".adjlist": nx.read_adjlist,
        ".gml": lambda file: nx.read_gml(file, label="id"),
        ".graphml": nx.read_graphml,
        ".g6": nx.read_graph6,
        ".graph6": nx.read_graph6,
        ".s6": nx.read_sparse6,
        ".sparse6": nx.read_sparse6,
        ".net": nx.read_pajek,
        ".pajek": nx.read_pajek,
        ".gexf": nx.read_gexf,
        ".json": node_link,
    }


def read_graph(file: Path) -> Any:
    """The networkx graph in a file.

    Raises:
        UsageError: there is no such file, its suffix is none of a format, or what it holds is no graph.
    """
    readers = _readers()
    reader = readers.get(file.suffix.lower())
    if reader is None:
        raise UsageError(f"{file} has no suffix of a graph; {', '.join(sorted(readers))} are known")
    try:
        graph = reader(file)
    except OSError as error:
        raise UsageError(f"can not read a graph from {file}: {error.strerror or error}") from error
    except Exception as error:  # each format fails in ways of its own
        raise UsageError(f"{file} is no graph in the format {file.suffix}: {_why(error)}") from error
    if isinstance(graph, list):
        raise UsageError(f"{file} holds {len(graph)} graphs; one is needed")
    return graph


def _why(error: Exception) -> str:
    said = " ".join(str(error).split())
    return f"{type(error).__name__} {said[:120]}".strip()
