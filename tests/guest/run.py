"""A guest that is up: runs commands in it, one after the other, and says how they ended."""

from __future__ import annotations

import os
import re
import shlex
import sysconfig
import threading
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO, Self

from rayrdma.pyverbs_link import DEBIAN
from tests.guest import GuestError, build, compiled
from tests.guest import machine as start
from tests.guest import uml as build_uml
from tests.guest.compiled import CHECKOUT
from tests.guest.machine import Machine

BOOT_LIMIT = 120.0
"""Seconds until a guest that has not come up never will; it takes 6, and several times that on a machine at work."""

ENVIRONMENT = {
    "HOME": "/root",
    "TERM": "dumb",
    "LANG": "C.UTF-8",
    "PATH": f"{CHECKOUT}/.venv/bin:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "RAYRDMA_GUEST": "1",
    **compiled.FOR_ALL,
    "NUMBA_CACHE_DIR": "/tmp/kernels",
    # Ray gives its processes seconds to start that they do not have on an emulated CPU.
    "RAY_worker_register_timeout_seconds": "600",
    "RAY_raylet_start_wait_time_s": "300",
    "RAY_gcs_server_port_wait_time_s": "300",
    "RAY_gcs_rpc_server_reconnect_timeout_s": "300",
    "RAY_health_check_initial_delay_ms": "60000",
    "RAY_health_check_timeout_ms": "60000",
    "RAY_health_check_failure_threshold": "20",
    "RAY_USAGE_STATS_ENABLED": "0",
    "RAY_enable_metrics_collection": "0",
    "RAY_memory_monitor_refresh_ms": "0",
}

_PROLOGUE = (
    "export " + " ".join(f"{name}={shlex.quote(value)}" for name, value in ENVIRONMENT.items()),
    f"cd {shlex.quote(str(CHECKOUT))}",
    "hostname guest",
    "ulimit -l unlimited -n 65536",
    "mkdir -p /dev/shm /dev/pts /tmp/ray",
    "mount -t tmpfs shm /dev/shm",
    "mount -t devpts pts /dev/pts",
    "mount -t tmpfs ray /tmp/ray",  # a cluster on the other side is none of the guest's
    # root in the guest reads what the runner may; root's home it may not, if it is somebody else.
    *(["mount -t tmpfs home /root"] if os.geteuid() else []),
    f"ln -sfn {DEBIAN} {shlex.quote(sysconfig.get_path('purelib'))}/pyverbs",
    "ip link set lo up",
)


def prologue() -> list[str]:
    """What the shell of every guest does first."""
    return [f"cp -r {shlex.quote(str(compiled.kernels()))} {ENVIRONMENT['NUMBA_CACHE_DIR']}", *_PROLOGUE]


class TimeLimit(GuestError):
    """A command did not end in its time."""


class Answers:
    """What comes through the port, taken apart: output, and after a command a NUL and its exit status."""

    MARK = re.compile(rb"\0status (\d+)\n")
    LONGEST = len(b"\0status 255\n")

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, received: bytes) -> tuple[bytes, int | None]:
        """What is certainly output, and the exit status if the command ended after it."""
        data = self._rest + received
        if mark := self.MARK.search(data):
            self._rest = data[mark.end() :]
            return data[: mark.start()], int(mark[1])
        begun = data.rfind(b"\0", max(0, len(data) - self.LONGEST))
        certain = begun if begun >= 0 else len(data)
        self._rest = data[certain:]
        return data[:certain], None


class Guest:
    """A machine whose shell is ours. A context manager: leaving it is a power cut."""

    def __init__(self, machine: Machine, setup: list[str], echo: BinaryIO | None = None) -> None:
        """Wait until the machine is up and run the commands ``setup`` in its shell; ``echo`` gets what is printed.

        Raises:
            GuestError: it did not come up.
        """
        self._machine = machine
        self._echo = echo
        self._news = threading.Condition()
        self._output = bytearray()
        self._status: int | None = None
        self._over = ""
        self._listener = threading.Thread(target=self._listen, name="guest", daemon=True)
        self._listener.start()
        try:
            self._wait(self._has_ended, BOOT_LIMIT, "the guest is not up")
            self._tell(" && ".join(setup))
            if self.wait(BOOT_LIMIT) != 0:
                raise GuestError(f"the guest cannot be set up: {self.output().strip()}")
        except BaseException:
            self.__exit__()
            raise

    def run(self, command: str, timeout: float) -> int:
        """Run a line of shell in the checkout, for at most ``timeout`` seconds; its exit status.

        Raises:
            TimeLimit: it runs still; the guest is then of no more use.
            GuestError: the guest died of it.
        """
        self.start(command)
        return self.wait(timeout)

    def start(self, command: str) -> None:
        """Start a line of shell and do not wait; ``wait`` or ``wait_for`` does."""
        self._tell(f"bash -c {shlex.quote(command)} </dev/null")

    def wait(self, timeout: float) -> int:
        """The exit status of the command that was started; its output is then in ``output()``."""
        self._wait(self._has_ended, timeout, "the command runs still")
        assert self._status is not None
        return self._status

    def wait_for(self, pattern: str, timeout: float) -> re.Match[str]:
        """Wait until the command has printed something that matches; the match."""

        def seen() -> re.Match[str] | None:
            return re.search(pattern, self.output())

        self._wait(lambda: bool(seen()) or self._has_ended(), timeout, f"the command has not printed {pattern!r}")
        if (found := seen()) is None:
            raise GuestError(f"the command ended without printing {pattern!r}: {self.output()}")
        return found

    def output(self) -> str:
        """What the last command has printed so far, both streams as one."""
        with self._news:
            return self._output.decode(errors="replace")

    def kill(self) -> None:
        """End the machine as a power cut does."""
        self._machine.kill()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()
        self._listener.join()
        self._machine.close()

    def _tell(self, line: str) -> None:
        """Hand the shell a line, and have it say how that ended."""
        with self._news:
            self._output.clear()
            self._status = None
        try:
            self._machine.port.sendall(f"{line}\nprintf '\\0status %d\\n' $?\n".encode())
        except OSError:
            raise GuestError(f"the guest is dead{self._last_words()}") from None

    def _has_ended(self) -> bool:
        return self._status is not None

    def _listen(self) -> None:
        """Take in what comes through the port until it is closed; a thread of its own."""
        answers = Answers()
        over = "the guest died"
        while received := self._receive():
            output, status = answers.feed(received)
            try:
                self._show(output)
            except OSError as error:
                over = f"nobody takes the output: {error}"
                self.kill()
            with self._news:
                self._output += output
                if status is not None:  # something left in the background may go on printing
                    self._status = status
                self._news.notify_all()
        with self._news:
            self._over = over
            self._news.notify_all()

    def _show(self, output: bytes) -> None:
        if self._echo:
            self._echo.write(output)
            self._echo.flush()

    def _receive(self) -> bytes:
        try:
            return self._machine.port.recv(1 << 16)
        except ConnectionError:
            return b""

    def _wait(self, condition: Callable[[], bool], timeout: float, otherwise: str) -> None:
        with self._news:
            there = self._news.wait_for(lambda: condition() or bool(self._over), timeout)
            done = condition()
        if not there:
            raise TimeLimit(f"{otherwise} after {timeout:g} s")
        if not done:
            raise GuestError(f"{self._over}{self._last_words()}")

    def _last_words(self) -> str:
        """How the machine ended, and the last that its kernel said."""
        status = self._machine.process.wait(10)
        self._machine.console.seek(0)
        said = [line.strip() for line in self._machine.console.read().decode(errors="replace").splitlines()]
        return " | ".join([f" (exit status {status})", *list(filter(None, said))[-3:]])


def boot(
    *,
    uml: bool = False,
    cpus: int = 2,
    memory: int = 4096,
    unhurried: bool = False,
    share: Path | None = None,
    echo: BinaryIO | None = None,
) -> Guest:
    """A guest by itself, with its device on a network of its own.

    Args:
        uml: User-Mode Linux instead of QEMU; it has one CPU.
        cpus: How many QEMU emulates.
        memory: In MiB.
        unhurried: QEMU's clock goes by instructions; it has one CPU then.
        share: A folder of this machine that the guest can write to; what it writes elsewhere vanishes.
        echo: Where the output of commands goes as it comes.

    Raises:
        GuestError: it cannot be made, or does not come up.
    """
    image = build.image()
    if uml:
        machine = start.uml(image, build_uml.kernel(), memory=memory)
        mount = "mount -t hostfs -o {folder} share {folder}"
    else:
        machine = start.qemu(image, cpus=cpus, memory=memory, unhurried=unhurried, share=share)
        mount = "mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000,access=any share {folder}"
    shared = []
    if share:
        folder = shlex.quote(str(share))
        shared = [f"mkdir -p {folder}", mount.format(folder=folder)]
    return Guest(machine, [*prologue(), *shared, "ip link set dummy0 name eth0", *device("10.0.3.1")], echo)


def device(address: str) -> list[str]:
    """Commands that put a software RDMA device on ``eth0``."""
    return [
        f"ip addr add {address}/24 dev eth0",
        "ip link set eth0 up",
        "rdma link add rxe0 type rxe netdev eth0",
    ]
