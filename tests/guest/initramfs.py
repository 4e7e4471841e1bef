"""Writes the guest's first root: busybox, the kernel modules that it needs, and its init. Neither cpio nor kmod."""

from __future__ import annotations

import re
import stat
from collections.abc import Iterable, Mapping
from pathlib import Path

from tests.guest import GuestError

FOLDERS = ("bin", "dev", "proc", "sys", "modules", "host", "layer", "ram", "new")


def archive(busybox: bytes, init: bytes, modules: Mapping[str, bytes]) -> bytes:
    """A cpio archive (format ``newc``) with what the kernel starts from; modules in the order to load them."""
    cpio = Cpio()
    for folder in FOLDERS:
        cpio.add(folder, stat.S_IFDIR | 0o755)
    cpio.add("dev/console", stat.S_IFCHR | 0o600, device=(5, 1))
    cpio.add("bin/busybox", stat.S_IFREG | 0o755, busybox)
    cpio.add("init", stat.S_IFREG | 0o755, init)
    for number, (name, module) in enumerate(modules.items()):
        cpio.add(f"modules/{number:02}-{name}.ko", stat.S_IFREG | 0o644, module)
    return cpio.finish()


class Cpio:
    """An archive in the making."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._entries = 0

    def add(self, name: str, mode: int, content: bytes = b"", device: tuple[int, int] = (0, 0)) -> None:
        """Append a file; ``mode`` says of which kind."""
        path = name.encode() + b"\0"
        fields = (self._entries, mode, 0, 0, 1, 0, len(content), 0, 0, *device, len(path), 0)
        self._entries += 1
        header = b"070701" + b"".join(b"%08x" % field for field in fields) + path
        self._parts += [_padded(header), _padded(content)]

    def finish(self) -> bytes:
        """The archive; nothing can be added to it any more."""
        self.add("TRAILER!!!", 0)
        return b"".join(self._parts)


def _padded(data: bytes) -> bytes:
    return data + bytes(-len(data) % 4)


def load_order(folder: Path, wanted: Iterable[str]) -> dict[str, bytes]:
    """The wanted modules below ``folder`` and all that they need, each after what it needs.

    Raises:
        GuestError: the kernel has no such module.
    """
    files = {_name(path.stem): path for path in folder.rglob("*.ko")}
    order: dict[str, bytes] = {}

    def visit(name: str) -> None:
        if name in order:
            return
        if name not in files:
            raise GuestError(f"the kernel's package has no module {name}")
        module = files[name].read_bytes()
        needed = re.search(rb"\0depends=([^\0]*)\0", module)
        for other in needed[1].decode().split(",") if needed and needed[1] else ():
            visit(_name(other))
        order[name] = module

    for name in wanted:
        visit(_name(name))
    return order


def _name(module: str) -> str:
    """One spelling for both: files say ``virtio-net`` or ``virtio_net``, the kernel takes either."""
    return module.replace("-", "_")
