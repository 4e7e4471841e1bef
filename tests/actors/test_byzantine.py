"""Byzantine behaviours in real actors: the same classes as in the simulator, and the same promises."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from rayrdma import After, Behaviour, Byzantine, Crash, Experiment, Facade, Record, RunConfig, ScalingConfig
from rayrdma.faults.byzantine import BEHAVIOURS
from rayrdma.protocols.fast_and_robust import FastAndRobust

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


class Patient(FastAndRobust):
    """A machine that is busy shall not make it panic; and its leader decides with one signature, or fails."""

    name = "patient"
    patience = 30_000.0

    async def lead(self, value: object) -> bool:
        decided = await super().lead(value)
        if (self.process.decided, self.process.signatures.made) != (True, 1):
            raise AssertionError("the leader needs more than one signature")
        return decided


@pytest.mark.parametrize("transport", ["shm", "ray-channel"])
def test_the_common_case_takes_two_delays_and_one_signature(transport: str) -> None:
    """Its processes go on after their decisions, so a round ends when all correct ones have decided."""
    result = Experiment(Patient, run=RunConfig(engine="ray", transport=transport, rounds=10, timeout=60)).run()
    assert (result.verdict, result.rounds) == ("decided", 10), result.reason
    for round in result.round_log:
        assert (round.first_decider, round.delays["p0"]) == (0, 2)
        assert min(round.delays["p1"], round.delays["p2"]) >= 8, "a copy, a proof, and their reads come before"
    assert {used["made"] for used in result.signatures.values()} == {2, 3}  # the leader's value, copies, proofs


@pytest.mark.parametrize(
    ("behaviour", "transport"),
    [("silent", "shm"), ("leader-splits", "shm"), ("rewrites-history", "shm"), ("equivocate", "ray-channel")],
)
def test_fast_and_robust_decides_whatever_its_leader_does(behaviour: str, transport: str) -> None:
    result = Experiment(
        "fast-and-robust",
        run=RunConfig(engine="ray", transport=transport, rounds=ROUNDS, timeout=60),
        faults=[Byzantine(0, behaviour)],
    ).run()
    assert (result.verdict, result.rounds) == ("decided", ROUNDS), result.reason
    assert sorted(result.decisions) == ["p1", "p2"]
    assert len(set(result.decisions.values())) == 1


def test_a_leader_that_is_killed_is_one_that_falls_silent() -> None:
    faults = [Crash(process=0, at=After("write", 4)), Crash(memory=1, at=0)]
    result = Experiment("fast-and-robust", run=RunConfig(engine="ray", timeout=60), faults=faults).run()
    assert result.verdict == "decided", result.reason
    assert set(result.decisions.values()) == {"v0"}, "it had decided, and the others have to stay with that"


def test_two_attackers_of_five_do_not_stop_the_backup() -> None:
    result = Experiment(
        "robust-backup-paxos",
        scaling=ScalingConfig(processes=5),
        run=RunConfig(engine="ray", rounds=ROUNDS, timeout=60),
        faults=[Byzantine(0, "equivocate"), Byzantine(3, "garbage")],
    ).run()
    assert (result.verdict, result.rounds) == ("decided", ROUNDS), result.reason
    assert sorted(result.decisions) == ["p1", "p2", "p4"]
    assert len(set(result.decisions.values())) == 1


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
