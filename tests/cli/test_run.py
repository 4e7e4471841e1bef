"""``rayrdma run``: what it prints, what it keeps, how it ends."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.cli.command import ROOT, Command, Finished, environment, run_alone, started

KEYS = {
    "protocol", "engine", "transports", "processes", "memories", "seed", "inputs", "decisions",
    "first_decision_delays", "first_decision_seconds", "faults", "verdict", "reason", "rounds", "versions",
}  # fmt: skip


def test_json_is_one_object_with_everything_in_it(rayrdma: Command) -> None:
    finished = rayrdma("run", "protected-memory-paxos", "--inputs", "a,b,c", "--seed", 7, "--rounds", 3, "--json")
    assert finished.code == 0
    assert finished.errors == ""
    result = finished.json
    assert set(result) >= KEYS
    assert result["inputs"] == ["a", "b", "c"]
    assert result["decisions"] == {"p0": "a", "p1": "a", "p2": "a"}
    assert (result["verdict"], result["first_decision_delays"], result["rounds"]) == ("decided", 2, 3)
    assert result["first_decision_seconds"] is None
    assert (result["seed"], result["processes"], result["memories"]) == (7, 3, 3)


def test_the_summary_says_the_same(rayrdma: Command) -> None:
    finished = rayrdma("run", "disk-paxos", "--inputs", "a,b,c", "--crash", "p0@write:2,m2@0", "--pause", "p1@3-9")
    assert finished.code == 0
    assert "disk-paxos  decided" in finished.output
    assert "'a' by p1, p2" in finished.output
    assert "p0@write:2, m2@0, p1@3-9" in finished.output
    assert "runs/disk-paxos/" in finished.output


def test_a_blocked_run_ends_with_2_and_names_the_wait(rayrdma: Command) -> None:
    finished = rayrdma("run", "protected-memory-paxos", "--crash", "m0@0,m1@0", "--json")
    assert finished.code == 2
    assert finished.json["verdict"] == "blocked"
    assert "needs 2 of 3 memories, 1 alive" in finished.json["reason"]


def test_a_violated_run_ends_with_1_and_names_the_check(rayrdma: Command, tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(
        "from rayrdma import Protocol\n"
        "class Selfish(Protocol):\n"
        "    name = 'selfish'\n"
        "    needs_memories = False\n"
        "    async def propose(self, value):\n"
        "        self.process.decide(value)\n"
    )
    finished = rayrdma("run", "own.py:Selfish", "--json")
    assert finished.code == 1
    assert finished.json["verdict"] == "violated"
    assert finished.json["violations"][0].startswith("agreement: p0 decided 'v0'")


def test_processes_follow_the_inputs_and_memories_the_protocol(rayrdma: Command) -> None:
    of_two = rayrdma("run", "disk-paxos", "--inputs", "a,b", "--json").json
    assert (of_two["processes"], of_two["memories"]) == (2, 3)
    without = rayrdma("run", "paxos", "--processes", 5, "--json").json
    assert (without["processes"], without["memories"], without["transports"]) == (5, 0, {})


def test_inputs_from_a_file(rayrdma: Command, tmp_path: Path) -> None:
    (tmp_path / "inputs.txt").write_text("x = 1\ny = 2\n", encoding="utf-8")
    assert rayrdma("run", "paxos", "--inputs", "@inputs.txt", "--json").json["inputs"] == ["x = 1", "y = 2"]


def test_the_run_folder_keeps_result_trace_and_replay(rayrdma: Command, tmp_path: Path) -> None:
    first = rayrdma("run", "paxos", "--json", "--out", "kept").json
    second = rayrdma("run", "paxos", "--json", "--out", "kept").json
    assert first["folder"] != second["folder"]
    folder = tmp_path / "kept" / "paxos" / "latest"
    assert folder.resolve() == (tmp_path / second["folder"]).resolve()
    assert {file.name for file in folder.iterdir()} == {"result.json", "trace.jsonl", "replay.json"}
    assert json.loads((folder / "result.json").read_text()) == second
    events = [json.loads(line) for line in (folder / "trace.jsonl").read_text().splitlines()]
    assert {"Sent", "Delivered", "Decided"} == {event["type"] for event in events}


@pytest.mark.parametrize("protocol", ["paxos", "disk-paxos", "protected-memory-paxos"])
def test_an_own_seed_gives_an_own_run(rayrdma: Command, tmp_path: Path, protocol: str) -> None:
    traces = []
    for seed in (1, 1, 2):
        result = rayrdma("run", protocol, "--schedule", "adversary", "--seed", seed, "--json").json
        traces.append((tmp_path / result["folder"] / "trace.jsonl").read_bytes())
    assert traces[0] == traces[1] != traces[2]


def test_the_same_seed_gives_the_same_trace_in_another_process(tmp_path: Path) -> None:
    arguments = ["run", "protected-memory-paxos", "--schedule", "adversary", "--seed", "5", "--crash", "p1@write:3"]
    for hash_seed in ("0", "4242"):
        subprocess.run(
            [sys.executable, "-m", "rayrdma", *arguments, "--out", f"runs{hash_seed}"],
            cwd=tmp_path,
            env=environment(PYTHONHASHSEED=hash_seed),
            check=True,
            capture_output=True,
        )
    one, other = (next(tmp_path.glob(f"runs{seed}/*/latest/trace.jsonl")).read_bytes() for seed in ("0", "4242"))
    assert one == other


def _wait_for_rounds(folder: Path, running: subprocess.Popen[str]) -> None:
    """Until the second round is being written: then the first one is kept."""
    sizes: set[int] = set()
    while len(sizes - {0}) < 2:
        assert running.poll() is None, running.communicate()
        sizes.update(trace.stat().st_size for trace in folder.glob("*/trace.jsonl"))


def test_an_interrupted_run_leaves_what_it_had(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "paxos"
    with started("run", "paxos", "--rounds", 10_000_000, "--json", folder=tmp_path) as running:
        _wait_for_rounds(folder, running)
        running.send_signal(signal.SIGINT)
        output, errors = running.communicate(timeout=100)
    finished = Finished(running.returncode, output, errors)
    assert finished.code == 130
    assert finished.said().startswith("interrupted; what it had is in runs/paxos/")
    latest = folder / "latest"
    result = json.loads((latest / "result.json").read_text())
    assert result["verdict"] == "unknown"
    assert result["reason"] == f"interrupted after {result['rounds']} of 10000000 rounds"
    again = run_alone("replay", latest / "replay.json", folder=tmp_path)
    assert again.code == 0, again
    assert "byte for byte" in again.output


def test_a_killed_run_leaves_no_broken_link(tmp_path: Path) -> None:
    folder = tmp_path / "runs" / "paxos"
    with started("run", "paxos", "--rounds", 10_000_000, folder=tmp_path) as running:
        _wait_for_rounds(folder, running)
    assert not (folder / "latest").is_symlink()
    assert (next(folder.iterdir()) / "trace.jsonl").stat().st_size > 0


@pytest.mark.parametrize(
    ("imported", "heavy"), [("rayrdma", ("ray", "numba", "numpy")), ("rayrdma.cli", ("ray", "numba"))]
)
def test_what_importing_it_does_not_import(imported: str, heavy: tuple[str, ...]) -> None:
    code = f"import sys, {imported}; print([name for name in {heavy} if name in sys.modules])"
    finished = subprocess.run(
        [sys.executable, "-c", code], env=environment(), capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert finished.stdout.strip() == "[]"
