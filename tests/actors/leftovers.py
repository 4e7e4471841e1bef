"""Finds what a run left behind: processes by a mark in their environment, files in shared memory."""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

MARK = "RAYRDMA_TEST"
"""An environment variable; every process that a marked one starts has inherited it, however it calls itself."""

SHARED_MEMORY = Path("/dev/shm")
RAYS_OWN = ("ray::IDLE", "ray::DashboardAgent", "ray::RuntimeEnvAgent")
PATIENCE = 60.0


def wait_for(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """What ``condition`` returns as soon as that is true of anything."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.02)
    return found


def runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def processes(mark: str) -> dict[int, str]:
    """The live processes with this mark, this one apart, and how they were called."""
    found = {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        try:
            environment = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace").strip()
        except OSError:
            continue
        if f"{MARK}={mark}".encode() in environment and pid != os.getpid() and runs(pid):
            found[pid] = command
    return found


def actors(mark: str) -> dict[int, str]:
    """Those that hold an actor of ours."""
    return {
        pid: command
        for pid, command in processes(mark).items()
        if command.startswith("ray::") and not command.startswith(RAYS_OWN)
    }


def shared_files() -> set[str]:
    """What stands in shared memory: our folders and segments, the semaphores of Ray's channels."""
    return {str(file) for file in SHARED_MEMORY.rglob("*")}


def wait_until_gone(mark: str, files_before: set[str]) -> None:
    """Wait until no process with this mark runs and no file has been added to shared memory."""
    wait_for(lambda: not processes(mark), f"the end of {processes(mark)}")
    wait_for(lambda: not shared_files() - files_before, f"the end of {shared_files() - files_before}")
