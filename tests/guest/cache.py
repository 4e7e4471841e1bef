"""Folders that take long to make, outside the checkout: made whole or not at all, and kept as long as they are used."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

HOLDING: list[int] = []
"""Locks on the folders in use, until this process ends."""


def home() -> Path:
    """Where the folders lie."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "rayrdma"


def key(versions: dict[str, str], *sources: Path) -> str:
    """A short name for what comes of these packages and these files of ours."""
    digest = hashlib.sha256(repr(sorted(versions.items())).encode())
    for source in sources:
        digest.update(hashlib.sha256(source.read_bytes()).digest())
    return digest.hexdigest()[:16]


def present(kind: str, key: str) -> Path | None:
    """The folder ``<kind>-<key>``, held for this process, if there is one."""
    folder = home() / f"{kind}-{key}"
    try:
        lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    except FileNotFoundError:
        return None
    fcntl.flock(lock, fcntl.LOCK_SH)
    HOLDING.append(lock)
    return folder if folder.is_dir() else None


def made(kind: str, key: str, make: Callable[[Path], None]) -> Path:
    """The folder ``<kind>-<key>``, held for this process; ``make`` fills a new one if there is none.

    Folders of the same kind with another key go, and so does what a killed maker left, unless somebody uses them.
    """
    home().mkdir(parents=True, exist_ok=True)
    with _alone(home() / f"{kind}.lock"):
        if there := present(kind, key):
            return there
        for old in home().glob(f"{kind}-*"):
            _remove(old)
        unfinished = home() / f"{kind}-{key}.part"
        unfinished.mkdir()
        try:
            make(unfinished)
        except BaseException:
            shutil.rmtree(unfinished)
            raise
        unfinished.rename(home() / f"{kind}-{key}")
        folder = present(kind, key)
        assert folder is not None
        return folder


@contextmanager
def _alone(lock: Path) -> Iterator[None]:
    with lock.open("w") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def _remove(folder: Path) -> None:
    lock = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return
    else:
        shutil.rmtree(folder)
    finally:
        os.close(lock)
