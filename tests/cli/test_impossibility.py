"""``rayrdma impossibility``: theorem 6.1 of P19, and the adversary of its proof."""

from __future__ import annotations

from pathlib import Path

import pytest

from rayrdma.impossibility import EXAMPLES, demonstrate
from rayrdma.model.errors import ProtocolError, UsageError
from rayrdma.model.protocol import Protocol
from rayrdma.protocols.disk_paxos import DiskPaxos
from rayrdma.protocols.naive import NAIVE
from rayrdma.protocols.protected_memory_paxos import ProtectedMemoryPaxos
from rayrdma.scenario import Scenario
from rayrdma.simulator.explore.solo import hold_back
from tests.cli.command import ROOT, Command

OWN = f"{ROOT}/examples/own_protocol.py:CompareAndSwap"


@pytest.mark.parametrize(("processes", "memories"), [(2, 2), (2, 3), (3, 3), (4, 5)])
@pytest.mark.parametrize("protocol", NAIVE, ids=lambda protocol: protocol.name)
def test_what_is_quick_with_static_permissions_decides_twice(
    protocol: type[Protocol], processes: int, memories: int
) -> None:
    shown = demonstrate(protocol, processes, memories)
    assert (shown.static_permissions, shown.delays, shown.theorem_applies) == (True, 2, True)
    assert 0 < shown.disagreements < shown.schedules
    assert shown.refused == 0
    assert shown.example is not None
    assert shown.example.verdict == "violated"
    assert shown.example.violations[0].startswith("agreement: ")
    assert len(set(shown.example.decisions.values())) > 1


@pytest.mark.parametrize("processes", [2, 3, 4])
def test_against_permissions_that_change_the_adversary_fails(processes: int) -> None:
    shown = demonstrate(ProtectedMemoryPaxos, processes)
    assert (shown.delays, shown.static_permissions, shown.disagreements) == (2, False, 0)
    assert shown.refused > shown.schedules / 4, "what it held back"


@pytest.mark.parametrize("processes", [2, 3, 4])
def test_against_a_second_round_trip_the_adversary_fails(processes: int) -> None:
    shown = demonstrate(DiskPaxos, processes)
    assert (shown.delays, shown.static_permissions, shown.disagreements) == (4, True, 0)
    assert shown.as_proved


def test_every_set_of_effects_is_tried() -> None:
    """The first leader has three writes under way before its first step, and decides after the second answer."""
    tried = [(held.steps, held.landed) for held in hold_back(Scenario(ProtectedMemoryPaxos, ("a", "b"), 3))]
    assert len(set(tried)) == len(tried)
    assert {landed for steps, landed in tried if steps == 0} == {
        frozenset(landed) for landed in [(), (0,), (1,), (2,), (0, 1), (0, 2), (1, 2), (0, 1, 2)]
    }


def test_the_others_decide_while_one_is_held_back() -> None:
    for held in hold_back(Scenario(ProtectedMemoryPaxos, ("a", "b", "c"), 3)):
        observation = held.course.observation
        assert observation is not None
        assert {decided.process for decided in observation.decisions} == {0, 1, 2}
        if held.steps == 0:
            assert observation.decisions[0].process == 1


def test_without_words_it_is_a_table(rayrdma: Command) -> None:
    shown = rayrdma("impossibility")
    assert (shown.code, shown.errors) == (0, "")
    rows = [line.split() for line in shown.output.splitlines()]
    assert [row[0] for row in rows[2:7]] == [protocol.name for protocol in EXAMPLES]
    assert len([line for line in shown.output.splitlines() if line.startswith("  rayrdma replay runs/naive-")]) == 3


def test_a_disagreement_can_be_replayed(rayrdma: Command) -> None:
    (shown,) = rayrdma("impossibility", "naive-lease", "--json").json
    folder = Path(shown["example"]["folder"])
    replayed = rayrdma("replay", folder / "replay.json", "--json")
    assert (replayed.code, replayed.json["violations"]) == (1, shown["example"]["violations"])
    assert (folder / "diagram.html").exists()


def test_compare_and_swap_escapes(rayrdma: Command) -> None:
    shown = rayrdma("impossibility", OWN)
    assert (shown.code, shown.errors) == (0, "")
    assert "compare-and-swap is no operation of a register" in shown.output


class Raising(ProtectedMemoryPaxos):
    name = "raising"

    async def lead(self, value: object) -> None:
        raise ValueError("not thought of")


def test_what_makes_no_sense_is_one_line(rayrdma: Command) -> None:
    for command, names in [
        (["paxos"], ["paxos has none"]),
        (["hybrid-ben-or"], ["memories that all share"]),
        (["disk-paxos", "--processes", "1"], ["1 processes", "--processes 2"]),
        (["disk-paxos", "--memories", "0"], ["needs memories"]),
        (["raft"], ["'raft'"]),
    ]:
        finished = rayrdma("impossibility", *command)
        assert finished.code == 64
        assert all(name in finished.said() for name in names)
    with pytest.raises(UsageError):
        demonstrate(ProtectedMemoryPaxos, 1)
    with pytest.raises(ProtocolError, match="not thought of"):
        demonstrate(Raising)
