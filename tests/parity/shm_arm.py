"""The arm over shared memory: every party is a process forked from a clean one, with the segments mapped."""

from __future__ import annotations

import multiprocessing
import os
import traceback
from collections.abc import Callable
from multiprocessing import forkserver
from multiprocessing.connection import Connection as Pipe
from typing import Any

from rayrdma.transports.shm import Segment, ShmConnection

from .live import SECONDS, LiveArm, LiveWorker, die_with_parent, open_ledger
from .party import MEMORIES, PROCESSES, REGIONS, Party

_context = multiprocessing.get_context("forkserver")


def serve(pipe: Pipe, process: int, segments: list[str], instance: int, ledger: str) -> None:
    """A party: what comes through the pipe is called, until nobody holds its other end."""
    die_with_parent()
    # The fork server, our parent, ends when nobody holds this any more: let that be the tests alone.
    os.close(forkserver._forkserver._forkserver_alive_fd)
    connections = [ShmConnection(Segment.attach(segment), REGIONS, process, instance) for segment in segments]
    party = Party(process, connections, open_ledger(ledger))
    pipe.send(None)
    while True:
        try:
            function, arguments = pipe.recv()
        except EOFError:
            return
        try:
            answer = (True, party.call(function, *arguments))
        except Exception as error:
            error.add_note(traceback.format_exc())
            answer = (False, error)
        pipe.send(answer)


class ShmWorker(LiveWorker):
    """A process, and the pipe to it."""

    def __init__(self, arm: ShmArm, process: int) -> None:
        self._pipe, there = _context.Pipe()
        self._process = _context.Process(
            target=serve, args=(there, process, arm.paths, arm.instance, arm.ledger_path), daemon=True
        )
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


class ShmArm(LiveArm):
    """Segments that every party maps."""

    name = "shm"

    def __init__(self) -> None:
        super().__init__()
        _context.set_forkserver_preload([__name__])
        self.paths = [self.share(lambda path: Segment.create(path, PROCESSES, REGIONS)) for _ in range(MEMORIES)]
        self._segments = [Segment.attach(path) for path in self.paths]

    def crash(self, memory: int) -> None:
        self._segments[memory].crash(self.instance)

    def close(self) -> None:
        super().close()
        for segment in self._segments:
            segment.close()

    def _make_worker(self, process: int) -> ShmWorker:
        return ShmWorker(self, process)

    def _reset_memory(self, memory: int) -> None:
        self._segments[memory].reset(self.instance)

    def _revive_memories(self) -> None:
        """A crash does not outlive its instance here."""
