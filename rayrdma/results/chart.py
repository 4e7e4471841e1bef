"""Latencies as one drawing: a logarithmic axis, a line from p50 to p99 for each protocol, a cross for its kill."""

from __future__ import annotations

import math
from collections.abc import Sequence
from html import escape

from .live import Kill, Latency
from .quantities import seconds

WIDTH, LEFT, RIGHT, TOP, LINE = 900, 205, 40, 30, 38


def draw_latencies(latencies: Sequence[Latency], kills: Sequence[Kill]) -> str:
    """An SVG element; empty if nothing was measured."""
    killed = {kill.protocol: kill.seconds for kill in kills if kill.seconds}
    shown = [(latency.protocol, latency.p50, latency.p99) for latency in latencies if latency.p50 and latency.p99]
    values = [value for _, p50, p99 in shown for value in (p50, p99)] + list(killed.values())
    if not shown:
        return ""
    low, high = math.floor(math.log10(min(values))), math.ceil(math.log10(max(values)))
    bottom = TOP + LINE * len(shown)

    def x(value: float) -> float:
        return round(LEFT + (math.log10(value) - low) / max(1, high - low) * (WIDTH - LEFT - RIGHT), 1)

    parts = [
        f'<g class="axis"><line class="grid" x1="{x(10**power)}" x2="{x(10**power)}" y1="{TOP - 8}" y2="{bottom}"/>'
        f'<text x="{x(10**power)}" y="{TOP - 16}" text-anchor="middle">{escape(seconds(10.0**power))}</text></g>'
        for power in range(low, high + 1)
    ]
    for number, (protocol, p50, p99) in enumerate(shown):
        y = TOP + LINE * number + LINE // 2
        parts.append(
            f'<text x="0" y="{y + 4}">{escape(protocol)}</text>'
            f'<line class="range" x1="{x(p50)}" x2="{x(p99)}" y1="{y}" y2="{y}"/>'
            f'<line class="tail" x1="{x(p99)}" x2="{x(p99)}" y1="{y - 5}" y2="{y + 5}"/>'
            f'<circle class="median" cx="{x(p50)}" cy="{y}" r="5"/>'
            f'<text class="quiet" x="{x(p50)}" y="{y - 9}" text-anchor="middle">{escape(seconds(p50))}</text>'
        )
        if protocol in killed:
            at = x(killed[protocol])
            parts.append(
                f'<path class="kill" d="M{at - 5} {y - 5}L{at + 5} {y + 5}M{at - 5} {y + 5}L{at + 5} {y - 5}"/>'
                f'<text class="quiet" x="{at}" y="{y - 9}" text-anchor="middle">'
                f"{escape(seconds(killed[protocol]))}</text>"
            )
    title = "Time to the first decision on Ray, by protocol"
    return f'<svg viewBox="0 0 {WIDTH} {bottom + 6}" role="img" aria-label="{title}">{"".join(parts)}</svg>'
