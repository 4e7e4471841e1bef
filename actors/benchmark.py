"""Figures that need Ray: channels, actor calls, messages, and how long a take-over takes."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
import threading
import time
from typing import Any

import ray

from rayrdma.actors.cluster import ray_session
from rayrdma.actors.coordinator import Coordinator
from rayrdma.bench import Direct, Plain
from rayrdma.model.operations import WRITE
from rayrdma.model.permissions import everyone
from rayrdma.model.regions import Record, Region
from rayrdma.protocols.protected_memory_paxos import ProtectedMemoryPaxos
from rayrdma.results.figures import Figure, against, figure
from rayrdma.scenario import Scenario
from rayrdma.transports.connection import PENDING
from rayrdma.transports.links import Inbox, Outbox
from rayrdma.transports.ray_channel import (
    ChannelEnd,
    ChannelServer,
    RayChannelConnection,
    forget_semaphores,
    make_channel,
)
from rayrdma.transports.service import MemoryService

SAMPLES = 1000
FRAME = b"x" * 64
LEADERS = 8
TAKE_OVERS = 2


class Ping(Record, frozen=True):
    """A message of about 64 bytes."""

    payload: bytes


class Answerer:
    """The other end of everything that is timed."""

    def __init__(self, folder: str) -> None:
        self._inbox = Inbox(f"ipc://{folder}/answerer", 2)
        self._inbox.start(0)
        self._outbox = Outbox(1, {0: f"ipc://{folder}/asker"})
        self._region = Region("plain", 1, everyone(1), of=Plain)
        self._service = MemoryService([self._region], 1)
        self._service.reset(0)
        self._kept: list[Any] = []

    def where(self) -> str:
        """This actor's node."""
        return str(ray.get_runtime_context().get_node_id())

    def echo(self, data: bytes) -> bytes:
        """An actor call that does nothing."""
        return data

    def bare(self, me: Any, requests: Any, reader: Any, node: str) -> Any:
        """Answer every read of a channel by a write, and nothing else."""
        replies = make_channel(me, reader, node, 1024)

        def answer() -> None:
            requests.ensure_registered_as_reader()
            while True:
                replies.write(requests.read())

        self._kept.append(replies)
        threading.Thread(target=answer, daemon=True).start()
        return replies

    def serve(self, me: Any, requests: Any, reader: Any, node: str) -> Any:
        """Answer as a memory does."""
        replies = make_channel(me, reader, node, 1024)
        self._kept.append(ChannelServer(self._service, 0, requests, replies))
        return replies

    def pong(self, count: int) -> None:
        """Send every message back."""
        forget_semaphores()
        while count:
            envelope = self._inbox.receive()
            if envelope is None:
                self._inbox.wait(1)
            else:
                self._outbox.send(0, 0, 0, Ping(FRAME))
                count -= 1


class Asker:
    """The process that times."""

    def __init__(self, folder: str) -> None:
        self._inbox = Inbox(f"ipc://{folder}/asker", 2)
        self._inbox.start(0)
        self._outbox = Outbox(0, {1: f"ipc://{folder}/answerer"})
        self._region = Region("plain", 1, everyone(1), of=Plain)

    def channels(self, me: Any, answerer: Any, samples: int) -> tuple[list[int], list[int]]:
        """A bare round trip and a write over ray-channel, in turns, in nanoseconds."""
        here, there = ray.get_runtime_context().get_node_id(), ray.get(answerer.where.remote())
        requests = make_channel(me, answerer, there, 1024)
        replies = ray.get(answerer.bare.remote(answerer, requests, me, here))
        asked = make_channel(me, answerer, there, 1024)
        end = ChannelEnd(asked, ray.get(answerer.serve.remote(answerer, asked, me, here)))
        end.greet()
        requests.write(FRAME)
        replies.read(timeout=30)
        forget_semaphores()
        connection = RayChannelConnection(end, [self._region], 0)
        write = Direct(WRITE, Plain(FRAME[:48]))
        bare: list[int] = []
        writes: list[int] = []
        clock = time.perf_counter_ns
        for _ in range(samples):
            start = clock()
            requests.write(FRAME)
            replies.read(timeout=30)
            bare.append(clock() - start)
            start = clock()
            response = connection.post(write)
            while response is PENDING:
                response = connection.poll()
            writes.append(clock() - start)
        return bare, writes

    def majorities(self, answerers: list[Any], samples: int) -> list[int]:
        """Rounds of actor calls to all, until a majority has answered."""
        times = []
        for _ in range(samples):
            start = time.perf_counter_ns()
            calls = [answerer.echo.remote(FRAME) for answerer in answerers]
            _, late = ray.wait(calls, num_returns=len(calls) // 2 + 1)
            times.append(time.perf_counter_ns() - start)
            ray.wait(late, num_returns=len(late))
        return times

    def messages(self, answerer: Any, samples: int) -> tuple[list[int], list[int]]:
        """A message there and back, and an actor call, in turns."""
        done = answerer.pong.remote(samples)
        messages, calls = [], []
        for _ in range(samples):
            start = time.perf_counter_ns()
            self._outbox.send(1, 0, 0, Ping(FRAME))
            while self._inbox.receive() is None:
                self._inbox.wait(1)
            messages.append(time.perf_counter_ns() - start)
            start = time.perf_counter_ns()
            ray.get(answerer.echo.remote(FRAME))
            calls.append(time.perf_counter_ns() - start)
        ray.get(done)
        return messages, calls


def carriers(decision: Figure, samples: int = SAMPLES) -> list[Figure]:
    """Channels, actor calls and messages; ``decision`` is what rounds of actor calls are compared with."""
    folder = tempfile.mkdtemp(prefix="rayrdma-")
    try:
        with ray_session():
            for i in range(3):
                os.mkdir(f"{folder}/{i}", 0o700)
            make = ray.remote(num_cpus=0, max_restarts=0, max_concurrency=4)
            answerers = [make(Answerer).remote(f"{folder}/{i}") for i in range(3)]
            asker = make(Asker).remote(f"{folder}/0")
            bare_times, write_times = ray.get(asker.channels.remote(asker, answerers[0], samples))
            message_times, call_times = ray.get(asker.messages.remote(answerers[0], samples))
            majority_times = ray.get(asker.majorities.remote(answerers, samples))
            for actor in (asker, *answerers):
                ray.kill(actor)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    bare = figure("Ray channel, bare round trip", bare_times)
    call = figure("Ray actor call", call_times)
    majority = figure("majority round of three Ray actor calls", majority_times)
    return [
        bare,
        against(figure("ray-channel write, 64 bytes, one memory", write_times), bare.name, bare),
        call,
        against(figure("message there and back (ZeroMQ)", message_times), call.name, call),
        majority,
        against(decision, majority.name, majority, faster=True),
    ]


def take_over() -> Figure:
    """How long the survivors of a killed leader take to decide."""
    with ray_session():
        times = [nanoseconds for _ in range(TAKE_OVERS) for nanoseconds in take_over_times()]
    return figure("take-over, from kill -9 of the leader to the next decision", times, "ms", 1e-6)


def take_over_times() -> list[int]:
    """Kill one leader after the other; from each kill to the decision of a survivor, in nanoseconds."""
    scenario = Scenario(ProtectedMemoryPaxos, tuple(f"v{id}" for id in range(LEADERS)), 3, transport="shm")
    times = []
    with Coordinator.start(scenario) as coordinator:
        instance = 0
        for leader in range(LEADERS - 1):
            instance += 1
            coordinator.run_round(instance)
            pid = coordinator.pids()[f"p{leader}"]
            killed = time.perf_counter_ns()
            os.kill(pid, signal.SIGKILL)
            instance += 1
            reports = coordinator.reports(instance)
            first = min(report.moment for report in reports if report.decided)
            times.append(int(first * 1e9) - killed)
    return times
