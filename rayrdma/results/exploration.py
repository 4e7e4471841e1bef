"""What came of a search, for people at a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.text import Text

from rayrdma.exhaustion import Exhaustion
from rayrdma.exploration import Exploration
from rayrdma.simulator.explore.exhaustive.exhaust import Exhausted
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
    jobs = f"{found.jobs} jobs" if found.engine == "sim" else f"{found.jobs} tasks at a time on Ray"
    verdict = ("nothing wrong", "bold green") if not found.violations else (f"{found.violations:,} wrong", "bold red")
    console.print(Text.assemble((found.protocol, "bold"), "  ", verdict))
    console.print(Text(f"  searched    {size} ({found.strategy}, seeds from {found.seed}, {jobs})"))
    for goal, schedules in found.goals.items():
        console.print(Text(f"  {schedules:>11,} {goal}", "" if schedules else "yellow"))
    _show_wrong(console, found)


def tell_states(looked: Exhausted, elapsed: float) -> str:
    """How far it is."""
    rate = f"{looked.states / max(elapsed, 1e-9):,.0f} states/s"
    return f"{rate}, {len(looked.spaces)} systems, {looked.outcomes} outcomes, {len(looked.findings)} wrong"


def show_exhaustion(console: Console, found: Exhaustion) -> None:
    """A few lines; and if there is one, a run that goes wrong."""
    if found.violations:
        verdict = (f"{found.violations:,} outcomes wrong", "bold red")
    else:
        verdict = ("nothing wrong", "bold green") if found.finished else ("nothing wrong so far", "bold yellow")
    console.print(Text.assemble((found.protocol, "bold"), "  ", verdict))
    systems = "1 system" if found.systems == 1 else f"{found.systems:,} systems"
    bounds = f"each process leads {found.elections} times at most" if found.elections > 1 else "each leads once at most"
    if found.preemptions is not None:
        bounds += f", {found.preemptions} preemptions"
    console.print(f"  searched    {systems} of {found.processes} processes and {found.memories} memories, {bounds}")
    covered = f"{found.schedules:.3g} schedules" if found.finished else "not finished"
    how = "" if found.reduced else ", without reduction"
    size = f"{found.states:,} states, {found.steps:,} steps in {seconds(found.seconds)}"
    console.print(f"  covered     {covered}{how}: {size}, {found.outcomes:,} outcomes")
    _show_wrong(console, found)


def _show_wrong(console: Console, found: Exploration | Exhaustion) -> None:
    for wrong in found.wrong:
        console.print(Text(f"  {wrong}", "red"), soft_wrap=True)
    if found.smallest is not None:
        console.print(f"the smallest run found that goes wrong so, of {found.smallest_events} events:\n")
        show_result(console, found.smallest)
        if found.smallest.folder is not None:
            console.print(f"\nrayrdma replay {found.smallest.folder}/replay.json runs it again", soft_wrap=True)
