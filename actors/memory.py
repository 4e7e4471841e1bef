"""The actor that stands for a memory, or for several of them.

Over shm its processes operate on the segments by themselves, and the actor does nothing but make, empty and
end them: it takes no step when a process reads or writes, as the model wants it. Over channels it is what
answers, and checks permission where and when an operation takes effect.

Every memory has two parts: the protocol's regions, emptied for every instance, and the heartbeats, which go
on for ever; the number of the latter is ``-1 - number``. On a shared-memory graph heartbeats are messages.
"""

from __future__ import annotations

import os
import threading
from typing import Any

import ray

from rayrdma.actors.omega import heartbeat_region
from rayrdma.actors.wiring import Wiring, host_identity
from rayrdma.faults.plan import After
from rayrdma.transports.ray_channel import ChannelServer, forget_semaphores, make_channel
from rayrdma.transports.service import MemoryService, frame_bytes


class MemoryHost:
    """The memories of one actor. Made into an actor by `MemoryActor`."""

    def __init__(self, wiring: Wiring, numbers: list[int]) -> None:
        self._wiring = wiring
        self._regions = wiring.regions()
        self._numbers = numbers
        self._held = threading.Event()
        self._segments: dict[int, Any] = {}
        self._services: dict[int, MemoryService] = {}
        self._servers: list[ChannelServer] = []

    def whereabouts(self) -> dict[str, Any]:
        """Where this actor runs."""
        return {"pid": os.getpid(), "node": ray.get_runtime_context().get_node_id(), "host": host_identity()}

    def open(self, shm: bool) -> dict[int, tuple[str, ...]]:
        """Make the memories, in shared memory or behind channels.

        Returns:
            The files of each memory's segments, if it has any.
        Raises:
            EnvironmentProblem: no room for a segment.
        """
        opened = {}
        for number in self._numbers:
            parts = {number: self._wiring.regions_of(number)}
            if self._wiring.beats_in_memory:
                parts[-1 - number] = [heartbeat_region(self._wiring.n)]
            for part, regions in parts.items():
                if shm:
                    from rayrdma.transports.shm import Segment  # compiled kernels are loaded only where they are used

                    self._segments[part] = Segment.create(self._path(part), self._wiring.n, regions)
                else:
                    self._services[part] = MemoryService(regions, self._wiring.n)
            if -1 - number in self._services:
                self._services[-1 - number].reset(0)
            opened[number] = tuple(map(self._path, parts))
        return opened if shm else {}

    def hold(self) -> None:
        """Return when the actor is told to end; the pending call is how its death is noticed."""
        self._held.wait()

    def unlink(self) -> None:
        """Everybody has the segments mapped: their files are not needed any more, and can not be left behind."""
        for segment in self._segments.values():
            segment.unlink()

    def reset(self, instance: int) -> None:
        """Empty the protocol's regions for a new instance; what belongs to older ones takes no effect any more."""
        for number in self._numbers:
            if self._segments:
                self._segments[number].reset(instance)
            else:
                self._services[number].reset(instance)

    def crash(self, number: int) -> None:
        """A crash of one memory among several: it answers nothing any more."""
        for part in (number, -1 - number):
            if part in self._services:
                self._services[part].crash()

    def crash_after(self, number: int, after: After) -> None:
        """Die right after an operation has taken effect; only a memory that answers by itself can count them."""
        self._services[number].crash_after(after)

    def accept(self, me: Any, number: int, process: int, requests: Any, reader: Any, node: str) -> Any:
        """Serve one process over a pair of channels; the channel of the replies."""
        replies = make_channel(me, reader, node, frame_bytes(self._regions))
        pause = 0.0 if number >= 0 else self._wiring.period / 2
        self._servers.append(ChannelServer(self._services[number], process, requests, replies, pause))
        return replies

    def forget(self) -> None:
        """All channels are open on both ends."""
        forget_semaphores()

    def apply(self, number: int, process: int, frame: bytes) -> bytes | None:
        """One operation as an actor call, for processes on other nodes."""
        return self._services[number].apply(process, frame)

    def close(self) -> None:
        """Let go of everything, in order."""
        for server in self._servers:
            server.close()
        for segment in self._segments.values():
            segment.close()
        self._held.set()

    def _path(self, part: int) -> str:
        return f"{self._wiring.folder}/{'memory' if part >= 0 else 'pulse'}-{part if part >= 0 else -1 - part}"


MemoryActor = ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0, max_concurrency=8)(MemoryHost)
"""`MemoryHost` as a Ray actor."""
