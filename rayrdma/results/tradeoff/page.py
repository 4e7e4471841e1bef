"""The trade-off as one self-contained HTML page."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape
from typing import TYPE_CHECKING

from ..quantities import seconds
from ..result import BLOCKED, DECIDED
from ..style import STYLE
from .drawing import inline
from .points import RDMA_SCALE, Point, Run, Tradeoff, percent

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.figure import Figure

TITLE = "Fault tolerance for connections"
WORDS = ("", "known as")
"""Heads of the columns that have no numbers."""
MORE_STYLE = """
@media (prefers-color-scheme: dark) { figure svg { padding: 1rem; background: #fdfdfb; border-radius: 6px; } }
.figures td:first-child { white-space: nowrap; } .figures td:last-child { min-width: 0; }
.figures th, .figures td { padding-right: 0.9rem; }
"""


def render(tradeoff: Tradeoff, figures: Mapping[str, Figure]) -> str:
    """The page."""
    sections = [
        _head(tradeoff),
        _tolerance(tradeoff, figures),
        _cost(tradeoff, figures),
        _rows(tradeoff),
        _again(tradeoff),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{TITLE}</title>\n<style>{STYLE}{MORE_STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(sections)
        + "\n</body>\n</html>\n"
    )


def _head(tradeoff: Tradeoff) -> str:
    runs = [run for point in tradeoff.points for run in (point.inside, point.beyond) if run is not None]
    if tradeoff.holds:
        verdict = f'<p class="verdict good">All {len(runs)} runs of HBO ended as the bounds say.</p>'
    else:
        verdict = '<p class="verdict bad">A run of HBO did not end as its bound says: see below.</p>'
    return (
        f"<header><h1>{TITLE}</h1>"
        '<p class="lead">A NIC has room for some connections. With all of them consensus survives as long as anybody '
        "does; with none, as long as a majority does. Between both, a graph of low degree that expands well keeps most "
        f"of the tolerance, and its degree does not grow with the number of processes.</p>{verdict}</header>"
    )


def _tolerance(tradeoff: Tradeoff, figures: Mapping[str, Figure]) -> str:
    caption = (
        "Filled: so many crashes are survived, whoever they are. Hollow: with so many an attack blocks. Between both "
        "nobody knows."
    )
    expanders = [point for point in tradeoff.points if point.system == RDMA_SCALE]
    if expanders:
        largest = max(expanders, key=lambda point: (point.processes, point.degree))
        n = largest.processes
        caption += (
            f" For example {n:,} processes with {largest.connections_per_nic} connections each: whichever "
            f"{largest.tolerated:,} crash, {percent(largest.share)}, the others decide. With all connections it "
            f"would be {n - 1:,} crashes, for {n - 1:,} connections each."
        )
    return (
        "<section><h2>What is survived</h2>"
        f"<figure>{inline(figures['tolerance'], 'tolerance', 'Tolerance against connections per NIC')}"
        f"<figcaption>{caption}</figcaption></figure></section>"
    )


def _cost(tradeoff: Tradeoff, figures: Mapping[str, Figure]) -> str:
    return (
        "<section><h2>What connections cost</h2>"
        f"<figure>{inline(figures['cost'], 'cost', 'Modelled cost of operations against the number of processes')}"
        "<figcaption>A model: no RDMA device was asked. A NIC caches some connection states and fetches the others "
        "over PCIe; operations are spread evenly over the connections. Message passing needs no connection, and no "
        "operation on a memory; it survives less than half.</figcaption></figure></section>"
    )


def _rows(tradeoff: Tradeoff) -> str:
    heads = [
        "", "connections per NIC", "in all", "permission entries", "survived", "f/n", "known as", "blocked at",
        "inside: represented", "beyond: represented", "operation", "round",
    ]  # fmt: skip
    rows: list[list[str]] = []
    for n in tradeoff.processes:
        rows.append([f'<th class="group" colspan="{len(heads)}">n = {n:,}</th>'])
        rows.extend(_row(point) for point in tradeoff.points if point.processes == n)
    return (
        "<section><h2>Every graph</h2>"
        "<p>One process a host; permission entries are counted at the NIC of a memory's owner, one for each process "
        "that may use a region, the owner too, and HBO has one region. Survived: so many crashes, whoever they are; "
        "known exactly, or certified as a lower bound. Blocked at: the fewest crashes of which an attack is known. "
        "HBO was run with as many crashes as are survived, the survivors being the worst that were found, and with "
        "the attack; to decide, the survivors must represent more than half. An operation, and all those of a process "
        f"in a round one after the other, are modelled.</p>{_grid(heads, rows)}</section>"
    )


def _row(point: Point) -> list[str]:
    blocked = "-" if point.blocked is None else f"{point.blocked:,}"
    name = f"degree {point.degree}" if point.system == RDMA_SCALE else point.system
    return [
        f"<td>{escape(name)}</td>",
        _number(f"{point.connections_per_nic:,}"),
        _number(f"{point.connections:,}"),
        _number(f"{point.permissions_per_nic:,}"),
        _number(f"{point.tolerated:,}"),
        _number(percent(point.share)),
        f"<td>{escape(point.kind)}</td>",
        _number(blocked),
        _run(point.inside, DECIDED),
        _run(point.beyond, BLOCKED),
        _number(seconds(point.operation_ns / 1e9)),
        _number(seconds(point.round_ns / 1e9) if point.round_ns else "-"),
    ]


def _run(run: Run | None, expected: str) -> str:
    if run is None:
        return _number("-")
    return _number(f"{run.verdict}: {run.represented:,}", holds=run.verdict == expected)


def _again(tradeoff: Tradeoff) -> str:
    nic = tradeoff.nic
    command = (
        f"rayrdma tradeoff --processes {','.join(map(str, tradeoff.processes))} "
        f"--degrees {','.join(map(str, tradeoff.degrees))} --seed {tradeoff.seed} "
        f"--nic-cache-entries {nic.entries} --nic-hit-ns {nic.hit_ns:g} --nic-miss-ns {nic.miss_ns:g}"
    )
    facts = {
        "machine": tradeoff.machine,
        "took": seconds(tradeoff.elapsed),
        "versions": ", ".join(f"{name} {version}" for name, version in tradeoff.versions.items()),
    }
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    return (
        "<section><h2>To see it again</h2><p>The same rows are in tradeoff.csv and tradeoff.parquet beside this page, "
        f"the pictures in tolerance and cost, .png and .svg.</p><pre><code>{escape(command)}</code></pre>"
        f"<dl>{listed}</dl></section>"
    )


def _grid(heads: Sequence[str], rows: Iterable[Iterable[str]]) -> str:
    head = "".join(f"<th{'' if text in WORDS else ' class=number'}>{escape(text)}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="figures"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _number(text: str, holds: bool = True) -> str:
    return f'<td class="number{"" if holds else " bad"}">{escape(text)}</td>'
