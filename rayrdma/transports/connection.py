"""The one small interface of all transports: what a process holds towards one memory.

A connection carries one operation at a time; the process queues the others (at most one outstanding
operation per process and memory). A transport that answers within the call completes it there; any other
returns ``PENDING`` and is polled.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, Literal, Protocol

from rayrdma.model.operations import Operation


class _Pending(Enum):
    PENDING = "pending"


PENDING: Final = _Pending.PENDING
Pending = Literal[_Pending.PENDING]


class Connection(Protocol):
    """One process's connection to one memory.

    A crashed memory never answers: its operation stays ``PENDING`` for ever. A connection that was lost says
    so in ``lost`` and its operation stays ``PENDING`` too, for whether it took effect is unknown.
    """

    transport: str
    lost: str | None

    def post(self, operation: Operation) -> Any | Pending:
        """Issue an operation: its response, or ``PENDING`` while it is under way."""

    def poll(self) -> Any | Pending:
        """The response to the operation under way, or ``PENDING``."""

    def close(self) -> None:
        """Give back what the connection holds."""
