"""Makes the QEMU guest from Debian packages: QEMU, Debian's kernel, its first root, and the layer with verbs."""

from __future__ import annotations

import functools
import shutil
import sys
import time
from dataclasses import dataclass
from pathlib import Path

from tests.guest import cache, debian, initramfs, vmlinux

QEMU = "qemu-system-x86"
KERNEL = "linux-image-amd64"
VERBS = ("ibverbs-providers", "ibverbs-utils", "libibumad3", "librdmacm1", "iproute2", "busybox-static")
PYVERBS = "python3-pyverbs"
"""Unpacked without what it depends on: that is another udev and systemd, for devices that a guest has not."""

MODULES = (
    "virtio_pci",
    "virtio_console",
    "virtio_net",
    "9pnet_virtio",
    "9p",
    "overlay",
    "dummy",
    "crc32_generic",  # rxe asks for it by name only when a device is added
    "rdma_rxe",
    "rdma_ucm",
)

SOURCES = [Path(__file__).with_name(name) for name in ("build.py", "debian.py", "initramfs.py", "vmlinux.py", "init")]


@dataclass(frozen=True)
class Image:
    """What QEMU starts a guest from."""

    folder: Path

    @property
    def layer(self) -> Path:
        """What lies over this machine's root: libibverbs, its providers, pyverbs, rdma, busybox."""
        return self.folder / "layer"

    @property
    def qemu(self) -> Path:
        """QEMU, unpacked."""
        return self.folder / "qemu"

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinux"

    @property
    def initramfs(self) -> Path:
        return self.folder / "initramfs"


@functools.cache
def image() -> Image:
    """The guest of these packages and scripts, made if it is not there.

    Raises:
        GuestError: no Debian, no such packages, no network.
    """
    versions = debian.candidates([QEMU, KERNEL, PYVERBS, *VERBS])
    return Image(cache.made("guest", cache.key(versions, *SOURCES), _make))


def _make(folder: Path) -> None:
    started = time.monotonic()
    say("fetching QEMU, a kernel and verbs from Debian (about 90 MB)")
    made = Image(folder)
    debian.unpack([*debian.closure(VERBS), PYVERBS], made.layer)
    debian.unpack(debian.closure([QEMU]), made.qemu)
    _make_kernel(made)
    say(f"made in {time.monotonic() - started:.0f} s")


def _make_kernel(made: Image) -> None:
    package = made.folder / "kernel"
    debian.unpack([debian.depends(KERNEL)], package)
    (image,) = (package / "boot").glob("vmlinuz-*")
    made.kernel.write_bytes(vmlinux.extract(image.read_bytes()))
    modules = initramfs.load_order(package / "usr" / "lib" / "modules", MODULES)
    busybox = (made.layer / "usr" / "bin" / "busybox").read_bytes()
    init = Path(__file__).with_name("init").read_bytes()
    made.initramfs.write_bytes(initramfs.archive(busybox, init, modules))
    shutil.rmtree(package)


def say(line: str) -> None:
    """Tell the user how a build goes."""
    print(f"guest: {line}", file=sys.stderr, flush=True)
