"""A Ray that is there already: initialised by the user, or reached by its address; one node or two."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.actors.heads import head, node
from tests.actors.leftovers import processes

pytestmark = pytest.mark.live

JOINS = """
import ray
from rayrdma import Experiment, RunConfig
ray.init(include_dashboard=False, num_cpus=2, object_store_memory=2**27, _temp_dir={folder!r}, logging_level="error")
pid = ray._private.worker._global_node.all_processes["raylet"][0].process.pid
for _ in range(2):
    result = Experiment("protected-memory-paxos", run=RunConfig("ray")).run()
    assert result.verdict == "decided", result
    assert ray.is_initialized()
    assert pid == ray._private.worker._global_node.all_processes["raylet"][0].process.pid
ray.shutdown()
"""


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "rayrdma", "run", "protected-memory-paxos", "--engine", "ray", "--json"]
    return subprocess.run([*command, *arguments], capture_output=True, text=True, stdin=subprocess.DEVNULL)


def decided(*arguments: str) -> dict[str, Any]:
    done = run(*arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    assert result["verdict"] == "decided"
    return result


def test_a_ray_that_the_user_initialised_is_joined_and_left_running(authenticated: Path) -> None:
    script = JOINS.format(folder=str(authenticated / "ray"))
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, stdin=subprocess.DEVNULL)
    assert done.returncode == 0, done.stderr


def test_a_cluster_of_two_nodes_is_reached_by_its_address_and_left_running(
    private: tuple[str, Path], authenticated: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    mark, _ = private
    runs = ["--rounds", "5", "--out", str(authenticated / "runs")]
    with head(authenticated, "--include-dashboard=false") as address:
        # Workers come and go; one that has just begun has not its name yet.
        alone = {pid for pid, command in processes(mark).items() if not re.search("ray::IDLE|default_worker", command)}
        assert decided("--address", address, *runs)["transports"] == {"shm": 9}
        assert alone
        assert alone <= set(processes(mark))
        with node(authenticated, "second", f"--address={address}"):
            # On one host they share memory, whatever nodes they are on.
            monkeypatch.setenv("RAY_ADDRESS", address)
            assert decided(*runs)["transports"] == {"shm": 9}
            # Between nodes, frames go by actor calls, and the result says so.
            transports = decided("--transport", "ray-channel", *runs)["transports"]
            assert sum(transports.values()) == 9
            assert transports["ray-channel (actor calls)"] > 0
    assert not [command for command in processes(mark).values() if "/raylet " in command]


def test_an_address_where_nobody_listens_is_one_line_within_seconds(tmp_path: Path) -> None:
    done = run("--address", "127.0.0.1:9", "--out", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rayrdma: no Ray answers at 127.0.0.1:9 (")
    assert done.stderr.count("\n") == 1
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("address", ["nonsense", "127.0.0.1:port", "nohost.invalid:6379"])
def test_an_address_that_is_none_is_one_line(tmp_path: Path, address: str) -> None:
    done = run("--address", address, "--out", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"rayrdma: no Ray answers at {address} (")
    assert done.stderr.count("\n") == 1
