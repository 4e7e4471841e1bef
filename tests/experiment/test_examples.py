"""The examples do what they say."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from rayrdma import Experiment, RunConfig, ScalingConfig
from tests.cli.command import ROOT, environment

EXAMPLES = ROOT / "examples"


def run(name: str, folder: Path) -> str:
    finished = subprocess.run(
        [sys.executable, str(EXAMPLES / name)], cwd=folder, env=environment(), capture_output=True, text=True
    )
    assert finished.returncode == 0, finished.stderr
    assert list(folder.iterdir()) == []
    return finished.stdout


def test_own_protocol(tmp_path: Path) -> None:
    lines = run("own_protocol.py", tmp_path).splitlines()
    assert lines[0] == "nothing crashed: decided after 1000 rounds; 3 of 3 processes decided 'red'"
    assert lines[1].startswith("p0@0, p2@0 crashed: decided after 1000 rounds; 1 of 3 processes decided 'green'")
    assert lines[2].startswith("m0@0 crashed: blocked")
    assert "needs 1 of 1 memories, 0 alive" in lines[2]


def test_its_own_check_is_applied_and_can_fail(tmp_path: Path) -> None:
    text = (EXAMPLES / "own_protocol.py").read_text()
    wrong = text.replace("decide(value if old is None else old)", "decide(value)")
    assert wrong != text
    (tmp_path / "wrong.py").write_text(wrong)
    result = Experiment(
        f"{tmp_path}/wrong.py:CompareAndSwap", ["a", "b"], scaling=ScalingConfig(memories=1), run=RunConfig()
    ).run()
    assert "first swap decides" in result.checks
    assert any(violation.startswith("first swap decides: p1 decided 'b', not 'a'") for violation in result.violations)


def test_byzantine_leader(tmp_path: Path) -> None:
    cheap_quorum, fast_and_robust = run("byzantine_leader.py", tmp_path).split("fast-and-robust:\n")
    assert cheap_quorum.startswith("cheap-quorum:\n  somebody aborted, and nobody disagreed: ")
    assert "aborted" not in fast_and_robust
    for part in (cheap_quorum.removeprefix("cheap-quorum:\n"), fast_and_robust):
        assert sum(int(line.split(": ")[1].split()[0]) for line in part.splitlines()) == 200


def test_sparse_graph(tmp_path: Path) -> None:
    assert run("sparse_graph.py", tmp_path).splitlines() == [
        "hybrid-ben-or, 8 of 10 crashed: decided: 2 of 10 processes decided 1",
        "hybrid-ben-or, 9 of 10 crashed: blocked: p0 represented 4 of 10, needs > 5",
        "mixed-consensus, 9 of 10 crashed: decided: 1 of 10 processes decided 0",
    ]


def test_leader_election(tmp_path: Path) -> None:
    reliable, lossy = run("leader_election.py", tmp_path).split("omega-over-lossy-links:")
    for part in (reliable.removeprefix("omega:"), lossy):
        head, messages, writes, reads = part.splitlines()
        assert head == " p1 led until it crashed, then p3"
        assert messages.endswith("of these in the last third 0")
        assert re.fullmatch(r"  writes in the last third: \d+ by p3 on m3", writes)
        assert [f"p{p} on m3" in reads for p in range(4)] == [True, False, True, part is lossy]


@pytest.mark.live
def test_quickstart(tmp_path: Path) -> None:
    lines = run("quickstart.py", tmp_path).splitlines()
    assert lines[0] == "simulator: {'p0': 'red', 'p1': 'red', 'p2': 'red'} after 2 delays"
    assert lines[1].startswith("adversary: decided, {'p1': ")
    assert lines[2] == "Ray: {'p0': 'red', 'p1': 'red', 'p2': 'red'} after 2 delays, over {'shm': 9}"
    assert lines[3].endswith("microseconds in the last of 20 rounds")


@pytest.mark.live
def test_own_protocol_on_ray(tmp_path: Path) -> None:
    finished = subprocess.run(
        [sys.executable, "-m", "rayrdma", "run", f"{EXAMPLES}/own_protocol.py:CompareAndSwap", "--engine", "ray"],
        cwd=tmp_path,
        env=environment(),
        capture_output=True,
        text=True,
    )
    assert finished.returncode == 0, finished.stderr
    assert "compare-and-swap  decided" in finished.stdout
    assert "2 to the first decision" in finished.stdout


@pytest.mark.live
def test_kill_the_leader(tmp_path: Path) -> None:
    lines = run("kill_the_leader.py", tmp_path).splitlines()
    assert lines[0].startswith("decided: 2 of 3 processes decided ")
    assert lines[1].startswith("survivors: {'p1': ")
