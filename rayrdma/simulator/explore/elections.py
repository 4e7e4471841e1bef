"""Omega at the wrong moment: rivals are named while a permission changes, or a deposed leader is named again."""

from __future__ import annotations

import random
from collections.abc import Sequence

from rayrdma.model.operations import CHANGE_PERMISSION
from rayrdma.simulator.stepper import Chooser, Entry

from .choosers import choose_among
from .partition import way_of
from .pending import EFFECT, ELECTED, RESPONSE, what

SOON = 0.3
"""The probability that the rival is named at this event of a change, and not at a later one."""


def named_by(entry: Entry) -> int | None:
    """Whom Omega names by this event; None if it is none of Omega's."""
    kind, _, named, _ = what(entry)
    return named if kind == ELECTED else None


class PermissionRace:
    """A process is told that it leads while somebody else's change of a permission is under way.

    Somebody has to be the first: until a rival was named, it is left to the other chooser.
    """

    def __init__(self, choose: Chooser, seed: str) -> None:
        self._choose = choose
        self._random = random.Random(seed).random
        self._named = False

    def __call__(self, pending: Sequence[Entry]) -> int:
        changing = {process for entry in pending if (process := changes_permission(entry)) is not None}
        if changing and self._random() < SOON:
            for position, entry in enumerate(pending):
                if (named := named_by(entry)) is not None and named not in changing:
                    return position
        choice = choose_among(pending, lambda entry: not self._named or named_by(entry) is None, self._choose)
        self._named = self._named or named_by(pending[choice]) is not None
        return choice


class Restart:
    """A leader is deposed in the midst of what it does, a rival leads, and it is named again before any of that came.

    Args:
        choose: of the events, as far as it is left to somebody else.
        leader, rival: their numbers.
        begins: after so many events the leader is deposed, as soon as something of it is under way.
        meanwhile: so many events the rival has.
    """

    def __init__(self, choose: Chooser, leader: int, rival: int, begins: int, meanwhile: int) -> None:
        self._choose = choose
        self._leader = leader
        self._rival = rival
        self._begins = begins
        self._meanwhile = meanwhile
        self._deposed = False

    def __call__(self, pending: Sequence[Entry]) -> int:
        if self._begins > 0 or not (self._deposed or any(map(self._of_leader, pending))):
            self._begins -= 1
            return choose_among(pending, lambda entry: named_by(entry) is None, self._choose)
        if not self._deposed:
            for position, entry in enumerate(pending):
                if named_by(entry) == self._rival:
                    return position
            self._deposed = True
        if self._meanwhile > 0:
            self._meanwhile -= 1
            return choose_among(
                pending, lambda entry: named_by(entry) is None and not self._of_leader(entry), self._choose
            )
        for position, entry in enumerate(pending):
            if named_by(entry) == self._leader:
                return position
        return self._choose(pending)

    def _of_leader(self, entry: Entry) -> bool:
        return f"p{self._leader}" in (way_of(entry) or ())


def changes_permission(entry: Entry) -> int | None:
    """Whose change of a permission is on its way to the memory, or its answer on the way back."""
    kind, process, _, about = what(entry)
    return process if kind in (EFFECT, RESPONSE) and about.kind is CHANGE_PERMISSION else None
