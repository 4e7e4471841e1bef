"""What ``make test-verbs`` runs: the tests over verbs inside guests, then those that act on two guests from outside."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

from rayrdma.model.errors import EnvironmentProblem
from rayrdma.pyverbs_link import DEBIAN, check
from tests.guest import GuestError, build, run, uml

INSIDE = "python -m pytest tests/verbs tests/parity -m verbs -p no:xdist -o timeout=900"
NOT_IN_QEMU = " --ignore=tests/verbs/test_ray.py"
"""Ray's raylet gives its agents fifteen seconds to come up, whatever it is told, and QEMU needs more."""
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
    kernels = ["User-Mode Linux"] if uml.is_made() else []
    total = 0
    for kernel in [*kernels, "QEMU"]:
        ran, status = _inside(kernel)
        if status:
            return status
        total += ran
    ran, status = _outside()
    print(f"verbs tests: {total + ran} ran")
    return status


def _inside(kernel: str) -> tuple[int, int]:
    """How many tests ran inside a guest with this kernel, and what they ended with."""
    print(f"verbs tests in {kernel}", flush=True)
    with run.boot(uml=kernel != "QEMU", cpus=2, memory=MEMORY, echo=sys.stdout.buffer) as guest:
        status = guest.run(INSIDE + NOT_IN_QEMU * (kernel == "QEMU"), INSIDE_LIMIT)
        ran = count(guest.output())
    print(f"verbs tests: {ran} ran in {kernel}", flush=True)
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
