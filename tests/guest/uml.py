"""Makes the User-Mode Linux kernel: Debian's kernel source, compiled for architecture ``um`` with rdma_rxe in it."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from pathlib import Path

from tests.guest import GuestError, cache, debian
from tests.guest.build import say

SOURCE = "linux-source"
TOOLS = ("flex", "bison", "libfl2", "bc")
CONFIG = Path(__file__).with_name("uml.config")
SOURCES = [Path(__file__), CONFIG]


def kernel() -> Path:
    """The kernel, which must have been made.

    Raises:
        GuestError: it was not.
    """
    folder = cache.present("uml", _key())
    if folder is None:
        raise GuestError("no User-Mode Linux is made; to make it takes minutes: python -m tests.guest build --uml")
    return folder / "linux"


def is_made() -> bool:
    """Whether there is a kernel of today's packages."""
    return cache.present("uml", _key()) is not None


def make() -> Path:
    """The kernel, made if there is none."""
    return cache.made("uml", _key(), _make) / "linux"


def _key() -> str:
    return cache.key(debian.candidates([SOURCE, *TOOLS]), *SOURCES)


def _make(folder: Path) -> None:
    started = time.monotonic()
    for tool in ("gcc", "make"):
        if not shutil.which(tool):
            raise GuestError(f"no {tool} here, which a kernel is compiled with; apt install build-essential")
    say("fetching the kernel's source and compiling it (about 140 MB, minutes)")
    tools = folder / "tools"
    debian.unpack([*debian.closure(TOOLS), debian.depends(SOURCE)], tools)
    (packed,) = (tools / "usr" / "src").glob("linux-source-*.tar.xz")
    source = folder / "source"
    source.mkdir()
    subprocess.run(("tar", "-xf", packed, "-C", source, "--strip-components=1"), check=True)
    environment = os.environ | {
        "PATH": f"{tools}/usr/bin:{os.environ['PATH']}",
        "LD_LIBRARY_PATH": f"{tools}/usr/lib/x86_64-linux-gnu",
        "BISON_PKGDATADIR": f"{tools}/usr/share/bison",
        "M4": shutil.which("m4", path=f"{tools}/usr/bin:{os.environ['PATH']}") or "m4",
    }
    log = folder / "log"
    with log.open("w") as output:
        for target in (["allnoconfig", f"KCONFIG_ALLCONFIG={CONFIG}"], ["linux"]):
            built = subprocess.run(
                ["make", "-s", "-j2", "-C", source, "ARCH=um", *target],
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
            )
            if built.returncode:
                raise GuestError(f"the kernel does not compile: {log.read_text().splitlines()[-1]}")
    subprocess.run(("strip", "-o", folder / "linux", source / "linux"), check=True)
    shutil.rmtree(source)
    shutil.rmtree(tools)
    say(f"compiled User-Mode Linux in {time.monotonic() - started:.0f} s")
