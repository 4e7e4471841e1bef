"""What is written beside the line of a process: where there is room, in the longest form that fits."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rayrdma.model.trace import Crashed, Decided, Issued, LeaderChanged, Noted, Paused, Refused, Sent

from .shapes import CHARACTER, LINE_OF_PROCESS, ROWS_OF_LABELS, Label, Lane
from .timeline import Timeline, party_of
from .words import shorten, tell, tell_operation, tell_parties

Text = tuple[float, Sequence[str]]
"""Where it should begin, and ways to say it from the longest to the shortest."""


def labels_of(lane: Lane, timeline: Timeline, n: int) -> Iterator[Label]:
    """Above the line what a process asks and says, below it what becomes of it."""
    above = [lane.y - LINE_OF_PROCESS + row for row in ROWS_OF_LABELS]
    yield from _place("step", sorted(_steps(lane, timeline, n)), lane.number, above, timeline.width)
    yield from _place("event", sorted(_events(lane, timeline)), lane.number, [lane.y + 22], timeline.width)


def fitting(forms: Sequence[str], room: float) -> str:
    """The first of these that needs no more room; empty if none does."""
    return next((form for form in forms if len(form) * CHARACTER <= room), "")


def _place(kind: str, texts: Sequence[Text], process: int, rows: Sequence[float], width: float) -> Iterator[Label]:
    """Where no other one is; those that fit nowhere are left out: they can be pointed at."""
    ends = [0.0] * len(rows)
    for number, (x, forms) in enumerate(texts):
        free = [row for row in range(len(rows)) if ends[row] <= x]
        if not free:
            continue
        following = number + len(free)  # the first that needs this row, too
        limit = texts[following][0] if following < len(texts) else width - 4
        if text := fitting(forms, limit - x):
            label = Label(kind, x, rows[free[0]], text, process)
            ends[free[0]] = label.right + 8
            yield label


def _steps(lane: Lane, timeline: Timeline, n: int) -> Iterator[Text]:
    """Each once, however many parties it goes to."""
    asked: dict[tuple[float, str], list[str]] = {}
    said: dict[tuple[float, str, str], list[str]] = {}
    for position, event in timeline.drawn:
        if isinstance(event, Issued) and f"p{event.process}" == lane.party:
            forms = tell_operation(event.operation, event.region, event.register, event.argument)
            asked[timeline.x[position], forms[0]] = forms
        elif isinstance(event, Sent) and f"p{event.process}" == lane.party:
            told = timeline.x[position], tell(event.message, 40), type(event.message).__name__
            said.setdefault(told, []).append(f"p{event.to}")
    for (x, _), forms in asked.items():
        yield x + 2, forms
    for (x, message, kind), to in said.items():
        whom = "all" if len(to) >= max(2, n - 1) else tell_parties(to)
        yield x + 2, [f"{message} → {whom}", message, kind]


def _events(lane: Lane, timeline: Timeline) -> Iterator[Text]:
    for position, event in timeline.drawn:
        if party_of(event) != lane.party:
            continue
        x = timeline.x[position] + 9
        match event:
            case Decided():
                yield x, [f"decides {tell(event.value, 24)}", tell(event.value, 8)]
            case LeaderChanged():
                yield x, [f"Ω: p{event.leader} leads", f"Ω p{event.leader}"]
            case Crashed():
                yield x, ["crashes"]
            case Noted():
                yield x, [shorten(event.what, 20)]
            case Refused():
                yield x, [f"refuses p{event.liar}"]
            case Paused():
                yield x - 6, ["paused"]
