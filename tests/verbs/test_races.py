"""Revocation is a barrier: when it has completed, no write of who lost the permission can land any more.

One race after the other between a device that writes and an agent that revokes; `revocations` says what a race is.
"""

from __future__ import annotations

import os

import pytest

from rayrdma.transports.verbs.agent import Revocation, VerbsMemory, Writing, _Part
from rayrdma.transports.verbs.device import Memory
from tests.verbs.revocations import Account, Taker

pytestmark = pytest.mark.verbs

SEED = 5
PROCESSORS = len(os.sched_getaffinity(0))
RACES = {Revocation.REGISTRATION: 100_000 if PROCESSORS > 1 else 10_000, Revocation.FLAGS: 2_000}
"""What the agent does on a software device has to prove itself most, and where both sides run at a time."""


def race(revocation: Revocation, races: int, memory_type: type[VerbsMemory] = VerbsMemory) -> Account:
    taker = Taker(revocation, memory_type)
    try:
        account = taker.race(races, SEED)
    finally:
        taker.close()
    print(f"{account.races} races on {PROCESSORS} processors, seed {SEED}: {account.late} late, {account.torn} torn")
    return account


@pytest.mark.parametrize("revocation", Revocation)
def test_no_write_lands_after_its_revocation(revocation: Revocation) -> None:
    account = race(revocation, RACES[revocation])
    assert account.races == RACES[revocation]
    assert not account.late
    assert not account.torn, "a packet is written as a whole, or not at all"


class SaysSo(VerbsMemory):
    """Takes a permission away and leaves it at that."""

    def _revoke(self, writing: Writing, part: _Part) -> None:
        writing.allowed = False

    def _allow(self, writing: Writing, memory: Memory) -> None:
        if writing.registration is None:
            super()._allow(writing, memory)
        writing.allowed = True


def test_a_race_tells_when_a_revocation_is_none() -> None:
    account = race(Revocation.REGISTRATION, 200, SaysSo)
    assert account.late > 100
