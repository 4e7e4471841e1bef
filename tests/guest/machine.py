"""How a machine is started: QEMU or User-Mode Linux as a child that dies with us, and the ends of its wires."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import signal
import socket
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from tests.guest import GuestError
from tests.guest.build import Image


@dataclass(frozen=True)
class Machine:
    """A machine that runs."""

    process: subprocess.Popen[bytes]
    port: socket.socket
    """To the shell in the guest."""
    console: IO[bytes]
    """What its kernel said: a file without a name."""
    monitor: Monitor | None
    """QEMU's; User-Mode Linux has none."""

    def kill(self) -> None:
        """As a power cut does, and with it what runs inside."""
        if self.process.returncode is None:
            # The processes in User-Mode Linux are processes of this machine, and stay if their kernel alone dies.
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()

    def close(self) -> None:
        """Let go of a machine that has ended."""
        self.process.wait()
        self.port.close()
        self.console.close()
        if self.monitor:
            self.monitor.close()


class Monitor:
    """QEMU's monitor: takes commands as JSON objects, one at a time (QMP)."""

    def __init__(self, wire: socket.socket) -> None:
        self._wire = wire
        self._answers = wire.makefile("rb")
        self._greeted = False

    def __call__(self, command: str, **arguments: object) -> None:
        """Run a command and wait until it is done.

        Raises:
            GuestError: QEMU refuses it, or is dead.
        """
        if not self._greeted:
            self._greeted = True
            self("qmp_capabilities")
        with contextlib.suppress(OSError):
            self._wire.sendall(json.dumps({"execute": command, "arguments": arguments}).encode())
        for line in self._answers:  # a greeting and events come in between
            answer = json.loads(line)
            if "error" in answer:
                raise GuestError(f"QEMU refuses {command}: {answer['error']['desc']}")
            if "return" in answer:
                return
        raise GuestError(f"QEMU is dead, and takes no {command}")

    def close(self) -> None:
        """Let go of it."""
        self._answers.close()
        self._wire.close()


def qemu(
    image: Image,
    *,
    cpus: int,
    memory: int,
    unhurried: bool = False,
    share: Path | None = None,
    cable: socket.socket | None = None,
    mac: str = "",
) -> Machine:
    """Start a QEMU guest of ``memory`` MiB; ``share`` is a folder to write to, ``cable`` leads to another guest.

    An ``unhurried`` one has a clock that goes on by a nanosecond with each instruction: what it works at takes no
    longer, by that clock, than on a quick machine, however slow or busy this one is, and its time-outs mean what they
    mean there. It has one CPU.
    """
    port, guests_port = socket.socketpair()
    monitor, guests_monitor = socket.socketpair()
    wires = [guests_port, guests_monitor]
    arguments: list[str] = [
        *("-accel", f"tcg,thread={'single' if unhurried else 'multi'},tb-size=1024"),
        *(("-icount", "shift=0") if unhurried else ()),
        # Without erms and fsrm the guest's kernel copies memory in words of 8 bytes, as a NIC over a bus does at least;
        # with them, byte by byte, and a reader on another CPU sees the halves of a word, which no RDMA device shows.
        *("-cpu", "max,-erms,-fsrm,la57=off"),
        *("-smp", "1" if unhurried else str(cpus), "-m", str(memory)),
        *("-nodefaults", "-no-user-config", "-no-reboot", "-display", "none", "-serial", "stdio"),
        *("-L", f"{image.qemu}/usr/share/qemu", "-L", f"{image.qemu}/usr/share/seabios"),
        *("-kernel", f"{image.kernel}", "-initrd", f"{image.initramfs}"),
        *("-append", "console=ttyS0 panic=-1 quiet loglevel=3 mitigations=off random.trust_cpu=on"),
        *("-chardev", f"socket,id=monitor,fd={guests_monitor.fileno()}", "-mon", "chardev=monitor,mode=control"),
        *("-chardev", f"socket,id=port,fd={guests_port.fileno()}", "-device", "virtio-serial-pci"),
        *("-device", "virtserialport,nr=1,chardev=port"),
        *_folder("host", Path("/"), ",readonly=on"),
        *_folder("layer", image.layer, ",readonly=on"),
    ]
    if share:
        arguments += _folder("share", share)
    if cable:
        wires.append(cable)
        arguments += ["-netdev", f"dgram,id=cable,local.type=fd,local.str={cable.fileno()}"]
        arguments += ["-device", f"virtio-net-pci,netdev=cable,id=plug,mac={mac},romfile="]
    libraries = ":".join(f"{image.qemu}/{folder}/x86_64-linux-gnu" for folder in ("usr/lib", "lib"))
    # One that is installed here is not among the packages.
    program = shutil.which("qemu-system-x86_64", path=f"{image.qemu}/usr/bin:{os.environ['PATH']}")
    if program is None:
        raise GuestError("no qemu-system-x86_64, neither among the packages nor on this machine")
    return _start("KILL", [program, *arguments], wires, port, Monitor(monitor), LD_LIBRARY_PATH=libraries)


def _folder(tag: str, folder: Path, options: str = "") -> list[str]:
    path = str(folder).replace(",", ",,")
    return [
        *("-fsdev", f"local,id={tag},path={path},security_model=none,multidevs=remap{options}"),
        *("-device", f"virtio-9p-pci,fsdev={tag},mount_tag={tag}"),
    ]


def uml(image: Image, kernel: Path, *, memory: int) -> Machine:
    """Start User-Mode Linux with ``memory`` MiB."""
    port, guests_port = socket.socketpair()
    init = Path(__file__).with_name("init-uml")
    arguments = [
        *(f"mem={memory}M", "rootfstype=hostfs", "rootflags=/", "ro", f'init="{init}"', f'layer="{image.layer}"'),
        *("quiet", "loglevel=3", "con=null", "con0=null,fd:1", f"ssl0=fd:{guests_port.fileno()}"),
        "uml_dir=/dev/null/",  # where it would keep a folder with a socket, and cannot
    ]
    # It switches between processes at each system call of the guest, which costs five times as much across CPUs.
    on_one_cpu = ["taskset", "--cpu-list", str(max(os.sched_getaffinity(0)))]
    # At TERM it ends the guest's processes first.
    return _start("TERM", [*on_one_cpu, str(kernel), *arguments], [guests_port], port, None)


def _start(
    death: str,
    command: list[str],
    wires: list[socket.socket],
    port: socket.socket,
    monitor: Monitor | None,
    **variables: str,
) -> Machine:
    """Start ``command``, which gets the signal ``death`` when the thread that started it has died, be it by SIGKILL."""
    console = tempfile.TemporaryFile()  # noqa: SIM115
    process = subprocess.Popen(
        ["setpriv", "--pdeathsig", death, *command],
        stdin=subprocess.DEVNULL,
        stdout=console,
        stderr=subprocess.STDOUT,
        pass_fds=[wire.fileno() for wire in wires],
        env=os.environ | variables,
        start_new_session=True,  # Ctrl-C is for the runner, which then ends the guest
    )
    for wire in wires:
        wire.close()
    return Machine(process, port, console, monitor)
