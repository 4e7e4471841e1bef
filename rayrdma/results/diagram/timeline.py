"""Which part of a trace is drawn, and where each of its events stands on the axis of time.

Time runs to the right. Each instant of the trace has a column. What happens to one party in one instant is one after
the other in the trace, and stands so, in slots of that column; what a process does because of it shares its slot.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rayrdma.model.trace import Crashed, Decided, Delivered, Event, Issued, Noted, Refused, Responded, Sent, TookEffect

from .shapes import LEFT, RIGHT, Tick

MOST_EVENTS = 400
"""That are drawn; of a longer trace those around the decisions."""
AFTERWARDS = 40
"""Of them come after the last decision, if there are so many."""
WIDE, NARROWEST, WIDEST = 1040, 44, 110
"""A short run takes this width, if a delay then takes between these; a long run takes what it needs."""
SLOT = 15
LONGEST_GAP = 4
"""Delays that are drawn to scale; of a longer gap in which nothing happens a part is left out."""


@dataclass(frozen=True)
class Timeline:
    """Where events stand.

    Attributes:
        drawn: the events that are drawn, with their positions in the trace.
        x: of each of these positions.
        width: of the whole drawing.
        unit: of the axis.
        began: the time that a live run calls 0.
    """

    drawn: Sequence[tuple[int, Event]]
    x: dict[int, float]
    ticks: list[Tick]
    width: float
    live: bool
    began: float

    @property
    def unit(self) -> str:
        """In which the ticks count."""
        return "µs since the first event of the run" if self.live else "delays"

    def tell(self, time: float) -> str:
        """A time as the axis has it."""
        return f"{(time - self.began) * 1e6:,.0f}" if self.live else f"{time:g}"


def window(events: Sequence[Event], focus: int | None = None, most: int = MOST_EVENTS) -> tuple[int, int]:
    """The positions from which and to which (exclusively) a trace is drawn: to shortly after that of ``focus``.

    Without one it is the last decision; if there is none, the end.
    """
    if focus is None:
        decided = (at for at in range(len(events) - 1, -1, -1) if isinstance(events[at], Decided))
        focus = next(decided, len(events))
    last = max(min(len(events), most), min(len(events), focus + 1 + AFTERWARDS))
    return (0, len(events)) if len(events) <= most else (last - most, last)


def place(events: Sequence[Event], live: bool, focus: int | None = None) -> Timeline:
    """The timeline of the part of a trace that is drawn."""
    first, last = window(events, focus)
    drawn = list(enumerate(events))[first:last]
    slots = _slots(drawn)
    deepest: dict[float, int] = {}
    for position, event in drawn:
        deepest[event.time] = max(deepest.get(event.time, 0), slots[position])
    times = sorted(deepest)
    gaps = [_gap(later - earlier, live) for earlier, later in itertools.pairwise(times)]
    pixels = 1.0 if live else min(WIDEST, max(NARROWEST, (WIDE - sum(deepest.values()) * SLOT) / max(1.0, sum(gaps))))
    columns: dict[float, float] = {}
    timeline = Timeline(drawn, {}, [], 0, live, events[0].time if events else 0.0)
    right, before = float(LEFT), None
    for time, gap in zip(times, (0.0, *gaps), strict=False):
        columns[time] = right + gap * pixels
        right = columns[time] + deepest[time] * SLOT
        cut = not live and before is not None and time - before > LONGEST_GAP
        timeline.ticks.append(Tick(columns[time], right, timeline.tell(time), cut))
        before = time
    x = {position: columns[event.time] + slots[position] * SLOT for position, event in drawn}
    return Timeline(drawn, x, timeline.ticks, right + RIGHT, live, timeline.began)


def party_of(event: Event) -> str:
    """On whose lane an event stands: ``p0``, ``m2``."""
    match event:
        case TookEffect():
            return f"m{event.memory}"
        case Crashed():
            return f"{event.what[0]}{event.number}"
    return f"p{event.process}"  # type: ignore[attr-defined]


def parties_of(event: Event) -> Iterable[str]:
    """Everybody who has to do with an event."""
    yield party_of(event)
    match event:
        case TookEffect():
            yield f"p{event.process}"
        case Issued() | Responded():
            yield f"m{event.memory}"
        case Sent():
            yield f"p{event.to}"
        case Delivered():
            yield f"p{event.sender}"


def _slots(drawn: Sequence[tuple[int, Event]]) -> dict[int, int]:
    taken: dict[tuple[str, float], int] = {}
    slots: dict[int, int] = {}
    for position, event in drawn:
        lane = party_of(event), event.time
        before = taken.get(lane, -1)
        # What a party does is in the slot of what happened to it before.
        does = isinstance(event, Issued | Sent | Decided | Noted | Refused)
        slots[position] = taken[lane] = max(before, 0) if does else before + 1
    return slots


def _gap(time: float, live: bool) -> float:
    """In delays, or of a live run in pixels, which grow with the logarithm of the microseconds."""
    return 14 + 9 * math.log2(1 + time * 1e6) if live else min(time, LONGEST_GAP)
