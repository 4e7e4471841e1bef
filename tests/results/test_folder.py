"""Run folders: names never collide, nothing is half-written, ``latest`` is never broken."""

from __future__ import annotations

import multiprocessing
import re
from pathlib import Path

import pytest

from rayrdma import EnvironmentProblem
from rayrdma.results.folder import RunFolder


def test_names_of_one_second_do_not_collide(tmp_path: Path) -> None:
    folders = [RunFolder(tmp_path, "paxos").path for _ in range(5)]
    assert len(set(folders)) == 5
    assert all(folder.is_dir() and folder.parent == tmp_path / "paxos" for folder in folders)


def _make(storage: Path) -> str:
    folder = RunFolder(storage, "paxos")
    folder.write("result.json", b"{}")
    folder.become_latest()
    return str(folder.path)


def test_names_of_several_processes_do_not_collide(tmp_path: Path) -> None:
    with multiprocessing.get_context("spawn").Pool(2) as pool:
        paths = pool.map(_make, [tmp_path] * 40)
    assert len(set(paths)) == 40
    latest = tmp_path / "paxos" / "latest"
    assert (latest / "result.json").exists()
    assert {path.name for path in (tmp_path / "paxos").iterdir()} == {Path(path).name for path in paths} | {"latest"}


def test_latest_appears_when_it_is_said_and_then_moves_on(tmp_path: Path) -> None:
    first, second = RunFolder(tmp_path, "paxos"), RunFolder(tmp_path, "paxos")
    latest = tmp_path / "paxos" / "latest"
    assert not latest.is_symlink()
    first.become_latest()
    assert latest.resolve() == first.path.resolve()
    second.become_latest()
    assert latest.resolve() == second.path.resolve()


def test_a_moved_storage_keeps_its_link(tmp_path: Path) -> None:
    _make(tmp_path / "here")
    (tmp_path / "here").rename(tmp_path / "there")
    assert (tmp_path / "there" / "paxos" / "latest" / "result.json").read_bytes() == b"{}"


def test_files_appear_whole_and_grow(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path, "paxos")
    folder.write("result.json", b"old")
    folder.write("result.json", b"new")
    folder.append("trace.jsonl", b"one\n")
    folder.append("trace.jsonl", b"two\n")
    contents = {file.name: file.read_bytes() for file in folder.path.iterdir()}
    assert contents == {"result.json": b"new", "trace.jsonl": b"one\ntwo\n"}


def test_a_strange_name_stays_within_the_storage(tmp_path: Path) -> None:
    folder = RunFolder(tmp_path / "storage", "../my protocol/v2")
    assert folder.path.parent.parent == tmp_path / "storage"
    assert re.fullmatch(r"[\w.-]+", folder.path.parent.name)


def test_no_room_is_one_clear_line() -> None:
    folder = RunFolder.__new__(RunFolder)
    folder.path = Path("/dev")
    with pytest.raises(EnvironmentProblem, match=r"can not write /dev/full: No space left on device; .*--out"):
        folder.append("full", b"x" * 100_000)
