"""The actor that stands for a process, or for several of them."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

import ray

from rayrdma.actors.devices import why_no_device
from rayrdma.actors.dial import dial
from rayrdma.actors.loop import Loop
from rayrdma.actors.seat import Ports
from rayrdma.actors.wiring import MemoryAddress, Wiring, host_identity
from rayrdma.model.graph import reach_of
from rayrdma.transports.ray_channel import forget_semaphores


class ProcessHost(Loop):
    """The processes of one actor. Made into an actor by `ProcessActor`."""

    def __init__(self, wiring: Wiring, ids: list[int]) -> None:
        super().__init__(wiring, ids, ray.util.get_node_ip_address())
        self._node = ray.get_runtime_context().get_node_id()
        self._held = threading.Event()

    def whereabouts(self) -> dict[str, Any]:
        """Where this actor runs and where its processes receive."""
        place = {"pid": os.getpid(), "node": self._node, "host": host_identity(), "no_device": why_no_device()}
        return place | self.listens()

    def hold(self) -> None:
        """Return when the actor is told to end; the pending call is how its death is noticed."""
        self._held.wait()

    def connect(
        self,
        me: Any,
        memories: list[MemoryAddress],
        inboxes: Mapping[int, str],
        pulses: Mapping[int, str],
        keys: Mapping[int, bytes],
        secrets: Mapping[int, str],
    ) -> list[tuple[str, int]]:
        """Open connections to every memory and to every process.

        Args:
            secrets: of the processes here, by which the agents of memories know them.
        Returns:
            The transport of every (process, memory) pair that may use one, and how many queue pairs that takes.
        """
        for seat in self._seats.values():
            seat.ports = ports = Ports(secrets[seat.id])
            seat.dialled = [dial(me, self._node, seat.id, address, self._wiring, ports) for address in memories]
        self.meet(inboxes, pulses, keys)
        forget_semaphores()
        graph = self._wiring.graph
        return [
            (seat.dialled[memory].protocol.transport, seat.dialled[memory].queue_pairs)
            for seat in self._seats.values()
            for memory in reach_of(graph, seat.id, len(memories))
        ]

    def close(self) -> None:
        """Let go of everything, and of the actor."""
        super().close()
        self._held.set()


ProcessActor = ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0, max_concurrency=6)(ProcessHost)
"""`ProcessHost` as a Ray actor."""
