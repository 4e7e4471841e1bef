"""Over verbs, between two machines: a memory on the other host that is cut off, healed, and killed."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.guest.cable import ADDRESSES, Wired, two_guests

pytestmark = pytest.mark.guests

LIMIT = 180.0
"""Seconds from one act to the next; they take a few."""


@pytest.fixture(scope="module")
def hosts() -> Iterator[tuple[Wired, Wired]]:
    """One for processes, and another one that makes memories for them; the last test here kills that."""
    with two_guests(memory=1024) as (here, there):
        there.start(f"python -m tests.verbs.far there {ADDRESSES[1]}")
        there.wait_for("listening", LIMIT)
        yield here, there


@pytest.mark.parametrize(
    ("story", "acts"),
    [
        ("operations", ["unplug", "plug"] * 3),
        ("rounds", ["unplug", "plug"] * 2),
        ("killed", ["kill"]),
    ],
)
def test_a_memory_on_the_other_host(hosts: tuple[Wired, Wired], story: str, acts: list[str]) -> None:
    """`tests.verbs.far` tells the story, and says when it is time for which act."""
    here, there = hosts
    here.start(f"python -m tests.verbs.far {story} {ADDRESSES[1]}")
    for number, act in enumerate(acts, start=1):
        here.wait_for(rf"\b{number}: {act}\n", LIMIT)
        getattr(there, act)()
    assert here.wait(LIMIT) == 0, here.output()
