"""The ray-channel transport: operations as frames over Ray's object-store channels, or over actor calls.

A pair of channels a (process, memory), so that the death of one party closes nothing else. Between nodes a
channel costs about what an actor call does, and lives less simply; there the frames go by actor calls, and
the transport's name says so.

The channel API is experimental and all of it is in this file. What had to be found out: the writer's actor
must make the channel; a read waits by spinning on a whole core, and after its peer's death does so for ever,
so nothing here waits in Ray: both ends ask, and pause between two questions; every channel leaves
semaphore files in /dev/shm that only an orderly exit removes, so both ends unlink them once both have them
open; a stopped peer answers late, so frames carry numbers. What stays: a channel has a lock in shared memory, and
who dies in the short time in which it holds it leaves the other end's next write waiting.
"""

from __future__ import annotations

import contextlib
import os
import re
import threading
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import RayChannelError, RayChannelTimeoutError
from ray.experimental.channel.shared_memory_channel import Channel

from rayrdma.model.regions import Region

from .connection import PENDING, Call, Pending
from .service import FrameCodec, Serves, decode_reply

CHANNEL, CALLS = "ray-channel", "ray-channel (actor calls)"
PATIENCE = 200  # polls without an answer before polling becomes rare
RARELY = 0.001
LONGEST_PAUSE = 0.002
_BRIEF = 0.00005  # what the operating system adds to a sleep; a pause below it is a yield


def make_channel(writer: Any, reader: Any, reader_node: str, frame_bytes: int) -> Channel:
    """A channel from this actor (``writer``) to ``reader``; room for the largest frame, for resizing is slow."""
    return Channel(writer, [(reader, reader_node)], channel_bytes(frame_bytes))


def channel_bytes(frame_bytes: int) -> int:
    """What a channel for such frames takes of Ray's object store."""
    return 2 * frame_bytes + 4096


def forget_semaphores() -> None:
    """Unlink the files of the channels that this process has open; the channels work on without."""
    for file in set(re.findall(r"/dev/shm/sem\.(?:hdr|obj)\S+", Path("/proc/self/maps").read_text())):
        with contextlib.suppress(FileNotFoundError):
            os.unlink(file)


class ChannelServer:
    """The memory's end of one pair: a thread that reads, applies, and answers.

    Args:
        service: the memory.
        process: who is at the other end.
        requests: the channel from there.
        replies: the channel to there.
        pause: seconds between two looks for a request, at least; for requests that are in no hurry.
    """

    def __init__(self, service: Serves, process: int, requests: Channel, replies: Channel, pause: float = 0.0) -> None:
        self._requests = requests
        self._replies = replies
        self._service = service
        self._process = process
        self._pause = pause
        self._closing = False
        self._thread = threading.Thread(target=self._serve, name=f"p{process}", daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        requests, replies = self._requests, self._replies
        requests.ensure_registered_as_reader()
        replies.ensure_registered_as_writer()
        with contextlib.suppress(RayChannelError):  # closed
            while (frame := self._next()) is not None:
                reply = self._service.apply(self._process, frame) if frame else frame
                if reply is not None:
                    replies.write(reply)

    def _next(self) -> bytes | None:
        """The next request; None when there will be none. The longer none came, the longer the pauses."""
        since = time.monotonic()
        while not self._closing:
            try:
                frame: bytes = self._requests.read(timeout=0)
                return frame
            except RayChannelTimeoutError:
                pause = max(self._pause, min((time.monotonic() - since) / 8, LONGEST_PAUSE))
                if pause < _BRIEF:
                    os.sched_yield()
                else:
                    time.sleep(pause)
        return None

    def close(self) -> None:
        """Stop serving."""
        self._closing = True
        self._requests.close()
        self._replies.close()
        self._thread.join(timeout=5)


class ChannelEnd:
    """The process's end of one pair. It outlives instances: an old answer may still be under way."""

    transport = CHANNEL

    def __init__(self, requests: Channel, replies: Channel) -> None:
        self._requests = requests
        self._replies = replies
        self._outstanding = False
        self._following: bytes | None = None
        self._numbers = 0
        self._misses = 0
        self._next_look = 0.0
        self.lost: str | None = None
        requests.ensure_registered_as_writer()
        replies.ensure_registered_as_reader()

    def greet(self) -> None:
        """One empty round trip: afterwards both ends have the channels open."""
        self._requests.write(b"", timeout=30)
        self._replies.read(timeout=30)

    def number(self) -> int:
        """For the next frame."""
        self._numbers += 1
        return self._numbers

    def submit(self, frame: bytes) -> None:
        """Send a frame, after the answer to the one that is under way."""
        self._following = frame
        if not self._outstanding:
            self._send()

    def _send(self) -> None:
        """Send what follows. If the memory has not let go of the last request yet, the next look tries again."""
        if self._following is None or self.lost is not None:
            return
        try:
            self._requests.write(self._following, timeout=0)
        except RayChannelTimeoutError:
            return
        except RayChannelError as error:
            self.lost = f"the channel to the memory was lost: {error}".splitlines()[0]
            return
        self._following, self._outstanding, self._misses = None, True, 0

    def take(self) -> bytes | None:
        """An answer, if one is there."""
        if not self._outstanding:
            self._send()
            return None
        self._misses += 1
        if self._misses > PATIENCE:
            now = time.monotonic()
            if now < self._next_look:
                return None
            self._next_look = now + RARELY
        try:
            reply: bytes = self._replies.read(timeout=0)
        except RayChannelTimeoutError:
            return None
        except RayChannelError as error:
            self.lost = f"the channel to the memory was lost: {error}".splitlines()[0]
            return None
        self._outstanding = False
        self._send()
        return reply

    def close(self) -> None:
        """Close both channels, for both ends."""
        self._requests.close()
        self._replies.close()


class CallEnd:
    """The same over actor calls, for a memory on another node."""

    transport = CALLS

    def __init__(self, memory: Any, number: int, process: int) -> None:
        self._memory = memory
        self._memory_number = number
        self._process = process
        self._reply: Any = None
        self._following: bytes | None = None
        self._numbers = 0
        self.lost: str | None = None

    def number(self) -> int:
        """For the next frame."""
        self._numbers += 1
        return self._numbers

    def submit(self, frame: bytes) -> None:
        """Send a frame, after the answer to the one that is under way."""
        if self._reply is not None:
            self._following = frame
        else:
            self._reply = self._memory.apply.remote(self._memory_number, self._process, frame)

    def take(self) -> bytes | None:
        """An answer, if one is there."""
        if self._reply is None or not ray.wait([self._reply], timeout=0)[0]:
            return None
        try:
            reply: bytes | None = ray.get(self._reply)
        except ray.exceptions.RayActorError as error:
            self.lost = f"the memory's actor was lost: {error}".splitlines()[0]
            self._reply, self._following = None, None
            return None
        if reply is None:  # the memory has crashed: this is never answered
            return None
        self._reply = None
        following, self._following = self._following, None
        if following is not None:
            self.submit(following)
        return reply

    def close(self) -> None:
        """Nothing is held."""


class RayChannelConnection:
    """One process towards one memory, in one instance after the other; a `rayrdma.transports.connection.Connection`."""

    refused = queue_pairs = 0

    def __init__(self, end: ChannelEnd | CallEnd, regions: Sequence[Region], instance: int = 0) -> None:
        self._end = end
        self._codec = FrameCodec(regions, instance)
        self._number = 0
        self.transport = end.transport

    def start(self, instance: int) -> None:
        """Operations belong to ``instance`` from now on; the answer to an older one is not waited for."""
        self._codec.start(instance)
        self._number = 0

    @property
    def lost(self) -> str | None:
        """Why nothing will ever be answered any more, if that is known."""
        return self._end.lost

    def post(self, operation: Call) -> Pending:
        """Send an operation on its way."""
        self._number = self._end.number()
        self._end.submit(self._codec.request(self._number, operation))
        return PENDING

    def poll(self) -> Any | Pending:
        """The response to the operation under way, or ``PENDING``."""
        frame = self._end.take()
        if frame is None:
            return PENDING
        reply = decode_reply(frame)
        if reply.number != self._number:  # to an operation of an earlier instance
            return PENDING
        number = self._end.number()
        again = self._codec.retry(number, reply)
        if again is None:
            return self._codec.response(reply)
        self._number = number
        self._end.submit(again)
        return PENDING

    def close(self) -> None:
        """Close the channels, for both ends."""
        self._end.close()
