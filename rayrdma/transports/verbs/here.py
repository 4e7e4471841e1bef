"""The device of this host, if it has one: chosen by itself, or by ``RAYRDMA_DEVICE``."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from rayrdma.model.errors import EnvironmentProblem

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
        raise EnvironmentProblem(
            f"pyverbs can not be imported ({error}); on Debian: apt install python3-pyverbs ibverbs-providers, "
            "and then make verbs links it into .venv"
        ) from None
    return Device(Choice.parse(wanted))
