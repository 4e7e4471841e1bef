"""Revocation is a barrier: when it has completed, no write of who lost the permission can land any more.

One race after the other between a device that writes and an agent that revokes; `revocations` says what a race is.
"""

from __future__ import annotations

import os

import pytest

from rayrdma.transports.verbs.agent import Revocation, VerbsMemory, Writing, _Part
from rayrdma.transports.verbs.device import Device, Memory
from tests.verbs.revocations import Account, Taker

pytestmark = pytest.mark.verbs

SEED = 5
PROCESSORS = len(os.sched_getaffinity(0))
RACES = 100_000 if PROCESSORS > 1 else 10_000


def race(revocation: Revocation, races: int, memory_type: type[VerbsMemory] = VerbsMemory) -> Account:
    taker = Taker(revocation, memory_type)
    try:
        account = taker.race(races, SEED)
    finally:
        taker.close()
    print(f"{account.races} races on {PROCESSORS} processors, seed {SEED}: {account.late} late, {account.torn} torn")
    return account


def test_no_write_lands_after_its_revocation() -> None:
    """Revoked as this device needs it. On one in software flags alone are no barrier: it looks at them before it
    copies, and where the processors are busy one race in some hundreds is lost."""
    device = Device()
    revocation = Revocation.of(device)
    device.close()
    account = race(revocation, RACES)
    assert account.races == RACES
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
