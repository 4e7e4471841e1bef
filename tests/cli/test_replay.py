"""``rayrdma replay``: byte for byte, or one clear line."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.cli.command import ROOT, Command


def record(rayrdma: Command, *arguments: object) -> Path:
    result = rayrdma("run", *arguments, "--json").json
    return Path(result["folder"]) / "replay.json"


@pytest.mark.parametrize(
    "arguments",
    [
        ["protected-memory-paxos", "--schedule", "adversary", "--seed", 3, "--rounds", 5],
        ["disk-paxos", "--schedule", "jitter", "--crash", "p0@write:2,m1@3", "--pause", "p1@2-9"],
        ["paxos", "--crash", "p1@0,p2@0"],
        [f"{ROOT}/examples/own_protocol.py:CompareAndSwap", "--memories", 1, "--schedule", "adversary"],
    ],
    ids=lambda arguments: Path(arguments[0]).name,
)
def test_a_recorded_run_is_replayed_with_its_verdict(rayrdma: Command, arguments: list[object]) -> None:
    recorded = rayrdma("run", *arguments, "--json")
    result = recorded.json
    replayed = rayrdma("replay", Path(result["folder"]) / "replay.json", "--json")
    assert replayed.code == recorded.code
    assert replayed.json == result | {"folder": None}


def test_a_replay_is_drawn_if_it_is_to(rayrdma: Command, tmp_path: Path) -> None:
    file = record(rayrdma, "protected-memory-paxos", "--schedule", "adversary", "--seed", 3)
    replayed = rayrdma("replay", file, "--trace", "--out", tmp_path / "again", "--json").json
    folder = Path(replayed["folder"])
    assert folder.is_relative_to(tmp_path / "again")
    assert replayed["diagram"] == str(folder / "diagram.html")
    drawn = (folder / "diagram.html").read_text()
    assert "<svg" in drawn
    for name in ("trace.jsonl", "replay.json"):
        assert (folder / name).read_bytes() == (file.parent / name).read_bytes()


def test_what_is_not_reproduced_is_not_called_decided(rayrdma: Command) -> None:
    file = record(rayrdma, "paxos")
    file.write_bytes(changed(lambda replay: replay.update(trace_sha256="0" * 64))(file.read_bytes()))
    finished = rayrdma("replay", file, "--trace", "--out", "again")
    assert finished.code == 1
    assert "not reproduced" in finished.said()
    assert json.loads(Path("again/paxos/latest/result.json").read_bytes())["verdict"] == "unknown"


def test_the_summary_says_that_the_traces_are_the_same(rayrdma: Command) -> None:
    finished = rayrdma("replay", record(rayrdma, "paxos"))
    assert finished.code == 0
    assert "byte for byte" in finished.output
    assert "paxos  decided" in finished.output


def changed(change: Callable[[dict[str, Any]], object]) -> Callable[[bytes], bytes]:
    def apply(content: bytes) -> bytes:
        replay = json.loads(content)
        change(replay)
        return json.dumps(replay).encode()

    return apply


@pytest.mark.parametrize(
    ("spoil", "code", "names"),
    [
        (lambda content: content[: len(content) // 2], 64, ["no replay file", "replay.json"]),
        (lambda content: b"\x00\xff", 64, ["no replay file"]),
        (lambda content: b"", 64, ["no replay file"]),
        (lambda content: b'{"format": "flight-recorder", "version": 1}', 64, ["'flight-recorder'", "'rayrdma-replay'"]),
        (changed(lambda replay: replay.update(version=1)), 64, ["version 1", "reads version 3"]),
        (changed(lambda replay: replay.update(choices=[])), 64, ["corrupt", "no round"]),
        (changed(lambda replay: replay.pop("memories")), 64, ["corrupt", "memories"]),
        (changed(lambda replay: replay.update(memories="three")), 64, ["corrupt", "memories"]),
        (
            changed(lambda replay: replay.update(faults=[{}])),
            64,
            ["corrupt", "one of a crash, a pause, a Byzantine process, a lost completion, a clock skew"],
        ),
        (
            changed(lambda replay: replay.update(faults=[{"clock_skew": {"process": 0, "rate": 0, "until": 9}}])),
            64,
            ["corrupt", "0 times its rate"],
        ),
        (
            changed(lambda replay: replay.update(faults=[{"lost_completion": {"process": 0, "memory": 1}}])),
            64,
            ["corrupt", "`at`"],
        ),
        (changed(lambda replay: replay.update(faults=[{"crash": {"process": 9}}])), 64, ["process 9", "p0 to p2"]),
        (changed(lambda replay: replay.update(protocol="gone.py:Own")), 64, ["there is no file", "gone.py"]),
        (changed(lambda replay: replay.update(inputs=["x", "y", "z"])), 1, ["not reproduced", "recorded with"]),
        (changed(lambda replay: replay["choices"][0]["delays"].pop()), 1, ["not reproduced", "another version"]),
        (changed(lambda replay: replay.update(trace_sha256="0" * 64)), 1, ["not reproduced", "process.rng"]),
    ],
)
def test_any_other_file_is_one_clear_line(
    rayrdma: Command, tmp_path: Path, spoil: Callable[[bytes], bytes], code: int, names: list[str]
) -> None:
    good = record(rayrdma, "protected-memory-paxos", "--schedule", "adversary", "--seed", 11)
    bad = tmp_path / "bad.json"
    bad.write_bytes(spoil(good.read_bytes()))
    finished = rayrdma("replay", bad)
    assert finished.code == code
    line = finished.said()
    for name in names:
        assert name in line


def test_a_protocol_that_has_changed_is_noticed(rayrdma: Command, tmp_path: Path) -> None:
    text = (ROOT / "examples" / "own_protocol.py").read_text()
    (tmp_path / "old.py").write_text(text)
    (tmp_path / "new.py").write_text(text.replace("WORD, 0, None, value)", "WORD, 0, None, value.upper())"))
    file = record(rayrdma, "old.py:CompareAndSwap", "--memories", 1)
    file.write_bytes(file.read_bytes().replace(b"old.py", b"new.py"))
    finished = rayrdma("replay", file)
    assert finished.code == 1
    assert "not reproduced" in finished.said()
