from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import networkx as nx
import numpy as np
import pytest

from rayrdma.clusters import generators, room
from rayrdma.clusters.topology import TOPOLOGIES, Topology, make_topology
from rayrdma.model.errors import UsageError

from .zoo import ZOO


def simple(graph: Any) -> nx.Graph:
    """Without loops, parallel edges and directions."""
    plain = nx.Graph(graph)
    plain.remove_edges_from(list(nx.selfloop_edges(plain)))
    return nx.convert_node_labels_to_integers(plain, ordering="sorted")


SAME_AS_NETWORKX: list[tuple[str, dict[str, Any], nx.Graph]] = [
    ("complete", {"processes": 7}, nx.complete_graph(7)),
    ("complete", {"processes": 1}, nx.complete_graph(1)),
    ("none", {"processes": 4}, nx.empty_graph(4)),
    ("ring", {"processes": 9}, nx.cycle_graph(9)),
    ("path", {"processes": 6}, nx.path_graph(6)),
    ("path", {"processes": 1}, nx.path_graph(1)),
    ("star", {"processes": 8}, nx.star_graph(7)),
    ("hypercube", {"processes": 16}, nx.hypercube_graph(4)),
    ("torus", {"sizes": (4, 5)}, nx.grid_graph((4, 5), periodic=True)),
    ("torus", {"sizes": (3, 3, 3)}, nx.grid_graph((3, 3, 3), periodic=True)),
    ("torus", {"sizes": (2, 2)}, nx.cycle_graph(4)),
    ("petersen", {}, nx.petersen_graph()),
    ("margulis-gabber-galil", {"processes": 49}, nx.margulis_gabber_galil_graph(7)),
    ("chordal-cycle", {"processes": 31}, nx.chordal_cycle_graph(31)),
    ("paley", {"processes": 29}, nx.paley_graph(29)),
    ("circulant", {"processes": 16, "offsets": (1, 4, 8)}, nx.circulant_graph(16, [1, 4, 8])),
    ("complete-bipartite", {"sizes": (3, 5)}, nx.complete_bipartite_graph(3, 5)),
    ("bridged-cliques", {"processes": 10}, nx.barbell_graph(5, 0)),
    ("barbell", {"sizes": (4, 3)}, nx.barbell_graph(4, 3)),
    ("disjoint-clusters", {"sizes": (5, 1, 1)}, nx.disjoint_union_all([nx.complete_graph(k) for k in (5, 1, 1)])),
]


@pytest.mark.parametrize(("name", "parameters", "graph"), SAME_AS_NETWORKX, ids=lambda each: str(each))
def test_a_graph_is_that_of_networkx(name: str, parameters: dict[str, Any], graph: nx.Graph) -> None:
    ours, theirs = make_topology(name, **parameters).to_networkx(), simple(graph)
    assert (len(ours), ours.size()) == (len(theirs), theirs.size())
    assert nx.is_isomorphic(ours, theirs)


def test_every_name_was_tried() -> None:
    assert {name for name, _, _ in SAME_AS_NETWORKX} | {"random-regular"} == set(TOPOLOGIES)


@pytest.mark.parametrize("name", ZOO)
def test_rows_are_sorted_symmetric_and_without_the_process_itself(name: str) -> None:
    topology = ZOO[name]
    matrix = topology.matrix().toarray()
    assert (matrix == matrix.T).all()
    assert not matrix.diagonal().any()
    assert topology.edges == matrix.sum() / 2
    assert topology.degrees.tolist() == matrix.sum(axis=0).tolist()
    assert (topology.degree_min, topology.degree_max) == (min(topology.degrees), max(topology.degrees))
    assert topology.connected == nx.is_connected(topology.to_networkx())
    indptr, indices = topology.closed()
    for process in range(topology.n):
        neighbours = np.flatnonzero(matrix[process]).tolist()
        assert topology.neighbours(process).tolist() == neighbours
        assert indices[indptr[process] : indptr[process + 1]].tolist() == sorted([process, *neighbours])


def test_a_graph_can_not_be_changed() -> None:
    with pytest.raises(ValueError, match="read-only"):
        ZOO["C_5"].indices[0] = 3


@pytest.mark.parametrize(
    ("n", "degree"), [(5, 0), (4, 1), (6, 2), (10, 3), (10, 5), (10, 8), (10, 9), (200, 4), (99, 98)]
)
def test_random_regular_graphs_are_regular_and_simple(n: int, degree: int) -> None:
    for seed in range(20):
        topology = make_topology("random-regular", processes=n, degree=degree, seed=seed)
        assert topology.degrees.tolist() == [degree] * n
        assert (topology.matrix().data == 1).all()


def test_random_regular_graphs_have_as_many_triangles_as_chance_has() -> None:
    """(d - 1)^3 / 6 on average, for large n."""
    count = 0
    for seed in range(400):
        graph = make_topology("random-regular", processes=100, degree=4, seed=seed).to_networkx()
        count += sum(nx.triangles(graph).values()) // 3
    assert count / 400 == pytest.approx(27 / 6, abs=0.4)


def test_100_000_processes_of_degree_32() -> None:
    topology = make_topology("random-regular", processes=100_000, degree=32, seed=1)
    assert (topology.edges, topology.degree_min, topology.degree_max) == (1_600_000, 32, 32)
    assert topology.connected


def test_one_seed_gives_one_graph_in_every_process() -> None:
    code = (
        "import hashlib; from rayrdma.clusters.topology import make_topology;"
        "print(hashlib.sha256(make_topology('random-regular', processes=300, degree=6, seed=9).indices).hexdigest())"
    )
    there = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=Path(__file__).parents[2]
    )
    here = make_topology("random-regular", processes=300, degree=6, seed=9)
    assert hashlib.sha256(here.indices).hexdigest() == there.stdout.strip()
    other = make_topology("random-regular", processes=300, degree=6, seed=10)
    assert not np.array_equal(here.indices, other.indices)


def test_edges_count_once() -> None:
    topology = Topology.from_edges(3, [(0, 1), (1, 0), (0, 1)], "three")
    assert (topology.edges, topology.connected) == (1, False)
    assert repr(topology) == "<Topology three: 3 processes, 1 edges>"


def test_names_tell_the_parameters() -> None:
    assert make_topology("random-regular", processes=100, degree=4).name == "random-regular(n=100, degree=4, seed=0)"
    assert make_topology("circulant", processes=13, offsets=(1, 5)).name == "circulant(n=13, offsets=1,5)"
    assert make_topology("petersen", seed=4).name == "petersen"


@pytest.mark.parametrize(
    ("parameters", "said"),
    [
        ({"name": "expander"}, "there is no topology 'expander'; barbell, bridged-cliques, chordal-cycle"),
        ({"name": "ring"}, "the topology ring lacks processes; it takes processes"),
        ({"name": "circulant"}, "lacks processes and offsets"),
        ({"name": "petersen", "processes": 10}, "the topology petersen does not take processes; it takes no parameter"),
        ({"name": "ring", "processes": 5, "degree": 2}, "ring does not take degree; it takes processes"),
        ({"name": "ring", "processes": 0}, "a ring needs 3 or more processes, not 0"),
        ({"name": "complete", "processes": 0}, "a complete graph needs 1 or more processes, not 0"),
        ({"name": "complete", "processes": -4}, "a complete graph needs 1 or more processes, not -4"),
        ({"name": "complete", "processes": 2.5}, "processes must be a whole number, not 2.5"),
        ({"name": "torus", "sizes": 16}, "sizes must be whole numbers, not 16"),
        ({"name": "torus", "sizes": (4, 1)}, "sizes of 2 or more, such as 4,4, not 4,1"),
        ({"name": "torus", "sizes": ()}, "not nothing"),
        ({"name": "hypercube", "processes": 12}, "a power of two of processes, 8 or 16, not 12"),
        ({"name": "random-regular", "processes": 5, "degree": 3}, "take 6 processes or degree 4"),
        ({"name": "random-regular", "processes": 3, "degree": 1}, "take 4 processes or degree 2"),
        ({"name": "random-regular", "processes": 5, "degree": 5}, "a process of 5 has 0 to 4 neighbours, not 5"),
        ({"name": "random-regular", "processes": 5, "degree": -2}, "a process of 5 has 0 to 4 neighbours, not -2"),
        ({"name": "random-regular", "processes": 5, "degree": 2, "seed": -1}, "a seed is 0 or more, not -1"),
        ({"name": "margulis-gabber-galil", "processes": 8}, "a square of processes, 4 or 9, not 8"),
        ({"name": "chordal-cycle", "processes": 9}, "a prime number of processes, 7 or 11, not 9"),
        ({"name": "paley", "processes": 9}, "a prime number 4k + 1 of processes, 5 or 13, not 9"),
        ({"name": "paley", "processes": 7}, "5 or 13, not 7: elsewhere its edges have a direction"),
        ({"name": "paley", "processes": 3}, "of processes, 5, not 3"),
        ({"name": "circulant", "processes": 8, "offsets": (5,)}, "different numbers from 1 to 4, not 5"),
        ({"name": "circulant", "processes": 8, "offsets": (1, 1)}, "different numbers from 1 to 4, not 1,1"),
        ({"name": "circulant", "processes": 8, "offsets": (0,)}, "different numbers from 1 to 4, not 0"),
        ({"name": "complete-bipartite", "sizes": (3,)}, "needs two sizes, such as 3,3, not 3"),
        ({"name": "bridged-cliques", "processes": 7}, "an even number of processes, 6 or 8, not 7"),
        ({"name": "barbell", "sizes": (0, 2)}, "such as 5,2, not 0,2"),
        ({"name": "disjoint-clusters", "sizes": (3, 0)}, "sizes of 1 or more, such as 5,1,1, not 3,0"),
        ({"name": "file"}, "the topology file lacks file; it takes file"),
        ({"name": "none", "processes": 10**10}, "10,000,000,000 processes are too many"),
    ],
    ids=str,
)
def test_bad_parameters(parameters: dict[str, Any], said: str) -> None:
    with pytest.raises(UsageError) as error:
        make_topology(**parameters)
    assert said in str(error.value)
    assert "\n" not in str(error.value)


def test_a_graph_too_large_for_the_memory_is_refused_with_the_estimate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "bytes_available", lambda: 3 << 30)
    with pytest.raises(UsageError) as error:
        make_topology("complete", processes=100_000)
    assert str(error.value) == (
        "a graph of 100,000 processes and 4,999,950,000 edges would take about 372.5 GiB, and 3.0 GiB are free here"
    )


def test_the_estimate_is_above_what_is_taken() -> None:
    """Measured by the interpreter itself, which numpy tells of its arrays."""
    import tracemalloc

    for name, more in (("complete", {}), ("random-regular", {"degree": 300}), ("random-regular", {"degree": 1000})):
        tracemalloc.start()
        topology = make_topology(name, processes=1500, **more)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        edges = topology.edges if more.get("degree") != 1000 else 1500 * 1499 // 2
        assert peak < 1500 * generators.BYTES_PER_PROCESS + edges * generators.BYTES_PER_EDGE + 2**20


def test_what_is_free_here_is_a_sensible_number() -> None:
    assert 2**20 < room.bytes_available() < 2**50
    assert [room.tell_bytes(count) for count in (5, 2048, 3 << 29)] == ["5.0 bytes", "2.0 KiB", "1.5 GiB"]


WRITERS = {
    "edgelist": nx.write_edgelist,
    "adjlist": nx.write_adjlist,
    "gml": nx.write_gml,
    "graphml": nx.write_graphml,
    "g6": nx.write_graph6,
    "s6": nx.write_sparse6,
    "net": nx.write_pajek,
    "gexf": nx.write_gexf,
    "json": lambda graph, file: file.write_text(json.dumps(nx.node_link_data(graph, edges="edges"))),
}


@pytest.mark.parametrize("suffix", WRITERS)
def test_a_graph_from_a_file(suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"petersen.{suffix}"
    WRITERS[suffix](nx.petersen_graph(), file)
    topology = make_topology("file", file=file)
    assert topology.name == str(file)
    assert np.array_equal(topology.indices, ZOO["Petersen"].indices)


def test_processes_keep_their_numbers(tmp_path: Path) -> None:
    file = tmp_path / "some.edgelist"
    file.write_text("10 2\n2 0\n")
    assert make_topology("file", file=file).neighbours(1).tolist() == [0, 2]  # 0, 2, 10
    file.write_text("b a\na c\n")
    assert make_topology("file", file=file).neighbours(1).tolist() == [0, 2]  # b, a, c


def test_links_of_an_older_networkx(tmp_path: Path) -> None:
    file = tmp_path / "old.json"
    file.write_text(json.dumps(nx.node_link_data(nx.cycle_graph(5), edges="links")))
    assert make_topology("file", file=file).edges == 5


BAD_GRAPHS: list[tuple[nx.Graph, tuple[str, ...], str]] = [
    (nx.DiGraph([(0, 1), (1, 2)]), ("gml", "graphml", "net", "gexf", "json"), "has directed edges"),
    (
        nx.MultiGraph([(0, 1), (0, 1)]),
        ("gml", "graphml", "s6", "net", "gexf", "json", "edgelist"),
        "has parallel edges",
    ),
    (nx.Graph([(0, 1), (1, 1)]), tuple(sorted(set(WRITERS) - {"g6"})), "process 1 of .* has an edge to itself"),
    (nx.Graph(), tuple(WRITERS), "has no processes; a graph needs 1 or more"),
]


@pytest.mark.parametrize(
    ("graph", "suffix", "said"), [(graph, suffix, said) for graph, suffixes, said in BAD_GRAPHS for suffix in suffixes]
)
def test_a_graph_that_is_none_for_us(graph: nx.Graph, suffix: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / f"bad.{suffix}"
    WRITERS[suffix](graph, file)
    with pytest.raises(UsageError, match=said):
        make_topology("file", file=file)


@pytest.mark.parametrize(
    "content", [b"\xff\xfe\x00 no graph", b"this is no graph\nat all, none\n", b"[]", b"{", b"3", b"{}"]
)
@pytest.mark.parametrize("suffix", sorted(set(WRITERS) - {"adjlist", "net"}))
def test_a_file_that_is_no_graph(content: bytes, suffix: str, tmp_path: Path) -> None:
    file = tmp_path / f"bad.{suffix}"
    file.write_bytes(content)
    with pytest.raises(UsageError) as error:
        make_topology("file", file=file)
    assert str(file) in str(error.value)
    assert "\n" not in str(error.value)


def test_files_that_can_not_be_read(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"can not read a graph from .*: No such file or directory"):
        make_topology("file", file=tmp_path / "missing.gml")
    with pytest.raises(UsageError, match=r"has no suffix of a graph; .adjlist, .edgelist"):
        make_topology("file", file=tmp_path / "missing.png")
    (tmp_path / "folder.gml").mkdir()
    with pytest.raises(UsageError, match=r"can not read a graph from .*: Is a directory"):
        make_topology("file", file=tmp_path / "folder.gml")
    (tmp_path / "two.g6").write_bytes(b">>graph6<<A_\n>>graph6<<A_\n")
    with pytest.raises(UsageError, match="holds 2 graphs; one is needed"):
        make_topology("file", file=tmp_path / "two.g6")


@pytest.mark.parametrize(
    ("n", "edges", "said"),
    [
        (0, [], "has no processes"),
        (3, [(0, 3)], "has processes 0 to 2, but an edge names 3"),
        (3, [(-1, 0)], "but an edge names -1"),
        (3, [(1, 1)], "process 1 of a graph has an edge to itself"),
        (3, [(0, 1, 2)], "edges are pairs of processes"),
    ],
)
def test_bad_edges(n: int, edges: list[tuple[int, ...]], said: str) -> None:
    with pytest.raises(UsageError, match=said):
        Topology.from_edges(n, edges, "a graph")
