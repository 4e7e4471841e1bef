"""The comparison table and its page, from a small measurement; the live part is in tests/cli/test_live.py."""

from __future__ import annotations

import json
import re
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import msgspec
import pytest

import rayrdma.results.table as table_module
from rayrdma import EnvironmentProblem, UsageError
from rayrdma.results.bounds import BOUNDS, BoundMeasured
from rayrdma.results.cells import NOT_CLAIMED, Measurements
from rayrdma.results.delays import CLAIMED
from rayrdma.results.graph_bounds import graph_bounds
from rayrdma.results.live import Kill, Latency
from rayrdma.results.page import render
from rayrdma.results.table import Table, assemble, measure_table

SCHEDULES = 30
FEW = 6
SIZES = (10, 100)


@pytest.fixture(scope="module")
def simulated(tmp_path_factory: pytest.TempPathFactory) -> Table:
    return measure_table("sim", tmp_path_factory.mktemp("runs"), schedules=SCHEDULES, sizes=SIZES)


@pytest.fixture(scope="module")
def whole(simulated: Table) -> Table:
    """With figures of a live part, which a test can not wait for."""
    latency = Latency(
        "protected-memory-paxos", {"shm": 9}, "zeromq", 200, "decided", "", {"2": 200}, [], 27e-6, 44e-5, True
    )
    slow = msgspec.structs.replace(latency, protocol="paxos", p50=83e-5, p99=2.17e-3)
    kill = Kill("paxos", "p0@send:2", ["a", "b", "c"], {"p1": "b", "p2": "b"}, 1, 0.0716, 4, "decided", "", True)
    found = Measurements(simulated.bounds, simulated.delays, simulated.scales, [slow, latency], [kill])
    return assemble(found, "both", 0, SCHEDULES, 61.2)


def cells(table: Table, row: str) -> dict[str, Any]:
    [found] = [each for each in table.rows if each.name == row]
    return {system.name: cell for system, cell in zip(table.columns, found.cells, strict=True)}


def test_it_is_the_talks_table(simulated: Table) -> None:
    assert [system.name for system in simulated.columns] == [
        "Shared memory", "Message passing", "RDMA Full", "RDMA Scale",
    ]  # fmt: skip
    claims = {row.name: [cell.claim for cell in row.cells] for row in simulated.rows}
    assert claims["Crash tolerance"] == ["n > f", "n > 2f", "n > f", "n > f + x"]
    assert claims["Byzantine tolerance"] == ["N/A", "n > 3f", "n > 2f", "-"]
    assert claims["Best-case round trips"] == ["2", "1", "1", "-"]
    assert claims["Processes in network"] == ["10-100", "10,000-100,000", "10-100", "10-100,000"]


def test_what_is_measured_is_counted(simulated: Table) -> None:
    assert simulated.holds
    full = cells(simulated, "Crash tolerance")["RDMA Full"].measured
    assert f"decided in {4 * SCHEDULES} of {4 * SCHEDULES} schedules" in full
    messages = cells(simulated, "Crash tolerance")["Message passing"].measured
    assert f"blocked in {3 * SCHEDULES} of {3 * SCHEDULES} schedules: needs 4 of 6 processes, 3 alive" in messages
    assert re.search(rf"two decisions in [1-9]\d* of {2 * SCHEDULES} schedules", messages)
    assert "needs 2 of 3 memories, 1 alive" in cells(simulated, "Memories")["Shared memory"].measured
    best = cells(simulated, "Best-case round trips")
    assert [f"{finding.what}: {finding.found}" for finding in best["RDMA Full"].findings] == [
        "common case: 1 round trip (2 delays)",
        "after a take-over: 4 round trips (8 delays)",
        "fast-and-robust, Byzantine: 1 round trip (2 delays)",
        "fast-and-robust after a panic: 38 round trips (76 delays)",
    ]
    byzantine = cells(simulated, "Byzantine tolerance")
    assert re.search(r"two decisions in [1-9]\d* of 30 schedules: p\d decided", byzantine["Shared memory"].measured)
    full = byzantine["RDMA Full"].measured
    assert f"n = 2f+1: decided in {SCHEDULES + FEW} of {SCHEDULES + FEW} schedules" in full
    assert f"n = 2f: blocked in {2 * SCHEDULES} of {2 * SCHEDULES} schedules: needs 3 of 4 processes, 2 alive" in full
    assert re.search(rf"with quorums of f: two decisions in [1-9]\d* of {FEW} schedules", full)
    assert best["Shared memory"].measured.startswith("common case: 2 round trips (4 delays)")


def test_what_is_not_claimed_never_has_a_number(simulated: Table) -> None:
    unclaimed = [cell for row in simulated.rows for cell in row.cells if cell.status == NOT_CLAIMED]
    assert len(unclaimed) == 6
    assert all(cell.findings == [] for cell in unclaimed)


def test_aligned_paxos_and_protected_memory_paxos_are_incomparable(simulated: Table) -> None:
    cell = cells(simulated, "Processes and memories")["RDMA Full"]
    assert cell.claim == "n + m > 2f"
    assert [(finding.what, finding.found) for finding in cell.findings] == [
        ("Aligned Paxos, n = 3, m = 2, 2 of 5 crashed", "decided in 90 of 90 schedules"),
        (
            "Aligned Paxos, n = 3, m = 2, 3 of 5 crashed",
            "blocked in 60 of 60 schedules: needs 3 of 5 agents, 2 alive",
        ),
        ("Aligned Paxos, n = 3, m = 3, 2 of 6 crashed", "decided in 30 of 30 schedules"),
        (
            "Protected Memory Paxos instead, without 2 memories",
            "blocked in 30 of 30 schedules: needs 2 of 3 memories, 1 alive",
        ),
        ("Aligned Paxos, n = 3, m = 5, 3 of 8 crashed", "decided in 30 of 30 schedules"),
        (
            "Aligned Paxos, n = 3, m = 5, 4 of 8 crashed",
            "blocked in 30 of 30 schedules: needs 5 of 8 agents, 4 alive",
        ),
        ("Protected Memory Paxos instead, without 2 processes and 2 memories", "decided in 30 of 30 schedules"),
    ]


def test_rdma_scale_is_measured_at_its_exact_bound_and_past_it(simulated: Table) -> None:
    crashes = {finding.what: finding.found for finding in cells(simulated, "Crash tolerance")["RDMA Scale"].findings}
    assert crashes.pop("one more").startswith("blocked in ")
    for what, found in {
        "ring(n=8): 5 of 8 crashed, x = 2": "blocked in 30 of 30 schedules: represented 4 of 8, needs > 4",
        "star(n=8): 4 of 8 crashed, x = 3": "blocked in 30 of 30 schedules: represented 4 of 8, needs > 4",
        "hypercube(n=8): 6 of 8 crashed, x = 1": "blocked in 30 of 30 schedules: represented 4 of 8, needs > 4",
        "petersen: 8 of 10 crashed, x = 1": "blocked in 30 of 30 schedules: represented 4 of 10, needs > 5",
    }.items():
        assert crashes[what] == "decided in 30 of 30 schedules"
        assert found in cells(simulated, "Crash tolerance")["RDMA Scale"].measured
    assert crashes["star(n=8), beyond the talk: 7 of 8 crashed, x = 0"] == "decided in 30 of 30 schedules"
    assert crashes["petersen, beyond the talk: 9 of 10 crashed, x = 0"] == "decided in 30 of 30 schedules"
    assert re.match(r"two decisions in [1-9]\d* of 30 schedules", crashes["ring(n=8), cut in two, if half is enough"])
    assert cells(simulated, "Best-case round trips")["RDMA Scale"].measured.startswith(
        "common case: 3 round trips (6 delays)"
    )


def test_what_a_nic_has_to_hold_is_counted(simulated: Table) -> None:
    scalability = cells(simulated, "Processes in network")
    held = {name: [finding.found for finding in cell.findings[:2]] for name, cell in scalability.items()}
    assert held == {
        "Shared memory": ["9 at n = 10, 99 at n = 100", "10 at n = 10, 100 at n = 100"],
        "Message passing": ["0 at n = 10, 0 at n = 100", "0 at n = 10, 0 at n = 100"],
        "RDMA Full": ["9 at n = 10, 99 at n = 100", "10 at n = 10, 100 at n = 100"],
        "RDMA Scale": ["4 at n = 10, 16 at n = 100", "5 at n = 10, 17 at n = 100"],
    }
    assert [scale.verdict for scale in simulated.scales] == ["decided", "decided"]
    assert "n = 100, degree 16, 30 survive: decided; a round takes" in scalability["RDMA Scale"].measured


def test_a_cell_that_is_not_as_claimed_says_so(simulated: Table) -> None:
    broken = [
        msgspec.structs.replace(bound, holds=False, verdicts={"decided": 29, "blocked": 1})
        if (bound.protocol, bound.side, bound.processes) == ("paxos", "at", 5)
        else bound
        for bound in simulated.bounds
    ]
    table = assemble(Measurements(broken, simulated.delays), "sim", 0, SCHEDULES, 1.0)
    assert not table.holds
    finding = cells(table, "Crash tolerance")["Message passing"].findings[0]
    assert not finding.holds
    assert finding.found == "decided in 89 of 90 schedules"
    page = render(table)
    assert "class=broken" in page
    assert "not as claimed" in page
    assert cells(table, "Crash tolerance")["RDMA Full"].findings[0].holds


def test_without_the_simulator_its_cells_are_not_measured() -> None:
    table = assemble(Measurements(), "ray", 0, SCHEDULES, 1.0)
    assert not table.holds
    assert cells(table, "Crash tolerance")["RDMA Full"].measured == "not measured"


def test_the_folder_has_the_json_and_the_page(simulated: Table) -> None:
    assert simulated.folder is not None
    folder = Path(simulated.folder)
    assert folder.parent.joinpath("latest").resolve() == folder.resolve()
    assert msgspec.json.decode((folder / "table.json").read_bytes(), type=Table) == simulated
    assert (folder / "table.html").read_text() == render(simulated)


def test_an_engine_that_is_not_there() -> None:
    with pytest.raises(UsageError, match="sim, ray, both"):
        measure_table("dask")


def test_what_was_measured_is_kept_when_ray_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*arguments: object) -> None:
        raise EnvironmentProblem("Ray could not be started on this machine: no room")

    monkeypatch.setattr(table_module, "_measure_live", missing)
    with pytest.raises(EnvironmentProblem) as raised:
        measure_table("both", tmp_path, schedules=2, sizes=())
    [note] = raised.value.__notes__
    folder = Path(note.removeprefix("what it had is in "))
    table = json.loads((folder / "table.json").read_text())
    assert table["unfinished"] == "Ray could not be started on this machine: no room"
    assert len(table["bounds"]) == len(BOUNDS) + len(graph_bounds())
    assert "Unfinished: Ray could not be started" in (folder / "table.html").read_text()


class Page(HTMLParser):
    """The text of a page, and what it would load."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.text: list[str] = []
        self.loads: list[str] = []
        self.open: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        if tag not in ("meta", "col", "line", "circle", "path"):
            self.open.append(tag)
        if tag in ("script", "link", "img", "iframe", "object"):
            self.loads.append(tag)
        self.loads += [f"{name}={value}" for name, value in attributes if name in ("src", "href")]

    def handle_startendtag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        if self.open and self.open[-1] != "style":
            self.text.append(data)


def test_the_page_is_whole_and_loads_nothing(whole: Table) -> None:
    page = Page(render(whole))
    assert page.open == []
    assert page.loads == []
    assert not re.search(r"https?://|@import|url\(", render(whole))


def test_every_figure_of_the_json_is_on_the_page(whole: Table) -> None:
    text = " ".join(" ".join(Page(render(whole)).text).split())
    for row in whole.rows:
        for cell in row.cells:
            assert unescape(cell.claim).replace("-", "\N{EN DASH}") in text
            assert all(f"{finding.what} {finding.found}" in text for finding in cell.findings)
    for figure in ("27 µs", "440 µs", "830 µs", "2.17 ms", "71.6 ms", "p1: b, p2: b", "61.2 s", "p0@send:2"):
        assert figure in text
    simulated = sum(bound.schedules for bound in whole.bounds) + 2 * len(CLAIMED)
    assert f"{simulated:,} simulated runs" in text
    assert whole.versions["python"] in text


def test_a_figure_that_changes_changes_the_page(whole: Table) -> None:
    changed = [msgspec.structs.replace(latency, p50=123e-6) for latency in whole.latencies]
    other = msgspec.structs.replace(whole, latencies=changed)
    assert "123 µs" not in render(whole)
    assert "123 µs" in render(other)


def test_text_from_a_run_can_not_break_the_page(whole: Table) -> None:
    nasty = "<script>alert('&')</script>"
    bounds: list[BoundMeasured] = [msgspec.structs.replace(bound, why=nasty) for bound in whole.bounds]
    kills = [msgspec.structs.replace(kill, decisions={"p1": nasty}) for kill in whole.kills]
    page = Page(render(msgspec.structs.replace(whole, bounds=bounds, kills=kills, machine=nasty)))
    assert page.loads == []
    assert nasty in " ".join(page.text)
