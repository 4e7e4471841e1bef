from __future__ import annotations

import os
from pathlib import Path

import msgspec
import pytest

from rayrdma.checks.goals import goals_of
from rayrdma.checks.observation import Violation
from rayrdma.protocols import PROTOCOLS, Paxos, PaxosTwoPhase, ProtectedMemoryPaxos
from rayrdma.simulator.explore import hunt
from tests import swarm


def test_a_swarm_is_shared_out_counted_and_written(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    file = tmp_path / "made" / "swarm.json"
    told = swarm.swarm([Paxos, PaxosTwoPhase], 201, seed=7, jobs=1, file=file)
    assert msgspec.json.decode(file.read_bytes(), type=swarm.Swarm) == told
    assert (told.schedules, told.wrong, told.never, told.cores) == (201, 0, 0, 1)
    assert [(row.protocol, row.seed, row.schedules) for row in told.protocols] == [
        ("paxos", 7, 100),
        ("paxos-two-phase", 7, 101),
    ]
    for row in told.protocols:
        assert row.rate == pytest.approx(row.schedules / row.seconds)
        assert set(row.goals) == set(goals_of(Paxos))
        assert min(row.goals.values()) > 0
    assert [line.split()[0] for line in capsys.readouterr().out.splitlines()] == ["paxos", "paxos-two-phase"]


def test_every_schedule_is_somebodys() -> None:
    for schedules in (1, 17, 18, 1_000_000):
        shares = dict(zip(PROTOCOLS, swarm.shares(list(PROTOCOLS.values()), schedules), strict=True))
        assert sum(shares.values()) == schedules
    assert shares["paxos"] == pytest.approx(8 * shares["fab"], rel=1e-3)
    assert shares["fab"] > 9_000


def test_what_goes_wrong_is_written_by_its_seed_and_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    violation = Violation("agreement", "two decisions")
    monkeypatch.setattr(swarm, "PROTOCOLS", {"paxos": Paxos})
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})
    monkeypatch.setattr(hunt.Case, "_wrong", lambda case, *_: [violation] if case.scenario.seed % 50 == 3 else [])
    assert swarm.main(["120", "--file", str(tmp_path / "swarm.json")]) == 1
    told = msgspec.json.decode((tmp_path / "swarm.json").read_bytes(), type=swarm.Swarm)
    assert told.protocols[0].wrong == {seed: ["agreement: two decisions"] for seed in (3, 53, 103)}
    printed = capsys.readouterr().out
    assert "  seed 53: agreement: two decisions\n" in printed
    assert "3 wrong, none of the goals never met" in printed


def test_a_goal_that_was_never_met_fails(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swarm, "PROTOCOLS", {"protected-memory-paxos": ProtectedMemoryPaxos})
    monkeypatch.setattr(os, "sched_getaffinity", lambda process: {0})
    assert swarm.main(["1", "--seed", "2", "--file", str(tmp_path / "swarm.json")]) == 1
    (row,) = msgspec.json.decode((tmp_path / "swarm.json").read_bytes(), type=swarm.Swarm).protocols
    told = [line.removeprefix("  never: ") for line in capsys.readouterr().out.splitlines() if "  never: " in line]
    assert told == [goal for goal, met in row.goals.items() if not met]
    assert 0 < len(told) < len(row.goals)
