"""A memory: registers, permissions, and the instant at which an operation takes effect.

This is the semantics. The simulator applies operations to it directly; a memory actor behind a channel
applies the same code; the shared-memory transport is held to it by the parity tests.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from .operations import CHANGE_PERMISSION, READ, READ_REGION, WRITE, Kind
from .outcomes import ACK, NAK
from .permissions import Permission
from .regions import Region


class RegionState:
    """One region of one memory: its registers (None: never written) and its present permission."""

    __slots__ = ("covers", "permission", "region", "registers")

    def __init__(self, region: Region) -> None:
        self.region = region
        self.covers = region.covers
        self.permission: Permission = region.permission
        self.registers: list[Any] = [None] * region.registers


class Memory:
    """The regions of one memory. Never Byzantine; whoever holds it decides when it has crashed."""

    __slots__ = ("regions",)

    def __init__(self, regions: Iterable[Region]) -> None:
        self.regions = {region.name: RegionState(region) for region in regions}

    def apply(self, process: int, kind: Kind, region: str, register: int, argument: Any) -> Any:
        """Let an operation of ``process`` take effect now, atomically, and return the response.

        Permission is checked here, where and when the operation takes effect, not where it was issued.
        A change of permission that is not legal is a no-op; its issuer learns nothing (P19, section 3).
        """
        state = self.regions[region]
        if state.covers:
            return self._read_view(process, kind, state.covers)
        permission = state.permission
        if kind is WRITE:
            if process not in permission.writers:
                return NAK
            state.registers[register] = argument
            return ACK
        if kind is CHANGE_PERMISSION:
            if state.region.legal_change(process, region, permission, argument):
                state.permission = argument
            return None
        if process not in permission.readers:
            return NAK
        if kind is READ_REGION:
            return tuple(state.registers)
        if kind is READ:
            return state.registers[register]
        if process not in permission.writers:
            return NAK
        expected, new = argument
        old = state.registers[register]
        if old == expected:
            state.registers[register] = new
        return old

    def _read_view(self, process: int, kind: Kind, covers: tuple[str, ...]) -> Any:
        """A region that lies over others can be read, by who may read all of them, and nothing else."""
        if kind is CHANGE_PERMISSION:
            return None
        if kind is not READ_REGION:
            return NAK
        values: list[Any] = []
        for name in covers:
            state = self.regions[name]
            if process not in state.permission.readers:
                return NAK
            values += state.registers
        return tuple(values)
