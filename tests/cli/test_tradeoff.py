"""``rayrdma tradeoff``: what it prints, and what it refuses."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Command

SMALL = ("tradeoff", "--processes", "10,16", "--degrees", "3,4")


def test_it_prints_a_line_for_each_graph_and_where_the_page_is(rayrdma: Command, tmp_path: Path) -> None:
    done = rayrdma(*SMALL)
    assert done.code == 0, done.errors
    lines = done.output.splitlines()
    assert max(map(len, lines[:14])) <= 120
    assert [line.split()[0] for line in lines if line.startswith(("message", "degree", "RDMA", "n ="))] == [
        *["n", "message", "degree", "degree", "RDMA"] * 2
    ]
    assert "every run of HBO ended as the bounds say" in done.output
    [page] = [line.split()[1].rstrip(",") for line in lines if line.startswith("page ")]
    assert (tmp_path / page).is_file()


def test_as_json_it_is_one_object(rayrdma: Command) -> None:
    done = rayrdma(*SMALL, "--json", "--seed", 2, "--nic-cache-entries", 4, "--nic-hit-ns", 10, "--nic-miss-ns", 5)
    assert done.code == 0, done.errors
    assert done.json["nic"] == {"entries": 4, "hit_ns": 10.0, "miss_ns": 5.0}
    assert done.json["seed"] == 2
    assert done.json["holds"] is True
    costs = {(point["processes"], point["degree"]): point["operation_ns"] for point in done.json["points"]}
    assert costs[10, 4] == 10
    assert costs[10, 9] == pytest.approx(10 + 5 * 5 / 9)
    assert done.errors == ""


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--processes", "10", "--degrees", "12"], ["no graph of 10 processes has degree 12"]),
        (["--processes", "9", "--degrees", "3"], ["9 processes can not have 3 connections each"]),
        (["--processes", ""], ["--processes", "makes no sense"]),
        (["--degrees", ""], ["--degrees", "makes no sense"]),
        (["--degrees", "4,many"], ["--degrees 4,many makes no sense"]),
        (["--degrees", "0"], ["degrees are 1 or more, not 0"]),
        (["--processes", "-5", "--degrees", "2"], ["no graph of -5 processes"]),
        (["--nic-cache-entries", "-1"], ["entries of a NIC's cache must be 0 or more, not -1"]),
        (["--nic-hit-ns", "-1"], ["hit_ns of a NIC's cache must be 0 or more, not -1"]),
        (["--nic-miss-ns", "nan"], ["miss_ns of a NIC's cache must be 0 or more, not nan"]),
        (["--seed", "-1"], ["a seed is 0 or more, not -1"]),
    ],
)
def test_what_can_not_be_is_refused_in_a_line(
    rayrdma: Command, tmp_path: Path, arguments: list[str], said: list[str]
) -> None:
    done = rayrdma("tradeoff", *arguments)
    assert done.code == 64
    line = done.said()
    assert all(words in line for words in said), line
    assert not list(tmp_path.iterdir())
