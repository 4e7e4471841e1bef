"""``rayrdma mutants``: which of the known mistakes are caught."""

from __future__ import annotations

import pytest

from tests.cli.command import Command

VERDICTS = {"caught", "harmless"}


@pytest.mark.parametrize("jobs", [1, 2])
def test_every_mistake_in_a_small_protocol_is_caught(rayrdma: Command, jobs: int) -> None:
    scored = rayrdma("mutants", "disk-paxos", "--budget", 5000, "--jobs", jobs, "--json")
    assert (scored.code, scored.errors) == (0, "")
    mutants = scored.json["mutants"]
    assert {each["verdict"] for each in mutants} == VERDICTS
    for each in mutants:
        assert each["protocol"] == "disk-paxos"
        assert bool(each["argument"]) == (each["verdict"] == "harmless") != bool(each["wrong"])
        assert each["schedules"] <= 5000
    assert scored.json["jobs"] == jobs


def test_it_takes_as_many_schedules_whoever_looks(rayrdma: Command) -> None:
    alone, together = (
        rayrdma("mutants", "disk-paxos", "paxos", "--budget", 50, "--jobs", jobs, "--json").json["mutants"]
        for jobs in (1, 2)
    )
    for one, other in zip(alone, together, strict=True):
        assert {**one, "seconds": 0} == {**other, "seconds": 0}


def test_what_one_schedule_misses_is_missed(rayrdma: Command) -> None:
    scored = rayrdma("mutants", "paxos", "--budget", 1, "--jobs", 1)
    assert scored.code == 1
    assert " missed" in scored.output
    assert "paxos" in scored.output.splitlines()[2]
    assert " 0 missed" not in scored.output.splitlines()[-1]
