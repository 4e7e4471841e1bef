"""Which mutants were caught, for people at a terminal."""

from __future__ import annotations

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from rayrdma.mutation_score import CAUGHT, HARMLESS, MISSED, REFUTED, Score

from .quantities import seconds

COLOURS = {CAUGHT: "green", HARMLESS: "dim", MISSED: "bold red", REFUTED: "bold red"}


def show_score(console: Console, score: Score) -> None:
    """A row a mutant, and how many of them are of which kind."""
    grid = Grid(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    grid.add_column("protocol", style="bold", no_wrap=True)
    grid.add_column("mutant")
    grid.add_column("", no_wrap=True)
    grid.add_column("schedules", justify="right")
    grid.add_column("what tells of it, or why nothing does")
    for each in score.mutants:
        verdict = Text(each.verdict, COLOURS[each.verdict])
        why = each.wrong[0] if each.wrong else each.argument or ""
        grid.add_row(each.protocol, each.mutant, verdict, f"{each.schedules:,}", Text(why))
    console.print(grid, "")
    counts = ", ".join(f"{score.count(verdict)} {verdict}" for verdict in (CAUGHT, HARMLESS, MISSED))
    refuted = f", {score.count(REFUTED)} {REFUTED}" if score.count(REFUTED) else ""
    size = f"{sum(each.schedules for each in score.mutants):,} schedules in {seconds(score.seconds)}"
    console.print(Text(f"{counts}{refuted}: {size}", "bold green" if score.holds else "bold red"))
