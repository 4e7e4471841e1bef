"""The command line with a real Ray: the live part of the table, and a Ray that is not there."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import run_alone

pytestmark = pytest.mark.live


def test_the_live_part_of_the_table(tmp_path: Path) -> None:
    finished = run_alone("table", "--engine", "ray", "--json", folder=tmp_path)
    assert finished.code == 0, finished
    table = finished.json
    assert table["holds"]
    assert table["bounds"] == []
    assert [latency["protocol"] for latency in table["latencies"]] == [
        "paxos", "paxos-two-phase", "fast-paxos", "disk-paxos", "disk-paxos-two-phase", "protected-memory-paxos",
        "aligned-paxos", "fast-and-robust", "ben-or", "hybrid-ben-or",
    ]  # fmt: skip
    for latency in table["latencies"]:
        assert latency["rounds"] == len(latency["seconds"]) == 200
        assert 0 < latency["p50"] <= latency["p99"]
        assert latency["transports"] in ({}, {"shm": 9})
    for kill in table["kills"]:
        assert set(kill["decisions"]) == {"p1", "p2"}
        assert len(set(kill["decisions"].values())) == 1
        assert next(iter(kill["decisions"].values())) in kill["inputs"]
    page = (tmp_path / table["folder"] / "table.html").read_text()
    assert "The leader killed in mid-round" in page
    assert "<svg" in page


def test_no_ray_at_the_address(tmp_path: Path) -> None:
    finished = run_alone("run", "paxos", "--engine", "ray", "--address", "127.0.0.1:1", folder=tmp_path)
    assert finished.code == 2
    line = finished.said()
    assert "127.0.0.1:1" in line
    assert "ray start --head" in line
    assert list(tmp_path.iterdir()) == []
