from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from rayrdma.clusters.attack import (
    all_within_two,
    attack,
    blocking_set,
    cut_side,
    least_expanding,
    represented,
    within_two,
)
from rayrdma.clusters.topology import Topology, make_topology
from rayrdma.model.errors import UsageError

from .witnesses import neighbourhood
from .zoo import ZOO


def test_represented_are_the_survivors_and_their_neighbours() -> None:
    ring = ZOO["C_8"]
    assert represented(ring, []) == 0
    assert represented(ring, [0]) == 3
    assert represented(ring, [0, 1]) == 4
    assert represented(ring, [0, 4]) == 6
    assert represented(ring, range(8)) == 8


@pytest.mark.parametrize("name", ZOO)
def test_in_a_small_graph_no_survivors_are_worse(name: str) -> None:
    topology = ZOO[name]
    for survivors in {1, 2, 3, topology.n // 2, topology.n - 1, topology.n}:
        found = attack(topology, survivors)
        assert found.tolist() == sorted({*found.tolist()})
        assert len(found) == survivors
        worst = min(len(neighbourhood(topology, [*chosen])) for chosen in combinations(range(topology.n), survivors))
        assert represented(topology, found) == worst


def test_one_seed_gives_one_set_of_survivors() -> None:
    topology = make_topology("random-regular", processes=120, degree=4, seed=1)
    for search in (attack_a_fifth, blocking_set, cut_side, least_expanding):
        assert np.array_equal(search(topology, seed=4), search(topology, seed=4))
    assert not np.array_equal(attack_a_fifth(topology, seed=4), attack_a_fifth(topology, seed=5))


def attack_a_fifth(topology: Topology, *, seed: int) -> np.ndarray:
    return attack(topology, topology.n // 5, seed=seed)


def test_the_search_is_far_worse_than_chance() -> None:
    topology = make_topology("random-regular", processes=600, degree=8, seed=1)
    survivors = 90
    by_chance = np.random.default_rng(1).choice(600, survivors, replace=False)
    assert represented(topology, attack(topology, survivors)) < 0.75 * represented(topology, by_chance)


def test_a_blocking_set_represents_no_more_than_half() -> None:
    topology = make_topology("random-regular", processes=501, degree=6, seed=2)
    found = blocking_set(topology)
    assert represented(topology, found) <= 250
    assert len(found) > 60
    assert len(blocking_set(topology, most=10)) >= 10


def test_no_set_blocks_a_complete_graph() -> None:
    assert len(blocking_set(ZOO["K_8"])) == len(cut_side(ZOO["K_8"])) == 0


def test_hubs_do_not_make_a_search_long() -> None:
    star = make_topology("star", processes=20_000)
    assert represented(star, attack(star, 5_000)) == 5_001


def test_survivors_come_from_other_components_too() -> None:
    topology = make_topology("disjoint-clusters", sizes=(5, 4, 3, 3))
    assert represented(topology, attack(topology, 6)) == 6


def test_processes_within_two() -> None:
    indptr, indices = within_two(ZOO["C_6"])
    rows = np.split(indices, indptr[1:-1])
    assert [row.tolist() for row in rows][:2] == [[0, 1, 2, 4, 5], [0, 1, 2, 3, 5]]
    assert [name for name in ZOO if all_within_two(ZOO[name])] == [
        "K_4", "K_5", "K_8", "C_5", "Petersen", "K_3,3", "star", "circulant 13 {1,5}",
    ]  # fmt: skip
    many = make_topology("complete-bipartite", sizes=(256, 3))  # 256 common neighbours are not none
    assert all_within_two(many)


@pytest.mark.parametrize("survivors", [0, -1, 9])
def test_at_least_one_process_survives_and_at_most_all(survivors: int) -> None:
    with pytest.raises(UsageError, match=f"1 to 8 processes can survive, not {survivors}"):
        attack(ZOO["C_8"], survivors)
