"""`examples/job.py`, submitted to a cluster as a user would."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.actors.heads import RAY, free_port, head
from tests.actors.leftovers import wait_for

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]


def test_a_submitted_job_decides_and_says_so_in_its_log(authenticated: Path) -> None:
    working = authenticated / "working"
    for name in ("rayrdma", "actors", "clusters", "examples"):
        shutil.copytree(ROOT / name, working / name, symlinks=True, ignore=shutil.ignore_patterns("__pycache__"))
    port = free_port()

    def submit() -> subprocess.CompletedProcess[str] | None:
        submitted = subprocess.run(
            [RAY, "job", "submit", "--working-dir", str(working), "--", sys.executable, "examples/job.py"],
            env=os.environ | {"RAY_API_SERVER_ADDRESS": f"http://127.0.0.1:{port}", "NO_COLOR": "1"},
            capture_output=True,
            text=True,
        )
        return None if "No available agent" in submitted.stdout + submitted.stderr else submitted

    # The port of the agent that runs jobs is fixed unless it is given: two Rays of one host would quarrel over it.
    agent = f"--dashboard-agent-listen-port={free_port()}"
    with head(authenticated, "--dashboard-host=127.0.0.1", f"--dashboard-port={port}", agent):
        job = wait_for(submit, "the head to take jobs")
    assert job.returncode == 0, job.stdout + job.stderr
    assert "decided: 3 of 3 processes decided 'red'" in job.stdout
    assert "2 delays, transports {'shm': 9}" in job.stdout
    assert "succeeded" in job.stdout
