"""What came of a search, for people at a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from rayrdma.exploration import Exploration
from rayrdma.simulator.explore.hunt import Tally

from .quantities import seconds
from .terminal import show_result


def tell_rate(tally: Tally, elapsed: float) -> str:
    """How far a search is."""
    rate = f"{tally.schedules / max(elapsed, 1e-9):,.0f} schedules/s"
    return f"{rate}, {len(tally.findings)} wrong, {len(tally.goals)} goals met"


def show_exploration(console: Console, found: Exploration) -> None:
    """A few lines; and if there is one, the smallest run that goes wrong."""
    rate = found.schedules / max(found.seconds, 1e-9)
    size = f"{found.schedules:,} schedules, {found.events:,} events in {seconds(found.seconds)}, {rate:,.0f} a second"
    verdict = ("nothing wrong", "bold green") if not found.violations else (f"{found.violations:,} wrong", "bold red")
    console.print(Text.assemble((found.protocol, "bold"), "  ", verdict))
    console.print(Text(f"  searched    {size} ({found.strategy}, seeds from {found.seed}, {found.jobs} jobs)"))
    for goal, schedules in found.goals.items():
        console.print(Text(f"  {schedules:>11,} {goal}", "" if schedules else "yellow"))
    for wrong in found.wrong:
        console.print(Text(f"  {wrong}", "red"), soft_wrap=True)
    if found.smallest is not None:
        console.print(f"the smallest run found that goes wrong so, of {found.smallest_events} events:\n")
        show_result(console, found.smallest)
        if found.smallest.folder is not None:
            console.print(f"\nrayrdma replay {found.smallest.folder}/replay.json runs it again", soft_wrap=True)
