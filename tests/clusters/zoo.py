"""Small graphs to try things on: rings, cliques, cubes and what lies between, with 16 processes or less."""

from __future__ import annotations

from rayrdma.clusters.topology import Topology, make_topology

ZOO: dict[str, Topology] = {
    "K_4": make_topology("complete", processes=4),
    "K_5": make_topology("complete", processes=5),
    "K_8": make_topology("complete", processes=8),
    "no edges, n=5": make_topology("none", processes=5),
    "no edges, n=8": make_topology("none", processes=8),
    "C_5": make_topology("ring", processes=5),
    "C_6": make_topology("ring", processes=6),
    "C_8": make_topology("ring", processes=8),
    "C_9": make_topology("ring", processes=9),
    "C_12": make_topology("ring", processes=12),
    "C_16": make_topology("ring", processes=16),
    "2 x K_3 + bridge": make_topology("bridged-cliques", processes=6),
    "2 x K_4 + bridge": make_topology("bridged-cliques", processes=8),
    "2 x K_5 + bridge": make_topology("bridged-cliques", processes=10),
    "2 x K_3": make_topology("disjoint-clusters", sizes=(3, 3)),
    "Q_3": make_topology("hypercube", processes=8),
    "Q_4": make_topology("hypercube", processes=16),
    "Petersen": make_topology("petersen"),
    "K_3,3": make_topology("complete-bipartite", sizes=(3, 3)),
    "star": make_topology("star", processes=8),
    "circulant 13 {1,5}": make_topology("circulant", processes=13, offsets=(1, 5)),
    "torus 4x4": make_topology("torus", sizes=(4, 4)),
    "clusters 5+1+1": make_topology("disjoint-clusters", sizes=(5, 1, 1)),
}
