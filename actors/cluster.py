"""Ray itself: join the one that is there, or start one of our own and leave nothing of it behind."""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import ray

from rayrdma.model.errors import EnvironmentProblem

OBJECT_STORE_BYTES = 128 * 2**20

# Waits for the end of its standard input, that is, of the process that holds the other end, however that
# ends. Then ends the processes of the Ray that keeps its logs in the folder: after a kill -9 of the driver some of
# them live on for minutes. They print there, or call themselves ray::... and have a log open there. Then removes
# the folder, and the semaphores of the raylet that it was told of. It is nobody's child, for a worker of Ray kills
# its children when it ends.
_REAPER = """
import glob, os, shutil, signal, sys, time
if os.fork():
    os._exit(0)
raylet = sys.stdin.read()
folder, = sys.argv[1:]
def opened(file):
    try:
        return os.readlink(file)
    except OSError:
        return ""
def of_this_ray(process):
    numbers = os.listdir(process + "/fd") if open(process + "/comm").read().startswith("ray::") else ["1"]
    return any(opened(f"{process}/fd/{number}").startswith(folder + "/") for number in numbers)
def end_all():
    found = False
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if of_this_ray("/proc/" + pid):
                found = True
                os.kill(int(pid), signal.SIGKILL)
        except OSError:
            pass  # it has just ended, or is somebody else's
    return found
deadline = time.monotonic() + 30
while end_all() and time.monotonic() < deadline:
    time.sleep(0.05)
shutil.rmtree(folder, ignore_errors=True)
for file in glob.glob(f"/dev/shm/sem.hdr{raylet}-*") + glob.glob(f"/dev/shm/sem.obj{raylet}-*") if raylet else ():
    os.path.exists(file) and os.unlink(file)
"""


class Reaper:
    """Has ``folder`` removed when this process ends, also by ``kill -9``, or at `close`."""

    def __init__(self, folder: str) -> None:
        told, self._tell = os.pipe()
        self._ended, ends = os.pipe()
        try:
            subprocess.run(  # this returns at once, and leaves the reaper behind
                [sys.executable, "-S", "-E", "-c", _REAPER, folder],
                stdin=told,
                stdout=ends,
                stderr=subprocess.DEVNULL,
                start_new_session=True,
                check=True,
            )
        finally:
            os.close(told)
            os.close(ends)

    def tell(self, raylet: int) -> None:
        """The semaphores of this raylet's channels are to be removed too."""
        os.write(self._tell, str(raylet).encode())

    def close(self) -> None:
        """Return when all that is done."""
        os.close(self._tell)
        os.read(self._ended, 1)
        os.close(self._ended)


@contextlib.contextmanager
def ray_session(address: str | None = None, object_store_bytes: int = 0) -> Iterator[bool]:
    """A Ray to work with: the initialised one, the one at ``address`` or announced in RAY_ADDRESS, or our own.

    Args:
        object_store_bytes: what will be kept in its object store at a time, if our own has to be larger for that.
    Yields:
        Whether it is our own. Only a connection that we made is shut down at the end.
    Raises:
        EnvironmentProblem: it can not be reached or started.
    """
    if ray.is_initialized():
        yield False
        return
    address = address or os.environ.get("RAY_ADDRESS")
    if address:
        try:
            _knock(address)
            ray.init(address=address, log_to_driver=False, logging_level="error")
        except (OSError, RuntimeError, ValueError) as error:
            raise EnvironmentProblem(
                f"no Ray answers at {address} ({_line(error)}); start one there (ray start --head), or leave out "
                "--address and RAY_ADDRESS to use one of our own"
            ) from error
        try:
            yield False
        finally:
            ray.shutdown()
        return
    with _own_ray(max(OBJECT_STORE_BYTES, 2 * object_store_bytes)):
        yield True


@contextlib.contextmanager
def _own_ray(object_store_bytes: int) -> Iterator[None]:
    import ray._private.worker as worker

    folder = tempfile.mkdtemp(prefix="rayrdma-")
    reaper = Reaper(folder)
    # The death of an actor is our business, and would be printed on standard output: Ray has no public switch.
    worker._worker_logs_enabled = False
    ours = _authenticate(folder)
    try:
        try:
            ray.init(
                "local",
                include_dashboard=False,
                log_to_driver=False,
                logging_level="error",
                object_store_memory=object_store_bytes,
                _temp_dir=folder,
            )
        except Exception as error:
            raise EnvironmentProblem(f"Ray could not be started on this machine: {_line(error)}") from error
        reaper.tell(worker._global_node.all_processes["raylet"][0].process.pid)
        try:
            yield
        finally:
            ray.shutdown()
    finally:
        for name in ours:
            os.environ.pop(name, None)
        worker._worker_logs_enabled = True
        reaper.close()


def _authenticate(folder: str) -> list[str]:
    """Keep the token of our own Ray in its own folder, where Ray would write one into the home directory.

    Returns:
        The environment variables to take away afterwards.
    """
    variables = ["RAY_AUTH_MODE", "RAY_AUTH_TOKEN_PATH"]
    if any(name in os.environ for name in (*variables, "RAY_AUTH_TOKEN")):
        return []
    path = Path(folder) / "token"
    path.touch(0o600)
    path.write_text(_TOKEN)
    os.environ["RAY_AUTH_TOKEN_PATH"] = str(path)  # with this alone, Ray turns authentication on by itself
    return variables


_TOKEN = secrets.token_hex(32)
"""One a process: Ray remembers the first that it read."""


def _knock(address: str) -> None:
    """Raise OSError if nobody listens at ``host:port``: Ray itself would go on trying for ever."""
    host, _, port = address.rpartition("//")[2].rpartition(":")
    if port.isdecimal():
        socket.create_connection((host.strip("[]"), int(port)), timeout=5).close()


def _line(error: BaseException) -> str:
    return (str(error).strip() or type(error).__name__).splitlines()[0]
