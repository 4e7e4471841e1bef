"""The library of Byzantine behaviours, by name."""

from __future__ import annotations

from rayrdma.faults.behaviour import Behaviour

from .cheap_quorum import ON_CHEAP_QUORUM
from .generic import GENERIC
from .voting import VOTING

BEHAVIOURS: dict[str, type[Behaviour]] = {
    behaviour.name: behaviour for behaviour in (*GENERIC, *VOTING, *ON_CHEAP_QUORUM)
}
"""Every behaviour that the command line knows by name."""
