"""A protocol from the user's own script travels to the actors by value: no worker could import it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

import rayrdma
from rayrdma.actors.by_value import dump_class, load_class
from rayrdma.experiment import Experiment, RunConfig, ScalingConfig
from rayrdma.model.errors import UsageError
from rayrdma.protocols import ProtectedMemoryPaxos

pytestmark = pytest.mark.live

SCRIPT = '''
from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from rayrdma import ACK, Experiment, Process, Protocol, Record, Region, RunConfig, Value, everyone

BOARD = "board"


class Mood(Enum):
    SURE = "sure"
    UNSURE = "unsure"


class Ballot(Record, frozen=True):
    """A base with a default, and a method that calls a function of this module."""

    number: int = 1

    def next(self) -> Ballot:
        return Ballot(increment(self.number))


class Note(Ballot, frozen=True, kw_only=True):
    """A register: a derived struct with a struct, an enumeration, a union and a container within it."""

    inner: Ballot
    mood: Mood = Mood.UNSURE
    LIMIT = 3
    value: Value
    seen: dict[str, tuple[int, ...]] = {}


    @property
    def sure(self) -> bool:
        return self.mood is Mood.SURE and self.LIMIT == 3

    @classmethod
    def of(cls, value: Value) -> Note:
        return cls(Ballot().next().number, inner=Ballot(7), mood=Mood.SURE, value=value, seen={"a": (1, 2)})


class Told(Record, frozen=True):
    note: Note | None


@dataclass(frozen=True)
class Rule:
    leader: int = 0

    def leads(self, process: Process) -> bool:
        return process.id == self.leader


def increment(number: int) -> int:
    return number + 1


class Base(Protocol):
    rule = Rule()

    def note(self, value: Value) -> Note:
        return Note.of(value)


class Dictator(Base):
    """Process 0 writes a note, reads it back, and tells it."""

    name = "dictator"
    messages = (Told,)

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        return [Region(BOARD, registers=n, permission=everyone(n), of=Note)]

    async def propose(self, value: Value) -> None:
        process = self.process
        if self.rule.leads(process):
            written = self.note(value)
            assert await process.write(0, BOARD, 0, written) is ACK
            read = await process.read(0, BOARD, 0)
            assert read == written and type(read) is Note and read.sure and read.number == 2
            process.broadcast(Told(read))
        _, told = await process.receive(Told)
        assert type(told.note) is Note and type(told.note.inner) is Ballot and told.note.next() == Ballot(3)
        process.decide(told.note.value)


if __name__ == "__main__":
    result = Experiment(Dictator, ["x", "y"], run=RunConfig("ray", "ray-channel", rounds=3)).run()
    print(result.verdict, result.decisions)
'''


@pytest.fixture
def script(tmp_path: Path) -> Path:
    file = tmp_path / "mine.py"
    file.write_text(SCRIPT)
    return file


@pytest.mark.parametrize("transport", ["shm", "ray-channel"])
def test_from_a_file(on_ray: str, script: Path, transport: str) -> None:
    result = Experiment(
        f"{script}:Dictator",
        ["x", "y", "z"],
        scaling=ScalingConfig(memories=1),
        run=RunConfig("ray", transport, rounds=3),
    ).run()
    assert (result.verdict, result.rounds) == ("decided", 3), result.reason
    assert result.decisions == {"p0": "x", "p1": "x", "p2": "x"}
    assert result.first_decision_delays == 5  # a write, a read and a message


def test_from_the_script_that_is_run(private: tuple[str, Path], script: Path) -> None:
    done = subprocess.run(
        [sys.executable, str(script)],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        cwd=script.parent,
        env=os.environ | {"PYTHONPATH": str(Path(rayrdma.__file__).parent.parent)},
    )
    assert done.stdout == "decided {'p0': 'x', 'p1': 'x'}\n", done.stderr
    assert done.stderr == ""


BAD = """
import threading
from rayrdma import Protocol
LOCK = threading.Lock()


class Locked(Protocol):
    name = "locked"

    async def propose(self, value):
        with LOCK:
            self.process.decide(value)
"""


def test_what_can_not_leave_the_process_is_named(tmp_path: Path) -> None:
    file = tmp_path / "locked.py"
    file.write_text(BAD)
    with pytest.raises(UsageError, match=r"^the class of 'locked' can not be sent .*cannot pickle '_thread.lock'"):
        Experiment(f"{file}:Locked", run=RunConfig("ray")).run()


def test_a_protocol_of_the_library_travels_by_name() -> None:
    assert load_class(dump_class(ProtectedMemoryPaxos)) is ProtectedMemoryPaxos
    assert len(dump_class(ProtectedMemoryPaxos)) < 200
