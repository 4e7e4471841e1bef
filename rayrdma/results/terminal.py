"""Results for people at a terminal."""

from __future__ import annotations

import sys
import textwrap

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from .cells import MEASURED, Cell
from .figures import Bench, Finding
from .live import TRANSPORT
from .quantities import percentile, round_trips, seconds
from .result import BLOCKED, DECIDED, UNKNOWN, VIOLATED, Result
from .table import Table, tell_size

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
        _print_indented(console, Text(f"  {name:{INDENT - 2}}", "dim"), what)


def show_table(console: Console, table: Table) -> None:
    """The comparison table, what was found for each of its cells, the figures, and where the page is."""
    grid = Grid(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    grid.add_column("", style="bold")
    for system in table.columns:
        grid.add_column(system.name, overflow="fold")
    for row in table.rows:
        grid.add_row(row.name, *map(_claim, row.cells))
    console.print(grid, "")
    for row in table.rows:
        for system, cell in zip(table.columns, row.cells, strict=True):
            if cell.findings:
                console.print(Text(f"{system.name} ({system.algorithm}), {row.name.lower()}: {cell.claim}", "bold"))
                for finding in cell.findings:
                    mark = Text("  ✓ ", "green") if finding.holds else Text("  ✗ ", "red")
                    _print_indented(console, mark, f"{finding.what}: {finding.found}")
    console.print()
    for figures, shown in ((_delays, table.delays), (_latencies, table.latencies)):
        if shown:
            console.print(figures(table), "")
    if table.holds:
        console.print(Text(f"everything that was measured is as claimed: {tell_size(table)}", "bold green"))
    else:
        console.print(Text("something that was measured is not as claimed", "bold red"))
    console.print(f"took {seconds(table.elapsed)}; {table.schedules:,} schedules a bound, seeds from {table.seed}")
    if table.folder is not None:
        console.print(f"page {table.folder}/table.html, figures {table.folder}/table.json", soft_wrap=True)


def _print_indented(console: Console, head: Text, what: str) -> None:
    lines = textwrap.wrap(what, console.width - len(head), break_on_hyphens=False) or [""]
    console.print(Text.assemble(head, f"\n{' ' * len(head)}".join(lines)))


def _claim(cell: Cell) -> Text:
    if cell.status != MEASURED:
        return Text.assemble((cell.claim, "dim"), "\n", (cell.measured, "dim italic"))
    holds = all(finding.holds for finding in cell.findings)
    return Text.assemble((cell.claim, "bold"), "\n", ("✓ measured", "green") if holds else ("✗ measured", "red"))


def _delays(table: Table) -> Grid:
    grid = _figures("Delays to the first decision")
    for head in ("", "common case", "claimed", "take-over", "claimed"):
        grid.add_column(head, justify="right" if head else "left", header_style="dim", no_wrap=not head)
    for measured in table.delays:
        figures = (measured.common_case, measured.claimed, measured.take_over, measured.claimed_take_over)
        grid.add_row(measured.protocol, *map(str, figures))
    return grid


def _latencies(table: Table) -> Grid:
    grid = _figures(f"First decision on Ray over {TRANSPORT}")
    for head in ("", "delays", "p50", "p99"):
        grid.add_column(head, justify="right" if head else "left", header_style="dim", no_wrap=not head)
    grid.add_column("after a kill", justify="right", header_style="dim")
    kills = {kill.protocol: kill.seconds for kill in table.kills}
    for latency in table.latencies:
        times = (latency.p50, latency.p99, kills.get(latency.protocol))
        counted = " or ".join(sorted(latency.delays, key=int))
        grid.add_row(latency.protocol, counted, *("-" if value is None else seconds(value) for value in times))
    return grid


def _figures(title: str) -> Grid:
    return Grid(box=None, padding=(0, 2), title=title, title_justify="left", title_style="bold")


def _lines(result: Result) -> list[tuple[str, str]]:
    lines = [] if result.verdict == DECIDED else [("why", why) for why in result.violations or [result.reason]]
    for value in dict.fromkeys(result.decisions.values()):
        deciders = [process for process, decided in result.decisions.items() if decided == value]
        lines.append(("decision", f"{value!r} by {', '.join(deciders)}"))
    if result.first_decision_delays is not None:
        trips = round_trips(result.first_decision_delays)
        lines.append(("delays", f"{result.first_decision_delays} to the first decision, {trips}{_others(result)}"))
    times = [round.first_decision_seconds for round in result.round_log if round.first_decision_seconds is not None]
    if len(times) == 1:
        lines.append(("time", f"{seconds(times[0])} to the first decision"))
    elif times:
        middle, worst = seconds(percentile(times, 50)), seconds(percentile(times, 99))
        lines.append(("time", f"p50 {middle}, p99 {worst} to the first decision"))
    taken = [round.rounds_taken for round in result.round_log if round.rounds_taken]
    if taken:
        mean, most = sum(taken) / len(taken), percentile(taken, 99)
        lines.append(("randomised", f"{mean:.3g} rounds to decide on average, p99 {most:g}, at most {max(taken)}"))
    lines.append(("parties", f"{result.processes} processes, {result.memories} memories, engine {result.engine}"))
    if result.topology is not None:
        lines.append(("topology", result.topology))
    lines.append(("rounds", f"{result.rounds}, seed {result.seed}"))
    lines.append(("faults", ", ".join(result.faults) or "none"))
    if result.promises:
        lines.append(("note", result.promises))
    if result.signatures:
        used = "; ".join(f"{name} {used['made']} and {used['verified']}" for name, used in result.signatures.items())
        lines.append(("signatures", f"made and verified: {used}"))
    if result.refused_by_devices:
        count = sum(result.refused_by_devices.values())
        whose = ", ".join(
            name if len(result.refused_by_devices) == 1 else f"{name} {of_it}"
            for name, of_it in result.refused_by_devices.items()
        )
        lines.append(("refused", f"{count} {'operation' if count == 1 else 'operations'} by devices ({whose})"))
    carriers = [f"{name} for {count} pairs" for name, count in result.transports.items()] or ["no memory"]
    if result.queue_pairs:
        carriers.append(f"{result.queue_pairs} queue pairs")
    lines.append(("transports", f"{', '.join(carriers)}; messages {result.messages}"))
    if not result.violations:
        lines.append(("checks", f"all {len(result.checks)} hold"))
    if result.folder is not None:
        lines.append(("folder", result.folder))
    if result.diagram is not None:
        lines.append(("diagram", result.diagram))
    return lines


def _others(result: Result) -> str:
    """How long the others took to decide, in the last round that decided."""
    last = next((round for round in reversed(result.round_log) if round.decided), None)
    delays = sorted(last.delays.values())[1:] if last is not None else []
    if not delays:
        return ""
    span = str(delays[0]) if delays[0] == delays[-1] else f"{delays[0]} to {delays[-1]}"
    return f"; the others after {span}"


def show_bench(console: Console, bench: Bench) -> None:
    """What things cost, each beside its bare cost."""
    grid = Grid(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading, justify in (
        ("measured", "left"),
        ("p50", "right"),
        ("p99", "right"),
        ("", "left"),
        ("against", "left"),
    ):
        grid.add_column(heading, justify=justify)  # type: ignore[arg-type]
    for each in bench.figures:
        against = ""
        if each.bare is not None and each.ratio is not None and each.bare_p50 is not None:
            against = f"{each.ratio:,.2f} x {each.bare} ({each.bare_p50:,.2f})"
            if each.faster:
                against = f"{each.ratio:,.0f} times faster than {each.bare} ({each.bare_p50:,.0f})"
        grid.add_row(each.name, _amount(each.p50), "" if each.p99 is None else _amount(each.p99), each.unit, against)
    console.print(grid)
    console.print(", ".join(f"{name} {version}" for name, version in bench.versions.items()), soft_wrap=True)


def show_findings(console: Console, findings: list[Finding]) -> None:
    """What works here, one line each."""
    for finding in findings:
        mark = ("✓", "green") if finding.works else ("✗", "red")
        console.print(Text.assemble(mark, " ", (f"{finding.what:<22}", "bold"), finding.why), soft_wrap=True)


def _amount(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:,.2f}"
