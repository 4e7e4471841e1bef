"""`examples/job.py`, submitted to a cluster as a user would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actors.heads import RAY, authenticate, free_port, head
from tests.actors.leftovers import processes, wait_for, wait_until_gone

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]


@pytest.fixture
def dashboard(private: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a head's dashboard on loopback; client and server agree on how they authenticate."""
    mark, folder = private
    for name, value in authenticate(folder).items():
        monkeypatch.setenv(name, value)
    port = free_port()
    # The port of the agent that runs jobs is fixed unless it is given: two Rays of one host would quarrel over it.
    agent = f"--dashboard-agent-listen-port={free_port()}"
    with head(folder, "--dashboard-host=127.0.0.1", f"--dashboard-port={port}", agent):
        yield f"http://127.0.0.1:{port}"
    wait_until_gone(lambda: processes(mark))
    for left in folder.iterdir():  # the user's own: a head keeps its session folder
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def test_a_submitted_job_decides_and_says_so_in_its_log(dashboard: str, private: tuple[str, Path]) -> None:
    _, folder = private
    working = folder / "working"
    for name in ("rayrdma", "actors", "clusters", "examples"):
        shutil.copytree(ROOT / name, working / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))

    def submit() -> subprocess.CompletedProcess[str] | None:
        submitted = subprocess.run(
            [RAY, "job", "submit", "--working-dir", str(working), "--", sys.executable, "examples/job.py"],
            env={**os.environ, "RAY_API_SERVER_ADDRESS": dashboard, "NO_COLOR": "1"},
            capture_output=True,
            text=True,
            check=False,
        )
        return None if "No available agent" in submitted.stderr + submitted.stdout else submitted

    job = wait_for(submit, "the head to take jobs")
    assert job.returncode == 0, job.stdout + job.stderr
    assert "decided: 3 of 3 processes decided 'red'" in job.stdout
    assert "2 delays, transports {'shm': 9}" in job.stdout
    assert "succeeded" in job.stdout
