"""Is there room? Asked before anything large is made, because an estimate is a better answer than a dead process."""

from __future__ import annotations

import os
from pathlib import Path

from rayrdma.model.errors import UsageError


def bytes_available() -> int:
    """Bytes of main memory that can still be had without swapping, as the kernel estimates it."""
    try:
        for line in Path("/proc/meminfo").read_text(encoding="ascii").splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # no Linux: the physical memory is the best that is known
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def require_bytes(needed: int, what: str) -> None:
    """Refuse ``what`` if its estimate does not fit into main memory.

    Raises:
        UsageError: with the estimate, and what there is.
    """
    available = bytes_available()
    if needed > available:
        raise UsageError(f"{what} would take about {tell_bytes(needed)}, and {tell_bytes(available)} are free here")


def tell_bytes(count: int) -> str:
    """A number of bytes for people: ``37.3 GiB``."""
    size, unit = float(count), "bytes"
    for larger in ("KiB", "MiB", "GiB", "TiB", "PiB"):
        if size < 1024:
            break
        size, unit = size / 1024, larger
    return f"{size:,.1f} {unit}"
