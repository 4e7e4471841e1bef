"""One Ray for all tests that need no other, and the rule that every live test leaves nothing behind."""

from __future__ import annotations

import os
import secrets
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rayrdma.actors.cluster import ray_session
from tests.actors.leftovers import MARK, actors, processes, shared_files, wait_until_gone


@pytest.fixture(scope="session")
def shared_ray() -> Iterator[str]:
    """A Ray of our own for many tests; the mark of its processes."""
    mark = secrets.token_hex(8)
    before = set(Path(tempfile.gettempdir()).glob("rayrdma-*"))
    files = shared_files(mark)
    os.environ[MARK] = mark
    try:
        with ray_session() as own:
            assert own
            yield mark
    finally:
        del os.environ[MARK]
    wait_until_gone(lambda: processes(mark))
    wait_until_gone(lambda: shared_files(mark) - files)
    assert not set(Path(tempfile.gettempdir()).glob("rayrdma-*")) - before


@pytest.fixture
def on_ray(shared_ray: str) -> Iterator[str]:
    """The shared Ray; afterwards no actor of ours and no file in shared memory is left."""
    files = shared_files(shared_ray)
    yield shared_ray
    wait_until_gone(lambda: actors(shared_ray))
    wait_until_gone(lambda: shared_files(shared_ray) - files)


@pytest.fixture
def private(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """A mark and a temporary folder (its path is short: sockets stand in it) for processes that a test starts.

    Afterwards no process with that mark and no file is left.
    """
    mark = secrets.token_hex(8)
    files = shared_files(mark)
    with tempfile.TemporaryDirectory(prefix="rr-", dir="/tmp") as folder:
        monkeypatch.setenv(MARK, mark)
        monkeypatch.setenv("TMPDIR", folder)
        yield mark, Path(folder)
        wait_until_gone(lambda: processes(mark))
        wait_until_gone(lambda: shared_files(mark) - files)
        wait_until_gone(lambda: list(Path(folder).iterdir()))
