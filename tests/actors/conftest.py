"""One Ray for all tests that need no other, and the rule that every live test leaves nothing behind."""

from __future__ import annotations

import contextlib
import os
import secrets
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rayrdma.actors.cluster import ray_session
from tests.actors.heads import authenticate
from tests.actors.leftovers import MARK, actors, processes, shared_files, wait_until_gone


@pytest.fixture(scope="session")
def shared_ray() -> Iterator[str]:
    """A Ray of our own for many tests; the mark of its processes."""
    mark = secrets.token_hex(4)
    files = shared_files(mark)
    os.environ[MARK] = mark
    with temporary_folder(mark) as folder:
        usual, tempfile.tempdir = tempfile.tempdir, str(folder)
        with ray_session() as own:
            tempfile.tempdir = usual
            del os.environ[MARK]  # Ray's processes inherit it from each other; others of this session must not have it
            assert own
            yield mark
        wait_until_gone(lambda: processes(mark))
        wait_until_gone(lambda: shared_files(mark) - files)
        assert not list(folder.iterdir())


@pytest.fixture
def on_ray(shared_ray: str) -> Iterator[str]:
    """The shared Ray; afterwards no actor of ours and no file in shared memory is left."""
    files = shared_files(shared_ray)
    yield shared_ray
    wait_until_gone(lambda: actors(shared_ray))
    wait_until_gone(lambda: shared_files(shared_ray) - files)


@pytest.fixture
def private(monkeypatch: pytest.MonkeyPatch) -> Iterator[tuple[str, Path]]:
    """A mark and a temporary folder for processes that a test starts; afterwards none of them and no file is left."""
    mark = secrets.token_hex(4)
    files = shared_files(mark)
    with temporary_folder(mark) as folder:
        monkeypatch.setenv(MARK, mark)
        monkeypatch.setenv("TMPDIR", str(folder))
        yield mark, folder
        wait_until_gone(lambda: processes(mark))
        wait_until_gone(lambda: shared_files(mark) - files)
        wait_until_gone(lambda: list(folder.iterdir()))


@pytest.fixture
def authenticated(private: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """The temporary folder, for a cluster of the user's own that leaves its logs there; its token is known to all."""
    _, folder = private
    for name, value in authenticate(folder).items():
        monkeypatch.setenv(name, value)
    yield folder
    for left in folder.iterdir():
        shutil.rmtree(left) if left.is_dir() else left.unlink()


@contextlib.contextmanager
def temporary_folder(mark: str) -> Iterator[Path]:
    """Its path is short, for sockets will stand in it."""
    with tempfile.TemporaryDirectory(prefix=f"rr-{mark}-", dir="/tmp") as folder:
        yield Path(folder)
