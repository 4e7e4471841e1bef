"""The arms over Ray: every party and every memory is an actor, joined by channels or by actor calls."""

from __future__ import annotations

import os
import signal
import traceback
from collections.abc import Callable
from typing import Any

import ray

from rayrdma.transports.ray_channel import (
    CallEnd,
    ChannelEnd,
    ChannelServer,
    RayChannelConnection,
    forget_semaphores,
    make_channel,
)
from rayrdma.transports.service import MemoryService, frame_bytes

from .live import SECONDS, LiveArm, LiveWorker, open_ledger, state, stop, until
from .party import MEMORIES, PROCESSES, REGIONS, Party


class _Memory:
    """The actor of a memory."""

    def __init__(self) -> None:
        self._service = MemoryService(REGIONS, PROCESSES)
        self._servers: list[ChannelServer] = []

    def where(self) -> tuple[int, str]:
        return os.getpid(), ray.get_runtime_context().get_node_id()

    def accept(self, me: Any, process: int, requests: Any, reader: Any, node: str) -> Any:
        replies = make_channel(me, reader, node, frame_bytes(REGIONS))
        self._servers.append(ChannelServer(self._service, process, requests, replies))
        return replies

    def forget(self) -> None:
        forget_semaphores()

    def reset(self, instance: int) -> None:
        self._service.reset(instance)

    def crash(self) -> None:
        self._service.crash()

    def apply(self, memory: int, process: int, frame: bytes) -> bytes | None:
        return self._service.apply(process, frame)


class _Party:
    """The actor of a party."""

    def __init__(self, process: int, ledger: str) -> None:
        self._process = process
        self._ledger = ledger

    def where(self) -> tuple[int, str]:
        return os.getpid(), ray.get_runtime_context().get_node_id()

    def connect(self, me: Any, memories: list[Any], instance: int, channels: bool) -> None:
        here = ray.get_runtime_context().get_node_id()
        ends: list[ChannelEnd | CallEnd] = []
        for number, memory in enumerate(memories):
            if not channels:
                ends.append(CallEnd(memory, number, self._process))
                continue
            _, there = ray.get(memory.where.remote())
            requests = make_channel(me, memory, there, frame_bytes(REGIONS))
            end = ChannelEnd(requests, ray.get(memory.accept.remote(memory, self._process, requests, me, here)))
            end.greet()
            ends.append(end)
        forget_semaphores()
        ray.get([memory.forget.remote() for memory in memories])
        connections = [RayChannelConnection(end, REGIONS, instance) for end in ends]
        self._party = Party(self._process, connections, open_ledger(self._ledger))

    def call(self, function: Callable[..., Any], arguments: tuple[Any, ...]) -> tuple[bool, Any]:
        try:
            return True, self._party.call(function, *arguments)
        except Exception as error:
            error.add_note(traceback.format_exc())
            return False, error


MemoryActor = ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0, max_concurrency=PROCESSES)(_Memory)
PartyActor = ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0)(_Party)


class RayWorker(LiveWorker):
    """An actor."""

    def __init__(self, arm: RayArm, process: int) -> None:
        self.actor = PartyActor.remote(process, arm.ledger_path)
        self.pid, _ = ray.get(self.actor.where.remote())
        ray.get(self.actor.connect.remote(self.actor, arm.memories, arm.instance, arm.channels))
        self._answer: Any = None

    def begin(self, function: Callable[..., Any], *arguments: Any) -> None:
        self.busy = True
        self._answer = self.actor.call.remote(function, arguments)

    def result(self) -> Any:
        succeeded, result = ray.get(self._answer, timeout=SECONDS)
        self.busy = False
        if not succeeded:
            raise result
        return result

    def check(self) -> None:
        if self.busy and self.alive and ray.wait([self._answer], timeout=0)[0]:
            self.result()
            raise AssertionError("it has ended before what the test waits for happened")


class RayArm(LiveArm):
    """Actors for all."""

    name = "ray-channel"
    channels = True

    def __init__(self) -> None:
        super().__init__()
        self.memories: list[Any] = []
        self.pids: list[int] = []
        self._crashed: set[int] = set()
        for _ in range(MEMORIES):
            self._add_memory()

    def crash(self, memory: int) -> None:
        self._crashed.add(memory)
        ray.get(self.memories[memory].crash.remote())

    def stop_memory(self, memory: int) -> None:
        """Returns when it has stopped."""
        stop(self.pids[memory])

    def resume_memory(self, memory: int) -> None:
        """Go on."""
        os.kill(self.pids[memory], signal.SIGCONT)

    def kill_memory(self, memory: int) -> None:
        """Its process with it."""
        pid = self.pids[memory]
        os.kill(pid, signal.SIGKILL)
        until(lambda: state(pid) == "Z", f"the death of memory {memory}")

    def close(self) -> None:
        super().close()
        for actor, pid in zip(self.memories, self.pids, strict=True):
            ray.kill(actor)
            until(lambda pid=pid: state(pid) == "Z", "the end of a memory")  # type: ignore[misc]

    def _add_memory(self) -> None:
        actor = MemoryActor.remote()
        self.memories.append(actor)
        self.pids.append(ray.get(actor.where.remote())[0])

    def _make_worker(self, process: int) -> RayWorker:
        return RayWorker(self, process)

    def _reset_memory(self, memory: int) -> None:
        if memory not in self._crashed:
            ray.get(self.memories[memory].reset.remote(self.instance))

    def _revive_memories(self) -> None:
        """New actors for memories, and for all who were connected to the old ones."""
        if not self._crashed and all(state(pid) != "Z" for pid in self.pids):
            return
        for worker in self._workers.values():
            if worker.alive:
                worker.kill()
        for actor in self.memories:
            ray.kill(actor)
        self._crashed.clear()
        self.memories, self.pids = [], []
        for _ in range(MEMORIES):
            self._add_memory()


class CallsArm(RayArm):
    """Frames as actor calls, as between nodes."""

    name = "ray-channel (actor calls)"
    channels = False
