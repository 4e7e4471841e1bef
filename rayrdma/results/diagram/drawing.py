"""A layout as SVG: two elements, the names of the lanes, which stay in sight, and what happened on them."""

from __future__ import annotations

import math
from collections.abc import Container, Iterator
from html import escape

from .shapes import BYZANTINE, LEFT, Arrow, Band, Label, Lane, Layout, Mark, Shade, Stroke, Tick

NAMES_WIDTH = 118
COLOURS = 6
"""Processes have one of so many, and their numbers everywhere, for those who do not tell colours apart."""
TICK_ROOM = 7.0
"""What a character of the axis takes."""


def safe(text: str) -> str:
    """Text as content or attribute of an element: what XML can not hold is replaced."""
    return escape("".join(c if c >= " " or c in "\n\t" else "\ufffd" for c in text if not "\ud800" <= c <= "\udfff"))


def draw_names(layout: Layout, both: Container[str] = ()) -> str:
    """The names of the lanes; those of parties in ``both`` deciding quorums stand out."""
    parts = list(_names(layout, both))
    return _svg("names", NAMES_WIDTH, layout.height, "Names of the lanes", parts)


def draw_run(layout: Layout) -> str:
    """What happened."""
    parts = [
        *map(_shade, layout.shades),
        *_axis(layout),
        *(_band(band) for band in layout.bands),
        *(_lane(lane, layout.width) for lane in layout.lanes),
        *(_halo(stroke) for stroke in layout.strokes if stroke.counted_by is not None),
        *map(_stroke, layout.strokes),
        *map(_mark, layout.marks),
        *map(_label, layout.labels),
    ]
    return _svg("run", layout.width, layout.height, "Space-time diagram of the run", parts)


def _svg(kind: str, width: float, height: float, title: str, parts: list[str]) -> str:
    size = f'style="width:{_n(width)}px;height:{_n(height)}px" viewBox="0 0 {_n(width)} {_n(height)}"'
    inside = "\n".join(filter(None, parts))
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" class="{kind}" {size} role="img" aria-label="{title}">\n'
        f"{inside}\n</svg>"
    )


def _n(value: float) -> str:
    return f"{value:.1f}".removesuffix(".0")


def _colour(process: int) -> str:
    return f"c{process % COLOURS}" if process >= 0 else "c-none"


def _names(layout: Layout, both: Container[str]) -> Iterator[str]:
    for lane in layout.lanes:
        name = lane.party + ("" if lane.party not in both else " ●")
        kind = f"name {_colour(lane.number) if lane.what == 'process' else 'memory'}"
        yield f'<text class="{kind}{" both" if lane.party in both else ""}" x="6" y="{_n(lane.y + 5)}">{name}</text>'
        for number, remark in enumerate(lane.remarks):
            y = lane.y + 22 + number * 17
            kind = "remark lawless" if remark == BYZANTINE else "remark"
            yield f'<text class="{kind}" x="6" y="{_n(y)}">{safe(remark)}</text>'


def _axis(layout: Layout) -> Iterator[str]:
    free = 0.0
    for number, tick in enumerate(layout.ticks):
        yield _tick(tick, layout.height)
        if tick.cut:
            before = layout.ticks[number - 1].right
            x = (before + tick.x) / 2
            yield f'<text class="cut" x="{_n(x)}" y="28" text-anchor="middle">//</text>'
        if tick.x >= free:
            x = max((tick.x + tick.right) / 2, len(tick.text) * TICK_ROOM / 2)
            yield f'<text class="tick" x="{_n(x)}" y="28" text-anchor="middle">{tick.text}</text>'
            free = x + len(tick.text) * TICK_ROOM + 6
    yield f'<text class="unit" x="4" y="12">{layout.unit}</text>'


def _tick(tick: Tick, height: float) -> str:
    return (
        f'<rect class="instant" x="{_n(tick.x - 2)}" y="36" width="{_n(tick.right - tick.x + 4)}" '
        f'height="{_n(height - 40)}"/>'
    )


def _shade(shade: Shade) -> str:
    width = max(4.0, shade.right - shade.left)
    return f'<rect class="paused" x="{_n(shade.left)}" y="{_n(shade.y - 14)}" width="{_n(width)}" height="28"/>'


def _lane(lane: Lane, width: float) -> str:
    y = _n(lane.y)
    line = f'<line class="lane {lane.what}" x1="{_n(lane.left)}" x2="{_n(lane.right)}" y1="{y}" y2="{y}"/>'
    if lane.ended:
        line += f'<line class="gone" x1="{_n(lane.right)}" x2="{_n(width - LEFT / 2)}" y1="{y}" y2="{y}"/>'
    return line


def _band(band: Band) -> str:
    whose = _colour(band.writers[0]) if len(band.writers) == 1 else "c-none"
    width = band.right - band.left
    who = ", ".join(f"p{writer}" for writer in band.writers) or "nobody"
    text = ""
    if band.label:
        text = f'<text class="holder" x="{_n(band.left + 4)}" y="{_n(band.y + 10.5)}">{safe(band.label)}</text>'
    tip = f"m{band.memory}, region {band.region}: {who} may write"
    return (
        f'<g class="t band {whose}"><title>{safe(tip)}</title>'
        f'<rect x="{_n(band.left)}" y="{_n(band.y)}" width="{_n(width)}" height="14"/>{text}</g>'
    )


def _halo(stroke: Stroke) -> str:
    lines = "".join(f"M{_n(arrow.x1)} {_n(arrow.y1)}L{_n(arrow.x2)} {_n(arrow.y2)}" for arrow in stroke.arrows)
    rings = "".join(f'<circle cx="{_n(mark.x)}" cy="{_n(mark.y)}" r="9"/>' for mark in stroke.marks)
    path = f'<path d="{lines}"/>' if lines else ""
    assert stroke.counted_by is not None
    return f'<g class="halo {_colour(stroke.counted_by)}">{path}{rings}</g>'


def _stroke(stroke: Stroke) -> str:
    parts = [*map(_arrow, stroke.arrows), *(_shape(mark) for mark in stroke.marks)]
    counted = " counted" if stroke.counted_by is not None else ""
    return (
        f'<g class="t stroke {_colour(stroke.process)}{counted}"><title>{safe(stroke.tip)}</title>{"".join(parts)}</g>'
    )


def _arrow(arrow: Arrow) -> str:
    kind = (
        f"{arrow.kind}{' open' if arrow.open else ''}{' begun' if arrow.begun else ''}{' refused' if arrow.nak else ''}"
    )
    ends = f'x1="{_n(arrow.x1)}" y1="{_n(arrow.y1)}" x2="{_n(arrow.x2)}" y2="{_n(arrow.y2)}"'
    line = f'<line class="reach" {ends}/><line class="{kind}" {ends}/>'
    if arrow.open:
        return f'{line}<circle class="lost" cx="{_n(arrow.x2)}" cy="{_n(arrow.y2)}" r="4"/>'
    return line + _head(arrow)


def _head(arrow: Arrow) -> str:
    """Filled for what is asked or said, open for an answer."""
    length, half = (8, 0.38) if arrow.kind != "response" else (7, 0.45)
    angle = math.atan2(arrow.y2 - arrow.y1, arrow.x2 - arrow.x1)
    left, right = (
        (arrow.x2 - length * math.cos(angle + side), arrow.y2 - length * math.sin(angle + side))
        for side in (half, -half)
    )
    tip = f"{_n(left[0])} {_n(left[1])}L{_n(arrow.x2)} {_n(arrow.y2)}L{_n(right[0])} {_n(right[1])}"
    if arrow.kind == "response":
        return f'<path class="answer{" refused" if arrow.nak else ""}" d="M{tip}"/>'
    return f'<path class="head" d="M{tip}Z"/>'


def _mark(mark: Mark) -> str:
    return f'<g class="t {_colour(mark.process)}"><title>{safe(mark.tip)}</title>{_shape(mark)}</g>'


def _shape(mark: Mark) -> str:
    x, y = mark.x, mark.y

    def path(kind: str, d: str) -> str:
        return f'<path class="{kind}" d="{d}"/>'

    def diamond(kind: str, r: float, y: float) -> str:
        return path(kind, f"M{_n(x)} {_n(y - r)}L{_n(x + r)} {_n(y)}L{_n(x)} {_n(y + r)}L{_n(x - r)} {_n(y)}Z")

    def cross(kind: str, r: float) -> str:
        return path(
            kind, f"M{_n(x - r)} {_n(y - r)}L{_n(x + r)} {_n(y + r)}M{_n(x - r)} {_n(y + r)}L{_n(x + r)} {_n(y - r)}"
        )

    match mark.kind:
        case "nak":
            square = f'<rect class="nak" x="{_n(x - 6)}" y="{_n(y - 6)}" width="12" height="12"/>'
            text = f'<text class="naktext" x="{_n(x - 9)}" y="{_n(y - 9)}">nak</text>'
            return square + cross("nakcross", 3.5) + text
        case "permission":
            return diamond("permission", 7, y)
        case "no-change":
            return diamond("nochange", 5, y)
        case "write":
            return f'<circle class="write" cx="{_n(x)}" cy="{_n(y)}" r="4"/>'
        case "read" | "unseen" | "self":
            return f'<circle class="{mark.kind}" cx="{_n(x)}" cy="{_n(y)}" r="4"/>'
        case "crash":
            return cross("crash", 8)
        case "decision":
            at = f'cx="{_n(x)}" cy="{_n(y)}"'
            return f'<circle class="decision" {at} r="7"/><circle class="bull" {at} r="3"/>'
        case "leader":
            return path("leader", f"M{_n(x)} {_n(y + 12)}V{_n(y - 1)}L{_n(x + 8)} {_n(y + 3)}L{_n(x)} {_n(y + 7)}")
        case _:
            return diamond(mark.kind, 4, y + 9)


def _label(label: Label) -> str:
    at = f'x="{_n(label.x)}" y="{_n(label.y)}"'
    return f'<text class="{label.kind} {_colour(label.process)}" {at}>{safe(label.text)}</text>'
