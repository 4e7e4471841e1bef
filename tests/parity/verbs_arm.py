"""The arms over verbs: every party and every memory is a process of its own, with the device opened there."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable
from operator import attrgetter
from typing import Any, ClassVar

from rayrdma.transports.verbs.agent import Revocation, VerbsMemory
from rayrdma.transports.verbs.connection import VerbsConnection
from rayrdma.transports.verbs.device import Device
from rayrdma.transports.verbs.lines import Port

from . import forked
from .arms import FLAGS_ARM
from .forked import ForkedWorker
from .live import SECONDS, LiveArm, open_ledger, stop
from .party import MEMORIES, PROCESSES, REGIONS, Party

SECRETS = [f"the secret of p{process}" for process in range(PROCESSES)]


class Host:
    """A memory, where its agent runs: what is called there gets the memory."""

    def __init__(self, revocation: Revocation) -> None:
        secrets = {secret: process for process, secret in enumerate(SECRETS)}
        self._memory = VerbsMemory(Device(), "127.0.0.1", REGIONS, secrets, revocation)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(self._memory, *arguments)


def make_party(process: int, endpoints: list[str], instance: int, ledger: str) -> Party:
    port = Port(Device())
    connections = [
        VerbsConnection(port, endpoint, SECRETS[process], REGIONS, process, PROCESSES, instance)
        for endpoint in endpoints
    ]
    for connection in connections:
        connection.open(SECONDS)
    return Party(process, connections, open_ledger(ledger))


class VerbsArm(LiveArm):
    """Deregistration revokes."""

    name = "verbs"
    revocation: ClassVar[Revocation] = Revocation.REGISTRATION

    def __init__(self) -> None:
        super().__init__()
        forked.preload([__name__])
        self.memories: list[ForkedWorker] = []
        self.endpoints: list[str] = []
        self._crashed: set[int] = set()
        for _ in range(MEMORIES):
            self._add_memory()

    def crash(self, memory: int) -> None:
        self._crashed.add(memory)
        self.memories[memory].call(VerbsMemory.crash)

    def stop_memory(self, memory: int) -> None:
        """Returns when its agent has stopped; its device goes on."""
        stop(self.memories[memory].pid)

    def resume_memory(self, memory: int) -> None:
        """Go on."""
        os.kill(self.memories[memory].pid, signal.SIGCONT)

    def kill_memory(self, memory: int) -> None:
        """Its process, and with it all that this has of the device."""
        self._crashed.add(memory)
        self.memories[memory].kill()

    def close(self) -> None:
        super().close()
        self._kill_memories()

    def _kill_memories(self) -> None:
        for memory in self.memories:
            if memory.alive:
                memory.kill()
        self.memories.clear()
        self.endpoints.clear()

    def _add_memory(self) -> None:
        memory = ForkedWorker(Host, self.revocation)
        self.memories.append(memory)
        self.endpoints.append(memory.call(attrgetter("endpoint")))

    def _make_worker(self, process: int) -> ForkedWorker:
        return ForkedWorker(make_party, process, self.endpoints, self.instance, self.ledger_path)

    def _reset_memory(self, memory: int) -> None:
        if memory not in self._crashed:
            self.memories[memory].call(VerbsMemory.reset, self.instance)

    def _revive_memories(self) -> None:
        """New processes for memories, and for all who were connected to the old ones."""
        if not self._crashed:
            return
        for worker in self._workers.values():
            if worker.alive:
                worker.kill()
        self._kill_memories()
        self._crashed.clear()
        for _ in range(MEMORIES):
            self._add_memory()


class FlagsArm(VerbsArm):
    """The flags of queue pairs revoke."""

    name = FLAGS_ARM
    revocation = Revocation.FLAGS
