"""What a memory is put behind: its host's device, shared memory, or channels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from rayrdma.model.errors import EnvironmentProblem, UsageError

SHARED_MEMORY = Path("/dev/shm")


class Placed(Protocol):
    """An actor, as far as this asks.

    Attributes:
        host: which one it runs on.
        no_device: why that has no device; empty if it has one.
    """

    host: str
    no_device: str


def carrier_of(wanted: str, memory: Placed, processes: Sequence[Placed], host: str, counts: bool) -> str:
    """The transport ``wanted`` for a memory; of "auto", verbs where there are devices, else shm on one host.

    Args:
        host: the coordinator's.
        counts: whether the memory is to crash at one of its operations.
    Raises:
        EnvironmentProblem: somebody has no device.
        UsageError: that transport can not do it here.
    """
    together = all(other.host == host for other in (memory, *processes))
    carrier = wanted
    if wanted == "auto":
        devices = not memory.no_device and not all(other.no_device for other in processes)
        carrier = "verbs" if devices else "shm" if together and SHARED_MEMORY.is_dir() else "ray-channel"
    if carrier == "shm" and not together:
        raise UsageError("the transport shm needs all parties on one host; use --transport auto or ray-channel")
    if wanted == "verbs":
        for other in (memory, *processes):
            if other.no_device:
                raise EnvironmentProblem(f"the transport verbs needs a device at every party: {other.no_device}")
    if counts and carrier != "ray-channel":
        raise UsageError(
            f"over {carrier} nobody sees a memory's operations, so it can not crash at one; "
            "give a time (m0@0.5) or use --transport ray-channel"
        )
    return carrier
