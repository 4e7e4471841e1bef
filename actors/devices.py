"""The RDMA device of this actor's host: opened once, shared by all parties of the actor."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from rayrdma.model.errors import EnvironmentProblem
from rayrdma.transports.verbs.here import open_device

if TYPE_CHECKING:
    from rayrdma.transports.verbs.device import Device


@cache
def use_device() -> Device:
    """The device.

    Raises:
        EnvironmentProblem: there is none that can be used.
    """
    return open_device()


@cache
def why_no_device() -> str:
    """Why there is no device that can be used; empty if there is one."""
    try:
        use_device()
    except EnvironmentProblem as error:
        return str(error)
    return ""


def device_soft() -> bool:
    """Whether its operations cost this host's processors."""
    return not why_no_device() and use_device().soft
