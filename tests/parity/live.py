"""What the arms with real processes have in common."""

from __future__ import annotations

import ctypes
import mmap
import os
import shutil
import signal
import tempfile
import time
from abc import abstractmethod
from collections.abc import Callable
from pathlib import Path

from .arms import Arm, Worker
from .party import Ledger

SECONDS = 120.0
"""After so long without the thing that a test waits for, the thing will not happen."""
_PR_SET_PDEATHSIG = 1


def die_with_parent() -> None:
    """Also when stopped, and when the tests themselves are killed."""
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


def state(pid: int) -> str:
    """The letter for a process's state; Z too if there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"


def until(happened: Callable[[], bool], what: str, seconds: float = SECONDS) -> None:
    """Wait for something of which nobody tells."""
    deadline = time.monotonic() + seconds
    while not happened():
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        os.sched_yield()


def stop(pid: int) -> None:
    """Stop a process; returns when all its threads have stopped."""
    os.kill(pid, signal.SIGSTOP)
    tasks = Path(f"/proc/{pid}/task")
    until(lambda: all(_thread_state(task) in "TZ" for task in tasks.iterdir()), f"the stop of {pid}")


def _thread_state(task: Path) -> str:
    try:
        return (task / "stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return "Z"


class LiveWorker(Worker):
    """A party that is a process of the operating system."""

    pid: int
    busy = False

    @property
    def alive(self) -> bool:
        return state(self.pid) != "Z"

    def kill(self) -> None:
        os.kill(self.pid, signal.SIGKILL)
        until(lambda: not self.alive, f"the death of {self.pid}")

    def stop(self) -> None:
        stop(self.pid)

    def resume(self) -> None:
        os.kill(self.pid, signal.SIGCONT)

    @abstractmethod
    def check(self) -> None:
        """Raise what its party raised, if it did."""


class LiveArm(Arm):
    """An arm with real processes. Its files lose their names at once, so that nothing can be left behind."""

    def __init__(self) -> None:
        super().__init__()
        self._descriptors: list[int] = []
        self.ledger_path = self.share(lambda path: path.write_bytes(bytes(Ledger.BYTES)))
        self.ledger = open_ledger(self.ledger_path)

    def share(self, make: Callable[[Path], object]) -> str:
        """A path by which other processes may open a file that ``make`` makes, for as long as this one lives."""
        folder = Path(tempfile.mkdtemp(prefix="parity-", dir="/dev/shm"))
        try:
            make(folder / "file")
            self._descriptors.append(os.open(folder / "file", os.O_RDWR | os.O_CLOEXEC))
        finally:
            shutil.rmtree(folder)
        return f"/proc/{os.getpid()}/fd/{self._descriptors[-1]}"

    def wait(self, happened: Callable[[], bool]) -> None:
        deadline = time.monotonic() + SECONDS
        while not happened():
            for worker in self._workers.values():
                assert isinstance(worker, LiveWorker)
                worker.check()
            assert time.monotonic() < deadline, f"it did not happen within {SECONDS:g} s"
            os.sched_yield()

    def _busy(self, worker: Worker) -> bool:
        assert isinstance(worker, LiveWorker)
        return worker.busy

    def close(self) -> None:
        for worker in self._workers.values():
            if worker.alive:
                worker.kill()
        self._workers.clear()
        for descriptor in self._descriptors:
            os.close(descriptor)


def open_ledger(path: str) -> Ledger:
    """The ledger, in any process of the host."""
    with open(path, "r+b") as file:
        return Ledger(mmap.mmap(file.fileno(), Ledger.BYTES))
