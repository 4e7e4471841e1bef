"""Results for people at a terminal."""

from __future__ import annotations

import sys
import textwrap

from rich.console import Console
from rich.text import Text

from .quantities import percentile, round_trips, seconds
from .result import BLOCKED, DECIDED, UNKNOWN, VIOLATED, Result

COLOURS = {DECIDED: "green", VIOLATED: "red", BLOCKED: "yellow", UNKNOWN: "yellow"}
WIDTH_OF_A_FILE = 120
INDENT = 14


def console() -> Console:
    """Standard output: as wide as the terminal, or wide enough for a table in a file."""
    return Console(width=None if sys.stdout.isatty() else WIDTH_OF_A_FILE, highlight=False, soft_wrap=False)


def show_result(console: Console, result: Result) -> None:
    """A run in a dozen lines."""
    console.print(Text.assemble((result.protocol, "bold"), "  ", (result.verdict, f"bold {COLOURS[result.verdict]}")))
    for name, what in _lines(result):
        lines = textwrap.wrap(what, console.width - INDENT, break_on_hyphens=False) or [""]
        console.print(Text.assemble((f"  {name:{INDENT - 2}}", "dim"), f"\n{' ' * INDENT}".join(lines)))


def _lines(result: Result) -> list[tuple[str, str]]:
    lines = [] if result.verdict == DECIDED else [("why", why) for why in result.violations or [result.reason]]
    for value in dict.fromkeys(result.decisions.values()):
        deciders = [process for process, decided in result.decisions.items() if decided == value]
        lines.append(("decision", f"{value!r} by {', '.join(deciders)}"))
    if result.first_decision_delays is not None:
        lines.append(
            (
                "delays",
                f"{result.first_decision_delays} to the first decision, {round_trips(result.first_decision_delays)}",
            )
        )
    times = [round.first_decision_seconds for round in result.round_log if round.first_decision_seconds is not None]
    if len(times) == 1:
        lines.append(("time", f"{seconds(times[0])} to the first decision"))
    elif times:
        middle, worst = seconds(percentile(times, 50)), seconds(percentile(times, 99))
        lines.append(("time", f"p50 {middle}, p99 {worst} to the first decision"))
    lines.append(("parties", f"{result.processes} processes, {result.memories} memories, engine {result.engine}"))
    lines.append(("rounds", f"{result.rounds}, seed {result.seed}"))
    lines.append(("faults", ", ".join(result.faults) or "none"))
    carriers = [f"{name} for {count} pairs" for name, count in result.transports.items()] or ["no memory"]
    lines.append(("transports", f"{', '.join(carriers)}; messages {result.messages}"))
    if not result.violations:
        lines.append(("checks", f"all {len(result.checks)} hold"))
    if result.folder is not None:
        lines.append(("folder", result.folder))
    return lines
