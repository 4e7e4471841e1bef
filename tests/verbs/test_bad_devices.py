"""Devices that are not there, are down or are named wrongly, and what else is missing: each is one clear line."""

from __future__ import annotations

import json
import os
import resource
import subprocess
import sys
import sysconfig
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from rayrdma.model.errors import EnvironmentProblem
from rayrdma.model.outcomes import ACK
from rayrdma.pyverbs_link import DEBIAN
from rayrdma.transports.verbs.agent import VerbsMemory
from rayrdma.transports.verbs.connection import VerbsConnection
from rayrdma.transports.verbs.device import Device
from rayrdma.transports.verbs.here import VARIABLE, open_device
from rayrdma.transports.verbs.lines import Port
from tests.cli.command import environment, run_alone
from tests.parity.party import PROCESSES, REGIONS, read, write
from tests.verbs.fleet import Fork
from tests.verbs.test_leaks import descriptors, kernel
from tests.verbs.together import HERE, SECONDS, Together, secret

pytestmark = pytest.mark.verbs

NOBODY = 65534
KIB = 64


def refused(act: Callable[..., Any], *arguments: Any) -> str:
    """The one line."""
    with pytest.raises(EnvironmentProblem) as refusal:
        act(*arguments)
    line = str(refusal.value)
    assert "\n" not in line
    return line


def rdma(*words: str) -> list[dict[str, Any]]:
    """What the command prints; nothing that this waits for takes long."""
    done = subprocess.run(("rdma", "-j", "link", *words), capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout or "[]")


@contextmanager
def no_device() -> Iterator[None]:
    """Meanwhile the software device of the guest is gone."""
    (link,) = rdma()
    assert kernel()["ctx"] == 0, "it would stay until nobody has it open"
    rdma("delete", link["ifname"])
    try:
        yield
    finally:
        rdma("add", link["ifname"], "type", "rxe", "netdev", link["netdev"])


@contextmanager
def device_down() -> Iterator[None]:
    """Meanwhile the network interface below it is down."""
    (link,) = rdma()
    subprocess.run(("ip", "link", "set", link["netdev"], "down"), check=True)
    try:
        yield
    finally:
        subprocess.run(("ip", "link", "set", link["netdev"], "up"), check=True)


NONE = (
    "there is no RDMA device here; with any network card a software one can be had: "
    "modprobe rdma_rxe && rdma link add rxe0 type rxe netdev eth0"
)


@pytest.mark.parametrize(
    ("hindered", "line"),
    [
        (no_device, NONE),
        (
            device_down,
            "the RDMA device rxe0 is down (no port is active); bring its network interface up: ip link set DEV up",
        ),
    ],
)
def test_no_device_or_one_that_is_down(hindered: Callable[[], Any], line: str) -> None:
    """And as soon as it is there again, or up again, all is as before."""
    with hindered():
        assert refused(open_device) == line
    with Together(n=2) as two:
        assert two.operate(0, write("open", 0, "longer than a word")) is ACK
        assert two.operate(1, read("open")) == "longer than a word"


def test_a_command_says_so_in_one_line(tmp_path: Path) -> None:
    with no_device():
        measured = run_alone("bench", "--transport", "verbs", "--json", folder=tmp_path)  # with no Ray to start first
    assert (measured.code, measured.said()) == (2, f"{NONE}\n")


WRONG = {
    "nowhere": "there is no RDMA device 'nowhere'; here are rxe0",
    "RXE0": "there is no RDMA device 'RXE0'; here are rxe0",
    "rxe0\n": r"there is no RDMA device 'rxe0\n'; here are rxe0",
    "rxe0:2": "rxe0 has ports 1 to 1, there is no port 2",
    "rxe0:0": "rxe0 has ports 1 to 1, there is no port 0",
    "rxe0:257": "rxe0 has ports 1 to 1, there is no port 257",
    "rxe0:1:7": "port 1 of rxe0 has no GID 7; it has 0, 1",
    "rxe0::999999999": "port 1 of rxe0 has no GID 999999999; it has 0, 1",
    **dict.fromkeys(
        ("rxe0:one", "rxe0:1:1:1", "rxe0:-1", "rxe0:1:-1", "rxe0: 1", "rxe0:1:²", "rxe0:1:" + "1" * 5000),
        "names no device; give its name, and then, if need be, port and GID: rxe0, or rxe0:1:1",
    ),
}


@pytest.mark.parametrize("wanted", WRONG, ids=lambda wanted: repr(wanted[:20]))
def test_a_device_that_is_named_wrongly(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, wanted)
    before = descriptors()
    for _ in range(3):
        assert refused(open_device).endswith(WRONG[wanted])
    assert (descriptors(), kernel()["ctx"]) == (before, 0), "nothing stays open"


@pytest.mark.parametrize("wanted", ["", "rxe0", "rxe0:1", "rxe0:1:1", "rxe0::1", ":1", "::1"])
def test_a_device_that_is_named_rightly(wanted: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, wanted)
    device = open_device()
    assert str(device) == "rxe0:1:1 (rxe)"
    device.close()


# Too little memory may be locked

LIMIT = f"{KIB} KiB may be locked: ulimit -l unlimited, or memlock in /etc/security/limits.conf, allows more"


class Poor:
    """Somebody who is not root, and may lock little memory."""

    def __init__(self) -> None:
        resource.setrlimit(resource.RLIMIT_MEMLOCK, (KIB << 10, KIB << 10))
        os.setresgid(NOBODY, NOBODY, NOBODY)
        os.setresuid(NOBODY, NOBODY, NOBODY)

    def memory(self) -> None:
        """Be a memory."""
        VerbsMemory(Device(), HERE, REGIONS, {secret(0): 0}).reset(1)

    def process(self, endpoint: str) -> None:
        """Connect to one."""
        VerbsConnection(Port(Device()), endpoint, secret(0), REGIONS, 0, PROCESSES).open(SECONDS)


@pytest.mark.parametrize("who", ["memory", "process"])
def test_too_little_memory_may_be_locked(who: str) -> None:
    with Together(n=1) as one:
        poor = Fork(Poor)
        line = refused(poor.call, who, *[one.memory.endpoint] * (who == "process"))
        poor.end()
    assert line.startswith("registering ")
    assert line.endswith(f"; {LIMIT}")


DIAGNOSIS = """
import sys
from pathlib import Path
from rayrdma import doctor, pyverbs_link
for folder in sys.argv[1:]:
    pyverbs_link.DEBIAN = Path(folder, "pyverbs")
    sys.path.insert(0, folder)
found = doctor._verbs()
print(found.why)
sys.exit(not found.works)
"""


def diagnosis(*more: object, by: Sequence[str] = ()) -> tuple[bool, str]:
    """Whether the doctor finds verbs to work, in a process of its own, and its one line about them."""
    program = [*by, sys.executable, "-c", DIAGNOSIS, *map(str, more)]
    done = subprocess.run(program, capture_output=True, text=True, env=environment())
    assert (done.stderr, done.stdout.count("\n")) == ("", 1)
    return not done.returncode, done.stdout.rstrip()


def test_the_doctor_names_what_is_wrong(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, "nowhere")
    assert diagnosis() == (False, WRONG["nowhere"])


def test_the_doctor_tries_whether_memory_may_be_locked() -> None:
    limited = ["prlimit", f"--memlock={KIB << 10}", "setpriv", "--bounding-set", "-ipc_lock"]
    works, line = diagnosis(by=limited)
    assert not works
    assert line.endswith(f"; {LIMIT}")
    assert diagnosis()[0], "root may lock what it likes"


# pyverbs for another Python

THIS = f"cpython-{sys.version_info[0]}{sys.version_info[1]}"


def test_pyverbs_for_another_python(tmp_path: Path) -> None:
    """Debian's own, with the names that it has for another Python; then, an extension that is none for this one."""
    package = tmp_path / "pyverbs"
    package.mkdir()
    (package / "__init__.py").touch()
    for extension in DEBIAN.glob("*.so"):
        (package / extension.name.replace(THIS, "cpython-39")).symlink_to(extension)
    ours = f"{sys.version_info[0]}.{sys.version_info[1]}"
    assert diagnosis(tmp_path) == (
        False,
        f"Debian's pyverbs is for Python 3.9, this is {ours}: make clean setup PYTHON=/usr/bin/python3",
    )
    extension = package / f"device{sysconfig.get_config_var('EXT_SUFFIX')}"
    extension.write_bytes(b"\x7fELF of another machine")
    works, line = diagnosis(tmp_path)
    assert not works
    assert line.startswith(f"pyverbs can not be imported here ({extension}: ")
    assert line.endswith("): make verbs links Debian's")
