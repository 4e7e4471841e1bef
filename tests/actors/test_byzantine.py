"""Byzantine behaviours in real actors: the same classes as in the simulator, and the same promises."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from rayrdma import Behaviour, Byzantine, Experiment, Facade, Record, RunConfig, ScalingConfig
from rayrdma.faults.byzantine import BEHAVIOURS

pytestmark = pytest.mark.live
ROUNDS = 3


class _Shouting(Facade):
    def outgoing(self, to: int, message: Record) -> Iterable[tuple[int, Record]]:
        yield to, message
        yield to, message


class Shout(Behaviour):
    """Not part of the library: it travels to its actor by value."""

    name = "shout"

    async def run(self, value: object) -> None:
        self.act(_Shouting(self.process), value)
        await self.go_on()


@pytest.mark.parametrize(
    ("protocol", "behaviours", "packed"),
    [
        ("pbft", [BEHAVIOURS["two-proposals"]], None),
        ("pbft", [BEHAVIOURS["garbage"], BEHAVIOURS["omit-locks"]], 2),
        ("fab", [Shout], None),
    ],
)
def test_all_others_decide_the_same(protocol: str, behaviours: list[type[Behaviour]], packed: int | None) -> None:
    result = Experiment(
        protocol,
        scaling=ScalingConfig(processes=7, processes_per_actor=packed),
        run=RunConfig(engine="ray", rounds=ROUNDS, timeout=60),
        faults=[Byzantine(process, behaviour) for process, behaviour in enumerate(behaviours)],
    ).run()
    assert (result.verdict, result.rounds) == ("decided", ROUNDS), result.reason
    assert sorted(result.decisions) == [f"p{id}" for id in range(len(behaviours), 7)]
    assert len(set(result.decisions.values())) == 1
    assert all(result.signatures[name]["made"] >= 1 for name in result.decisions)


@pytest.mark.parametrize("transport", ["shm", "ray-channel"])
def test_a_memory_gives_nobody_what_its_policy_forbids(transport: str) -> None:
    """Every permission is asked for; a region whose policy is static stays as it is, and the others decide."""
    result = Experiment(
        "disk-paxos",
        run=RunConfig(engine="ray", transport=transport, rounds=ROUNDS),
        faults=[Byzantine(2, BEHAVIOURS["grab"])],
    ).run()
    assert result.verdict == "decided", result.reason
    assert result.promises == "disk-paxos promises nothing if processes are Byzantine"


@pytest.mark.parametrize("transport", ["shm", "ray-channel"])
def test_cheap_quorum_in_rounds(transport: str) -> None:
    """Its processes go on after their decisions, so a round ends when all correct ones have decided."""
    result = Experiment("cheap-quorum", run=RunConfig(engine="ray", transport=transport, rounds=10, timeout=60)).run()
    assert (result.verdict, result.rounds) == ("decided", 10), result.reason
    assert result.first_decision_delays == 2
    assert sorted(result.decisions) == ["p0", "p1", "p2"]
    assert {used["made"] for used in result.signatures.values()} == {2, 3}  # the leader's value, copies, proofs


def test_who_aborts_from_cheap_quorum_is_waited_for_no_longer() -> None:
    result = Experiment(
        "cheap-quorum",
        run=RunConfig(engine="ray", timeout=60),
        faults=[Byzantine(2, BEHAVIOURS["fakes-panic"])],
    ).run()
    assert result.violations == []
    assert result.verdict in ("decided", "blocked")
    assert "p2" not in result.decisions
    if result.verdict == "blocked":
        assert "it aborted with" in result.reason
