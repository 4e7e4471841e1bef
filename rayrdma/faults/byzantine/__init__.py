"""The library of Byzantine behaviours, by name."""

from __future__ import annotations

from rayrdma.faults.behaviour import Behaviour

from .generic import GENERIC
from .voting import VOTING

BEHAVIOURS: dict[str, type[Behaviour]] = {behaviour.name: behaviour for behaviour in (*GENERIC, *VOTING)}
"""Every behaviour that the command line knows by name."""
