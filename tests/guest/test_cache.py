"""Cached folders: whole or not there, made once, and left alone while somebody uses them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.guest import cache


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A cache of its own; what a test holds of it is let go afterwards."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(cache, "HOLDING", [])
    yield tmp_path / "rayrdma"
    let_go()


def let_go() -> None:
    while cache.HOLDING:
        os.close(cache.HOLDING.pop())


def fill(folder: Path) -> None:
    (folder / "kernel").write_text("made")


def refuse(folder: Path) -> None:
    raise AssertionError(f"{folder} is made again")


def folders(home: Path) -> list[str]:
    return sorted(path.name for path in home.iterdir() if path.is_dir())


def test_a_folder_is_made_once(home: Path) -> None:
    assert cache.present("guest", "1") is None
    assert cache.made("guest", "1", fill) == home / "guest-1"
    assert cache.made("guest", "1", refuse) == cache.present("guest", "1") == home / "guest-1"
    assert (home / "guest-1" / "kernel").read_text() == "made"


def test_a_maker_that_fails_leaves_nothing(home: Path) -> None:
    def fail(folder: Path) -> None:
        fill(folder)
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        cache.made("guest", "1", fail)
    assert folders(home) == []


def test_what_a_killed_maker_left_is_no_folder_and_goes(home: Path) -> None:
    program = (
        "import os, signal; from tests.guest import cache\n"
        "cache.made('guest', '1', lambda folder: os.kill(os.getpid(), signal.SIGKILL))"
    )
    killed = subprocess.run([sys.executable, "-c", program], cwd=Path(__file__).parents[2])
    assert killed.returncode == -signal.SIGKILL
    assert folders(home) == ["guest-1.part"]
    assert cache.present("guest", "1") is None
    cache.made("guest", "1", fill)
    assert folders(home) == ["guest-1"]


def test_another_key_takes_the_place_of_the_old_one(home: Path) -> None:
    cache.made("guest", "1", fill)
    cache.made("uml", "1", fill)
    let_go()
    cache.made("guest", "2", fill)
    assert folders(home) == ["guest-2", "uml-1"]


def test_a_folder_in_use_stays(home: Path) -> None:
    cache.made("guest", "1", fill)
    cache.made("guest", "2", fill)
    assert folders(home) == ["guest-1", "guest-2"]
    let_go()
    cache.made("guest", "3", fill)
    assert folders(home) == ["guest-3"]


def test_the_key_is_that_of_versions_and_scripts(tmp_path: Path) -> None:
    script = tmp_path / "init"
    script.write_text("mount")
    keys = [cache.key({"qemu": "7.2", "kernel": "6.1"}, script)]
    assert cache.key({"kernel": "6.1", "qemu": "7.2"}, script) == keys[0]
    keys.append(cache.key({"qemu": "7.2", "kernel": "6.2"}, script))
    script.write_text("mount -t 9p")
    keys.append(cache.key({"qemu": "7.2", "kernel": "6.1"}, script))
    assert len(set(keys)) == 3
