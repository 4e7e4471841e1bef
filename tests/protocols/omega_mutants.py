"""The classical mistakes in Omega (algorithms, section 11), and some that look like mistakes and are none."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from rayrdma.checks.observation import Violation
from rayrdma.protocols.omega import Omega, OmegaOverLossyLinks, State
from tests.fuzz import Run
from tests.mutation import Mutant

from .omega import OMEGAS, calming_run, early_crashes, promises_broken, run


class OmegaMutant(Mutant):
    """A mistake that shows in long runs: a process is slow for ever."""

    def first_caught(self, seeds: Iterable[int]) -> tuple[int, list[Violation]] | None:
        for seed in seeds:
            violations = promises_broken(self.run(seed))
            if violations:
                return seed, violations
        return None

    def run(self, seed: int) -> Run:
        """The run of a seed; nobody crashes, or some do, up to all but one."""
        return run(self.build(), seed, early_crashes(seed))


class RaceMutant(OmegaMutant):
    """A mistake that shows where looks and notifications meet: in many short runs."""

    def run(self, seed: int) -> Run:
        return calming_run(self.build(), seed)


async def read_apart(protocol: Omega, other: int, active_first: bool) -> State:
    """A process's state in two reads, with whatever happened between them."""
    first, second = await protocol.shown_by(other), await protocol.shown_by(other)
    active, rest = (first, second) if active_first else (second, first)
    return State(rest.heartbeat, rest.accusations, active.active)


def start_timer(protocol: Any, other: int) -> None:
    """A time-out in time, at first as long as some turns take."""
    timers = protocol.timers = getattr(protocol, "timers", {})
    timers[other] = protocol.process.sleep(10 * protocol.patience[other])


def both(budget: int, name: str, *edits: tuple[str, str]) -> list[Mutant]:
    """With reliable links, and with lossy ones."""
    return [OmegaMutant(protocol, name, edits, budget, "", HELPERS) for protocol in OMEGAS]


def races(budget: int, name: str, *edits: tuple[str, str], harmless: str = "") -> list[Mutant]:
    """Likewise."""
    return [RaceMutant(protocol, name, edits, budget, harmless, HELPERS) for protocol in OMEGAS]


HELPERS = {helper.__name__: helper for helper in (read_apart, start_timer)}

# The steps of Omega, as they stand in its text.
LOOK = "state = await self.shown_by(other)"
INACTIVE = "if not state.active:"
MOVED = "            self.contenders[other] = state\n"
SILENT = """\
            self.silent[other] += 1
            if self.silent[other] == self.patience[other]:
"""
DROPPED = """\
                del self.contenders[other]
                await self.accuse(other)
"""
LOOKED_AT = "            for other in list(self.contenders):\n"
ACCUSED = "            self.announced = False  # who accused has dropped it, and has to hear of it again\n"
SHOW = "            await self.show(active=True)\n"
ANNOUNCE = """\
            if not self.announced:  # only now: who looked sooner would find it inactive, and drop it for good
                self.announced = True
                await self.notify()
"""
NOT_YET_WRITTEN = (INACTIVE, "if state is None or not state.active:")

IN_STEPS_NOT_TIME = both(
    12,
    "time-outs in time, not in steps",
    (MOVED, MOVED + "            start_timer(self, other)\n"),
    (SILENT, "            if self.timers[other].done:\n"),
)
MUTANTS = [
    *IN_STEPS_NOT_TIME,
    *both(
        4,
        "whoever can be read is a contender again",
        NOT_YET_WRITTEN,
        (
            LOOKED_AT,
            "            for other in self.others():\n                self.contenders.setdefault(other)\n",
        ),
    ),
    *races(400, "who was accused does not announce itself again", (ACCUSED, "")),
    *races(
        4,
        "nobody announces itself at the start",
        ("self.announced = False  # whether", "self.announced = True  # whether"),
    ),
    *both(12, "patience does not grow", ("                self.patience[other] += 1\n", "")),
    *both(
        20,
        "the least contender leads, however often it was accused",
        ("(state.accusations, other)", "(0, other)"),
        ("(self.accusations, self.process.id), *known", "(0, self.process.id), *known"),
    ),
    *both(20, "accusations are not counted", ("            self.accusations += self.accused\n", "")),
    *races(20, "who is silent is dropped and not told", ("                await self.accuse(other)\n", "")),
    *both(40, "who is silent is accused and not dropped", (DROPPED, DROPPED.splitlines()[1] + "\n")),
    *races(4, "all show heartbeats, leader or not", ("        elif before == self.process.id:\n", "        else:\n")),
    *races(400, "who gives way does not show it", ("            await self.show(active=False)\n", "")),
    *both(20, "heartbeats wrap at 2", ("self.heartbeat += 1", "self.heartbeat = (self.heartbeat + 1) % 2")),
    *races(100, "it is announced before it is shown", (SHOW + ANNOUNCE, ANNOUNCE + SHOW), NOT_YET_WRITTEN),
    RaceMutant(
        Omega,
        "a notification is heard while a look is under way",
        (("self.notified_by.add(sender)", "self.contenders.setdefault(sender)"),),
        400,
    ),
    RaceMutant(
        OmegaOverLossyLinks,
        "a second notification looks like the first",
        (("Calls(before.notifications + notifications,", "Calls(max(before.notifications, notifications),"),),
        20,
        helpers=HELPERS,
    ),
]

HARMLESS = [
    *races(
        80,
        "active is read before the rest",
        (LOOK, "state = await read_apart(self, other, True)"),
        harmless="a heartbeat that did not move until after it was seen active did not move before either",
    ),
    *races(
        80,
        "active is read after the rest",
        (LOOK, "state = await read_apart(self, other, False)"),
        harmless="who leads again has moved its heartbeat: of two looks only one is deceived, and patience grows",
    ),
]
