"""Runs the command line within this process, or as a command of its own."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from rayrdma.cli import main

ROOT = Path(__file__).parents[2]


@dataclass(frozen=True)
class Finished:
    """What a command left."""

    code: int
    output: str
    errors: str

    @property
    def json(self) -> Any:
        """The one JSON object on standard output."""
        assert self.output.count("\n") == 1, self.output
        return json.loads(self.output)

    def said(self) -> str:
        """The one line on standard error of a command that failed."""
        assert self.output == ""
        assert "Traceback" not in self.errors
        assert self.errors.startswith("rayrdma: "), self.errors
        assert self.errors.count("\n") == 1, self.errors
        return self.errors.removeprefix("rayrdma: ")


class Command:
    """``rayrdma`` in a folder of its own."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self._capsys = capsys

    def __call__(self, *arguments: object) -> Finished:
        code = main([str(argument) for argument in arguments])
        captured = self._capsys.readouterr()
        return Finished(code, captured.out, captured.err)


def environment(**more: str) -> dict[str, str]:
    """For a process of its own: the library of this checkout, wherever it runs."""
    return os.environ | {"PYTHONPATH": str(ROOT)} | more


def heed_interrupts() -> None:
    """In a new process: who runs the tests in the background may have them, and all that they start, ignore Ctrl-C."""
    signal.signal(signal.SIGINT, signal.SIG_DFL)


@contextmanager
def started(*arguments: object, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """``rayrdma`` as a process of its own, which does not outlive the block."""
    running = subprocess.Popen(
        [sys.executable, "-m", "rayrdma", *map(str, arguments)],
        cwd=folder,
        env=environment(),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        preexec_fn=heed_interrupts,
    )
    with running:
        try:
            yield running
        finally:
            running.kill()


def run_alone(*arguments: object, folder: Path, seconds: float = 280) -> Finished:
    """``rayrdma`` as a process of its own, to its end."""
    with started(*arguments, folder=folder) as running:
        output, errors = running.communicate(timeout=seconds)
        return Finished(running.returncode, output, errors)
