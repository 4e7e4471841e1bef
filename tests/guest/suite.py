"""What ``make test-verbs`` runs: the tests over verbs inside guests, then those that act on two guests from outside."""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from rayrdma.model.errors import EnvironmentProblem
from rayrdma.pyverbs_link import DEBIAN, check
from tests.guest import GuestError, build, run, uml

INSIDE = "python -m pytest -m verbs -p no:xdist -o timeout=900"
ALL, RAY = "tests/verbs tests/parity", "tests/verbs/test_ray.py"
RACES = "tests/verbs/test_races.py tests/parity/test_races.py"
INSIDE_LIMIT = 40 * 60.0
"""Seconds for all tests inside guests that run side by side."""

MEMORY = 6 * 1024
"""MiB of a guest that runs Ray."""


@dataclass(frozen=True)
class Part:
    """Tests that run inside one guest."""

    guest: str
    tests: str
    kind: Mapping[str, bool] = field(default_factory=dict)


def parts() -> list[list[Part]]:
    """What is run; the inner ones side by side."""
    races = [Part("QEMU with two CPUs", RACES)]
    if uml.is_made():
        return [[Part("User-Mode Linux", ALL, {"uml": True})], races]
    rest = " ".join([ALL, *(f"--ignore={file}" for file in (RAY, *RACES.split()))])
    # Ray gives its own parts fifteen seconds to come up, whatever it is told.
    return [[Part("QEMU", rest), Part("QEMU, unhurried", RAY, {"unhurried": True})], races]


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
    for side_by_side in parts():
        ran, status = _inside(side_by_side)
        if status:
            return status
        total += ran
    ran, status = _outside()
    print(f"verbs tests: {total + ran} ran")
    return status


def _inside(parts: list[Part]) -> tuple[int, int]:
    """How many of these tests ran, and what those of the first guest ended with in which something failed."""
    total = 0
    with ExitStack() as stack:
        guests = []
        for part in parts:
            print(f"verbs tests in {part.guest}", flush=True)
            echo = None if guests else sys.stdout.buffer
            guests.append(stack.enter_context(run.boot(**part.kind, memory=MEMORY, echo=echo)))
            guests[-1].start(f"{INSIDE} {part.tests}")
        for part, guest in zip(parts, guests, strict=True):
            status = guest.wait(INSIDE_LIMIT)
            if guest is not guests[0]:
                print(guest.output(), end="")
            ran = count(guest.output())
            print(f"verbs tests: {ran} ran in {part.guest}", flush=True)
            if status or not ran:
                return total, status or 1
            total += ran
    return total, 0


def count(output: str) -> int:
    """How many tests ran, by pytest's last line."""
    summaries = re.findall(r"^.*\b(?:passed|failed|skipped|deselected|errors?)\b.* in [\d.]+s.*$", output, re.M)
    return sum(int(ran) for ran in re.findall(r"(\d+) (?:passed|failed)", summaries[-1])) if summaries else 0


class _Counter:
    """A plugin of pytest."""

    ran = 0

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        self.ran += report.when == "call" and not report.skipped


def _outside() -> tuple[int, int]:
    """The same for the tests that boot two guests themselves."""
    print("verbs tests on two guests", flush=True)
    counter = _Counter()
    status = int(pytest.main([str(Path(__file__).parent), "-m", "guests", "-p", "no:xdist"], plugins=[counter]))
    print(f"verbs tests: {counter.ran} ran on two guests", flush=True)
    return counter.ran, status or int(counter.ran == 0)
