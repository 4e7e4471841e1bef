"""``rayrdma scale``, with all shards in this process."""

from __future__ import annotations

import re

import pytest

from rayrdma.clusters import room
from tests.cli.command import Command
from tests.cli.conftest import rayrdma

__all__ = ["rayrdma"]

RUN = ["scale", "--topology", "random-regular", "--processes", "300", "--degree", "6", "--engine", "sim"]


def test_its_summary(rayrdma: Command) -> None:
    finished = rayrdma(*RUN, "--crash", "random", "--fraction", "0.6", "--coin", "common", "--seed", "2")
    assert finished.code == 0
    assert finished.output.startswith("hybrid-ben-or  decided\n")
    for line in (
        "topology    random-regular(n=300, degree=6, seed=2); 6 connections a NIC",
        "survivors   120 of 300 (40.0%); crashes at random",
        "run         common coin, an extension of the paper; asynchronous arrival; seed 2",
        "shards      1, engine sim",
        "folder      runs/scale/",
    ):
        assert f"\n  {line}" in finished.output
    assert finished.errors.splitlines()[-1].endswith("120 of 120 decided")


def test_json_is_the_result_and_nothing_else(rayrdma: Command) -> None:
    finished = rayrdma(*RUN, "--inputs", "equal", "--json")
    assert finished.code == 0
    assert finished.errors == ""
    assert finished.json["verdict"] == "decided"
    assert finished.json["decided_own"] == 300
    assert finished.json["phase_seconds"]
    assert finished.json["versions"]["numba"]


def test_a_blocked_run_says_why(rayrdma: Command) -> None:
    finished = rayrdma(*RUN, "--crash", "random", "--fraction", "0.97", "--json")
    assert finished.code == 2
    represented = finished.json["represented"]
    assert represented <= 150
    assert finished.json["verdict"] == "blocked"
    assert finished.json["reason"] == f"represented {represented} of 300, needs > 150"


def test_a_run_that_takes_too_many_rounds_is_given_up(rayrdma: Command) -> None:
    finished = rayrdma(*RUN, "--max-rounds", "3")
    assert finished.code == 2
    assert "nobody decided in 3 rounds" in finished.output


USAGE = [
    (["--crash", "random"], ["need the fraction", "such as 0.7"]),
    (["--crash", "random", "--fraction", "1"], ["less than 1, not 1"]),
    (["--crash", "random", "--fraction", "0.999"], ["crashes all of 300", "at least one must survive"]),
    (["--crash", "random", "--fraction", "-0.5"], ["0 or more", "-0.5"]),
    (["--crash", "random", "--fraction", "most"], ["--fraction", "valid number"]),
    (["--crash", "everybody"], ["'everybody'", "none, random"]),
    (["--fraction", "0.5"], ["crashes only at random"]),
    (["--coin", "loaded"], ["'loaded'", "local, common"]),
    (["--arrival", "never"], ["'never'", "asynchronous, synchronous"]),
    (["--shards", "0"], ["1 or more, not 0"]),
    (["--seed", "-1"], ["0 or more", "-1"]),
    (["--processes", "301", "--degree", "5"], ["301 processes of degree 5", "must be even"]),
    (["--processes", "0"], ["1 or more"]),
    (["--degree", "300"], ["0 to 299 neighbours, not 300"]),
]


@pytest.mark.parametrize(("arguments", "named"), USAGE, ids=lambda each: " ".join(each))
def test_wrong_usage_is_one_line(rayrdma: Command, arguments: list[str], named: list[str]) -> None:
    finished = rayrdma(*RUN, *arguments)
    said = finished.said()
    assert finished.code == 64, said
    assert all(name in said for name in named), said


def test_what_does_not_fit_into_memory_is_refused_with_the_estimate(
    rayrdma: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    finished = rayrdma(*RUN, "--processes", "1000000000", "--degree", "16")
    assert finished.code == 64
    assert "1,000,000,000 processes" in finished.said()
    monkeypatch.setattr(room, "bytes_available", lambda: 100_000)
    finished = rayrdma(*RUN)
    assert finished.code == 64
    assert re.fullmatch(
        r"a run of 300 processes, 300 of them alive, would take about 15.* KiB, and 97.7 KiB are free here\n",
        finished.said(),
    )
