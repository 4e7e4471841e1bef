"""A run as one self-contained HTML page: what came of it in words, and its space-time diagram."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from rayrdma.checks.observation import Observation

from ..quantities import seconds
from ..result import VIOLATED
from ..style import STYLE
from .clocks import aligned
from .drawing import COLOURS, draw_names, draw_run, safe
from .holders import dynamic
from .layout import lay_out
from .look import LOOK, SCRIPT
from .quorums import Deciding, Trace, disagreement, root
from .shapes import Layout
from .words import tell, tell_parties

MOST_SENTENCES = 8


def page(
    observation: Observation, verdict: str = "", reason: str = "", faults: Sequence[str] = (), rounds: int = 1
) -> str:
    """The page.

    Args:
        observation: the run; its trace is drawn, or its log if it is a live one that has no trace.
        verdict, reason: what came of it, as in a `Result`.
        faults: what was injected, as in a `Result`.
        rounds: of the run; this one was the last.
    """
    corrected: dict[int, float] = {}
    if observation.trace is not None:
        trace = Trace(observation.trace, live=False)
    else:
        log, corrected = aligned(observation.log)
        trace = Trace(log, live=True)
    deciding = trace.deciding()
    differing = disagreement(deciding)
    roots = tuple(root(each, deciding) for each in differing) if differing else ()
    both = [party for party in roots[0].parties if party in roots[1].parties] if roots else []
    layout = lay_out(observation, trace, deciding, max((each.position for each in roots), default=None))
    title = f"{observation.protocol.name}{f': {verdict}' if verdict else ''}"
    parts = [
        _head(observation, verdict, reason, faults, rounds),
        _quorums(deciding, roots, both),
        *(f"<p>{safe(text)}</p>" for text in _limits(observation, layout, corrected if trace.live else None)),
        f'<div class="spacetime">{draw_names(layout, both)}{draw_run(layout)}</div>',
        _key(trace.live),
    ]
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{safe(title)}</title>\n<style>{STYLE}{LOOK}</style>\n</head>\n<body>\n"
        + "\n".join(filter(None, parts))
        + f'\n<div id="tip"></div>\n<script>{SCRIPT}</script>\n</body>\n</html>\n'
    )


def _head(observation: Observation, verdict: str, reason: str, faults: Sequence[str], rounds: int) -> str:
    inputs = ", ".join(f"p{id} {tell(value, 24)}" for id, value in enumerate(observation.inputs[:MOST_SENTENCES]))
    more = len(observation.inputs) - MOST_SENTENCES
    proposed = inputs + (f" and {more} more" if more > 0 else "")
    which = f" of the last of {rounds:,} rounds" if rounds > 1 else ""
    outcome = f'<p class="verdict{" bad" if verdict == VIOLATED else ""}">{safe(f"{verdict}: {reason}")}</p>'
    return (
        f"<header><h1>{safe(observation.protocol.name)}<small>space-time diagram{which}</small></h1>"
        f'<p class="lead">{observation.n} processes, {observation.memories} memories. Proposed: {safe(proposed)}. '
        f"Faults: {safe('; '.join(faults) or 'none')}.</p>{outcome if verdict else ''}</header>"
    )


def _quorums(deciding: Sequence[Deciding], differing: Sequence[Deciding], both: Sequence[str]) -> str:
    items = [
        f'<li class="c{each.decided.process % COLOURS}">{safe(str(each))}</li>' for each in deciding[:MOST_SENTENCES]
    ]
    if len(deciding) > MOST_SENTENCES:
        items.append(f"<li>{len(deciding) - MOST_SENTENCES} more decided.</li>")
    if differing:
        items.append(f'<li class="meet">{safe(_tell_meeting(differing, both))}</li>')
    return f'<ul class="quorums">{"".join(items)}</ul>' if items else '<p class="quorums">Nobody decided.</p>'


def _tell_meeting(roots: Sequence[Deciding], both: Sequence[str]) -> str:
    one, other = roots
    who = [f"p{each.decided.process} decided {tell(each.decided.value, 60)}" for each in roots]
    if not one.parties or not other.parties:
        return f"{who[0]}, but {who[1]}; whose answers they counted is not known of both."
    after = [f"{said} after {', '.join(each.parties)}" for said, each in zip(who, roots, strict=True)]
    met = f"both counted {tell_parties(both)}" if both else "as far as the trace tells, no party was counted by both"
    return f"{'; '.join(after)}; {met}."


def _limits(observation: Observation, layout: Layout, corrected: Mapping[int, float] | None) -> Iterator[str]:
    drawn = layout.last - layout.first
    if drawn < layout.total:
        yield (
            f"The trace has {layout.total:,} events; drawn are {drawn:,} of them, {layout.first + 1:,} to "
            f"{layout.last:,}: what leads to its decisions, or else to its end. All are in trace.jsonl."
        )
    hidden = observation.n + observation.memories - len(layout.lanes)
    if hidden > 0:
        yield f"{hidden} parties to which nothing happens in what is drawn have no lane."
    if corrected is not None:
        yield (
            "A live run: this is what the processes saw. When an operation took effect at its memory nobody saw: that "
            "is drawn half-way between request and answer. So it is not known either who held a permission when. A "
            "process that was killed, or is Byzantine, left no trace. Gaps in time are drawn by their logarithm."
        )
        if corrected:
            ahead = ", ".join(f"p{process} by {seconds(ahead)}" for process, ahead in sorted(corrected.items()))
            yield (
                "The clocks of its processes do not agree. Some are set forward here, by the least with which no "
                f"message arrives before it was sent: {ahead}."
            )
    elif observation.memories and not any(map(dynamic, observation.regions)):
        yield "No region of this protocol can change its permission: memories have no bands."


def _key(live: bool) -> str:
    """What the signs mean."""

    def sign(inside: str, text: str) -> str:
        return f'<span class="c0"><svg viewBox="0 0 46 24" aria-hidden="true">{inside}</svg>{text}</span>'

    line = '<line class="{}" x1="3" y1="{}" x2="{}" y2="{}"/>'
    shapes = [
        (
            line.format("request", 3, 38, 20) + '<path class="head" d="M31 21L40 21L35 14Z"/>',
            "operation on its way to a memory",
        ),
        (
            line.format("response", 20, 38, 4) + '<path class="answer" d="M31 4L39 4L36 11"/>',
            "its answer",
        ),
        (line.format("message", 12, 36, 12) + '<path class="head" d="M35 8L43 12L35 16Z"/>', "message"),
        (line.format("message open", 12, 34, 12) + '<circle class="lost" cx="36" cy="12" r="4"/>', "did not arrive"),
        ('<circle class="write" cx="23" cy="12" r="4"/>', "write takes effect"),
        ('<circle class="read" cx="23" cy="12" r="4"/>', "read takes effect, or a message to oneself"),
        ('<path class="permission" d="M23 5L30 12L23 19L16 12Z"/>', "permission changes hands"),
        ('<path class="nochange" d="M23 7L28 12L23 17L18 12Z"/>', "change of permission that changed nothing"),
        (
            '<rect class="nak" x="17" y="6" width="12" height="12"/>'
            '<path class="nakcross" d="M19.5 8.5L26.5 15.5M19.5 15.5L26.5 8.5"/>',
            "nak: refused, no effect",
        ),
        ('<path class="crash" d="M15 4L31 20M15 20L31 4"/>', "crash"),
        (
            '<circle class="decision" cx="23" cy="12" r="7"/><circle class="bull" cx="23" cy="12" r="3"/>',
            "decision",
        ),
        ('<path class="leader" d="M20 22V6L28 10L20 14"/>', "Omega names another leader"),
        (
            '<g class="halo"><path d="M4 12L42 12"/></g>' + line.format("request", 12, 42, 12),
            "counted by a decision: answers of its last wait",
        ),
    ]
    unseen = '<circle class="unseen" cx="23" cy="12" r="4"/>'
    if live:
        shapes = [(unseen, "operation at its memory, moment unknown"), *shapes[:4], *shapes[8:]]
    else:
        band = '<g class="band c0"><rect x="3" y="5" width="40" height="14"/></g>'
        shapes.insert(4, (band, "who may write a region of a memory"))
    return (
        f'<div class="key">{"".join(sign(inside, text) for inside, text in shapes)}</div>'
        '<p class="quiet">Each process has a colour; what it asks for and says is drawn in it. What happens in one '
        "instant is drawn from left to right, as it happened. Point at anything to see its values.</p>"
        '<p class="quiet">Whom a decision counted is told from the trace: those who answered the operation, or sent a '
        "message of the kind and phase, after whose last answer the process decided. A protocol that counts over "
        "several phases, or whose messages travel through memories, counted more than that.</p>"
    )
