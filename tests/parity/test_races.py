"""Semantics 2 and 3, and compare-and-swap, under load: parties that race each other on one memory."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from rayrdma.model.outcomes import ACK

from . import scripts
from .arms import CHANNEL, SHM, VERBS, Arm, on
from .party import PROCESSES, read, read_region, write

CALLS_ARM = "ray-channel (actor calls)"

# (parties, pairs of a taking and a write that race, at least so many of them with an ack and with a nak). An
# operation takes 2 us over shared memory, 50 us through a channel, 1 ms by an actor call.
PAIRS = {
    "simulated": (3, 100_000, 1_000),
    "shm": (2, 1_000_000, 1_000),
    "ray-channel": (3, 60_000, 1_000),
    CALLS_ARM: (3, 1_500, 100),
    "verbs": (2, 500, 20),
}
CROWD = {"simulated": 20_000, "shm": 100_000, "ray-channel": 3_000, CALLS_ARM: 300, "verbs": 200}
WHOLE = {"simulated": 10_000, "shm": 30_000, "ray-channel": 5_000, CALLS_ARM: 500, "verbs": 500}
COUNTS = {"simulated": 5_000, "shm": 50_000, "ray-channel": 3_000, CALLS_ARM: 300, "verbs": 300}
HOLDS = {"simulated": 3_000, "shm": 50_000, "ray-channel": 2_000, CALLS_ARM: 150, "verbs": 100}
ENDLESS = 2**62
STOPS = {"shm": 1_000, "ray-channel": 150, "verbs": 50}
LAST = {"simulated": 100, "shm": 100, "ray-channel": 15, CALLS_ARM: 5, "verbs": 5}


def race(arm: Arm, parties: int, pairs: int, lost: int, disturb: Callable[[], Any] | None = None) -> None:
    """Let parties take the permission from each other, and compare what they saw."""
    workers = arm.workers(parties)
    for worker in workers:
        worker.begin(scripts.contend, range(parties), pairs if disturb is None else ENDLESS, lost)
    if disturb is not None:
        disturb()
    logs = [worker.result() for worker in workers]
    refused = {me: set(log.refused) for me, log in enumerate(logs)}
    for me, log in enumerate(logs):
        for other, seen in log.seen.items():
            slipped = refused[other].intersection(seen)
            assert not slipped, f"p{me} has seen p{other}'s refused writes {sorted(slipped)[:5]}"
        for other, late in log.condemned.items():
            acked_late = late - refused[other]
            assert not acked_late, f"p{other} issued {sorted(acked_late)[:5]} after p{me}'s revocation, and got acks"
    registers = workers[0].operate(read_region("slots"))
    assert [value or 0 for value in registers] == list(arm.ledger.acked)
    tried, acked, naks = sum(arm.ledger.tried), sum(log.acked for log in logs), sum(arm.ledger.refused)
    assert tried == acked + naks
    late = sum(len(set().union(*(log.condemned.get(me, ()) for log in logs))) for me in range(parties))
    print(
        f"{arm.name}: {tried} racing pairs by {parties} parties, {acked} acked, {naks} refused, "
        f"of these {late} issued after the revocation"
    )
    assert tried >= pairs
    assert acked >= lost
    assert naks >= lost
    assert 0 < late < naks, "writes have to be revoked before they are issued, and while they are under way"


def test_revocation_is_a_barrier(arm: Arm) -> None:
    """No acked write is missed by the new holder, and no write takes effect after its revocation was completed."""
    race(arm, *PAIRS[arm.name])


def test_revocation_is_a_barrier_among_many(arm: Arm) -> None:
    """More parties than processors: they are interrupted anywhere."""
    race(arm, PROCESSES, CROWD[arm.name], 20)


@on(SHM, CHANNEL, VERBS)
def test_revocation_is_a_barrier_for_parties_that_are_stopped_anywhere(arm: Arm) -> None:
    """Everybody in turn is stopped, until the others have gone on, and resumed."""
    tried = arm.ledger.tried

    def disturb() -> None:
        for stopped in range(3):
            arm.reach(tried, stopped, 1)
        for stop in range(STOPS[arm.name]):
            worker, another = arm.worker(stop % 3), (stop + 1) % 3
            worker.stop()
            arm.reach(tried, another, tried[another] + 10)
            worker.resume()
        arm.ledger.stop[0] = 1

    race(arm, 3, 10 * STOPS[arm.name], 100, disturb)
    print(f"{arm.name}: {STOPS[arm.name]} stops meanwhile")


def test_of_concurrent_revokers_one_holds_the_permission_afterwards(arm: Arm) -> None:
    winners = set()
    for _ in range(LAST[arm.name]):
        workers = arm.workers(3)
        for position in range(PROCESSES):
            arm.ledger.ready[position] = 0
        for worker in workers:
            worker.begin(scripts.revoke, range(3), 20)
        for worker in workers:
            worker.result()
        held = [worker.operate(write("slots", me, "held")) is ACK for me, worker in enumerate(workers)]
        assert held.count(True) == 1, held
        winners.add(held.index(True))
    print(f"{arm.name}: the last of them was {sorted(winners)}")


def test_a_reader_never_sees_a_torn_value(arm: Arm) -> None:
    """Values from 8 bytes to the most that a register takes; registers and blocks."""
    writers, reader = arm.workers(2), arm.worker(2)
    for writer in writers:
        writer.begin(scripts.write_whole)
    reader.begin(scripts.read_whole, WHOLE[arm.name])
    reads = reader.result()
    arm.ledger.stop[0] = 1
    written = [writer.result() for writer in writers]
    print(f"{arm.name}: {reads} reads against {sum(written)} writes, {WHOLE[arm.name]} new values seen")
    assert min(written) > 10


def test_no_compare_and_swap_is_lost_or_counted_twice(arm: Arm) -> None:
    workers = arm.workers(3)
    increments = COUNTS[arm.name]
    for worker in workers:
        worker.begin(scripts.count_up, 3, increments)
    logs = [worker.result() for worker in workers]
    assert workers[0].operate(read("open")) == 3 * increments
    replaced = sorted(number for numbers, _ in logs for number in numbers)
    assert replaced == list(range(3 * increments)), "an old value that was returned twice, or never"
    missed = sum(missed for _, missed in logs)
    print(f"{arm.name}: {3 * increments} increments, {missed} in vain")
    assert missed > 10


def test_permissions_can_be_a_lock(arm: Arm) -> None:
    """The policy is evaluated on the permission that is replaced, in the same instant: else two would hold it."""
    workers = arm.workers(3)
    for worker in workers:
        worker.begin(scripts.hold_lock, 3, HOLDS[arm.name])
    in_vain = sum(worker.result() for worker in workers)
    held = list(arm.ledger.acked)
    assert workers[0].operate(read("lock", 1)) == sum(held)
    print(f"{arm.name}: held {held} times, {in_vain} claims in vain")
    assert sum(held) >= HOLDS[arm.name]
    assert in_vain > 10


RESETS = {"shm": 200, "ray-channel": 30, "verbs": 20}


@on(SHM, CHANNEL, VERBS)
def test_nothing_of_an_old_instance_slips_into_the_new_one(arm: Arm) -> None:
    """A party that missed the new instance writes, swaps and takes permissions on: all of it is refused.

    In the simulator every instance has memories of its own, so there is nothing to slip into.
    """
    for _ in range(RESETS[arm.name]):
        old, new = arm.workers(2)
        last_acked = arm.ledger.acked[0]
        old.begin(scripts.write_until_refused, "big")
        arm.reach(arm.ledger.acked, 0, last_acked + 2)
        arm.reset()
        new.call(scripts.start, arm.instance)
        assert new.operate(read("big")) is None, "a write of the old instance is seen in the new one"
        assert old.result() == arm.ledger.acked[0] + 1
        assert set(old.call(scripts.insist, 3)) == {scripts.NAK}
        assert new.operate(read("big")) is None
        assert new.operate(read_region("slots")) == (None,) * PROCESSES
        assert new.operate(write("big", 0, b"new")) is ACK, "a permission of the old instance is still in force"
        assert new.operate(read("big")) == b"new"
        old.call(scripts.start, arm.instance)
        assert old.operate(read("big")) == b"new"
    print(f"{arm.name}: {RESETS[arm.name]} resets")
