"""The one small interface of all transports: what a process holds towards one memory.

A connection carries one operation at a time; the process queues the others (at most one outstanding
operation per process and memory). A transport that answers within the call completes it there; any other
returns ``PENDING`` and is polled.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, Literal, Protocol

from rayrdma.model.operations import Kind


class _Pending(Enum):
    PENDING = "pending"


PENDING: Final = _Pending.PENDING
Pending = Literal[_Pending.PENDING]


class Call(Protocol):
    """What a transport needs to know of an operation."""

    @property
    def kind(self) -> Kind:
        """What it does."""

    @property
    def region(self) -> str:
        """The region's name."""

    @property
    def register(self) -> int:
        """Which register of it; 0 where it concerns the whole region."""

    @property
    def argument(self) -> Any:
        """The value to write, the new permission, or the pair (expected, new)."""


class Connection(Protocol):
    """One process's connection to one memory.

    A crashed memory never answers: its operation stays ``PENDING`` for ever. A connection that was lost says
    so in ``lost`` and its operation stays ``PENDING`` too, for whether it took effect is unknown.
    """

    transport: str

    @property
    def lost(self) -> str | None:
        """Why nothing will ever be answered any more, if that is known."""

    @property
    def refused(self) -> int:
        """How many operations a device refused so far, by itself; 0 where the memory is not behind one."""

    @property
    def queue_pairs(self) -> int:
        """How many it has on a device."""

    def start(self, instance: int) -> None:
        """Operations belong to ``instance`` from now on; what is still under way belongs to an earlier one."""

    def post(self, operation: Call) -> Any | Pending:
        """Issue an operation: its response, or ``PENDING`` while it is under way."""

    def poll(self) -> Any | Pending:
        """The response to the operation under way, or ``PENDING``."""

    def close(self) -> None:
        """Give back what the connection holds."""
