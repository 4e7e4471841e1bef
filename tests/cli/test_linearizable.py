"""``rayrdma linearizable``: a verdict on a history, or one clear line."""

from __future__ import annotations

from pathlib import Path

import pytest

from rayrdma.checks.history import History, write_history
from rayrdma.checks.specifications import READ, WRITE, Register
from tests.cli.command import Command


def history(*reads: int) -> History:
    """1 and then 2 are written; and in the end others read at the same time, of whom one gives up."""
    history = History(Register())
    for value in (1, 2):
        history.invoke("writer", "x", WRITE, value)
        history.ok("writer")
    for reader in range(len(reads)):
        history.invoke(reader, "x", READ)
    history.invoke("writer", "x", WRITE, 3)
    history.unknown("writer")
    for reader, value in enumerate(reads):
        history.ok(reader, value)
    return history


def test_what_can_be_explained(rayrdma: Command) -> None:
    write_history(Path("good.jsonl"), history(3, 2))
    finished = rayrdma("linearizable", "good.jsonl")
    assert (finished.code, finished.errors) == (0, "")
    assert finished.output == "linearizable: 5 operations, 1 unknown and 0 failed, clients 3, keys 1\n"
    finished = rayrdma("linearizable", "good.jsonl", "--json")
    assert finished.code == 0
    assert finished.json["linearizable"] is True
    assert finished.json["counterexamples"] == []


def test_what_can_not(rayrdma: Command) -> None:
    write_history(Path("bad.jsonl"), history(3, 1))
    finished = rayrdma("linearizable", "bad.jsonl")
    assert (finished.code, finished.errors) == (1, "")
    assert finished.output.splitlines() == [
        "not linearizable: 5 operations, 1 unknown and 0 failed, clients 3, keys 1",
        'key "x": 1 read -> 1 (lines 7 to 11) can not be linearized',
        "  states that were possible: 2, 3",
        "  concurrent with it:",
        "    0 read -> 3 (lines 6 to 10)",
        "    writer write 3 (unknown) (from line 8 on)",
    ]
    finished = rayrdma("linearizable", "bad.jsonl", "--json")
    assert finished.code == 1
    (counterexample,) = finished.json["counterexamples"]
    assert counterexample["operation"]["response"] == 1
    assert counterexample["states"] == [2, 3]
    assert [each["client"] for each in counterexample["concurrent"]] == [0, "writer"]


@pytest.mark.parametrize(
    ("content", "names"),
    [
        (b"", ["history.jsonl, line 1", "no history file"]),
        (b'{"format": "rayrdma-replay", "version": 2}\n', ["history.jsonl, line 1", "'rayrdma-replay'"]),
        (b'{"format": "rayrdma-history", "version": 9, "object": "register"}\n', ["line 1", "version is 9"]),
        (b'{"format": "rayrdma-history", "version": 1, "object": "register"}\n', ["line 1", "was cut"]),
    ],
)
def test_wrong_usage_is_one_line_and_64(rayrdma: Command, content: bytes, names: list[str]) -> None:
    Path("history.jsonl").write_bytes(content)
    finished = rayrdma("linearizable", "history.jsonl")
    assert finished.code == 64
    line = finished.said()
    for name in names:
        assert name in line


def test_no_file(rayrdma: Command) -> None:
    assert "rayrdma linearizable --help" in rayrdma("linearizable").said()
    finished = rayrdma("linearizable", "none.jsonl")
    assert finished.code == 64
    assert "can not read none.jsonl: No such file or directory" in finished.said()
