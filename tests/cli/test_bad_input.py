"""Wrong usage: one clear line that names what was wrong and what would be right, and exit code 64."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from rayrdma.simulator import watchdog
from tests.cli.command import Command

USAGE = [
    # arguments, what the line names
    (["run", "raft"], ["'raft'", "paxos, paxos-two-phase, fast-paxos, disk-paxos"]),
    (["run"], ["protocol", "rayrdma run --help"]),
    ([], ["command", "rayrdma --help"]),
    (["walk"], ["walk", "--help"]),
    (["run", "paxos", "--procs", "3"], ["--procs", "--processes"]),
    (["run", "paxos", "--processes", "many"], ["--processes", "integer"]),
    (["run", "paxos", "--processes", "0"], ["at least one process"]),
    (["run", "paxos", "--processes", "-2"], ["at least one process"]),
    (["run", "paxos", "--engine", "spark"], ["'spark'", "sim, ray"]),
    (["run", "paxos", "--transport", "tcp"], ["'tcp'", "auto, verbs, shm, ray-channel"]),
    (["run", "paxos", "--schedule", "lazy"], ["'lazy'", "constant, jitter, adversary"]),
    (["run", "disk-paxos", "--memories", "0"], ["disk-paxos needs memories", "--memories 3"]),
    (["run", "paxos", "--memories", "-1"], ["-1 memories"]),
    (["run", "paxos", "--processes", "3", "--inputs", "a,b"], ["3 processes need 3 inputs", "2 were given"]),
    (["run", "paxos", "--inputs", "a,,c"], ["input 2 of 'a,,c' is empty"]),
    (["run", "paxos", "--inputs", "@none.txt"], ["none.txt", "No such file", "one value a line"]),
    (["run", "paxos", "--inputs", "@."], [".", "Is a directory"]),
    (["run", "paxos", "--crash", "p0@noon"], ["'p0@noon'", "p0@write:2"]),
    (["run", "paxos", "--crash", "p0@jump:2"], ["'jump'", "read, write"]),
    (["run", "paxos", "--crash", "p0@write:0"], ["count from 1"]),
    (["run", "paxos", "--crash", "p7@0"], ["process 7", "p0 to p2"]),
    (["run", "paxos", "--crash", "m0@0"], ["memory 0", "none"]),
    (["run", "paxos", "--crash", "p0@0,p0@3"], ["process 0 is to crash twice"]),
    (["run", "paxos", "--pause", "p0@9-3"], ["from a time to a later one"]),
    (["run", "paxos", "--pause", "p0"], ["'p0'", "p0@3-9"]),
    (["run", "paxos", "--rounds", "0"], ["0 rounds", "at least 1"]),
    (["run", "paxos", "--timeout", "0"], ["time-out", "more than 0"]),
    (["run", "paxos", "--timeout", "nan"], ["time-out", "more than 0"]),
    (["run", "disk-paxos", "--register-bytes", "0"], ["0 bytes", "at least 1"]),
    (["run", "disk-paxos", "--register-bytes", "4"], ["holds 4", "--register-bytes"]),
    (["run", "paxos", "--processes-per-actor", "0"], ["--processes-per-actor 1"]),
    (["run", "none.py:Own"], ["there is no file", "none.py"]),
    (["run", "own.py"], ["name the class", "own.py:MyProtocol"]),
    (["run", "own.py:Missing"], ["'Missing'", "Waiting, Raising"]),
    (["run", "own.py:NUMBER"], ["is no protocol", "rayrdma.Protocol"]),
    (["run", "own.py:Empty"], ["Empty", "async def propose"]),
    (["run", "own.py:Nameless"], ["Nameless", "needs a name"]),
    (["run", "own.py:Lost"], ["no region 'nowhere'"]),
    (["run", "own.py:Beyond"], ["region 'few' has registers 0 to 1, there is no register 2"]),
    (["run", "own.txt:Own"], ["own.txt", "no Python file"]),
    (["table", "--engine", "both,ray"], ["'both,ray'", "sim, ray, both"]),
    (["explore", "raft"], ["'raft'", "fast-paxos"]),
    (["explore", "paxos", "--budget", "0"], ["'0' is no budget", "60s", "10000"]),
    (["explore", "paxos", "--budget", "-3s"], ["'-3s' is no budget"]),
    (["explore", "paxos", "--budget", "nans"], ["'nans' is no budget"]),
    (["explore", "paxos", "--budget", "soon"], ["'soon' is no budget"]),
    (["explore", "paxos", "--strategy", "luck"], ["'luck'", "swarm, random, pct"]),
    (["explore", "paxos", "--faults", "crash,rain"], ["'rain'", "crash, memory-crash, pause, byzantine, lost-comp"]),
    (["explore", "paxos", "--faults", "duplicate"], ["'duplicate'", "partition, permission-race, restart"]),
    (["explore", "paxos", "--jobs", "0"], ["0 jobs", "--jobs 2"]),
    (["mutants", "paxos", "raft"], ["no mutants of 'raft'", "paxos, fast-paxos"]),
    (["mutants", "paxos", "--budget", "0s"], ["'0s' is no budget"]),
    (["mutants", "paxos", "--jobs", "0"], ["0 jobs", "--jobs 2"]),
    (["explore", "paxos", "--engine", "spark"], ["'spark'", "sim, ray"]),
    (["explore", "paxos", "--strategy", "exhaustive", "--engine", "ray"], ["one process looks", "--engine"]),
    (["explore", "paxos", "--engine", "ray", "--budget", "0"], ["'0' is no budget"]),
    (["explore", "paxos", "--engine", "ray", "--jobs", "0"], ["0 jobs", "--jobs 2"]),
    (["replay"], ["file", "rayrdma replay --help"]),
    (["replay", "none.json"], ["none.json", "No such file", "replay.json"]),
]

EXHAUSTIVE = ("explore", "--strategy", "exhaustive")

OWN = """
import multiprocessing, os, random, time
from rayrdma import Protocol, Region, everyone
NUMBER = 7
class Waiting(Protocol):
    name = "waiting"
    needs_memories = False
    async def propose(self, value):
        await self.process.sleep(1)
        await self.process.elected()
        self.process.decide(value)
class Raising(Waiting):
    name = "raising"
    async def propose(self, value):
        await self.process.sleep(1)
        raise KeyError("colour")
class Twice(Waiting):
    name = "twice"
    async def propose(self, value):
        self.process.decide(value)
        self.process.decide(value)
class Lost(Waiting):
    name = "lost"
    needs_memories = True
    async def propose(self, value):
        await self.process.read(0, "nowhere", 0)
class Beyond(Waiting):
    name = "beyond"
    needs_memories = True
    @classmethod
    def regions(cls, n):
        return [Region("few", registers=2, permission=everyone(n))]
    async def propose(self, value):
        await self.process.write(0, "few", 2, value)
class Looping(Waiting):
    name = "looping"
    async def propose(self, value):
        while not self.process.decided: await self.process.elected()
class Sleeping(Waiting):
    name = "sleeping"
    async def propose(self, value):
        time.sleep(600)
class Clocked(Waiting):
    name = "clocked"
    async def propose(self, value):
        self.process.note("now", time.time())
        self.process.decide("v0")
class Drawing(Waiting):
    name = "drawing"
    async def propose(self, value):
        await self.process.sleep(random.random() * 1000)
        self.process.decide("v0")
class Counting(Waiting):
    name = "counting"
    runs = 0
    async def propose(self, value):
        Counting.runs += 1
        await self.process.sleep(Counting.runs)
        self.process.decide("v0")
class Hashing(Waiting):
    name = "hashing"
    async def propose(self, value):
        self.process.note("order", list({f"colour {number}" for number in range(50)}))
        self.process.decide("v0")
class Killing(Waiting):
    name = "killing"
    async def propose(self, value):
        if multiprocessing.parent_process():
            os._exit(3)
class Empty(Protocol):
    name = "empty"
class Nameless(Protocol):
    async def propose(self, value): ...
"""


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)
    (tmp_path / "own.txt").write_text(OWN)
    (tmp_path / "broken.py").write_text("from rayrdma import Protocol\n1 / 0\n")


@pytest.mark.parametrize(("arguments", "names"), USAGE, ids=lambda value: " ".join(value) or "nothing")
def test_wrong_usage_is_one_line_and_64(rayrdma: Command, arguments: list[str], names: list[str]) -> None:
    finished = rayrdma(*arguments)
    assert finished.code == 64
    line = finished.said()
    for name in names:
        assert name in line


@pytest.mark.parametrize(
    ("reference", "names"),
    [
        ("own.py:Raising", ["p0's protocol raised KeyError: 'colour'", "own.py, line 16, in propose"]),
        ("own.py:Twice", ["p0 decided 'v0' and then 'v0'", "decides once"]),
        ("broken.py:Own", ["broken.py can not be loaded: ZeroDivisionError"]),
    ],
)
def test_a_protocol_that_misbehaves_is_one_line_and_1(rayrdma: Command, reference: str, names: list[str]) -> None:
    finished = rayrdma("run", reference)
    assert finished.code == 1
    line = finished.said()
    for name in names:
        assert name in line


@pytest.mark.parametrize("command", [("run",), ("explore", "--jobs", 1, "--go-on"), EXHAUSTIVE], ids=str)
@pytest.mark.parametrize(
    ("reference", "line"),
    [
        ("own.py:Looping", "while not self.process.decided: await self.process.elected()"),
        ("own.py:Sleeping", "time.sleep(600)"),
    ],
)
def test_a_protocol_that_never_gives_way_is_one_line_and_1(
    rayrdma: Command, command: tuple[object, ...], reference: str, line: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(watchdog, "SECONDS", 0.1)
    finished = rayrdma(*command, reference)
    assert finished.code == 1
    said = finished.said()
    for name in ("has not given way for 0.1 s", "own.py, line", f"in propose: {line}", "process.sleep"):
        assert name in said


@pytest.mark.parametrize("command", [("run",), ("explore", "--jobs", 1)], ids=str)
@pytest.mark.parametrize("reference", ["own.py:Clocked", "own.py:Drawing", "own.py:Counting"])
def test_a_protocol_that_does_not_go_the_same_way_twice_is_one_line_and_1(
    rayrdma: Command, command: tuple[object, ...], reference: str
) -> None:
    finished = rayrdma(*command, reference)
    assert finished.code == 1
    line = finished.said()
    assert re.search(r"does not go the same way twice: event \d+ of seed \d+ was \{", line), line
    assert "use process.rng, process.sleep" in line


def test_the_order_of_sets_is_another_one_in_each_process(rayrdma: Command) -> None:
    finished = rayrdma("explore", "own.py:Hashing", "--jobs", 2, "--budget", 10)
    assert finished.code == 1
    assert 'event 1 of seed 0 was {"type":"Noted"' in finished.said()


def test_a_worker_that_dies_is_one_line_and_2(rayrdma: Command) -> None:
    finished = rayrdma("explore", "own.py:Killing", "--jobs", 2, "--budget", 10)
    assert finished.code == 2
    assert "a worker of the search died" in finished.said()


def test_a_file_that_is_no_text(rayrdma: Command, tmp_path: Path) -> None:
    (tmp_path / "noise.bin").write_bytes(b"\xff\xfe\x00")
    finished = rayrdma("run", "paxos", "--inputs", "@noise.bin")
    assert finished.code == 64
    assert "noise.bin: it is not text in UTF-8" in finished.said()


def test_an_unreadable_file(rayrdma: Command, tmp_path: Path) -> None:
    (tmp_path / "secret.txt").write_text("a\n")
    (tmp_path / "secret.txt").chmod(0)
    if os.access(tmp_path / "secret.txt", os.R_OK):  # the superuser reads everything; take what nobody can read
        (tmp_path / "secret.txt").unlink()
        (tmp_path / "secret.txt").symlink_to("secret.txt")
    finished = rayrdma("run", "paxos", "--inputs", "@secret.txt")
    assert finished.code == 64
    assert "can not read inputs from secret.txt" in finished.said()


def test_a_folder_that_can_not_be_written_is_the_environments_fault(rayrdma: Command, tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("a file")
    finished = rayrdma("run", "paxos", "--out", "taken")
    assert finished.code == 2
    assert "can not write taken/paxos" in finished.errors
    assert "--out" in finished.said()
