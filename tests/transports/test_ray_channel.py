"""How both ends of a channel wait, on channels that never hold anything: Ray's own wait spins on a whole core."""

from __future__ import annotations

import threading
import time
from typing import Any

import pytest
from ray.exceptions import RayChannelError, RayChannelTimeoutError

from rayrdma.model.permissions import everyone
from rayrdma.model.regions import Region
from rayrdma.transports.ray_channel import PATIENCE, ChannelEnd, ChannelServer
from rayrdma.transports.service import MemoryService


class Silent:
    """A channel whose other end is dead."""

    def __init__(self) -> None:
        self.looks = 0
        self.enough = threading.Event()
        self.closed = False

    def ensure_registered_as_reader(self) -> None: ...

    def ensure_registered_as_writer(self) -> None: ...

    def write(self, frame: bytes, timeout: float | None = None) -> None: ...

    def read(self, timeout: float | None = None) -> bytes:
        assert timeout == 0, "a wait that Ray would spin through"
        self.looks += 1
        if self.looks == 400:
            self.enough.set()
        if self.closed:
            raise RayChannelError("closed")
        raise RayChannelTimeoutError("nothing there")

    def close(self) -> None:
        self.closed = True


def serve(requests: Any, pause: float) -> ChannelServer:
    service = MemoryService([Region("open", 1, everyone(1))], 1)
    return ChannelServer(service, 0, requests, Silent(), pause)


@pytest.mark.parametrize("pause", [0.0, 0.001])
def test_a_memory_whose_process_is_silent_looks_less_and_less_often(pause: float) -> None:
    requests = Silent()
    start = time.monotonic()
    server = serve(requests, pause)
    assert requests.enough.wait(60)
    waited = time.monotonic() - start
    server.close()
    # Without pauses the 400 looks take a few milliseconds. Pauses only get longer on a busy machine.
    assert waited > 0.05, f"400 looks within {waited:.3f} s"
    assert not server._thread.is_alive()


def test_a_process_that_is_not_answered_looks_rarely() -> None:
    replies: Any = Silent()
    end = ChannelEnd(Silent(), replies)
    end.submit(b"never answered")
    start = time.monotonic()
    for _ in range(50_000):
        assert end.take() is None
    waited = time.monotonic() - start
    assert PATIENCE < replies.looks <= PATIENCE + 2 + waited / 0.001


class Taken(Silent):
    """A channel whose reader has not let go of the last frame yet."""

    def __init__(self) -> None:
        super().__init__()
        self.frames: list[bytes] = []
        self.taken = True

    def write(self, frame: bytes, timeout: float | None = None) -> None:
        assert timeout == 0, "a wait for somebody who may be dead"
        if self.taken:
            raise RayChannelTimeoutError("still there")
        self.frames.append(frame)


def test_a_request_that_finds_the_channel_taken_is_sent_later_and_nothing_is_lost() -> None:
    requests: Any = Taken()
    replies: Any = Silent()
    end = ChannelEnd(requests, replies)
    end.submit(b"a write")
    assert end.take() is None
    assert requests.frames == []
    requests.taken = False
    assert end.take() is None
    assert end.take() is None
    assert requests.frames == [b"a write"]
    assert end.lost is None
