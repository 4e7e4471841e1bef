"""What ``make test-verbs`` runs: the tests over verbs inside guests, then those that act on two guests from outside."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from rayrdma.model.errors import EnvironmentProblem
from rayrdma.pyverbs_link import DEBIAN, check
from tests.guest import GuestError, build, run, uml

INSIDE = "python -m pytest -m verbs -p no:xdist -o timeout=900"
ALL, RAY = "tests/verbs tests/parity", "tests/verbs/test_ray.py"
INSIDE_LIMIT = 25 * 60.0
"""Seconds for all tests inside one guest."""

MEMORY = 6 * 1024
"""MiB of a guest that runs Ray."""


def main() -> int:
    """Run them all, up to the first suite that fails; its exit status.

    Raises:
        GuestError: there is no guest to run them in.
    """
    try:
        check(build.image().layer / DEBIAN.relative_to("/"))
    except EnvironmentProblem as problem:
        raise GuestError(str(problem)) from None
    # Ray gives its own parts fifteen seconds to come up, whatever it is told, and races want two CPUs.
    parts = [("QEMU", f"{ALL} --ignore={RAY}", {}), ("QEMU, unhurried", RAY, {"unhurried": True})]
    if uml.is_made():
        parts.insert(0, ("User-Mode Linux", ALL, {"uml": True}))
    total = 0
    for name, tests, kind in parts:
        ran, status = _inside(name, tests, kind)
        if status:
            return status
        total += ran
    ran, status = _outside()
    print(f"verbs tests: {total + ran} ran")
    return status


def _inside(name: str, tests: str, kind: dict[str, bool]) -> tuple[int, int]:
    """How many of these tests ran inside a guest of this kind, and what they ended with."""
    print(f"verbs tests in {name}", flush=True)
    with run.boot(**kind, memory=MEMORY, echo=sys.stdout.buffer) as guest:
        status = guest.run(f"{INSIDE} {tests}", INSIDE_LIMIT)
        ran = count(guest.output())
    print(f"verbs tests: {ran} ran in {name}", flush=True)
    return ran, status or int(ran == 0)


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
