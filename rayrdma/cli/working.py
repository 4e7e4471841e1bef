"""While a command works, and what it prints in the end."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

import msgspec
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from rayrdma.model.errors import RayrdmaError
from rayrdma.results import terminal

T = TypeVar("T")


class Interrupted(RayrdmaError):
    """Somebody pressed Ctrl-C. (typer would end without a word.)"""


@contextmanager
def working(lines: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Something that may take long: Ctrl-C is one line, and standard error says how far it is.

    Args:
        lines: where that is no terminal, for a bar, write one line for each new thing that is done.
    """
    console = Console(stderr=True, highlight=False)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    try:
        if console.is_terminal:
            with Progress(*columns, console=console, transient=True) as bar:
                task = bar.add_task("", total=None)
                yield lambda what, done, steps: bar.update(task, description=what, completed=done, total=steps)
        else:
            told: set[str] = set()

            def tell(what: str, done: int, steps: int) -> None:
                if lines and what not in told:
                    told.add(what)
                    console.print(what, soft_wrap=True)

            yield tell
    except KeyboardInterrupt as error:
        raise Interrupted("interrupted") from error


def put(found: T, as_json: bool, show: Callable[[Console, T], None]) -> None:
    """Print what came of a command: one JSON object, or for people."""
    if as_json:
        sys.stdout.write(msgspec.json.encode(found).decode() + "\n")
    else:
        show(terminal.console(), found)
