from __future__ import annotations

import numpy as np
import pytest

from rayrdma.clusters import spectral
from rayrdma.clusters.attack import blocking_set, cut_side
from rayrdma.clusters.spectral import Spectrum, spectrum
from rayrdma.clusters.topology import Topology, make_topology

from .oracle import look_at_every_set
from .zoo import ZOO

LARGE = {3: 0.530, 4: 0.571, 6: 0.644, 8: 0.698, 12: 0.767, 16: 0.812, 32: 0.896}
"""Certified tolerance over n of random regular graphs of 1,500 by degree (10.4, Large graphs)."""


@pytest.mark.parametrize("degree", LARGE)
def test_the_figures_of_large_graphs(degree: int) -> None:
    topology = make_topology("random-regular", processes=1500, degree=degree, seed=7)
    certified = topology.n - 1 - spectrum(topology).largest_blocking
    assert certified / topology.n == pytest.approx(LARGE[degree], abs=0.006)


@pytest.mark.parametrize("name", ZOO)
def test_a_certificate_is_never_more_than_the_truth(name: str) -> None:
    topology, naive, certified = ZOO[name], look_at_every_set(ZOO[name]), spectrum(ZOO[name])
    assert topology.n - 1 - certified.largest_blocking <= naive.hbo
    assert topology.n - 1 - certified.largest_cut <= naive.partition
    assert naive.h is not None
    assert certified.expansion <= naive.h


def test_it_is_no_less_than_tanners_bound() -> None:
    for seed in range(5):
        topology = make_topology("random-regular", processes=60, degree=5, seed=seed)
        values = np.linalg.eigvalsh(topology.matrix().toarray())[:-1]
        for shift in (0, 1):
            tanner = max((values + shift) ** 2) / ((5 + shift) ** 2 + max((values + shift) ** 2))
            assert spectrum(topology).largest_blocking <= tanner * topology.n + 1e-6


def test_the_gap_of_a_regular_graph_is_its_degree_less_its_second_eigenvalue() -> None:
    assert spectrum(ZOO["Petersen"]).gap == pytest.approx(3 - 1, abs=1e-6)
    assert spectrum(ZOO["Q_4"]).gap == pytest.approx(2, abs=1e-6)
    assert spectrum(ZOO["star"]).gap == pytest.approx(1, abs=1e-6)


def test_a_graph_in_parts_has_no_gap_and_no_more_than_half_is_certified() -> None:
    assert spectrum(ZOO["2 x K_3"]) == Spectrum(6, 0.0, 1.0)
    assert spectrum(ZOO["2 x K_3"]).largest_blocking == 3


@pytest.mark.parametrize(
    "topology",
    [
        make_topology("random-regular", processes=300, degree=6, seed=3),
        make_topology("margulis-gabber-galil", processes=400),
        make_topology("chordal-cycle", processes=307),
        make_topology("bridged-cliques", processes=60),
        make_topology("hypercube", processes=256),
        make_topology("complete", processes=100),
        make_topology("star", processes=300),
        make_topology("ring", processes=300),
    ],
    ids=lambda topology: topology.name,
)
def test_lanczos_is_on_the_safe_side_of_the_whole_spectrum(topology: Topology, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = spectrum(topology)
    monkeypatch.setattr(spectral, "DENSE", 0)
    by_lanczos = spectrum(topology)
    assert by_lanczos.gap <= whole.gap + 1e-6
    assert by_lanczos.lam >= whole.lam - 1e-6
    assert by_lanczos.lam <= whole.lam + 0.02
    assert by_lanczos == spectrum(topology)


def test_100_000_processes_of_degree_16() -> None:
    topology = make_topology("random-regular", processes=100_000, degree=16, seed=0)
    certified = spectrum(topology)
    assert 0.80 * topology.n < topology.n - 1 - certified.largest_blocking < 0.82 * topology.n
    assert certified.largest_cut < certified.largest_blocking
    assert 0.6 < certified.expansion < 0.65


def test_what_is_found_is_below_what_is_certified() -> None:
    for name, more in (("margulis-gabber-galil", {}), ("random-regular", {"degree": 3}), ("ring", {})):
        topology = make_topology(name, processes=100, seed=1, **more)
        certified = spectrum(topology)
        assert 0 < len(blocking_set(topology)) <= certified.largest_blocking
        assert 0 < len(cut_side(topology)) <= certified.largest_cut
