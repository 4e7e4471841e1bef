"""What a drawing is made of, with places in pixels: plain data."""

from __future__ import annotations

from dataclasses import dataclass, field

LEFT, RIGHT, TOP = 26, 60, 54
"""Room around the instants of a drawing."""
PROCESS, LINE_OF_PROCESS, ROWS_OF_LABELS = 82, 46, (17, 32)
MEMORY, LINE_OF_MEMORY, BAND = 46, 24, 17
"""Heights of lanes, where in them the line is, and heights within them."""
BYZANTINE = "Byzantine"
"""What is written below the name of such a process."""
CHARACTER = 6.3
"""The most that a character of a label takes; one of 11 pixels in the usual fonts takes less on average."""


@dataclass
class Lane:
    """A party: its line from ``left`` to ``right``; ``ended``: it crashed there."""

    party: str
    what: str
    number: int
    y: float
    left: float
    right: float
    ended: bool = False
    remarks: tuple[str, ...] = ()


@dataclass
class Band:
    """Who may write a region of a memory, for a while."""

    memory: int
    region: str
    left: float
    right: float
    y: float
    writers: tuple[int, ...]
    label: str


@dataclass
class Arrow:
    """A leg of an operation, or a message.

    Attributes:
        kind: ``request``, ``response`` or ``message``.
        open: it did not arrive in what is drawn.
        begun: it left before what is drawn.
    """

    kind: str
    x1: float
    y1: float
    x2: float
    y2: float
    open: bool = False
    begun: bool = False
    nak: bool = False


@dataclass
class Mark:
    """Something that happened at one place.

    Attributes:
        kind: of an operation ``read``, ``write``, ``permission``, ``no-change``, ``nak``, or ``unseen`` if nobody saw
            it take effect; ``self``, a message to oneself; ``crash``, ``decision``, ``leader``, ``note``,
            ``refusal``.
        process: in whose colour it is drawn; -1: in none's.
    """

    kind: str
    x: float
    y: float
    process: int
    tip: str = ""


@dataclass
class Stroke:
    """All that is drawn of one operation or message; ``counted_by``: who decided after it."""

    process: int
    tip: str
    arrows: list[Arrow]
    marks: list[Mark]
    counted_by: int | None = None


@dataclass
class Label:
    """Text whose left edge is at ``x``, in a place of its own."""

    kind: str
    x: float
    y: float
    text: str
    process: int

    @property
    def right(self) -> float:
        """Where it ends at most."""
        return self.x + len(self.text) * CHARACTER


@dataclass
class Tick:
    """An instant: from the first to the last of its slots; ``cut``: not all of the gap before it is drawn."""

    x: float
    right: float
    text: str
    cut: bool = False


@dataclass
class Shade:
    """A process that is paused."""

    process: int
    left: float
    right: float
    y: float


@dataclass
class Layout:
    """A run, laid out.

    Attributes:
        unit: of the texts of its ticks.
        first, last: the events of the trace that are drawn, ``last`` not among them.
        total: how many events the trace has.
    """

    width: float
    height: float
    unit: str
    first: int
    last: int
    total: int
    ticks: list[Tick]
    lanes: list[Lane] = field(default_factory=list)
    bands: list[Band] = field(default_factory=list)
    strokes: list[Stroke] = field(default_factory=list)
    marks: list[Mark] = field(default_factory=list)
    labels: list[Label] = field(default_factory=list)
    shades: list[Shade] = field(default_factory=list)
