"""However a run ends, nothing stays behind: no actor, no process of Ray's, no file, no folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from rayrdma.actors.coordinator import Coordinator
from rayrdma.model.errors import EnvironmentProblem
from rayrdma.protocols import ProtectedMemoryPaxos
from rayrdma.scenario import Scenario
from tests.actors.leftovers import actors, processes, runs, wait_for, wait_until_gone
from tests.cli.command import heed_interrupts

pytestmark = pytest.mark.live

Mark = tuple[str, Path]


def ray_is_starting(mark: str) -> bool:
    return any("/raylet " in command for command in processes(mark).values())


def actors_are_starting(mark: str) -> bool:
    return any(command.startswith("ray::ProcessHost") for command in processes(mark).values())


def start(*command: str) -> subprocess.Popen[str]:
    """In a process group of its own, as a shell starts a command in a terminal."""
    return subprocess.Popen(
        [sys.executable, *command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=heed_interrupts,
    )


@pytest.mark.parametrize("moment", [ray_is_starting, actors_are_starting, None], ids=["Ray starts", "set-up", "rounds"])
def test_ctrl_c_is_one_line_and_exit_code_130(
    private: Mark, tmp_path: Path, moment: Callable[[str], bool] | None
) -> None:
    mark, _ = private
    run = start(
        *("-m", "rayrdma", "run", "protected-memory-paxos", "--engine", "ray", "--rounds", "1000000"),
        *("--out", str(tmp_path)),
    )
    if moment is None:
        wait_for(lambda: list(tmp_path.rglob("trace.jsonl")), "the first round")
    else:
        wait_for(lambda: moment(mark), moment.__name__)
    os.killpg(run.pid, signal.SIGINT)
    output, errors = run.communicate()
    assert (run.returncode, output) == (130, ""), errors
    assert re.fullmatch(r"rayrdma: interrupted(; what it had is in \S+)?\n", errors), errors
    wait_until_gone(lambda: processes(mark))


@pytest.mark.parametrize(
    ("number", "transport"),
    [(signal.SIGTERM, "ray-channel"), (signal.SIGKILL, "ray-channel"), (signal.SIGKILL, "shm")],
    ids=["SIGTERM", "SIGKILL-ray-channel", "SIGKILL-shm"],
)
def test_a_driver_that_is_ended_in_a_round_takes_everything_along(
    private: Mark, number: signal.Signals, transport: str
) -> None:
    mark, folder = private
    run = start("-m", "tests.actors.driver", transport)
    assert run.stdout is not None
    assert run.stdout.readline() == "3\n"
    assert len(actors(mark)) == 7
    assert list(folder.iterdir()), "Ray's own folder"
    os.kill(run.pid, number)
    assert run.wait() != 0
    run.communicate()


def test_a_driver_that_is_killed_while_ray_starts_leaves_nothing(private: Mark) -> None:
    mark, _ = private
    run = start("-m", "tests.actors.driver", "shm")
    wait_for(lambda: ray_is_starting(mark), "a raylet")
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()


def test_the_parties_do_not_outlive_their_coordinator(on_ray: str) -> None:
    with Coordinator.start(Scenario(ProtectedMemoryPaxos, ("a", "b", "c"), 3)) as coordinator:
        assert len(coordinator.run_round(1).decisions) == 3
        parties = set(coordinator.pids().values())
        (pid,) = set(actors(on_ray)) - parties
        os.kill(pid, signal.SIGKILL)
        wait_until_gone(lambda: [party for party in parties if runs(party)])
        with pytest.raises(EnvironmentProblem, match=r"^the coordinator's actor died: [^\n]*$"):
            coordinator.run_round(2)


def test_no_party_is_left_when_a_run_is_over(on_ray: str) -> None:
    with Coordinator.start(Scenario(ProtectedMemoryPaxos, ("a", "b", "c"), 3)) as coordinator:
        parties = coordinator.pids()
        assert sorted(parties) == ["m0", "m1", "m2", "p0", "p1", "p2"]
        assert len(set(parties.values())) == 6
    assert not [party for party in parties.values() if runs(party)]
