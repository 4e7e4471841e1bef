"""The transport with one mistake in it, and the test that has to find it out.

A mistake is an edit of the shipped text of a function: a snippet that must be there exactly once, so that no mistake
can silently become the honest text when that changes.
"""

from __future__ import annotations

import contextlib
import inspect
import sys
import textwrap
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from inspect import isfunction
from itertools import groupby
from typing import Any
from unittest.mock import patch

from rayrdma.mutants.mutant import StaleMutant
from rayrdma.transports.verbs import committed, in_place
from rayrdma.transports.verbs.agent import Revocation
from tests.verbs import test_agent, test_doubt, test_keys, test_moments, test_overtaken, together
from tests.verbs.together import Together

PATIENCE = 4.0
"""Seconds after which a mistake has made an operation wait for ever."""
STAGES: dict[Any, dict[str, Any]] = {
    test_agent: {},
    test_keys: {},
    test_overtaken: {},
    test_doubt: {"regions": test_doubt.REGIONS, "n": test_doubt.N},
    test_moments: {"regions": test_doubt.REGIONS, "n": test_doubt.N},
}
"""What the tests of a module are held on."""


@dataclass(frozen=True)
class Hunt:
    """A test, with its arguments beside the stage."""

    test: Callable[..., None]
    arguments: tuple[Any, ...] = ()

    @property
    def stage(self) -> dict[str, Any]:
        """As `Together` takes it."""
        return STAGES[sys.modules[self.test.__module__]]

    def run(self, stage: Together) -> None:
        """Raises AssertionError if it finds a mistake."""
        parameters = inspect.signature(self.test).parameters
        if not parameters:
            self.test()
        elif "liar" in parameters:
            with test_agent.lying(stage) as liar:
                self.test(stage, liar, *self.arguments)
        else:
            self.test(stage, *self.arguments)


class Mistake:
    """One mistake.

    Args:
        name: what is wrong.
        edits: (function, or the class in one of whose functions it is, snippet, replacement).
        test, arguments: what finds it.
        how: permission is revoked; None: as the device supports it.
        slow: whether the device takes a second to see that nobody answers.
    """

    def __init__(
        self,
        name: str,
        edits: Iterable[tuple[Any, str, str]],
        test: Callable[..., None],
        *arguments: Any,
        how: Revocation | None = None,
        slow: bool = False,
    ) -> None:
        self.name = name
        self._edits = list(edits)
        self.hunt = Hunt(test, arguments)
        self.how = how
        self.slow = slow

    def __str__(self) -> str:
        return self.name

    @contextlib.contextmanager
    def made(self) -> Iterator[None]:
        """Where it is in the transport.

        Raises:
            StaleMutant: a snippet is not there exactly once.
        """
        texts: dict[Any, str] = {}
        for where, snippet, replacement in self._edits:
            function = _function(where, snippet) if isinstance(where, type) else where
            text = texts.get(function) or textwrap.dedent(inspect.getsource(function))
            if text.count(snippet) != 1:
                raise StaleMutant(f"{self}: {text.count(snippet)} times in {function.__qualname__}: {snippet!r}")
            texts[function] = text.replace(snippet, replacement)
        with contextlib.ExitStack() as stack:
            for function, text in texts.items():
                module, names = sys.modules[function.__module__], dict[str, Any]()
                exec(compile(text, f"{module.__file__}[{self}]", "exec"), vars(module), names)
                ((name, mistaken),) = names.items()
                for owner in _owners(module, function):
                    stack.enter_context(patch.object(owner, name, mistaken))
            yield

    def find(self) -> None:
        """Raises AssertionError if the hunt finds it."""
        with self.made(), patch.object(together, "SECONDS", PATIENCE), Together(self.how, **self.hunt.stage) as stage:
            self.hunt.run(stage)


def _function(owner: type, snippet: str) -> Any:
    """The one with this snippet."""
    found = [value for value in vars(owner).values() if isfunction(value) and snippet in inspect.getsource(value)]
    if len(found) != 1:
        raise StaleMutant(f"in {len(found)} functions of {owner.__name__}: {snippet!r}")
    return found[0]


def _owners(module: Any, function: Any) -> list[Any]:
    """The class of a method; the modules that know a function."""
    (outer, *inner) = function.__qualname__.split(".")
    if inner:
        return [vars(module)[outer]]
    return [other for other in (committed, in_place) if vars(other).get(outer) is function]


def hold(hunts: Iterable[Hunt], how: Revocation | None) -> None:
    """Run them all; raises AssertionError for the first that finds a mistake."""
    distinct: list[Hunt] = []
    distinct += (hunt for hunt in hunts if hunt not in distinct)
    for stage, of_stage in groupby(sorted(distinct, key=lambda hunt: len(hunt.stage)), key=lambda hunt: hunt.stage):
        with Together(how, **stage) as memory_and_processes:
            for hunt in of_stage:
                memory_and_processes.refresh()
                hunt.run(memory_and_processes)
