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
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import ray

from rayrdma.actors.devices import use_device, why_no_device
from rayrdma.actors.wiring import Wiring, host_identity
from rayrdma.faults.plan import After
from rayrdma.model.regions import Region
from rayrdma.transports.ray_channel import ChannelServer, forget_semaphores, make_channel
from rayrdma.transports.service import MemoryService, frame_bytes

if TYPE_CHECKING:
    from rayrdma.transports.verbs.agent import VerbsMemory
    from rayrdma.transports.verbs.lines import Port
    from rayrdma.transports.verbs.relay import Relay


class MemoryHost:
    """The memories of one actor. Made into an actor by `MemoryActor`."""

    def __init__(self, wiring: Wiring, numbers: list[int]) -> None:
        self._wiring = wiring
        self._regions = wiring.regions()
        self._numbers = numbers
        self._held = threading.Event()
        self._segments: dict[int, Any] = {}
        self._services: dict[int, MemoryService] = {}
        self._registered: dict[int, VerbsMemory] = {}
        self._relays: list[tuple[Relay, Any]] = []
        self._ports: list[Port] = []
        self._secrets: dict[int, str] = {}
        self._servers: list[ChannelServer] = []

    def whereabouts(self) -> dict[str, Any]:
        """Where this actor runs."""
        return {
            "pid": os.getpid(),
            "node": ray.get_runtime_context().get_node_id(),
            "host": host_identity(),
            "no_device": why_no_device(),
        }

    def open(self, transport: str, secrets: Mapping[int, str]) -> dict[int, tuple[str, ...]]:
        """Make the memories, in shared memory, behind a device or behind channels.

        Args:
            secrets: of each process, by which the agent of a memory behind a device knows who asks.
        Returns:
            The files of each memory's segments, or where the agents of its parts are asked; nothing over channels.
        Raises:
            EnvironmentProblem: no room for a segment, or the device refused.
        """
        opened: dict[int, tuple[str, ...]] = {}
        self._secrets = dict(secrets)
        for number in self._numbers:
            parts = self._wiring.parts_of(number)
            if transport == "shm":
                opened[number] = tuple(self._map(part, regions) for part, regions in parts.items())
            elif transport == "verbs":
                opened[number] = tuple(self._register(part, regions) for part, regions in parts.items())
            if transport != "shm":
                # Behind a device these only refuse: to processes out of reach, who have nothing but calls.
                self._services |= {part: MemoryService(regions, self._wiring.n) for part, regions in parts.items()}
                if -1 - number in self._services:
                    self._services[-1 - number].reset(0)
        return opened

    def _map(self, part: int, regions: list[Region]) -> str:
        from rayrdma.transports.shm import Segment  # compiled kernels are loaded only where they are used

        path = f"{self._wiring.folder}/{'memory' if part >= 0 else 'pulse'}-{part if part >= 0 else -1 - part}"
        self._segments[part] = Segment.create(path, self._wiring.n, regions)
        return path

    def _register(self, part: int, regions: list[Region]) -> str:
        from rayrdma.transports.verbs.agent import VerbsMemory  # so is pyverbs

        near = self._secrets
        if self._wiring.graph is not None:
            near = {process: near[process] for process in self._wiring.graph.closed(part)}
        address = ray.util.get_node_ip_address()
        secrets = {secret: process for process, secret in near.items()}
        memory = VerbsMemory(use_device(), address, regions, secrets, n=self._wiring.n)
        self._registered[part] = memory
        if part < 0:
            memory.reset(0)
        return memory.endpoint

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
            for kept in (self._segments, self._registered, self._services):
                if number in kept:
                    kept[number].reset(instance)

    def crash(self, number: int) -> None:
        """A crash of one memory among several: it answers nothing any more."""
        for part in (number, -1 - number):
            for kept in (self._registered, self._services):
                if part in kept:
                    kept[part].crash()

    def crash_after(self, number: int, after: After) -> None:
        """Die right after an operation has taken effect; only a memory that answers by itself can count them."""
        self._services[number].crash_after(after)

    def accept(self, me: Any, number: int, process: int, requests: Any, reader: Any, node: str) -> Any:
        """Serve one process over a pair of channels; the channel of the replies."""
        replies = make_channel(me, reader, node, frame_bytes(self._regions))
        pause = 0.0 if number >= 0 else self._wiring.period / 2
        behind = self._relay(number, process) if number in self._registered else self._services[number]
        self._servers.append(ChannelServer(behind, process, requests, replies, pause))
        return replies

    def _relay(self, part: int, process: int) -> Relay:
        """For a process that has no device, on a memory that is behind one."""
        from rayrdma.transports.verbs.connection import VerbsConnection
        from rayrdma.transports.verbs.lines import Port
        from rayrdma.transports.verbs.relay import Relay, as_bytes

        port = Port(use_device())
        regions = as_bytes(self._wiring.parts_of(max(part, -1 - part))[part])
        memory = self._registered[part]
        connection = VerbsConnection(port, memory.endpoint, self._secrets[process], regions, process, self._wiring.n)
        relay = Relay(connection)
        self._ports.append(port)
        self._relays.append((relay, connection))
        return relay

    def forget(self) -> None:
        """All channels are open on both ends."""
        forget_semaphores()

    def apply(self, number: int, process: int, frame: bytes) -> bytes | None:
        """One operation as an actor call, for processes on other nodes."""
        return self._services[number].apply(process, frame)

    def close(self) -> None:
        """Let go of everything, in order."""
        for relay, _ in self._relays:
            relay.close()
        for server in self._servers:
            server.close()
        for _, connection in self._relays:
            connection.close()
        for port in self._ports:
            port.close()
        for memory in self._registered.values():
            memory.close()
        for segment in self._segments.values():
            segment.close()
        self._held.set()


MemoryActor = ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0, max_concurrency=8)(MemoryHost)
"""`MemoryHost` as a Ray actor."""
