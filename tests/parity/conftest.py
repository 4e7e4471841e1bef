"""The arms as fixtures. Each is set up once, and gives every test a new instance."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import ExitStack

import pytest

from .arms import EVERY, Arm, SimulatedArm


@pytest.fixture(scope="package")
def open_arm() -> Iterator[Callable[[str], Arm]]:
    """An arm by its name."""
    arms: dict[str, Arm] = {}
    with ExitStack() as stack:

        def open_it(name: str) -> Arm:
            if name == SimulatedArm.name:
                return SimulatedArm()
            if name not in arms:
                arms[name] = _open(name, stack)
                stack.callback(arms[name].close)
            return arms[name]

        yield open_it


def _open(name: str, stack: ExitStack) -> Arm:
    if name == "shm":
        from .shm_arm import ShmArm  # compiled kernels, and Ray, are loaded only for the tests that need them

        return ShmArm()
    if name.startswith("verbs"):
        from .verbs_arm import FlagsArm, VerbsArm

        return VerbsArm() if name == VerbsArm.name else FlagsArm()
    from rayrdma.actors.cluster import ray_session

    from .ray_arm import CallsArm, RayArm

    stack.enter_context(ray_session())
    return RayArm() if name == RayArm.name else CallsArm()


@pytest.fixture(params=EVERY)
def arm(request: pytest.FixtureRequest, open_arm: Callable[[str], Arm]) -> Iterator[Arm]:
    """Two memories and up to four processes, in a new instance."""
    arm = open_arm(request.param)
    arm.refresh()
    yield arm
    arm.abandon()
