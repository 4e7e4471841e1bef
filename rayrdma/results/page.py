"""The table as one self-contained HTML page. Every figure on it is in the JSON beside it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from html import escape

from .bounds import AT, BoundMeasured
from .cells import MEASURED, RDMA_FULL, RDMA_SCALE, Cell, Row, System
from .chart import draw_latencies
from .findings import explain
from .quantities import round_trips, seconds
from .result import BLOCKED, DECIDED, VIOLATED
from .style import STYLE
from .table import Table, tell_size

TALK = "RDMA: Provably More Powerful Communication"


def render(table: Table) -> str:
    """The page."""
    sections = [
        _head(table),
        _comparison(table.columns, table.rows),
        _bounds(table),
        _scales(table),
        _delays(table),
        _live(table),
        _reproduce(table),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{TALK}, measured</title>\n<style>{STYLE}</style>\n</head>\n<body>\n"
        + "\n".join(filter(None, sections))
        + "\n</body>\n</html>\n"
    )


def _head(table: Table) -> str:
    if table.unfinished is not None:
        verdict = f'<p class="verdict bad">Unfinished: {escape(table.unfinished)}</p>'
    elif table.holds:
        verdict = f'<p class="verdict good">Everything that was measured is as claimed: {escape(tell_size(table))}.</p>'
    else:
        verdict = '<p class="verdict bad">Something that was measured is not as claimed: see the crosses.</p>'
    return (
        f"<header><h1>{TALK}, measured</h1>"
        '<p class="lead">The comparison table of the talk. Each cell has its claim and, below it, what running the '
        "protocols showed: in a simulator under an adversary that chooses delays, leaders and crashes, and with real "
        f"processes on Ray. n processes, m memories, f of them fail.</p>{verdict}</header>"
    )


def _comparison(columns: Sequence[System], rows: Sequence[Row]) -> str:
    heads = "".join(f"<th>{escape(system.name)}<small>{escape(system.algorithm)}</small></th>" for system in columns)
    body = "".join(
        f"<tr><th>{escape(row.name)}</th>"
        + "".join(_cell(system, cell) for system, cell in zip(columns, row.cells, strict=True))
        + "</tr>"
        for row in rows
    )
    return (
        f'<table class="comparison"><colgroup><col class="property"><col span="{len(columns)}"></colgroup>'
        f"<thead><tr><th></th>{heads}</tr></thead><tbody>{body}</tbody></table>"
        '<p class="footnote">What shared memory and RDMA Full tolerate, they do with a minority of the memories '
        "crashed, m&nbsp;≥&nbsp;2f&nbsp;+&nbsp;1, as the footnote of the talk says. A round trip is two delays: a "
        "message takes one, an operation on a memory two, a local step none. x, from 0 to f, depends on the graph.</p>"
    )


def _cell(system: System, cell: Cell) -> str:
    claim = f'<span class="claim">{escape(cell.claim).replace("-", "&ndash;")}</span>'
    if cell.status != MEASURED:
        return (
            f'<td class="pending" data-system="{escape(system.name)}">{claim}'
            f'<span class="state">{escape(cell.measured)}</span></td>'
        )
    findings = "".join(
        f"<li{'' if finding.holds else ' class=broken'}><b>{escape(finding.what)}</b>{escape(finding.found)}</li>"
        for finding in cell.findings
    )
    return f'<td data-system="{escape(system.name)}">{claim}<ul class="findings">{findings}</ul></td>'


def _bounds(table: Table) -> str:
    if not table.bounds:
        return ""
    heads = ["bound", "n", "m", "processes crashed", "memories crashed", "Byzantine"]
    heads += [DECIDED, BLOCKED, VIOLATED, "what it shows"]
    rows = []
    for protocol in dict.fromkeys(bound.protocol for bound in table.bounds):
        rows.append([f'<th class="group" colspan="{len(heads)}"><code>{escape(protocol)}</code></th>'])
        rows.extend(_bound(bound) for bound in table.bounds if bound.protocol == protocol)
    return (
        "<section><h2>At the bound, and one past it</h2>"
        f"<p>{table.schedules:,} seeded schedules each, a fifth of that where a run takes long. At the bound the "
        "crashes strike at any moment, between the operations of one step too; past it the parties are gone from the "
        "start. A Byzantine process follows one of the attacks that fit its protocol, drawn anew for each schedule; "
        "past the bound it is silent, or equivocates where quorums are too small, or overwrites what it may. Every run "
        "is held against agreement, validity, the rules of the model and the invariants of its protocol.</p>"
        f"{_grid(heads, rows, numbers=range(1, 9))}</section>"
    )


def _bound(bound: BoundMeasured) -> list[str]:
    return [
        _text("at" if bound.side == AT else "past"),
        _number(str(bound.processes)),
        _number(str(bound.memories)),
        _number(f"{bound.crashed_processes} of {bound.processes}"),
        _number(f"{bound.crashed_memories} of {bound.memories}" if bound.memories else "-"),
        _number(f"{bound.byzantine} of {bound.processes}" if bound.byzantine else "-"),
        *(_number(f"{bound.verdicts.get(verdict, 0):,}") for verdict in (DECIDED, BLOCKED, VIOLATED)),
        _text(f"{bound.topology}: {_why(bound)}" if bound.topology else _why(bound), bound.holds),
    ]


def _why(bound: BoundMeasured) -> str:
    if not bound.why and bound.byzantine:
        return "all correct processes decide, under every attack that fits"
    if not bound.why:
        return f"all decide; in {bound.all_crashed:,} schedules every planned crash struck"
    if bound.disagreements:
        return (
            f"two decisions in {bound.disagreements:,} schedules, a broken invariant in the other violated ones; "
            f"seed {bound.seed}: {bound.why}"
        )
    return explain(bound)


def _scales(table: Table) -> str:
    if not table.scales:
        return ""
    full, sparse = RDMA_FULL.protocol, RDMA_SCALE.protocol
    heads = ["n", "connections, all to all", "connections, sparse", "permissions, all to all", "permissions, sparse"]
    heads += ["survivors", "rounds", "a round took", "messages of a phase", "result"]
    rows = [
        [
            _number(f"{scale.processes:,}"),
            *(
                _number(f"{counts[name]:,}")
                for counts in (scale.connections, scale.permissions)
                for name in (full, sparse)
            ),
            _number(f"{scale.survivors:,}"),
            _number(str(scale.rounds)),
            _number(seconds(scale.seconds)),
            _number(f"{scale.messages:,.0f}"),
            _text(scale.reason, scale.holds),
        ]
        for scale in table.scales
    ]
    return (
        "<section><h2>How many processes fit</h2><p>What the NIC of one memory has to hold if everybody shares memory "
        "with everybody, and on a random regular graph; and a run of Hybrid Ben-Or on that graph, every process with "
        "its own input and its own order of messages, the others crashed before the start, with a coin that all see "
        "alike. It ran in one process of the operating system; `rayrdma scale` divides it over a cluster.</p>"
        f"{_grid(heads, rows, numbers=range(9))}</section>"
    )


def _delays(table: Table) -> str:
    if not table.delays:
        return ""
    rows = [
        [
            _code(measured.protocol),
            *(
                cell
                for counted, claimed in (
                    (measured.common_case, measured.claimed),
                    (measured.take_over, measured.claimed_take_over),
                )
                for cell in (
                    _number(str(claimed)),
                    _number("none" if counted is None else str(counted), counted == claimed),
                    _number("" if counted is None else round_trips(counted).split()[0]),
                )
            ),
            _text(", ".join(_plural(count, kind) for kind, count in measured.operations.items())),
        ]
        for measured in table.delays
    ]
    heads = [
        "protocol",
        *("claimed", "counted", "round trips"),
        *("take-over, claimed", "counted", "round trips"),
        "issued by the first to decide",
    ]
    return (
        "<section><h2>Delays to the first decision</h2>"
        "<p>Three processes, three memories, every leg takes one delay. A best case is not an always: beside it stands "
        "what a process needs that takes over from a dead leader, from its election on.</p>"
        f"{_grid(heads, rows, numbers=range(1, 7))}</section>"
    )


def _live(table: Table) -> str:
    if not table.latencies:
        return ""
    latencies = [
        [
            _code(latency.protocol),
            _number(" or ".join(sorted(latency.delays, key=int)), latency.holds),
            *(_number("-" if value is None else seconds(value)) for value in (latency.p50, latency.p99)),
            _text(", ".join(latency.transports) or "-"),
            _text(latency.messages),
        ]
        for latency in table.latencies
    ]
    kills = [
        [
            _code(kill.protocol),
            _code(kill.fault),
            _number("-" if kill.seconds is None else seconds(kill.seconds)),
            _number("-" if kill.delays is None else str(kill.delays)),
            _text(
                ", ".join(f"{process}: {value}" for process, value in kill.decisions.items()) or kill.reason, kill.holds
            ),
        ]
        for kill in table.kills
    ]
    return (
        "<section><h2>On Ray, with real processes</h2>"
        f"<p>Three process actors and three memory actors on this machine, {table.latencies[0].rounds} rounds on the "
        "same actors; the time is from the call of the protocol to the decision, at the process that decides first.</p>"
        f"<figure>{draw_latencies(table.latencies, table.kills)}"
        "<figcaption>Time to the first decision, logarithmic: dot p50, bar p99; cross: the round in which the leader "
        "was killed, the wait for its heartbeats included.</figcaption></figure>"
        f"{_grid(['protocol', 'delays', 'p50', 'p99', 'memories over', 'messages over'], latencies, range(1, 4))}"
        "<h3>The leader killed in mid-round</h3>"
        "<p>Its process gets SIGKILL right after its second write or message. Its heartbeats stop, another process is "
        "elected without being told, and the survivors decide.</p>"
        f"{_grid(['protocol', 'killed', 'after', 'delays', 'survivors decided'], kills, range(2, 4))}</section>"
    )


def _reproduce(table: Table) -> str:
    facts = {
        "seeds": f"{table.seed} to {table.seed + table.schedules - 1}",
        "machine": table.machine,
        "took": seconds(table.elapsed),
        "versions": ", ".join(f"{name} {version}" for name, version in table.versions.items()),
    }
    listed = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts.items())
    blocked = next((bound for bound in table.bounds if bound.expected == BLOCKED and bound.crashed_memories), None)
    command = f"rayrdma table --engine {table.engine}\n"
    if blocked is not None:
        command += (
            f"rayrdma run {blocked.protocol} --processes {blocked.processes} --memories {blocked.memories} "
            f"--schedule adversary --seed {blocked.seed} --crash {','.join(blocked.faults)}\n"
        )
    return (
        "<section><h2>To see it again</h2><p>The simulated part is the same, run for run, wherever and whenever it is "
        f"repeated; times on Ray are those of this machine.</p><pre><code>{escape(command)}</code></pre>"
        f"<dl>{listed}</dl></section>"
    )


def _grid(heads: Iterable[str], rows: Iterable[Iterable[str]], numbers: range) -> str:
    head = "".join(
        f"<th{' class=number' if place in numbers else ''}>{escape(text)}</th>" for place, text in enumerate(heads)
    )
    body = "".join(f"<tr>{''.join(row)}</tr>" for row in rows)
    return (
        f'<div class="scroll"><table class="figures"><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table></div>'
    )


def _number(text: str, holds: bool = True) -> str:
    return f'<td class="number{"" if holds else " bad"}">{escape(text)}</td>'


def _text(text: str, holds: bool = True) -> str:
    return f"<td{'' if holds else ' class=bad'}>{escape(text)}</td>"


def _code(text: str) -> str:
    return f"<td><code>{escape(text)}</code></td>"


def _plural(count: int, kind: str) -> str:
    return f"{count} {kind}{'' if count == 1 else 's'}"
