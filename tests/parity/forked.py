"""Parties, and whoever else is called, as processes of their own, forked from a clean one."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Callable, Iterable
from multiprocessing import forkserver
from multiprocessing.connection import Connection as Pipe
from typing import Any, Protocol

from .live import SECONDS, LiveWorker, die_with_parent

_context = multiprocessing.get_context("forkserver")


class Callee(Protocol):
    """Who is called in a process of its own; a `Party` is one."""

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """The result of ``function(self, *arguments)``."""


_ours = False
"""Whether the clean process is there, and ours. A search starts one too: that imports nothing beforehand, so each party
would, for a second."""


def preload(modules: Iterable[str]) -> None:
    """What the clean process imports once for all, if it is not there yet."""
    global _ours
    if not _ours:
        _ours = True
        forkserver._forkserver._stop()  # if somebody else has started it
        _context.set_forkserver_preload([*modules])


def _serve(pipe: Pipe, make: Callable[..., Callee], arguments: tuple[Any, ...]) -> None:
    """What comes through the pipe is called, until nobody holds its other end."""
    die_with_parent()
    # The fork server, our parent, ends when nobody holds this any more: let that be the tests alone.
    os.close(forkserver._forkserver._forkserver_alive_fd)
    callee = make(*arguments)
    pipe.send(None)
    while True:
        try:
            function, called_with = pipe.recv()
        except EOFError:
            return
        try:
            answer = (True, callee.call(function, *called_with))
        except Exception as error:
            error.add_note(traceback.format_exc())
            answer = (False, error)
        pipe.send(answer)


class ForkedWorker(LiveWorker):
    """A process, and the pipe to it.

    Args:
        make: makes, in the process, who is called there.
    """

    def __init__(self, make: Callable[..., Callee], *arguments: Any) -> None:
        self._pipe, there = _context.Pipe()
        self._process = _context.Process(target=_serve, args=(there, make, arguments), daemon=True)
        self._process.start()
        there.close()
        self.pid = self._process.pid or 0
        self._pipe.recv()

    def begin(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.busy = True
        self._pipe.send((function, arguments))

    def result(self) -> Any:
        assert self._pipe.poll(SECONDS), f"no result after {SECONDS:g} s"
        succeeded, result = self._pipe.recv()
        self.busy = False
        if not succeeded:
            raise result
        return result

    def kill(self) -> None:
        super().kill()
        self._process.join()
        self._process.close()
        self._pipe.close()

    def check(self) -> None:
        if self.busy and self.alive and self._pipe.poll():
            succeeded, result = self._pipe.recv()
            assert not succeeded, "it has ended before what the test waits for happened"
            raise result
