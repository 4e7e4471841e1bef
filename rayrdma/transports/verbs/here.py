"""The device of this host, if it has one: chosen by itself, or by ``RAYRDMA_DEVICE``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rayrdma.model.errors import EnvironmentProblem
from rayrdma.pyverbs_link import DEBIAN, check

if TYPE_CHECKING:
    from .device import Device

VARIABLE = "RAYRDMA_DEVICE"
"""``NAME[:PORT[:GID]]``, each host its own; ``none`` where verbs are not to be used."""


def open_device() -> Device:
    """The device of this host.

    Raises:
        EnvironmentProblem: there is none, it can not be used, or it is not to be.
    """
    wanted = os.environ.get(VARIABLE, "")
    if wanted == "none":
        raise EnvironmentProblem(f"{VARIABLE}=none says that verbs are not to be used here")
    try:
        from .device import Choice, Device
    except ImportError as error:
        check(DEBIAN)
        raise EnvironmentProblem(f"pyverbs can not be imported here ({error}): make verbs links Debian's") from None
    return Device(Choice.parse(wanted))
