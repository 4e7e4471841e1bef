"""HBO at scale on Ray: shards as actors, on one node or two, killed, interrupted."""

from __future__ import annotations

import contextlib
import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import pytest

from rayrdma.actors.shards import shards_on_ray, spread
from rayrdma.clusters.topology import make_topology
from rayrdma.model.errors import EnvironmentProblem
from rayrdma.scale import ScaleConfig, run_scale
from rayrdma.simulator.batch.population import Population
from rayrdma.simulator.batch.rounds import run_rounds
from rayrdma.simulator.batch.shard import Setting
from tests.actors.heads import head, node
from tests.actors.leftovers import actors, processes, wait_for, wait_until_gone
from tests.cli.command import heed_interrupts

pytestmark = pytest.mark.live

GRAPH = make_topology("random-regular", processes=2000, degree=16)
ENDLESS = (
    *("scale", "--topology", "random-regular", "--degree", "16", "--processes", "2000"),
    *("--shards", "2", "--max-rounds", "1000000000"),
)
"""With local coins and mixed inputs: nobody will ever decide."""


@pytest.mark.parametrize("arrival", ["asynchronous", "synchronous"])
def test_2000_processes_on_ray_take_the_course_that_they_take_in_one_process(on_ray: str, arrival: str) -> None:
    def course(**more: Any) -> dict[str, Any]:
        config = ScaleConfig(GRAPH, "random", 0.7, coin="common", arrival=arrival, seed=5, **more)
        result = run_scale(config)
        assert result.verdict == "decided"
        assert result.nodes == 1
        assert result.peak_bytes > 2**20
        other = ("seconds", "phase_seconds", "peak_bytes", "engine", "shards")
        return {name: value for name, value in msgspec.to_builtins(result).items() if name not in other}

    assert course(shards=3) == course(engine="sim")


def population() -> Population:
    n = GRAPH.n
    return Population(np.ones(n, bool), np.arange(n, dtype=np.int8) % 2, *GRAPH.closed())


@pytest.mark.parametrize("moment", ["between two phases", "in a phase"])
def test_a_shard_that_is_killed_is_named(on_ray: str, moment: str) -> None:
    with shards_on_ray(Setting(0), population(), 4, None) as shards:
        assert len(actors(on_ray)) == 4
        if moment == "between two phases":
            os.kill(shards.pids[2], signal.SIGKILL)
        with pytest.raises(EnvironmentProblem) as raised:
            run_rounds(shards, (1000, 1000), 0, 10**9, lambda stage: stage.round == 3 and kill(shards.pids[2]))
    assert re.fullmatch(
        r"the actor of shard 2 \(processes 1,000 to 1,499\) on node [\d.]+ died, and their memories with it; "
        "was it killed, or did the node run out of memory[?]",
        str(raised.value),
    )


def kill(pid: int) -> None:
    with contextlib.suppress(ProcessLookupError):  # it is dead already
        os.kill(pid, signal.SIGKILL)


def start(*arguments: str) -> subprocess.Popen[str]:
    """In a process group of its own, as a shell starts a command in a terminal."""
    return subprocess.Popen(
        [sys.executable, "-m", "rayrdma", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    )


def await_first_phase(run: subprocess.Popen[str], folder: Path) -> None:
    wait_for(lambda: list(folder.glob("scale/*")) or run.poll() is not None, "the first phase")
    assert run.poll() is None, run.communicate()


def shard_pids(mark: str) -> list[int]:
    return [pid for pid, command in actors(mark).items() if command.startswith("ray::ShardHost")]


def test_the_command_says_in_a_line_which_shard_died(private: tuple[str, Path], tmp_path: Path) -> None:
    mark, _ = private
    run = start(*ENDLESS, "--json", "--out", str(tmp_path))
    await_first_phase(run, tmp_path)
    os.kill(shard_pids(mark)[0], signal.SIGKILL)
    output, errors = run.communicate()
    assert (run.returncode, output) == (2, ""), errors
    assert re.fullmatch(
        r"rayrdma: the actor of shard (0 \(processes 0 to 999|1 \(processes 1,000 to 1,999)\) on node .* died, .*\n",
        errors,
    ), errors
    wait_until_gone(lambda: processes(mark))


def test_ctrl_c_is_one_line_and_leaves_nothing(private: tuple[str, Path], tmp_path: Path) -> None:
    mark, _ = private
    run = start(*ENDLESS, "--json", "--out", str(tmp_path))
    await_first_phase(run, tmp_path)
    assert len(shard_pids(mark)) == 2
    os.killpg(run.pid, signal.SIGINT)
    output, errors = run.communicate()
    assert (run.returncode, output, errors) == (130, "", "rayrdma: interrupted\n")
    wait_until_gone(lambda: processes(mark))


def test_a_node_gets_shards_in_proportion_to_its_cpus() -> None:
    assert spread(4, {"a": 2.0, "b": 2.0}) == ["a", "b", "a", "b"]
    assert spread(6, {"a": 4.0, "b": 2.0, "head": 0.0}) == ["a", "a", "b", "a", "a", "b"]
    assert spread(3, {"a": 0.0, "b": 0.0}) == ["a", "b", "a"]
    assert spread(1, {"a": 1.0, "b": 8.0}) == ["b"]


def test_shards_are_spread_over_the_nodes_of_a_cluster(private: tuple[str, Path], authenticated: Path) -> None:
    with head(authenticated, "--include-dashboard=false") as address, node(authenticated, "b", f"--address={address}"):
        run = start(
            *("scale", "--topology", "random-regular", "--degree", "16", "--processes", "2000", "--json"),
            *("--crash", "random", "--fraction", "0.7", "--coin", "common", "--address", address),
            *("--out", str(authenticated / "runs")),
        )
        output, errors = run.communicate()
        assert (run.returncode, errors) == (0, "")
        result = json.loads(output)
        assert (result["verdict"], result["shards"], result["nodes"]) == ("decided", 4, 2)
