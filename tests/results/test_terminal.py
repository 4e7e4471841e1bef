"""What a person sees in a terminal."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from rayrdma import Crash, Experiment, RunConfig
from rayrdma.results.delays import CLAIMED
from rayrdma.results.table import Table, measure_table
from rayrdma.results.terminal import show_result, show_table


@pytest.fixture(scope="module")
def table() -> Table:
    return measure_table("sim", schedules=30)


@pytest.mark.parametrize("width", [80, 120])
def test_the_table_fits_and_nothing_is_cut_off(table: Table, width: int) -> None:
    shown = io.StringIO()
    show_table(Console(file=shown, width=width), table)
    lines = shown.getvalue().splitlines()
    assert max(map(len, lines)) <= width
    text = " ".join(shown.getvalue().split())
    assert "…" not in text
    for row in table.rows:
        for cell in row.cells:
            assert cell.claim in text
            for finding in cell.findings:
                assert f"✓ {finding.what}: {finding.found}" in text
    runs = sum(bound.schedules for bound in table.bounds) + 2 * len(CLAIMED)
    assert f"everything that was measured is as claimed: {runs:,} simulated runs" in text


def test_a_blocked_run_says_why() -> None:
    shown = io.StringIO()
    result = Experiment("disk-paxos", faults=[Crash(memory=0), Crash(memory=2)], run=RunConfig(seed=7)).run()
    show_result(Console(file=shown, width=80), result)
    lines = shown.getvalue().splitlines()
    assert lines[0] == "disk-paxos  blocked"
    assert lines[1].startswith("  why         p0 needs 2 of 3 memories, 1 alive")
    assert all(line == line.rstrip() for line in lines)
    assert "  rounds      1, seed 7" in lines
