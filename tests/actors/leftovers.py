"""Finds what a run left behind: processes by a mark in their environment, files in shared memory."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

MARK = "RAYRDMA_TEST"
"""An environment variable; what a marked process starts inherits it. It also stands in the name of the folder that
Ray keeps its logs in, for some of Ray's processes overwrite their environment."""

SHARED_MEMORY = Path("/dev/shm")
RAYS_OWN = ("ray::IDLE", "ray::DashboardAgent", "ray::RuntimeEnvAgent")
PATIENCE = 60.0


def wait_for(condition: Callable[[], Any], what: str, seconds: float = PATIENCE) -> Any:
    """What ``condition`` returns as soon as that is true of anything."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"waited {seconds:g} s for {what}"
        time.sleep(0.05)
    return found


def wait_until_gone(find: Callable[[], Collection[Any]]) -> None:
    """Wait until ``find`` finds nothing any more."""
    deadline = time.monotonic() + PATIENCE
    while found := find():
        assert time.monotonic() < deadline, f"still there after {PATIENCE:g} s: {found}"
        time.sleep(0.05)


def runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


def processes(mark: str) -> dict[int, str]:
    """The live processes with this mark, this one apart, and how they were called."""
    return {pid: command for pid, command in _commands().items() if _is_marked(pid, mark)}


def actors(mark: str) -> dict[int, str]:
    """Those that hold an actor of ours."""
    return {
        pid: command
        for pid, command in _commands().items()
        if command.startswith("ray::") and not command.startswith(RAYS_OWN) and _is_marked(pid, mark)
    }


def _is_marked(pid: int, mark: str) -> bool:
    with contextlib.suppress(OSError):
        inherited = f"{MARK}={mark}".encode() in Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        if inherited or any(f"/rr-{mark}-" in os.readlink(file) for file in Path(f"/proc/{pid}/fd").iterdir()):
            return pid != os.getpid() and runs(pid)
    return False


def shared_files(mark: str) -> set[str]:
    """Our files in shared memory: folders of runs, and semaphores of Ray's channels.

    Others may be at work on this machine. A folder is theirs while its reaper, which has it among its arguments,
    lives and has not this mark; a semaphore while the raylet that it is named after does.
    """
    marked = processes(mark)
    others = {pid: command for pid, command in _commands().items() if pid not in marked}
    found = set()
    for file in SHARED_MEMORY.iterdir():
        semaphore = re.match(r"sem\.(?:hdr|obj)(\d+)-", file.name)
        if file.name.startswith("rayrdma-"):
            foreign = any(str(file) in command for command in others.values())
        else:
            foreign = semaphore is None or int(semaphore[1]) in others
        if not foreign:
            found.add(file.name)
    return found


def _commands() -> dict[int, str]:
    found = {}
    for pid in map(int, filter(str.isdigit, os.listdir("/proc"))):
        with contextlib.suppress(OSError):
            command = Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ")
            found[pid] = command.decode(errors="replace").strip()
    return found
