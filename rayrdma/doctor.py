"""What works here, and why the rest does not: `rayrdma doctor`."""

from __future__ import annotations

import importlib.util
import os
import resource
import shutil
import tempfile
from pathlib import Path

from rayrdma.model.errors import EnvironmentProblem, RayrdmaError
from rayrdma.results.figures import Finding
from rayrdma.results.result import versions

_REGISTERED = 1 << 20
"""Bytes of a memory that is registered for a try: more than may be locked where nobody has raised the limit."""


def examine() -> list[Finding]:
    """Try everything that a run may need; nothing stays behind."""
    return [_python(), _ray(), _shm(), _ray_channel(), _verbs(), _room(), _files()]


def _python() -> Finding:
    found = versions()
    return Finding("versions", True, ", ".join(f"{name} {version}" for name, version in found.items()))


def _ray() -> Finding:
    address = os.environ.get("RAY_ADDRESS")
    where = f"RAY_ADDRESS names {address}, which is joined" if address else "none announced: a run starts its own"
    installed = importlib.util.find_spec("ray") is not None
    return Finding("ray", installed, where if installed else "not installed: pip install 'ray[default]'")


def _shm() -> Finding:
    if not Path("/dev/shm").is_dir():
        return Finding("transport shm", False, "/dev/shm is not there; --transport ray-channel needs none of ours")
    folder = tempfile.mkdtemp(prefix="rayrdma-", dir="/dev/shm")
    try:
        from rayrdma.model.permissions import everyone
        from rayrdma.model.regions import Region
        from rayrdma.transports.shm import Segment

        with Segment.create(f"{folder}/try", 1, [Region("try", 1, everyone(1))]):
            pass
    except (RayrdmaError, OSError) as error:
        return Finding("transport shm", False, str(error))
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return Finding("transport shm", True, "a segment was made, mapped and removed")


def _ray_channel() -> Finding:
    try:
        from rayrdma.transports.ray_channel import CHANNEL
    except ImportError as error:
        return Finding("transport ray-channel", False, f"this Ray has no channels as we know them: {error}")
    return Finding("transport ray-channel", True, f"{CHANNEL}: on one node by channels, between nodes by actor calls")


def _verbs() -> Finding:
    from rayrdma.transports.verbs.here import open_device

    try:
        device = open_device()
        from rayrdma.transports.verbs.agent import Revocation
        from rayrdma.transports.verbs.device import MAY_READ, Memory, Registration

        try:
            Registration(device.domain(), Memory(_REGISTERED), MAY_READ)
        finally:
            device.close()
    except EnvironmentProblem as error:
        return Finding("transport verbs", False, str(error))
    return Finding(
        "transport verbs", True, f"{device}; permission to write is revoked by {Revocation.of(device).value}"
    )


def _room() -> Finding:
    place = "/dev/shm" if Path("/dev/shm").is_dir() else tempfile.gettempdir()
    room = shutil.disk_usage(place)
    return Finding("room", room.free > 256 * 2**20, f"{room.free >> 20} MiB of {room.total >> 20} MiB free in {place}")


def _files() -> Finding:
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    return Finding("open files", soft >= 1024, f"{soft} allowed (at most {hard})")
