"""The run folder: ``<storage>/<name>/<time>/`` beside a link ``latest``.

Nothing in it is ever half-written: a file appears whole or grows by whole rounds, and ``latest`` names a
folder only once its result is there. A run that is interrupted leaves what it had.
"""

from __future__ import annotations

import hashlib
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from rayrdma.model.errors import EnvironmentProblem

LATEST = "latest"


class RunFolder:
    """A folder of its own for one run.

    Args:
        storage: where the folders of all runs are.
        name: of what is run; folders of one name stand together.
    Raises:
        EnvironmentProblem: it can not be written.
    """

    def __init__(self, storage: Path | str, name: str) -> None:
        parent = Path(storage) / re.sub(r"[^\w.-]+", "-", name).strip(".-")
        with _writing(parent):
            parent.mkdir(parents=True, exist_ok=True)
            self.path = _make_unique(parent, time.strftime("%Y%m%d-%H%M%S"))

    def write(self, file: str, content: bytes) -> None:
        """Write a whole file, at once."""
        path = self.path / file
        with _writing(path):
            unfinished = path.with_name(f".{file}.unfinished")
            unfinished.write_bytes(content)
            os.replace(unfinished, path)

    def append(self, file: str, content: bytes) -> None:
        """Add to the end of a file."""
        path = self.path / file
        with _writing(path), path.open("ab") as stream:
            stream.write(content)

    def cut(self, file: str, size: int) -> str:
        """Leave the first ``size`` bytes of a file, of which more may have been written before an interruption.

        Returns:
            their SHA-256.
        """
        path = self.path / file
        with _writing(path), path.open("ab+") as stream:
            stream.truncate(size)
            stream.seek(0)
            return hashlib.file_digest(stream, "sha256").hexdigest()

    def become_latest(self) -> None:
        """Let ``latest`` name this folder."""
        link = self.path.parent / LATEST
        with _writing(link):
            unfinished = link.with_name(f".{LATEST}.{self.path.name}")
            unfinished.symlink_to(self.path.name)
            os.replace(unfinished, link)


def _make_unique(parent: Path, name: str) -> Path:
    attempt = 1
    while True:
        path = parent / (name if attempt == 1 else f"{name}-{attempt}")
        try:
            path.mkdir()  # atomic: of two runs in the same second one gets the next name
            return path
        except FileExistsError:
            attempt += 1


@contextmanager
def _writing(path: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise EnvironmentProblem(
            f"can not write {path}: {error.strerror}; give another folder with --out, or free some room"
        ) from error
