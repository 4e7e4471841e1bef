"""`examples/job.py`, submitted to a cluster as a user would."""

from __future__ import annotations

import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actors.leftovers import processes, wait_for, wait_until_gone

pytestmark = pytest.mark.live

ROOT = Path(__file__).parents[2]
RAY = str(Path(sys.executable).with_name("ray"))


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


@pytest.fixture
def dashboard(private: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """The address of a head's dashboard on loopback; client and server agree on how they authenticate."""
    mark, folder = private
    token = folder / "token"
    token.touch(0o600)
    token.write_text(secrets.token_hex(32))
    monkeypatch.setenv("RAY_AUTH_MODE", "token")
    monkeypatch.setenv("RAY_AUTH_TOKEN_PATH", str(token))
    port = free_port()
    log = folder / "head.log"
    with log.open("w") as output:
        head = subprocess.Popen(
            [
                RAY, "start", "--head", "--block", "--dashboard-host=127.0.0.1", f"--dashboard-port={port}",
                f"--port={free_port()}", "--num-cpus=2", f"--temp-dir={folder}/ray", "--disable-usage-stats",
            ],
            stdout=output,
            stderr=subprocess.STDOUT,
        )  # fmt: skip
    try:
        wait_for(lambda: "Ray runtime started" in log.read_text(), "the head")
        yield f"http://127.0.0.1:{port}"
    finally:
        head.send_signal(signal.SIGTERM)
        head.wait()
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
