"""A partition: for a stretch of events one side hears nothing of the other."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from rayrdma.simulator.stepper import Chooser, Entry

from .choosers import choose_among
from .pending import DELIVERY, EFFECT, RESPONSE, what

Way = tuple[str, str]
"""From whom to whom: ``p0`` is a process, ``m0`` a memory."""


def way_of(entry: Entry) -> Way | None:
    """From whom to whom an event travels; None if it is a process's own, or Omega's, or a fault."""
    kind, process, other, _ = what(entry)
    if kind == EFFECT:
        return f"p{process}", f"m{other}"
    if kind == RESPONSE:
        return f"m{other}", f"p{process}"
    if kind == DELIVERY:
        return f"p{other}", f"p{process}"
    return None


class Partition:
    """Holds back what goes across, and leaves the rest to another chooser. Links are reliable: it comes later.

    Args:
        choose: the other chooser.
        side: some of the processes and memories; the other side are all others.
        both: whether neither side hears the other; else the other one does not hear this one.
        begins, ends: after how many events.
    """

    def __init__(self, choose: Chooser, side: Collection[str], both: bool, begins: int, ends: int) -> None:
        self._choose = choose
        self._side = frozenset(side)
        self._both = both
        self._begins = begins
        self._ends = ends
        self._events = 0

    def __call__(self, pending: Sequence[Entry]) -> int:
        self._events += 1
        if not self._begins < self._events <= self._ends:
            return self._choose(pending)
        return choose_among(pending, self._passes, self._choose)

    def _passes(self, entry: Entry) -> bool:
        way = way_of(entry)
        if way is None:
            return True
        sender, receiver = (party in self._side for party in way)
        return sender == receiver or not (sender or self._both)
