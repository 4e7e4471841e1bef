"""The shared-memory graph as protocols see it."""

from __future__ import annotations

import pytest

from rayrdma.model.errors import UsageError
from rayrdma.model.graph import Graph, complete
from rayrdma.model.memory import Memory
from rayrdma.model.operations import CHANGE_PERMISSION, READ, WRITE
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import Permission, everyone, exclusive_write_to_caller, exclusive_writer
from rayrdma.model.regions import Region

PATH = Graph(((1,), (0, 2), (1, 3), (2,)), "path")


@pytest.mark.parametrize(
    ("neighbours", "problem"),
    [
        (((0,),), "process 0 can not be its own neighbour"),
        (((1,), ()), "joins process 0 to 1, but not 1 to 0"),
        (((5,),), "joins process 0 to 5"),
        (((2, 1), (0,), (0,)), "not in ascending order"),
        (((1, 1), (0,)), "not in ascending order"),
    ],
)
def test_what_is_no_graph(neighbours: tuple[tuple[int, ...], ...], problem: str) -> None:
    with pytest.raises(UsageError, match=problem):
        Graph(neighbours)


def test_neighbourhoods() -> None:
    assert [PATH.closed(process) for process in range(4)] == [(0, 1), (0, 1, 2), (1, 2, 3), (2, 3)]
    assert PATH.represented([0, 3]) == {0, 1, 2, 3}
    assert PATH.represented([0]) == {0, 1}
    assert complete(3).neighbours == ((1, 2), (0, 2), (0, 1))
    assert complete(3).resilience == 2


def test_a_memory_is_out_of_reach_of_all_but_its_neighbourhood() -> None:
    [region] = PATH.regions(3, [Region("r", 1, everyone(4), of=int)])
    assert region.permission == Permission(readwrite=(2, 3))
    memory = Memory([region])
    assert [memory.apply(process, WRITE, "r", 0, process) for process in range(4)] == [NAK, NAK, ACK, ACK]
    assert [memory.apply(process, READ, "r", 0, None) for process in range(4)] == [NAK, NAK, 3, 3]


def test_nobody_out_of_reach_is_given_a_permission() -> None:
    """Neither does it ask with success, nor can somebody within reach ask for it."""
    region = Region("r", 1, exclusive_writer(0, 2), of=int, legal_change=lambda *change: True)
    memory = Memory(PATH.regions(0, [region]))
    for process, permission in ((3, everyone(2)), (0, everyone(4)), (1, Permission(read=(2,)))):
        memory.apply(process, CHANGE_PERMISSION, "r", 0, permission)
        assert memory.regions["r"].permission == exclusive_writer(0, 2)
    memory.apply(1, CHANGE_PERMISSION, "r", 0, exclusive_writer(1, 2))
    assert memory.regions["r"].permission == exclusive_writer(1, 2)


def test_the_policy_of_the_region_still_counts() -> None:
    region = Region("r", 1, exclusive_writer(0, 2), of=int, legal_change=exclusive_write_to_caller)
    memory = Memory(PATH.regions(0, [region]))
    memory.apply(1, CHANGE_PERMISSION, "r", 0, everyone(2))
    assert memory.regions["r"].permission == exclusive_writer(0, 2)
