"""Guests that are really booted: what they see, what they leave behind, and two of them on a cable."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.actors.leftovers import wait_until_gone
from tests.cli.command import heed_interrupts
from tests.guest import GuestError, run, uml
from tests.guest.cable import two_guests
from tests.guest.run import CHECKOUT

pytestmark = pytest.mark.guests

LIMIT = 120.0
"""Seconds for what takes one or two."""


def test_a_guest_sees_this_machine_and_has_a_device(tmp_path: Path) -> None:
    theirs = tmp_path / "theirs"
    theirs.mkdir()
    vanishes = tmp_path / "vanishes"
    program = "import os, sys, pyverbs.device, rayrdma; print(sys.prefix, len(pyverbs.device.get_device_list()))"
    compiled = (
        "from rayrdma.transports.shm import kernels; "
        "kept = [found.stats for found in vars(kernels).values() if hasattr(found, 'stats')]; "
        "print(any(of.cache_hits for of in kept), any(of.cache_misses for of in kept))"
    )
    with run.boot(cpus=1, memory=1024, share=theirs) as guest:
        for command, printed in {
            "pwd; nproc; echo $HOME $RAYRDMA_GUEST": f"{CHECKOUT}\n1\n/root 1\n",
            f"python -c '{program}'": f"{sys.prefix} 1\n",
            f'python -c "{compiled}"': "True False\n",
            f"echo written | tee {theirs}/file > {vanishes}; cat {vanishes}": "written\n",
            "ulimit -l; rdma link show rxe0/1 | grep -c ACTIVE; ls /tmp/ray /dev/shm": "unlimited\n1\n",
        }.items():
            status = guest.run(command, LIMIT)
            assert (guest.output().replace("/tmp/ray:\n", "").replace("/dev/shm:\n\n", ""), status) == (printed, 0)
    assert (theirs / "file").read_text() == "written\n"
    assert not vanishes.exists()


# What is left behind


@contextmanager
def runner(folder: Path, *options: str) -> Iterator[tuple[subprocess.Popen[bytes], int]]:
    """A process that runs a command without an end in a guest, and the process group of the machine."""
    command = [sys.executable, "-m", "tests.guest", "run", "--memory", "512", *options, "nproc; sleep 100000"]
    with subprocess.Popen(
        command,
        cwd=CHECKOUT,
        env=os.environ | {"TMPDIR": str(folder)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        preexec_fn=heed_interrupts,
    ) as process:
        try:
            assert process.stdout is not None
            assert process.stdout.readline() == (b"1\n" if "--uml" in options else b"2\n")
            (machine,) = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            yield process, int(machine)
        finally:
            process.kill()


def group(leader: int) -> list[str]:
    """The processes of a machine, but those that are dead and not buried yet."""
    found = []
    for process in Path("/proc").glob("[0-9]*/stat"):
        try:
            state, _, of = process.read_text().rpartition(")")[2].split()[:3]
        except OSError:
            continue
        if int(of) == leader and state != "Z":
            found.append(f"{process.parent.name} {state}")
    return found


ENDS: dict[str, Callable[[subprocess.Popen[bytes]], None]] = {
    "Ctrl-C": lambda process: process.send_signal(signal.SIGINT),
    "a polite end": lambda process: process.send_signal(signal.SIGTERM),
    "kill -9": lambda process: process.kill(),
}


@pytest.mark.parametrize("end", ENDS)
def test_nothing_outlives_its_runner(tmp_path: Path, end: str) -> None:
    for options in [[], *([["--uml"]] if uml.is_made() else [])]:
        with runner(tmp_path, *options) as (process, machine):
            assert group(machine)
            ENDS[end](process)
            status = process.wait(LIMIT)
        wait_until_gone(lambda: group(machine))
        assert list(tmp_path.iterdir()) == []
        assert status == {"Ctrl-C": 130, "a polite end": 125, "kill -9": -9}[end]


def test_a_command_that_takes_too_long_ends_with_its_guest(tmp_path: Path) -> None:
    with runner(tmp_path, "--timeout", "1") as (process, machine):
        assert process.wait(LIMIT) == 124
        assert process.stderr is not None
        assert process.stderr.read().decode().splitlines()[-1] == "guest: the command runs still after 1 s"
    wait_until_gone(lambda: group(machine))
    assert list(tmp_path.iterdir()) == []


# Two of them


def test_a_cable_is_cut_and_healed_and_a_machine_is_killed() -> None:
    ping = "busybox ping -c 1 -W 1 10.0.3.2"
    answers, silent = f"until {ping}; do :; done", f"! {ping} && ! {ping}"
    with two_guests(memory=512) as (first, second):
        assert first.run(answers, LIMIT) == 0, first.output()

        second.unplug()
        assert first.run(silent, LIMIT) == 0, first.output()
        assert second.run("cat /sys/class/net/eth0/carrier", LIMIT) == 0
        assert second.output() == "0\n"
        assert first.run("cat /sys/class/net/eth0/carrier", LIMIT) == 0
        assert first.output() == "1\n"

        second.plug()
        assert first.run(answers, LIMIT) == 0, first.output()

        second.kill()
        assert first.run(silent, LIMIT) == 0, first.output()
        with pytest.raises(GuestError):
            second.run("true", LIMIT)
        with pytest.raises(GuestError, match=r"^QEMU is dead"):
            second.plug()
