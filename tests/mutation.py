"""Mutants: protocols with one thing wrong in them.

A mutant is the shipped text of a module with some snippets replaced, each of which must be there exactly once,
so that a mutant can not silently become the honest protocol when that text changes. It is registered as a
virtual subclass of what it was made from and writes the same records: it is held against the same checks.
"""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

from rayrdma.checks.observation import Violation
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Record
from tests.fuzz import run


class StaleMutant(AssertionError):
    """The text that a mutant changes is not there, or not once."""


def mutate(
    module: ModuleType, name: str, edits: Iterable[tuple[str, str]], helpers: Mapping[str, Any]
) -> dict[str, Any]:
    """The names of a module made from the text of another one; replacements may use ``helpers``, too.

    Raises:
        StaleMutant: a snippet is not there exactly once.
    """
    source = inspect.getsource(module)
    for snippet, replacement in edits:
        if source.count(snippet) != 1:
            raise StaleMutant(f"{name}: {source.count(snippet)} times in {module.__name__}: {snippet!r}")
        source = source.replace(snippet, replacement)
    names: dict[str, Any] = {"__name__": f"{module.__name__}[{name}]", "__package__": module.__package__, **helpers}
    exec(compile(source, f"{module.__file__}[{name}]", "exec"), names)
    for known, value in vars(module).items():
        if isinstance(value, type) and issubclass(value, Record):
            names[known] = value  # the records stay the honest ones: the checks know them
    return names


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

    @property
    def shape(self) -> tuple[int, int]:
        """How many processes and memories."""
        return (3, 3) if self.protocol.needs_memories else (3, 0)

    @cache  # noqa: B019 - there is a fixed number of mutants
    def build(self) -> type[Protocol]:
        """The mutated protocol.

        Raises:
            StaleMutant: a snippet is not there exactly once.
        """
        module = inspect.getmodule(self.protocol)
        assert module is not None
        protocol: type[Protocol] = mutate(module, self.name, self.edits, self.helpers)[self.protocol.__name__]
        self.protocol.register(protocol)
        return protocol

    def first_caught(self, seeds: Iterable[int]) -> tuple[int, list[Violation]] | None:
        """The first of these schedules that shows the mistake, with what the checks say."""
        for seed in seeds:
            violations = run(self.build(), *self.shape, seed).violations()
            if violations:
                return seed, violations
        return None
