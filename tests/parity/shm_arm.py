"""The arm over shared memory: every party is a process forked from a clean one, with the segments mapped."""

from __future__ import annotations

from rayrdma.transports.shm import Segment, ShmConnection

from . import forked
from .forked import ForkedWorker
from .live import LiveArm, open_ledger
from .party import MEMORIES, PROCESSES, REGIONS, Party


def make_party(process: int, segments: list[str], instance: int, ledger: str) -> Party:
    connections = [ShmConnection(Segment.attach(segment), REGIONS, process, instance) for segment in segments]
    return Party(process, connections, open_ledger(ledger))


class ShmArm(LiveArm):
    """Segments that every party maps."""

    name = "shm"

    def __init__(self) -> None:
        super().__init__()
        forked.preload([__name__])
        self.paths = [self.share(lambda path: Segment.create(path, PROCESSES, REGIONS)) for _ in range(MEMORIES)]
        self._segments = [Segment.attach(path) for path in self.paths]

    def crash(self, memory: int) -> None:
        self._segments[memory].crash(self.instance)

    def close(self) -> None:
        super().close()
        for segment in self._segments:
            segment.close()

    def _make_worker(self, process: int) -> ForkedWorker:
        return ForkedWorker(make_party, process, self.paths, self.instance, self.ledger_path)

    def _reset_memory(self, memory: int) -> None:
        self._segments[memory].reset(self.instance)

    def _revive_memories(self) -> None:
        """A crash does not outlive its instance here."""
