"""The two pictures: what a graph tolerates for its connections, and what its connections cost."""

from __future__ import annotations

import io
import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rayrdma.clusters.nic import NicCache

from ..quantities import seconds
from ..result import BLOCKED, DECIDED
from .points import MESSAGE_PASSING, RDMA_FULL, RDMA_SCALE, Point, round_ns

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

PAPER, INK, QUIET, RULE, SHADE = "#fdfdfb", "#1d1f21", "#686d73", "#dcdcd6", "#f1f1ea"
COLOURS = {MESSAGE_PASSING: "#8a6d1f", RDMA_SCALE: "#2b5c8a", RDMA_FULL: "#b3261e"}
"""As pages have them in the light; a drawing is light in the dark too."""
LIGHTEST, DARKEST = "#9dc6e8", "#0f2f4f"
"""Of the blues for n."""
STYLE: Any = {
    "font.family": "sans-serif",
    "font.size": 9.5,
    "text.color": INK,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.facecolor": PAPER,
    "axes.linewidth": 0.8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "axes.titlelocation": "left",
    "axes.titlesize": 11,
    "axes.titleweight": "bold",
    "axes.titlepad": 10,
    "figure.facecolor": PAPER,
    "grid.color": RULE,
    "grid.linewidth": 0.8,
    "legend.frameon": False,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "svg.fonttype": "path",  # the same letters wherever it is looked at
    "svg.hashsalt": "rayrdma",  # the same file for the same points
}
NO_METADATA = {"Creator": None, "Date": None, "Format": None, "Type": None}
"""No date, and no link to the vocabularies of metadata."""
MARKS = {MESSAGE_PASSING: "s", RDMA_SCALE: "o", RDMA_FULL: "D"}
RUNS: dict[str, dict[str, Any]] = {
    DECIDED: {"marker": "o", "ms": 2.2, "mec": PAPER, "mfc": PAPER, "ls": "none"},
    BLOCKED: {"marker": "x", "ms": 4, "mec": COLOURS[RDMA_FULL], "mew": 1.3, "ls": "none"},
}
"""Drawn into the mark of what a run confirmed."""


def draw(points: Sequence[Point], nic: NicCache) -> dict[str, Figure]:
    """Both pictures by name: ``tolerance`` and ``cost``."""
    import matplotlib

    with matplotlib.rc_context(STYLE):
        figures = {"tolerance": _tolerance(points, nic), "cost": _cost(points, nic)}
        for figure in figures.values():  # laid out once, so that every file of it is the same picture
            figure.draw_without_rendering()
            figure.set_layout_engine("none")
    return figures


def encode(figure: Figure, format: str) -> bytes:
    """A file of the picture: ``png`` or ``svg``."""
    import matplotlib

    buffer = io.BytesIO()
    with matplotlib.rc_context(STYLE):
        if format == "svg":
            figure.savefig(buffer, format=format, metadata=NO_METADATA)
        else:
            figure.savefig(buffer, format=format, dpi=160)
    return buffer.getvalue()


def inline(figure: Figure, name: str, label: str) -> str:
    """The picture as an element of a page, which refers to nothing outside and shares no id with another one."""
    svg = encode(figure, "svg").decode()
    svg = re.sub(r"<metadata>.*?</metadata>|<!--.*?-->", "", svg[svg.index("<svg") :], flags=re.DOTALL)
    svg = re.sub(r'\b(id="|href="#|url\(#)', rf"\g<1>{name}-", svg).replace("xlink:href", "href")
    head, _, rest = svg.partition(">")
    size = re.search(r'viewBox="[^"]*"', head)
    assert size is not None
    return f'<svg {size[0]} role="img" aria-label="{label}">{rest.strip()}'


def _tolerance(points: Sequence[Point], nic: NicCache) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.legend_handler import HandlerTuple
    from matplotlib.ticker import FixedLocator, NullLocator, PercentFormatter

    figure = Figure(figsize=(9.6, 5.4), layout="constrained")
    axes = figure.subplots()
    right = 2.0 * max(point.connections_per_nic for point in points)
    axes.set_xscale("symlog", linthresh=2, linscale=0.55)
    axes.set_xlim(-0.45, right)
    if 0 < nic.entries < right:
        axes.axvspan(nic.entries, right, color=SHADE, zorder=0)
        axes.text(
            nic.entries, 0.015, f"  more connections than\n  the {nic.entries:,} that the NIC\n  caches, by the model",
            transform=axes.get_xaxis_transform(), color=QUIET, fontsize=8, va="bottom",
        )  # fmt: skip
    looks = _looks(points)
    for n, look in looks.items():
        of_this_size = [point for point in points if point.processes == n]
        _shade(axes, [point for point in of_this_size if point.system == RDMA_SCALE], look["mec"])
        for point in of_this_size:
            _mark(axes, point, look)
    _name(axes, points)
    ticks = sorted({point.connections_per_nic for point in points})
    axes.xaxis.set_major_locator(FixedLocator(ticks))
    axes.xaxis.set_minor_locator(NullLocator())
    axes.set_xticklabels([f"{tick:,}" for tick in ticks])
    axes.yaxis.set_major_formatter(PercentFormatter(1, decimals=0))
    axes.set_ylim(min(0.45, *(point.share - 0.05 for point in points)), 1.04)
    axes.grid(axis="y")
    axes.set_xlabel("connections per NIC, logarithmic from 2 on")
    axes.set_ylabel("crashes f of n processes that consensus survives: f/n")
    axes.set_title("Tolerance for connections")
    handles, labels = zip(*_legend(looks), strict=True)
    figure.legend(
        handles,
        labels,
        loc="outside right upper",
        fontsize=8.5,
        labelspacing=0.9,
        handler_map={tuple: HandlerTuple(ndivide=1)},
    )
    return figure


def _shade(axes: Axes, points: Sequence[Point], colour: Any) -> None:
    """What is not known of the graphs of one size: from certified to one less than attacked."""
    points = sorted(points, key=lambda point: point.degree)
    x = [point.connections_per_nic for point in points]
    low = [point.share for point in points]
    high = [((point.blocked or point.processes) - 1) / point.processes for point in points]
    axes.fill_between(x, low, high, color=colour, alpha=0.13, linewidth=0)
    axes.plot(x, low, color=colour, linewidth=1.2)
    axes.plot(x, high, color=colour, linewidth=0.9, linestyle=(0, (4, 2.5)))


def _mark(axes: Axes, point: Point, look: dict[str, Any]) -> None:
    looks = look | {"marker": MARKS[point.system]}
    x, n = point.connections_per_nic, point.processes
    axes.plot(x, point.share, mfc=look["mec"], zorder=4, **looks)
    if point.blocked is not None:
        axes.plot(x, point.blocked / n, mfc=PAPER, zorder=5, **looks)
    for run, held in ((point.inside, DECIDED), (point.beyond, BLOCKED)):
        if run is not None and run.verdict == held:
            axes.plot(x, run.crashed / n, **RUNS[held], zorder=6)


def _name(axes: Axes, points: Sequence[Point]) -> None:
    """The talk's names beside the marks."""
    for system, offset, align in (
        (MESSAGE_PASSING, (12, -3), "left"),
        (RDMA_SCALE, (14, -10), "left"),
        (RDMA_FULL, (8, -19), "right"),
    ):
        marks = [(point.connections_per_nic, -point.share) for point in points if point.system == system]
        if not marks:
            continue
        x, below = max(marks)
        axes.annotate(
            system, (x, -below), xytext=offset, textcoords="offset points", ha=align, color=COLOURS[system],
            fontweight="bold", zorder=7,
        )  # fmt: skip


def _looks(points: Sequence[Point]) -> dict[int, dict[str, Any]]:
    """Of the marks for each n: more processes are darker and smaller, so that equal shares show as rings."""
    from matplotlib.colors import LinearSegmentedColormap

    sizes = sorted({point.processes for point in points})
    blues = LinearSegmentedColormap.from_list("n", [LIGHTEST, COLOURS[RDMA_SCALE], DARKEST])
    shares = {n: (number + 0.5) / len(sizes) for number, n in enumerate(sizes)}
    return {n: {"mec": blues(share), "ms": 10 - 5 * share, "mew": 1.3, "ls": "none"} for n, share in shares.items()}


def _legend(looks: dict[int, dict[str, Any]]) -> list[tuple[Any, str]]:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    def mark(label: str, *layers: dict[str, Any]) -> tuple[Any, str]:
        usual: dict[str, Any] = {"ls": "none", "marker": "o", "ms": 7, "mec": INK, "mew": 1.3}
        return tuple(Line2D([], [], **usual | layer) for layer in layers), label

    return [
        mark("survived, whoever crashes:\nexact, or certified", {"mfc": INK}),
        mark("blocked by the best\nattack that was found", {"mfc": PAPER}),
        (Patch(facecolor=COLOURS[RDMA_SCALE], alpha=0.2), "not known"),
        mark("HBO run with the worst\nsurvivors known: decided", {"mfc": INK}, RUNS[DECIDED]),
        mark("HBO run with the survivors\nof the attack: blocked", {"mfc": PAPER}, RUNS[BLOCKED]),
        *(mark(f"n = {n:,}", look | {"mfc": look["mec"]}) for n, look in looks.items()),
    ]


def _cost(points: Sequence[Point], nic: NicCache) -> Figure:
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    figure = Figure(figsize=(9.6, 4.4), layout="constrained")
    one, whole = figure.subplots(1, 2)
    degrees = sorted({point.degree for point in points if point.system == RDMA_SCALE})
    least, most = min(point.processes for point in points), max(point.processes for point in points)
    x = _between(least, max(most, 10 * least, 10 * nic.entries), nic.entries + 1)

    one.set_title("An operation on a memory")
    one.set_ylabel("expected cost")
    _line(one, x, [nic.operation_ns(n - 1) for n in x], RDMA_FULL, "RDMA Full")
    if degrees:
        shown = 16 if 16 in degrees else degrees[-1]
        _line(one, x, [nic.operation_ns(shown)] * len(x), RDMA_SCALE, f"RDMA Scale,\ndegree {shown}", above=True)
    _line(
        one, x, [nic.operation_ns(0)] * len(x), MESSAGE_PASSING, "a message\nand its answer", dashed=True, above=False
    )
    one.set_ylim(0, (nic.hit_ns + nic.miss_ns) / 1e9 * 1.1)

    whole.set_title("All those of a process in a round of HBO")
    whole.set_ylabel("one after the other")
    whole.set_yscale("log")
    _line(whole, x, [round_ns(nic, n - 1) for n in x], RDMA_FULL, "RDMA Full")
    for degree in degrees:
        _line(whole, x, [round_ns(nic, degree)] * len(x), RDMA_SCALE, f"degree {degree}")
    for axes in (one, whole):
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter(FuncFormatter(lambda n, _: f"{n:,.0f}"))
        axes.yaxis.set_major_formatter(FuncFormatter(lambda cost, _: seconds(cost)))
        axes.set_xlim(x[0], x[-1])
        axes.set_xlabel("processes n")
        axes.grid(axis="y")
    figure.supxlabel(
        f"Modelled, not measured: a NIC that caches {nic.entries:,} connection states, {nic.hit_ns:,.0f} ns an "
        f"operation, {nic.miss_ns:,.0f} ns more where they have to be fetched.",
        fontsize=8.5, color=QUIET, x=0.01, ha="left",
    )  # fmt: skip
    return figure


def _line(
    axes: Axes,
    sizes: Sequence[int],
    nanoseconds: Sequence[float],
    system: str,
    label: str,
    *,
    dashed: bool = False,
    above: bool | None = None,
) -> None:
    """A line, and beside its end what it is; ``above`` the end, or below it, or level with it."""
    cost = [each / 1e9 for each in nanoseconds]
    axes.plot(sizes, cost, color=COLOURS[system], linewidth=1.8, linestyle=(0, (3, 3)) if dashed else "solid")
    axes.annotate(
        label, (sizes[-1], cost[-1]), xytext=(6, 0), textcoords="offset points", color=COLOURS[system], fontsize=9,
        va="center" if above is None else "bottom" if above else "top",
    )  # fmt: skip


def _between(least: int, most: int, corner: int) -> list[int]:
    """Enough numbers of processes for a smooth line, the corner of the model among them."""
    import numpy as np

    every = {int(n) for n in np.geomspace(least, most, 120).round()}
    return sorted(every | ({corner} if least < corner < most else set()))
