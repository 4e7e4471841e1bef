"""Mutants: protocols with one thing wrong in them.

Most are the shipped text of a module with some snippets replaced, each of which must be there exactly once, so that a
mutant can not silently become the honest protocol when that text changes. Such a mutant is registered as a virtual
subclass of what it was made from and writes the same records: it is held against the same checks. The others derive
from a protocol, and spoil a method.
"""

from __future__ import annotations

import inspect
from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import ModuleType
from typing import Any

from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Record


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
class Mutant(ABC):
    """One mistake in a protocol.

    Attributes:
        protocol: in which.
        name: of the mistake.
        shows: the names of the checks that tell of it; those of a harmless one may, and no others.
        harmless: why it does no harm; empty if it does.
        parties: how many processes and memories there are; None: as the explorer likes.
    """

    protocol: type[Protocol]
    name: str
    shows: tuple[str, ...]
    harmless: str = field(default="", kw_only=True)
    parties: tuple[int, int] | None = field(default=None, kw_only=True)

    def __str__(self) -> str:
        return f"{self.protocol.name}: {self.name}"

    @abstractmethod
    def build(self) -> type[Protocol]:
        """The mutated protocol."""


@dataclass(frozen=True)
class Edited(Mutant):
    """A mistake in the text of its protocol's module.

    Attributes:
        edits: (snippet, replacement) of that text.
        helpers: names that the replacements use beside those of the module.
    """

    edits: tuple[tuple[str, str], ...]
    helpers: Mapping[str, Any] = field(default_factory=dict, compare=False)

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


@dataclass(frozen=True)
class Derived(Mutant):
    """A mistake that is a class of its own."""

    instead: type[Protocol]

    def build(self) -> type[Protocol]:
        return self.instead


def derived(protocol: type[Protocol], instead: type[Protocol], shows: str = "", harmless: str = "") -> Derived:
    """A class whose docstring begins with its mistake: "It ..."."""
    said = (instead.__doc__ or "").splitlines()[0]
    return Derived(
        protocol, said.removeprefix("It ").removesuffix("."), tuple(shows.split()), instead, harmless=harmless
    )
