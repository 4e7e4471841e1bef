"""Plays: a script of commands, and below them what must come of it.

    > start protected-memory-paxos, 3 processes, 3 memories
    > hold p0-m1 at 0 for 20        the leg that begins at 0 takes 20 delays (p0-messages: what p0 sends then)
    > omega p1: p1 at 5             from then on Omega outputs p1 at p1; without any such line it is always accurate
    > crash p0@write:2              or m1@7, as on the command line
    > run                           the trace, one line for what happened at one time alike at several memories
    > check                         what the checks say

Lines that begin with # are for the reader.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from itertools import groupby
from typing import Any

import msgspec

from rayrdma.faults.plan import Crash, parse_crashes
from rayrdma.model.operations import CHANGE_PERMISSION, COMPARE_AND_SWAP, NAMES, WRITE
from rayrdma.model.outcomes import Outcome
from rayrdma.model.permissions import Permission
from rayrdma.model.regions import Record
from rayrdma.model.trace import Crashed, Decided, Delivered, Event, Issued, LeaderChanged, TookEffect
from rayrdma.protocols import find_protocol
from tests.fuzz import Run, run
from tests.scripted import MESSAGE, Scripted

CURTAIN = 10_000
"""When Omega becomes accurate in a play that has lines for it: after its end."""


class Play:
    """One script, while it is performed."""

    def __init__(self) -> None:
        self._holds: dict[tuple[int, int, int], int] = {}
        self._leaders: list[tuple[int, int, int]] = []
        self._faults: list[Crash] = []
        self._run: Run | None = None

    def perform(self, command: str) -> list[str]:
        """Do what one line says; what it prints."""
        for pattern, act in self._COMMANDS.items():
            if match := re.fullmatch(pattern, command):
                return act(self, *match.groups()) or []
        raise ValueError(f"no play has the command {command!r}")

    def _start(self, protocol: str, n: str, m: str) -> None:
        self._protocol, self._n, self._m = find_protocol(protocol), int(n), int(m)

    def _hold(self, process: str, memory: str | None, time: str, delay: str) -> None:
        self._holds[int(process), MESSAGE if memory is None else int(memory), int(time)] = int(delay)

    def _omega(self, process: str, leader: str, time: str) -> None:
        self._leaders.append((int(time), int(process), int(leader)))

    def _crash(self, crash: str) -> None:
        self._faults += parse_crashes(crash)

    def _perform(self) -> list[str]:
        schedule = Scripted(self._holds, self._leaders, CURTAIN if self._leaders else 0)
        self._run = run(self._protocol, self._n, self._m, 0, self._faults, by=schedule)
        played = [event for event in self._run.kernel.trace or () if event.time < CURTAIN]
        return [
            *tell(played),
            *(f"p{id} waits for ever: {what}" for id, what in self._run.observation.undecided.items()),
        ]

    def _check(self) -> list[str]:
        assert self._run is not None
        return [str(violation) for violation in self._run.violations()] or ["nothing is violated"]

    _COMMANDS: dict[str, Callable[..., list[str] | None]] = {  # noqa: RUF012 - a table, not state
        r"start ([a-z-]+), (\d+) process(?:es)?, (\d+) memor(?:y|ies)": _start,
        r"hold p(\d+)-(?:m(\d+)|messages) at (\d+) for (\d+)": _hold,
        r"omega p(\d+): p(\d+) at (\d+)": _omega,
        r"crash (.+)": _crash,
        r"run": _perform,
        r"check": _check,
    }


def tell(trace: list[Event]) -> Iterator[str]:
    """The trace for a person: what was asked of memories and what they did, not when answers arrived."""
    lines = [line for event in trace if (line := _line(event)) is not None]
    for (time, before, after), alike in groupby(lines, key=lambda line: (line[0], line[1], line[3])):
        memories = " ".join(sorted(memory for _, _, memory, _ in alike))
        yield f"{time:5g}  {before}{memories}{after}"


def _line(event: Event) -> tuple[float, str, str, str] | None:
    """(time, before, memory, after)."""
    match event:
        case Issued():
            what = NAMES[event.operation]
            if event.operation in (WRITE, COMPARE_AND_SWAP):
                what = f"{what} {event.region}[{event.register}] {_plain(event.argument)}"
            elif event.argument is not None:
                what = f"{what} {_plain(event.argument)}"
            return event.time, f"p{event.process} -> ", f"m{event.memory}", f": {what}"
        case TookEffect():
            gave = "" if event.operation is CHANGE_PERMISSION else f" {_plain(event.response)}"
            return event.time, "", f"m{event.memory}", f": p{event.process}'s {NAMES[event.operation]}{gave}"
        case Delivered():
            return event.time, f"p{event.process} hears {_plain(event.message)} from p{event.sender}", "", ""
        case Decided():
            return event.time, f"p{event.process} decides {event.value}, {event.depth} delays deep", "", ""
        case LeaderChanged():
            return event.time, f"omega names p{event.leader} to p{event.process}", "", ""
        case Crashed():
            return event.time, f"{event.what[0]}{event.number} crashes", "", ""
    return None


def _plain(value: Any) -> str:
    if isinstance(value, Record):
        fields = ", ".join(_plain(part) for part in msgspec.structs.astuple(value))
        return f"{type(value).__name__}({fields})"
    if isinstance(value, tuple):
        return f"[{', '.join(map(_plain, value))}]"
    if isinstance(value, Permission):
        return f"to p{' p'.join(map(str, sorted(value.writers)))}"
    if isinstance(value, Outcome):
        return value.value
    return "-" if value is None else str(value)


def perform(script: str) -> str:
    """The script with what comes of it below each command."""
    play = Play()
    lines = []
    for line in script.splitlines():
        if line.startswith("> "):
            lines += [line, *play.perform(line[2:].strip())]
        elif not line or line.startswith("#"):
            lines.append(line)
    return "\n".join(lines) + "\n"
