"""One write to all memories of a process at once, as every decision in the common case is one."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rayrdma.model.errors import ValueTooLarge
from rayrdma.model.outcomes import ACK, Outcome
from rayrdma.transports.connection import PENDING, Pending

from .connection import VerbsConnection

_POLLS = 64
"""A memory that a device has not reached within so many polls (tens of microseconds) is not waited for here."""


class Fan:
    """One process, towards the same region of several memories: posts to all of them, and polls for a short while."""

    def __init__(self, connections: Sequence[VerbsConnection], region: str) -> None:
        self._connections = connections
        self._writes = [connection.operations(region).write for connection in connections]
        self.region = connections[0].side(region).region
        self._limit = self.region.register_bytes
        self._answers: list[Any] = []

    def start(self, instance: int) -> None:
        """Its connections know."""

    def write(self, register: int, payload: bytes) -> int:
        """Write the same to one register of every memory.

        Returns:
            0 if all acked; else how many did not (see `answers`).
        Raises:
            ValueTooLarge: more than ``register_bytes``.
        """
        if len(payload) > self._limit:
            raise ValueTooLarge(self.region.name, len(payload), self._limit)
        self._answers = answers = [write(register, payload) for write in self._writes]
        polls = _POLLS
        for memory, connection in enumerate(self._connections):
            answer = answers[memory]
            while answer is PENDING and polls:
                answer = connection.poll()
                polls -= 1
            answers[memory] = answer
        return len(answers) - answers.count(ACK)

    def answers(self, outcomes: int) -> list[Outcome | Pending]:
        """What each memory answered to the last `write`."""
        return self._answers
