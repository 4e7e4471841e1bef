"""``rayrdma explore``: a counterexample in a run folder, or nothing wrong."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Command

BROKEN = """
from rayrdma.protocols.protected_memory_paxos import *

class Hasty(ProtectedMemoryPaxos):
    name = "hasty"

    async def at_memory(self, memory, attempt):
        '''It reads nothing, so it adopts nothing.'''
        process = self.process
        await process.change_permission(memory, SLOTS, exclusive_writer(process.id, process.n))
        slot = Slot(attempt.number, attempt.number, attempt.value)
        if await process.write(memory, SLOTS, process.id, slot) is NAK:
            attempt.nursery.cancel()

class Raising(ProtectedMemoryPaxos):
    name = "raising"

    async def lead(self, value):
        await self.process.elected()
        raise ValueError("not thought of")
"""


@pytest.fixture
def broken() -> Path:
    file = Path("broken.py")
    file.write_text(BROKEN)
    return file


@pytest.mark.parametrize("jobs", [1, 2])
def test_a_counterexample_is_kept_and_replayed(rayrdma: Command, broken: Path, jobs: int) -> None:
    found = rayrdma("explore", f"{broken}:Hasty", "--budget", 5000, "--jobs", jobs, "--json")
    assert found.code == 1
    assert found.errors == ""
    told = found.json
    assert told["violations"] >= 1
    assert told["smallest"]["verdict"] == "violated"
    assert told["smallest_events"] <= 15
    assert set(told["wrong"]) == set(told["smallest"]["violations"])
    folder = Path(told["smallest"]["folder"])
    assert {"replay.json", "trace.jsonl", "result.json", "diagram.html"} <= {file.name for file in folder.iterdir()}
    replayed = rayrdma("replay", folder / "replay.json", "--json")
    assert replayed.code == 1
    assert replayed.json["violations"] == told["smallest"]["violations"]


def test_what_was_found_is_told_in_a_few_lines(rayrdma: Command, broken: Path) -> None:
    found = rayrdma("explore", f"{broken}:Hasty", "--budget", 5000, "--jobs", 1)
    assert found.code == 1
    lines = found.output.splitlines()
    assert lines[0] == "hasty  1 wrong"
    assert "schedules" in lines[1]
    assert lines[-1].startswith("rayrdma replay runs/hasty/")


def test_a_search_goes_on_if_it_is_to(rayrdma: Command, broken: Path) -> None:
    found = rayrdma("explore", f"{broken}:Hasty", "--budget", 50, "--go-on", "--jobs", 1, "--json").json
    assert found["schedules"] == 50
    assert found["violations"] > 5


def test_where_nothing_is_wrong_nothing_is_written(rayrdma: Command) -> None:
    found = rayrdma("explore", "protected-memory-paxos", "--budget", 200, "--jobs", 1)
    assert (found.code, found.errors) == (0, "")
    assert found.output.splitlines()[0] == "protected-memory-paxos  nothing wrong"
    assert not Path("runs").exists()


def test_a_protocol_that_raises_is_a_finding(rayrdma: Command, broken: Path) -> None:
    found = rayrdma("explore", f"{broken}:Raising", "--budget", 500, "--jobs", 1)
    assert found.code == 1
    assert "ValueError: not thought of" in found.output + found.errors
    assert "broken.py, line" in found.output + found.errors


def test_every_schedule(rayrdma: Command, broken: Path) -> None:
    found = rayrdma("explore", "protected-memory-paxos", "--strategy", "exhaustive", "--json")
    assert (found.code, found.errors) == (0, "")
    told = found.json
    assert told["finished"]
    assert (told["processes"], told["memories"], told["violations"], told["smallest"]) == (2, 1, 0, None)
    assert told["states"] < told["steps"] < told["schedules"]
    assert not Path("runs").exists()
    without = rayrdma("explore", "protected-memory-paxos", "--strategy", "exhaustive", "--no-reduction", "--json").json
    assert without["schedules"] > told["schedules"]
    wrong = rayrdma("explore", f"{broken}:Hasty", "--strategy", "exhaustive", "--memories", 2)
    assert wrong.code == 1
    lines = wrong.output.splitlines()
    assert lines[0] == "hasty  1 outcomes wrong"
    replayed = rayrdma("replay", lines[-1].split()[2], "--json")
    assert replayed.code == 1


def test_an_exhaustive_search_may_not_finish(rayrdma: Command) -> None:
    found = rayrdma("explore", "protected-memory-paxos", "--strategy", "exhaustive", "--processes", 3, "--budget", 100)
    assert found.code == 0
    assert found.output.splitlines()[0] == "protected-memory-paxos  nothing wrong so far"
    assert "not finished" in found.output


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("paxos", "--memories", 2), "--strategy exhaustive"),
        (("paxos", "--no-reduction"), "--strategy exhaustive"),
        (("paxos", "--strategy", "exhaustive", "--seed", 3), "leave out --seed"),
        (("paxos", "--strategy", "exhaustive", "--jobs", 2), "leave out --seed and --jobs"),
        (("paxos", "--strategy", "exhaustive", "--elections", 0), "--elections 1"),
        (("paxos", "--strategy", "exhaustive", "--processes", 0), "at least one process"),
        (("paxos", "--strategy", "exhaustive", "--faults", "flood"), "no kind of fault"),
        (("hybrid-ben-or", "--strategy", "exhaustive"), "does not know"),
    ],
)
def test_what_an_exhaustive_search_can_not_do(rayrdma: Command, arguments: tuple[object, ...], says: str) -> None:
    found = rayrdma("explore", *arguments)
    assert found.code == 64
    assert says in found.said()
