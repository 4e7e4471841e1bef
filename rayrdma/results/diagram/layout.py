"""Where everything of a run stands in its drawing; nothing is drawn yet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

from rayrdma.checks.observation import Observation
from rayrdma.model.operations import CHANGE_PERMISSION, COMPARE_AND_SWAP, WRITE
from rayrdma.model.outcomes import NAK
from rayrdma.model.trace import Crashed, Decided, LeaderChanged, Noted, Paused, Refused, Resumed

from .holders import Change, changes, dynamic, memories_of, tell_writers
from .labels import fitting, labels_of
from .quorums import Deciding, Trace
from .shapes import (
    BAND,
    BYZANTINE,
    LEFT,
    LINE_OF_MEMORY,
    LINE_OF_PROCESS,
    MEMORY,
    PROCESS,
    RIGHT,
    TOP,
    Arrow,
    Band,
    Lane,
    Layout,
    Mark,
    Shade,
    Stroke,
)
from .story import Exchange, Message
from .timeline import SLOT, Timeline, parties_of, party_of, place
from .tips import tell_exchange, tell_happening, tell_message
from .words import shorten

ALL_SHOWN = 16
"""So many parties all have a lane; of more those have one that do something in what is drawn."""
SHORT_OF_THE_LANE, OPEN_RUN = 15, 40
"""An open arrow ends so far above or below where it was going, at most so far to the right of where it began."""

Legs = tuple[list[Arrow], list[Mark]]


def lay_out(observation: Observation, trace: Trace, deciding: Sequence[Deciding], focus: int | None = None) -> Layout:
    """The drawing of a run, or if it is long of the part up to shortly after ``focus`` or its last decision."""
    timeline = place(trace.events, trace.live, focus)
    first = timeline.drawn[0][0] if timeline.drawn else 0
    last = first + len(timeline.drawn)
    layout = Layout(timeline.width, 0, timeline.unit, first, last, len(trace.events), timeline.ticks)
    layout.lanes, layout.height = _lanes(observation, timeline)
    changed = [] if trace.live else changes(observation, trace.events[:last])
    if not trace.live:
        layout.bands = _bands(observation, changed, timeline, layout.lanes)
    layout.strokes = _Strokes(trace, timeline, layout.lanes, changed).all(deciding)
    layout.marks = _marks(timeline, layout.lanes)
    layout.shades = _shades(timeline, layout.lanes)
    for lane in layout.lanes:
        if lane.what == "process":
            layout.labels += labels_of(lane, timeline, observation.n)
    return layout


def _lanes(observation: Observation, timeline: Timeline) -> tuple[list[Lane], float]:
    """And where the last one ends."""
    active = {party for _, event in timeline.drawn for party in parties_of(event)}
    did = {party_of(event) for _, event in timeline.drawn}
    if observation.n + observation.memories <= ALL_SHOWN:
        active |= {f"p{id}" for id in range(observation.n)} | {f"m{memory}" for memory in range(observation.memories)}
    crashes = {
        f"{event.what[0]}{event.number}": timeline.x[position]
        for position, event in timeline.drawn
        if isinstance(event, Crashed)
    }
    right, y = timeline.width - RIGHT / 2, float(TOP)
    regions = [] if timeline.live else [shorten(region.name, 15) for region in observation.regions if dynamic(region)]
    lanes = []
    for party in (
        *(f"p{id}" for id in range(observation.n)),
        *(f"m{number}" for number in range(observation.memories)),
    ):
        if party not in active:
            continue
        number, process = int(party[1:]), party[0] == "p"
        remarks = tuple(regions)
        if process:
            silent = timeline.live and party not in did
            remarks = (BYZANTINE,) * (number in observation.byzantine) + ("left no trace",) * silent
        line = y + (LINE_OF_PROCESS if process else LINE_OF_MEMORY)
        end, what = crashes.get(party, right), "process" if process else "memory"
        lanes.append(Lane(party, what, number, line, LEFT / 2, end, party in crashes, remarks))
        y += PROCESS if process else MEMORY + len(regions) * BAND
    return lanes, y + 12


def _bands(
    observation: Observation, changed: Sequence[Change], timeline: Timeline, lanes: Sequence[Lane]
) -> list[Band]:
    memories = memories_of(observation)
    bands = []
    for lane in lanes:
        if lane.what == "process":
            continue
        for row, region in enumerate(filter(dynamic, observation.regions)):
            permission, left = memories[lane.number].regions[region.name].permission, lane.left
            own = [each for each in changed if (each.memory, each.region) == (lane.number, region.name)]
            for change in [each for each in own if each.before != each.after] + [None]:
                x = lane.right if change is None else timeline.x.get(change.position, lane.left)
                if x > left:
                    label = fitting(tell_writers(permission, observation.n), x - left - 6)
                    writers = tuple(sorted(permission.writers))
                    y = lane.y + 10 + row * BAND
                    bands.append(Band(lane.number, region.name, left, x, y, writers, label))
                if change is not None:
                    permission, left = change.after, x
    return bands


class _Strokes:
    """Makes the arrows of operations and messages."""

    def __init__(self, trace: Trace, timeline: Timeline, lanes: Sequence[Lane], changed: Sequence[Change]) -> None:
        self._trace = trace
        self._timeline = timeline
        self._y = {lane.party: lane.y for lane in lanes}
        self._changed = {change.position: change for change in changed}

    def all(self, deciding: Sequence[Deciding]) -> list[Stroke]:
        """Of what is drawn; those that are counted in a decision say so."""
        counted = {
            id(answer): each.decided.process for each in deciding for answer in (*each.exchanges, *each.messages)
        }
        strokes = []
        legs: Callable[[Exchange], Legs] = self._legs_of_a_live_run if self._trace.live else self._legs
        for exchange in self._trace.exchanges:
            arrows, marks = legs(exchange)
            if arrows:
                change = self._changed.get(exchange.effect if exchange.effect is not None else -1)
                tip = tell_exchange(exchange, self._when, change)
                strokes.append(Stroke(exchange.process, tip, arrows, marks, counted.get(id(exchange))))
        for message in self._trace.messages:
            arrows, marks = self._way(message)
            if arrows or marks:
                tip = tell_message(message, self._when)
                strokes.append(Stroke(message.sender, tip, arrows, marks, counted.get(id(message))))
        return strokes

    def _legs(self, exchange: Exchange) -> Legs:
        start, effect, end = map(self._x, (exchange.issued, exchange.effect, exchange.responded))
        if start is effect is end is None:
            return [], []
        process, memory = self._y[f"p{exchange.process}"], self._y[f"m{exchange.memory}"]
        nak = exchange.response is NAK
        arrows, marks = [], []
        if effect is not None:
            begun = start is None
            arrows.append(
                Arrow("request", effect - SLOT if start is None else start, process, effect, memory, begun=begun)
            )
            marks.append(Mark(self._kind(exchange), effect, memory, exchange.process))
        elif start is not None:
            arrows.append(self._open("request", start, process, memory))
        if end is not None:
            begun = effect is None
            arrows.append(
                Arrow("response", end - SLOT if effect is None else effect, memory, end, process, begun=begun)
            )
        elif effect is not None:
            arrows.append(self._open("response", effect, memory, process))
        if arrows[-1].kind == "response":
            arrows[-1].nak = nak
        return arrows, marks

    def _legs_of_a_live_run(self, exchange: Exchange) -> Legs:
        """Nobody saw when an operation took effect: it is drawn half-way."""
        start, end = self._x(exchange.issued), self._x(exchange.responded)
        if start is end is None:
            return [], []
        process, memory = self._y[f"p{exchange.process}"], self._y[f"m{exchange.memory}"]
        nak = exchange.response is NAK
        if end is None:
            assert start is not None
            return [self._open("request", start, process, memory)], []
        if start is None:
            return [Arrow("response", end - SLOT, memory, end, process, begun=True, nak=nak)], []
        half = (start + end) / 2
        legs = Arrow("request", start, process, half, memory), Arrow("response", half, memory, end, process, nak=nak)
        return list(legs), [Mark("nak" if nak else "unseen", half, memory, exchange.process)]

    def _kind(self, exchange: Exchange) -> str:
        if exchange.response is NAK:
            return "nak"
        if exchange.operation is CHANGE_PERMISSION:
            assert exchange.effect is not None
            change = self._changed[exchange.effect]
            return "permission" if change.before != change.after else "no-change"
        return "write" if exchange.operation in (WRITE, COMPARE_AND_SWAP) else "read"

    def _way(self, message: Message) -> Legs:
        start, end = self._x(message.sent), self._x(message.delivered)
        if start is end is None:
            return [], []
        y1, y2 = self._y[f"p{message.sender}"], self._y[f"p{message.to}"]
        if message.sender == message.to:
            return [], [Mark("self", end, y1, message.sender)] if end is not None else []
        if end is None:
            assert start is not None
            return [self._open("message", start, y1, y2)], []
        return [Arrow("message", end - SLOT if start is None else start, y1, end, y2, begun=start is None)], []

    def _open(self, kind: str, x: float, y1: float, y2: float) -> Arrow:
        """A leg that ends before it arrives."""
        end = y2 - math.copysign(SHORT_OF_THE_LANE, y2 - y1)
        return Arrow(kind, x, y1, min(x + OPEN_RUN, self._timeline.width - 12), end, open=True)

    def _x(self, position: int | None) -> float | None:
        return None if position is None else self._timeline.x.get(position)

    def _when(self, position: int) -> str:
        return self._timeline.tell(self._trace.events[position].time) + (" µs" if self._trace.live else "")


def _marks(timeline: Timeline, lanes: Sequence[Lane]) -> list[Mark]:
    y = {lane.party: lane.y for lane in lanes}
    marks = []
    for position, event in timeline.drawn:
        x, tip = timeline.x[position], tell_happening(event)
        match event:
            case Crashed():
                party = f"{event.what[0]}{event.number}"
                marks.append(Mark("crash", x, y[party], event.number if party[0] == "p" else -1, tip))
            case Decided():
                marks.append(Mark("decision", x, y[f"p{event.process}"], event.process, tip))
            case LeaderChanged():
                marks.append(Mark("leader", x, y[f"p{event.process}"], event.process, tip))
            case Noted():
                marks.append(Mark("note", x, y[f"p{event.process}"], event.process, tip))
            case Refused():
                marks.append(Mark("refusal", x, y[f"p{event.process}"], event.process, tip))
    return marks


def _shades(timeline: Timeline, lanes: Sequence[Lane]) -> list[Shade]:
    paused: dict[int, float] = {}
    shades = []
    of = {lane.number: lane for lane in lanes if lane.what == "process"}
    for position, event in timeline.drawn:
        if isinstance(event, Paused):
            paused[event.process] = timeline.x[position]
        elif isinstance(event, Resumed):
            left = paused.pop(event.process, of[event.process].left)
            shades.append(Shade(event.process, left, timeline.x[position], of[event.process].y))
    return shades + [Shade(id, left, of[id].right, of[id].y) for id, left in paused.items()]
