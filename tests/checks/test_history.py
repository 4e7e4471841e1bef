"""History files: what is written is read again, and of anything else one line says which line is wrong, and how."""

from __future__ import annotations

import random
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar

import pytest

from rayrdma.checks.history import FAIL, OK, UNKNOWN, History, Operation, read_history, write_history
from rayrdma.checks.specifications import READ, WRITE, CompareAndSwapRegister, Register, Specification
from rayrdma.model.errors import UsageError

from .orders import drawn

HEADER = '{"format": "rayrdma-history", "version": 1, "object": "register"}'
INVOKE = '{"event": "invoke", "client": "a", "key": "x", "operation": "read", "argument": null}'
RESPONSE = '{"event": "ok", "client": "a", "response": null}'
END = '{"event": "end", "events": 2}'
GOOD = [HEADER, INVOKE, RESPONSE, END]

BAD = {
    "empty": ([], 1, ["no history file", "rayrdma-history"]),
    "another text": (["To be or not to be", "that is"], 1, ["no history file", "rayrdma-history"]),
    "no header": (GOOD[1:], 1, ["no history file"]),
    "another format": (['{"format": "jepsen", "version": 1}', *GOOD[1:]], 1, ["'jepsen'", "'rayrdma-history'"]),
    "another version": ([HEADER.replace("1", "2"), *GOOD[1:]], 1, ["version is 2", "reads version 1"]),
    "a version in words": ([HEADER.replace("1", '"one"'), *GOOD[1:]], 1, ["no history file"]),
    "no object": ([HEADER.replace(', "object": "register"', ""), *GOOD[1:]], 1, ["object"]),
    "another object": (
        [HEADER.replace('"register"', '"stack"'), *GOOD[1:]],
        1,
        ["'stack'", "register, compare-and-swap-register"],
    ),
    "more in the header": ([HEADER.replace("}", ', "by": "me"}'), *GOOD[1:]], 1, ["unknown field `by`"]),
    "no JSON": ([HEADER, INVOKE[:-1], RESPONSE, END], 2, ["no event"]),
    "an empty line": ([HEADER, "", INVOKE, RESPONSE, END], 2, ["no event"]),
    "no object at all": ([HEADER, "17", END], 2, ["no event", "int"]),
    "an unknown event": ([HEADER, INVOKE, RESPONSE.replace("ok", "done"), END], 3, ["'done'", "ok (client, response)"]),
    "no event named": ([HEADER, '{"client": "a"}', END], 2, ["event"]),
    "an unknown field": ([HEADER, INVOKE.replace("}", ', "time": 3}'), RESPONSE, END], 2, ["unknown field `time`"]),
    "a missing field": ([HEADER, INVOKE, '{"event": "ok", "client": "a"}', END], 3, ["`response`"]),
    "a client that is none": ([HEADER, INVOKE.replace('"a"', "[1]"), RESPONSE, END], 2, ["$.client"]),
    "an unknown operation": ([HEADER, INVOKE.replace("read", "pop"), RESPONSE, END], 2, ["'pop'", "read, write"]),
    "a swap of a register": (
        [HEADER, INVOKE.replace("read", "compare_and_swap").replace("null", "[1, 2]"), RESPONSE, END],
        2,
        ["'compare_and_swap'", "read, write"],
    ),
    "an argument too many": ([HEADER, INVOKE.replace("null", "1"), RESPONSE, END], 2, ["read", "argument 1"]),
    "a swap of three": (
        [
            HEADER.replace("register", "compare-and-swap-register"),
            INVOKE.replace("read", "compare_and_swap").replace("null", "[1, 2, 3]"),
            RESPONSE,
            END,
        ],
        2,
        ["[1,2,3]", "length 2"],
    ),
    "a value that is none": ([HEADER, INVOKE, RESPONSE.replace("null", '{"a": 1}'), END], 3, ["{'a': 1}", "lists"]),
    "response without invocation": ([HEADER, RESPONSE, END], 2, ["client 'a' has nothing under way", "be ok"]),
    "fails without invocation": ([HEADER, '{"event": "fail", "client": 3}', END], 2, ["client 3 has nothing"]),
    "responds twice": ([HEADER, INVOKE, RESPONSE, RESPONSE, END], 4, ["nothing under way"]),
    "two under way": ([HEADER, INVOKE, INVOKE.replace('"x"', '"y"'), END], 3, ["read of line 2 is under way"]),
    "cut after a line": (GOOD[:-1], 3, ["was cut", '"end"']),
    "cut after the header": (GOOD[:1], 1, ["was cut"]),
    "cut within a line": ([HEADER, INVOKE, RESPONSE, END[:-4]], 4, ["no event"]),
    "a line is lost": ([HEADER, INVOKE, END], 3, ["should be 2 events", "there are 1"]),
    "goes on after its end": ([*GOOD, INVOKE], 4, ["ends here", "1 more line"]),
    "deep": ([HEADER, INVOKE, RESPONSE.replace("null", "[" * 99_999 + "]" * 99_999), END], 3, ["no event"]),
    "less deep": ([HEADER, INVOKE, RESPONSE.replace("null", "[" * 101 + "]" * 101), END], 3, ["more than 100 lists"]),
    "a half character": ([HEADER, INVOKE.replace('"x"', '"\\ud800"'), RESPONSE, END], 2, ["no event"]),
}


@pytest.mark.parametrize(("lines", "number", "names"), BAD.values(), ids=BAD)
def test_one_line_says_which_line_is_wrong(tmp_path: Path, lines: list[str], number: int, names: list[str]) -> None:
    file = tmp_path / "bad.jsonl"
    file.write_text("".join(f"{line}\n" for line in lines))
    with pytest.raises(UsageError) as raised:
        read_history(file)
    said = str(raised.value)
    assert said.startswith(f"{file}, line {number}: "), said
    assert "\n" not in said
    for name in names:
        assert name in said


@pytest.mark.parametrize("content", [b"\xff\xfe", b"\x00" * 100, HEADER.encode() + b"\n\xff\n"])
def test_what_is_no_text(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "bad").write_bytes(content)
    with pytest.raises(UsageError, match=r"bad, line [12]: this is no"):
        read_history(tmp_path / "bad")


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"can not read .*none: No such file or directory; give a history file"):
        read_history(tmp_path / "none")


def test_every_cut_is_noticed(tmp_path: Path) -> None:
    file = tmp_path / "whole"
    write_history(file, drawn(random.Random(3), 5))
    content = file.read_bytes()
    for size in range(len(content) - 1):  # without its last line break it is whole
        (tmp_path / "cut").write_bytes(content[:size])
        with pytest.raises(UsageError, match="line"):
            read_history(tmp_path / "cut")


def test_what_a_file_says(tmp_path: Path) -> None:
    file = tmp_path / "good.jsonl"
    lines = [
        HEADER,
        '{"event": "invoke", "client": "a", "key": "x", "operation": "write", "argument": [1, ["é"]]}',
        '{"event": "invoke", "client": 7, "key": 0, "operation": "read", "argument": null}',
        '{"event": "unknown", "client": "a"}',
        '{"event": "fail", "client": 7}',
        '{"event": "invoke", "client": "a", "key": "x", "operation": "read", "argument": null}',
        '{"event": "ok", "client": "a", "response": [1, ["é"]]}',
        '{"event": "invoke", "client": 7, "key": "x", "operation": "write", "argument": false}',
        '{"event": "end", "events": 7}',
    ]
    file.write_text("\n".join(lines), encoding="utf-8")
    history = read_history(file)
    assert isinstance(history.specification, Register)
    assert history.operations == [
        Operation("a", "x", WRITE, (1, ("é",)), 2, UNKNOWN, None, 4),
        Operation(7, 0, READ, None, 3, FAIL, None, 5),
        Operation("a", "x", READ, None, 6, OK, (1, ("é",)), 7),
        Operation(7, "x", WRITE, False, 8),
    ]
    assert [str(each) for each in history.operations] == [
        'a write [1,["é"]] (unknown)',
        "7 read (fail)",
        'a read -> [1,["é"]]',
        "7 write false (unknown)",
    ]


def test_what_is_written_is_read_again(tmp_path: Path) -> None:
    for seed in range(50):
        history = drawn(random.Random(seed), 20, doubts=0.3)
        write_history(tmp_path / "file", history)
        again = read_history(tmp_path / "file")
        assert again.operations == history.operations, seed
        assert isinstance(again.specification, CompareAndSwapRegister)


class Switch(Specification):
    name = "switch"
    operations: ClassVar[Mapping[str, Any]] = {"flip": None}
    initial = False

    def apply(self, state: bool, operation: str, argument: None) -> tuple[bool, bool]:
        return not state, not state


def test_an_object_of_ones_own(tmp_path: Path) -> None:
    history = History(Switch())
    history.invoke("a", "s", "flip")
    history.ok("a", True)
    write_history(tmp_path / "file", history)
    assert read_history(tmp_path / "file", [Switch()]).operations == history.operations
    with pytest.raises(UsageError, match="no object 'switch'"):
        read_history(tmp_path / "file")
