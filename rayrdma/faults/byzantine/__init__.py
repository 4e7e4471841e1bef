"""The library of Byzantine behaviours, by name."""

from __future__ import annotations

from rayrdma.faults.behaviour import Behaviour
from rayrdma.model.errors import UsageError

from .cheap_quorum import ON_CHEAP_QUORUM
from .disks import OverwritesBlocks
from .generic import GENERIC
from .preferential import ON_INPUTS
from .robust_backup import ON_BOOKS
from .transmission import ON_TRANSMISSIONS
from .voting import VOTING
from .worlds import TwoWorlds

ALL: tuple[type[Behaviour], ...] = (
    *GENERIC,
    *VOTING,
    *ON_CHEAP_QUORUM,
    *ON_BOOKS,
    *ON_TRANSMISSIONS,
    *ON_INPUTS,
    TwoWorlds,
    OverwritesBlocks,
)

BEHAVIOURS: dict[str, type[Behaviour]] = {behaviour.name: behaviour for behaviour in ALL}
"""Every behaviour that the command line knows by name."""


def find_behaviour(name: str) -> type[Behaviour]:
    """The behaviour of this name.

    Raises:
        UsageError: there is none; the message lists those there are.
    """
    if name not in BEHAVIOURS:
        raise UsageError(f"there is no behaviour {name!r}; choose one of {', '.join(BEHAVIOURS)}")
    return BEHAVIOURS[name]
