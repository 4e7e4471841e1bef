"""The longest run: ``python -m tests.swarm`` puts a million swarm schedules to all protocols, on all cores.

Nothing may go wrong in them, and each goal of a protocol must have been met by one. What there was is written to a
file: from which seed, how fast, which goals how often, and what went wrong, which can be run again by its seed.
``python -m tests.swarm 50000 --seed 7 --file FILE`` runs fewer ones, from another seed, and writes elsewhere.
"""

from __future__ import annotations

import argparse
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import msgspec

from rayrdma.checks.goals import goals_of
from rayrdma.model.errors import RayrdmaError
from rayrdma.model.protocol import Protocol
from rayrdma.protocols import PROTOCOLS
from rayrdma.results.result import versions
from rayrdma.simulator.explore.draw import KINDS
from rayrdma.simulator.explore.search import FOR_EVER, Budget, Search

SCHEDULES = 1_000_000
BYZANTINE, OTHERS = 1, 8
"""The share of a protocol for Byzantine processes in the schedules, and that of another one."""
FILE = Path("runs/swarm.json")
TOLD = 3
"""Violations of a protocol that are printed; the file has them all."""


class Row(msgspec.Struct, frozen=True):
    """What came of one protocol.

    Attributes:
        seed: of the first schedule; the others have those that follow.
        rate: schedules a second on all cores.
        ended: schedules in which nothing more could happen.
        goals: of what should happen sometimes, in how many schedules it did.
        wrong: by seed, what was.
    """

    protocol: str
    seed: int
    schedules: int
    events: int
    seconds: float
    rate: float
    ended: int
    goals: dict[str, int]
    wrong: dict[int, list[str]]

    @property
    def never(self) -> list[str]:
        """The goals that no schedule met."""
        return [goal for goal, schedules in self.goals.items() if not schedules]


class Swarm(msgspec.Struct, frozen=True):
    """What came of all."""

    schedules: int
    seconds: float
    cores: int
    wrong: int
    never: int
    protocols: list[Row]
    versions: dict[str, str]


def examine(protocol: type[Protocol], schedules: int, seed: int, jobs: int) -> Row:
    """Put so many schedules to one protocol, whatever goes wrong meanwhile."""
    began = time.monotonic()
    tally = Search(protocol, "swarm", KINDS, seed, jobs, enough=FOR_EVER).run(Budget(schedules=schedules))
    seconds = time.monotonic() - began
    wrong = {
        number: [str(violation) for violation in (finding.wrong if finding is not None else tally.untold[number])]
        for number, finding in sorted(tally.findings.items())
    }
    goals = {goal: tally.goals[goal] for goal in goals_of(protocol)}
    rate = tally.schedules / seconds
    return Row(protocol.name, seed, tally.schedules, tally.events, seconds, rate, tally.ended, goals, wrong)


def shares(protocols: Sequence[type[Protocol]], schedules: int) -> Iterator[int]:
    """How many each has, so many in all: those for Byzantine processes fewer, for each takes far longer."""
    given = parts = 0
    weights = [BYZANTINE if protocol.byzantine else OTHERS for protocol in protocols]
    for weight in weights:
        parts += weight
        share = schedules * parts // sum(weights) - given
        given += share
        yield share


def swarm(protocols: Iterable[type[Protocol]], schedules: int, seed: int, jobs: int, file: Path) -> Swarm:
    """Share so many schedules out among the protocols, print what comes of each, and write all of it after each."""
    protocols = list(protocols)
    rows: list[Row] = []
    for protocol, share in zip(protocols, shares(protocols, schedules), strict=True):
        row = examine(protocol, share, seed, jobs)
        rows.append(row)
        what = f"{row.schedules:9,} schedules {row.rate:8,.0f}/s {len(row.wrong):5,} wrong"
        print(f"{row.protocol:28} {what} {len(row.goals) - len(row.never)} of {len(row.goals)} goals met")
        for number, wrong in list(row.wrong.items())[:TOLD]:
            print(f"  seed {number}: {'; '.join(wrong)}")
        for goal in row.never:
            print(f"  never: {goal}")
        sys.stdout.flush()
        told = Swarm(
            sum(row.schedules for row in rows),
            sum(row.seconds for row in rows),
            jobs,
            sum(len(row.wrong) for row in rows),
            sum(len(row.never) for row in rows),
            rows,
            versions(),
        )
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(msgspec.json.format(msgspec.json.encode(told), indent=1))
    return told


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.swarm")
    parser.add_argument("schedules", nargs="?", type=int, default=SCHEDULES)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--file", type=Path, default=FILE)
    given = parser.parse_args(arguments)
    try:
        told = swarm(PROTOCOLS.values(), given.schedules, given.seed, len(os.sched_getaffinity(0)), given.file)
    except RayrdmaError as error:
        print(f"swarm: {error}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("swarm: interrupted", file=sys.stderr)
        return 130
    what = f"{told.schedules:,} schedules over {len(told.protocols)} protocols"
    print(f"swarm: {what}, {told.schedules / told.seconds:,.0f}/s on {told.cores} cores,")
    print(
        f"  {told.wrong or 'none'} wrong, {told.never or 'none'} of the goals never met; all of it is in {given.file}"
    )
    return 1 if told.wrong or told.never else 0


if __name__ == "__main__":
    sys.exit(main())
