"""Mutants under the seeded schedules of `tests.fuzz`, or under others."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from rayrdma.checks.observation import Violation
from rayrdma.model.protocol import Protocol
from rayrdma.mutants.mutant import Edited


@dataclass(frozen=True)
class Mutant:
    """One mistake in a protocol.

    Args:
        protocol: in which.
        name: of the mistake.
        edits: (snippet, replacement) of its module's text.
        budget: seeds within which the checks must catch it; if it is harmless, in all of which they must not.
        harmless: why it does no harm; empty if it does.
        helpers: names that the replacements use beside those of the module.
    """

    protocol: type[Protocol]
    name: str
    edits: tuple[tuple[str, str], ...]
    budget: int
    harmless: str = ""
    helpers: Mapping[str, Any] = field(default_factory=dict, compare=False)

    def __str__(self) -> str:
        return f"{self.protocol.name}: {self.name}"

    def build(self) -> type[Protocol]:
        """The mutated protocol."""
        return Edited(self.protocol, self.name, (), self.edits, self.helpers).build()

    def first_caught(self, seeds: Iterable[int]) -> tuple[int, list[Violation]] | None:
        """The first of these schedules that shows the mistake, with what the checks say."""
        raise NotImplementedError
