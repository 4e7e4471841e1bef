"""The trade-off for people at a terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console, JustifyMethod
from rich.table import Table
from rich.text import Text

from ..quantities import seconds
from ..result import BLOCKED, DECIDED
from .points import RDMA_SCALE, Point, Run, Tradeoff, percent

COLUMNS: dict[str, JustifyMethod] = {
    "graph": "left",
    "connections": "right",
    "survived": "right",
    "f/n": "right",
    "": "left",
    "blocked at": "right",
    "HBO inside": "left",
    "beyond": "left",
    "operation": "right",
}


def show(console: Console, tradeoff: Tradeoff) -> None:
    """A line for each graph, and where the pictures are."""
    grid = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    for column, justify in COLUMNS.items():
        grid.add_column(column, justify=justify, no_wrap=True)
    for n in tradeoff.processes:
        of_this_size = [point for point in tradeoff.points if point.processes == n]
        grid.add_row(Text(f"n = {n:,}", "bold"))
        for point in of_this_size:
            grid.add_row(*_row(point), end_section=point is of_this_size[-1])
    console.print(grid, "")
    nic = tradeoff.nic
    console.print(
        "connections: per NIC; survived: crashes, whoever they are; blocked at: the fewest of an attack that is known; "
        f"an operation by a model: a NIC caches {nic.entries:,} connection states, "
        f"{nic.hit_ns:,.0f} ns an operation, {nic.miss_ns:,.0f} ns more for a miss",
        style="dim",
    )
    if tradeoff.holds:
        console.print("every run of HBO ended as the bounds say", style="bold green")
    else:
        console.print("a run of HBO did not end as its bound says", style="bold red")
    console.print(f"took {seconds(tradeoff.elapsed)}; seed {tradeoff.seed}")
    if tradeoff.folder is not None:
        console.print(
            f"page {tradeoff.folder}/tradeoff.html, figures tradeoff.csv and .parquet beside it", soft_wrap=True
        )


def _row(point: Point) -> list[str | Text]:
    return [
        f"degree {point.degree}" if point.system == RDMA_SCALE else point.system,
        f"{point.connections_per_nic:,}",
        f"{point.tolerated:,}",
        percent(point.share),
        point.kind,
        "never" if point.blocked is None else f"{point.blocked:,}",
        _run(point.inside, DECIDED),
        _run(point.beyond, BLOCKED),
        seconds(point.operation_ns / 1e9),
    ]


def _run(run: Run | None, expected: str) -> Text:
    if run is None:
        return Text("-", "dim")
    return Text(run.verdict, "green" if run.verdict == expected else "bold red")
