"""Schedules that are written down leg by leg."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from rayrdma.simulator.schedule import Leadership, Schedule

MESSAGE = -1
"""What stands for the memory of a leg that is a message."""


class Scripted(Schedule):
    """Every leg takes one delay, but for those that are held; Omega says what it is told to say.

    Args:
        holds: (process, memory or `MESSAGE`, time at which the leg begins) -> its delay.
        leaders: (time, process, the leader that Omega outputs there from then on).
        stabilises: from when Omega is accurate.
    """

    def __init__(
        self,
        holds: Mapping[tuple[int, int, int], int] | None = None,
        leaders: Sequence[tuple[int, int, int]] = (),
        stabilises: int = 10_000,
    ) -> None:
        self._holds = holds or {}
        self._leaders = [Leadership(*leader) for leader in leaders]
        self.stabilises = stabilises

    def leaderships(self) -> Sequence[Leadership]:
        return self._leaders

    def delay(self, process: int, memory: int, now: int) -> int:
        return self._holds.get((process, max(memory, MESSAGE), now), 1)
