"""What ``make test-verbs`` runs: the tests over verbs inside guests, and those that act on two guests from outside."""

from __future__ import annotations

import re
import sys
from collections.abc import Callable, Generator, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import NamedTuple

import pytest

from rayrdma.model.errors import EnvironmentProblem
from rayrdma.pyverbs_link import DEBIAN, check
from tests.guest import GuestError, build, run
from tests.guest.uml import is_made as has_uml

INSIDE = "python -m pytest -m verbs -p no:xdist -o timeout=900"
ALL, RAY = "tests/verbs tests/parity", "tests/verbs/test_ray.py"
RACES = "tests/verbs/test_races.py tests/parity/test_races.py"
INSIDE_LIMIT = 40 * 60.0
"""Seconds for all tests inside a guest."""

MEMORY = 6 * 1024
"""MiB of a guest that runs Ray."""


class Suite(NamedTuple):
    """Tests that have run: where, how many, and pytest's exit status."""

    where: str
    ran: int
    status: int


def main() -> int:
    """Run them all, up to the first suite that fails; its exit status.

    Raises:
        GuestError: there is no guest to run them in.
    """
    try:
        check(build.image().layer / DEBIAN.relative_to("/"))
    except EnvironmentProblem as problem:
        raise GuestError(str(problem)) from None
    total = 0
    with closing(_suites()) as suites:
        for where, ran, status in suites:
            print(f"verbs tests: {ran} ran {where}", flush=True)
            total += ran
            if status or not ran:
                return status or 1
    print(f"verbs tests: {total} ran")
    return 0


def _suites() -> Generator[Suite, None, None]:
    if has_uml():
        with _begun("in User-Mode Linux", ALL, echo=True, uml=True) as everything:
            yield everything()
        yield _outside()
    else:
        # Ray gives its own parts fifteen seconds to come up, whatever it is told: its guest has a slow clock.
        with _begun("in QEMU, unhurried", RAY, unhurried=True) as ray:
            rest = " ".join([ALL, *(f"--ignore={file}" for file in (RAY, *RACES.split()))])
            # Two processors of a guest wait for each other, and each for a processor here, of which Ray's has one.
            with _begun("in QEMU", rest, echo=True, cpus=1) as others:
                yield others()
            yield _outside()
            yield ray()
    with _begun("in QEMU with two CPUs", RACES, echo=True) as races:
        yield races()


@contextmanager
def _begun(
    where: str, tests: str, *, echo: bool = False, cpus: int = 2, uml: bool = False, unhurried: bool = False
) -> Iterator[Callable[[], Suite]]:
    """Tests that run inside a guest, and what waits for their end; without ``echo`` it prints all of it then."""
    print(f"verbs tests {where}", flush=True)
    with run.boot(
        cpus=cpus, uml=uml, unhurried=unhurried, memory=MEMORY, echo=sys.stdout.buffer if echo else None
    ) as guest:
        guest.start(f"{INSIDE} {tests}")

        def end() -> Suite:
            status = guest.wait(INSIDE_LIMIT)
            if not echo:
                print(guest.output(), end="")
            return Suite(where, count(guest.output()), status)

        yield end


def count(output: str) -> int:
    """How many tests ran, by pytest's last line."""
    summaries = re.findall(r"^.*\b(?:passed|failed|skipped|deselected|errors?)\b.* in [\d.]+s.*$", output, re.M)
    return sum(int(ran) for ran in re.findall(r"(\d+) (?:passed|failed)", summaries[-1])) if summaries else 0


class _Counter:
    """A plugin of pytest."""

    ran = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.ran += report.when == "call" and not report.skipped


def _outside() -> Suite:
    """The tests that boot guests themselves."""
    print("verbs tests on two guests", flush=True)
    counter = _Counter()
    status = int(pytest.main([str(Path(__file__).parent), "-m", "guests", "-p", "no:xdist"], plugins=[counter]))
    return Suite("on two guests", counter.ran, status)
