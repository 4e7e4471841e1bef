"""A Ray cluster of one's own, as a user starts it: ``ray start --head``, private, with a token."""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.actors.leftovers import wait_for

RAY = str(Path(sys.executable).parent / "ray")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("", 0))
        return int(probe.getsockname()[1])


def authenticate(folder: Path) -> dict[str, str]:
    """The environment in which the head, its nodes and its clients agree on a token."""
    token = folder / "token"
    token.touch(0o600)
    token.write_text(secrets.token_hex(32))
    return {"RAY_AUTH_MODE": "token", "RAY_AUTH_TOKEN_PATH": str(token)}


@contextlib.contextmanager
def node(folder: Path, name: str, *options: str) -> Iterator[None]:
    """A node of a cluster, until the block is left; ``options`` as of ``ray start``."""
    log = folder / f"{name}.log"
    command = [RAY, "start", "--block", "--num-cpus=2", "--object-store-memory=134217728", "--disable-usage-stats"]
    with log.open("w") as output:
        started = subprocess.Popen([*command, *options], stdin=subprocess.DEVNULL, stdout=output, stderr=output)
    try:
        wait_for(lambda: "Ray runtime started" in log.read_text() or started.poll(), f"{name} to start")
        assert started.poll() is None, log.read_text()
        yield
    finally:
        os.kill(started.pid, signal.SIGTERM)
        started.wait()
        log.unlink()


@contextlib.contextmanager
def head(folder: Path, *options: str) -> Iterator[str]:
    """A head; its address."""
    port = free_port()
    with node(folder, "head", "--head", f"--port={port}", f"--temp-dir={folder / 'ray'}", *options):
        yield f"127.0.0.1:{port}"
