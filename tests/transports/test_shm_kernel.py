"""The shm transport between real processes: races, kills and stops at whatever instruction they come."""

from __future__ import annotations

import ctypes
import os
import random
import signal
import struct
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from rayrdma.model.permissions import Permission, everyone, exclusive_write_to_caller, exclusive_writer
from rayrdma.model.regions import Region
from rayrdma.transports.shm import Segment, kernels

from .shm_arena import Party, fork, in_arena, join, ledger

pytestmark = pytest.mark.live


@pytest.fixture
def path() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="rayrdma-test-") as name:
        yield Path(name) / "memory"


def slots(n: int, permission: Permission, register_bytes: int = 64) -> Region:
    return Region("slots", n, permission, bytes, exclusive_write_to_caller, register_bytes)


# Torn reads. Every value is one number over and over.


def write_numbers(segment: Segment, region: Region, process: int, size: int, enough: memoryview) -> None:
    party = Party(segment, region, process)
    number = 0
    while not enough[0]:
        number += 1
        party.stage_number(number * 10 + process, size)
        assert party.write(0, size) == kernels.DONE


def read_numbers(path: Path, writers: int, values: int, size: int) -> None:
    region = slots(writers + 1, everyone(writers + 1), size)
    segment = Segment.create(path, writers + 1, [region])
    enough = ledger(1)
    pids = [fork(write_numbers, segment, region, process, size, enough) for process in range(writers)]
    reader = Party(segment, region, writers)
    last = [0] * writers
    while values > 0:
        number, writer = divmod(reader.number(0), 10)  # which asserts that the value is whole
        assert number >= last[writer], f"p{writer}'s {number} came back after its {last[writer]}"
        values -= number > last[writer]
        last[writer] = number
    enough[0] = 1
    join(pids)


@pytest.mark.parametrize(("writers", "values", "size"), [(1, 50_000, 64), (2, 20_000, 256), (2, 2_000, 65_536)])
def test_a_reader_never_sees_a_torn_value(path: Path, writers: int, values: int, size: int) -> None:
    in_arena(read_numbers, path, writers, values, size)


# Revocation. The ledgers hold, for every party, the last number that it got an ack for, and how many it tried.

RACES = 100
"""So often at least must the parties of a test have met, whatever else they do."""


def contend(
    segment: Segment,
    region: Region,
    me: int,
    n: int,
    rounds: int,
    acked: memoryview,
    tried: memoryview,
    naks: memoryview,
) -> None:
    party = Party(segment, region, me)
    party.stage_permission(exclusive_writer(me, n))
    others = [other for other in range(n) if other != me]
    while sum(tried) < rounds or sum(naks) < RACES:
        tried[me] += 1
        acked_before = [acked[other] for other in others]
        party.take()
        seen = [party.number(other) for other in others]
        for other, before, now in zip(others, acked_before, seen, strict=True):
            assert now >= before, f"p{me} took over and missed p{other}'s acked write {before}: it sees {now}"
        acked_meanwhile = [acked[other] for other in others]
        again = [party.number(other) for other in others]
        party.stage_number(tried[me])
        if party.write(me) == kernels.DONE:  # so the permission was this party's all the time since it took it
            assert seen == again, f"p{me} held the only permission, and yet {seen} became {again}"
            for other, known, now in zip(others, acked_meanwhile, seen, strict=True):
                assert known <= now, f"p{other} got an ack for {known}, which the new holder p{me} does not see: {now}"
            acked[me] = tried[me]
        else:
            naks[me] += 1
            assert party.number(me) == acked[me], f"p{me}'s refused write {tried[me]} has left a trace"


def race(path: Path, n: int, rounds: int) -> None:
    region = slots(n, exclusive_writer(0, n))
    segment = Segment.create(path, n, [region])
    acked, tried, naks = ledger(n), ledger(n), ledger(n)
    join([fork(contend, segment, region, me, n, rounds, acked, tried, naks) for me in range(n)])
    assert [Party(segment, region, 0).number(register) for register in range(n)] == list(acked)


@pytest.mark.parametrize(("n", "rounds"), [(2, 1_000_000), (4, 100_000)])
def test_revocation_is_a_barrier(path: Path, n: int, rounds: int) -> None:
    """A million takings, each followed by a write, in two processes; then more processes than processors."""
    in_arena(race, path, n, rounds)


# Compare-and-swap.


def count_up(segment: Segment, region: Region, process: int, count: int, counted: memoryview, lost: memoryview) -> None:
    party = Party(segment, region, process)
    context = party.context
    while sum(counted) < count or sum(lost) < RACES:
        old = party.number(0)
        expected = struct.pack("<q", old) if old else b""
        context.memory[context.expected : context.expected + len(expected)] = expected
        party.stage_number(old + 1)
        held = kernels.compare_and_swap(context.address, 0, len(expected) or -kernels.NEVER_WRITTEN, 8)
        if (context.memory[context.result : context.result + held] if held > 0 else b"") == expected:
            counted[process] += 1
        else:
            lost[process] += 1


def count_together(path: Path, n: int, count: int) -> None:
    region = slots(n, everyone(n))
    segment = Segment.create(path, n, [region])
    counted, lost = ledger(n), ledger(n)
    join([fork(count_up, segment, region, process, count, counted, lost) for process in range(n)])
    assert Party(segment, region, 0).number(0) == sum(counted)


def test_no_compare_and_swap_is_lost_or_counted_twice(path: Path) -> None:
    in_arena(count_together, path, 3, 100_000)


# Kills and stops.

BIG = 65_536


def left_moving(segment: Segment, region: Region) -> bool:
    """Whether somebody left a change of permission half-way."""
    return bool(ctypes.c_int64.from_address(segment.address(region.name)).value & kernels.STATE_MASK)


def write_until_killed(segment: Segment, region: Region, started: memoryview) -> None:
    party = Party(segment, region, 0)
    party.stage_permission(exclusive_writer(0, 2))
    while True:
        party.take()
        number = started[0] + 1
        party.stage_number(number, BIG)
        started[0] = number
        party.write(0, BIG)


def change_until_killed(segment: Segment, region: Region, started: memoryview) -> None:
    party = Party(segment, region, 0)
    party.stage_permission(exclusive_writer(0, 2))
    while True:
        started[0] += 1
        party.take()


def kill_again_and_again(path: Path, victim_does: str, kills: int, seed: int) -> int:
    rng = random.Random(seed)
    writing = victim_does == "write"
    region = slots(2, exclusive_writer(0, 2), BIG) if writing else Region(
        "slots", 1_000, exclusive_writer(0, 2), bytes, exclusive_write_to_caller, 64
    )  # fmt: skip
    segment = Segment.create(path, 2, [region])
    survivor = Party(segment, region, 1)
    survivor.stage_permission(exclusive_writer(1, 2))
    started = ledger(1)
    half_way = 0
    for kill in range(1, kills + 1):
        goal = started[0] + rng.randrange(2, 30)
        victim = fork(write_until_killed if writing else change_until_killed, segment, region, started)
        while started[0] < goal:
            os.sched_yield()
        for _ in range(rng.randrange(300)):
            pass
        os.kill(victim, signal.SIGKILL)
        os.waitpid(victim, 0)
        half_way += left_moving(segment, region)
        survivor.take()
        assert not left_moving(segment, region)
        held = survivor.number(0)
        if writing:
            assert started[0] - 1 <= held <= started[0], f"seed {seed}, kill {kill}: {held} of {started[0]}"
        survivor.stage_number(kill)
        assert survivor.write(1) == kernels.DONE
        assert survivor.number(1) == kill
        assert survivor.number(0) == held
    return half_way


def test_a_writer_killed_anywhere_leaves_a_whole_value(path: Path) -> None:
    in_arena(kill_again_and_again, path, "write", 100, 1)


def test_a_changer_killed_half_way_blocks_nobody(path: Path) -> None:
    half_way = in_arena(kill_again_and_again, path, "change", 100, 2)
    assert half_way > 0, "no kill ever came between the swap and the settling"


def write_and_tell(segment: Segment, region: Region, acked: memoryview, refused: memoryview) -> None:
    party = Party(segment, region, 0)
    number = 0
    while True:
        number += 1
        party.stage_number(number, BIG)
        if party.write(0, BIG) == kernels.DONE:
            acked[0] = number
        else:
            refused[0] += 1


def stop_revoke_go_on(path: Path, stops: int, seed: int) -> int:
    """Stop a writer anywhere, revoke its permission, look, let it go on into its NAK, and look again."""
    rng = random.Random(seed)
    region = slots(2, exclusive_writer(0, 2), BIG)
    segment = Segment.create(path, 2, [region])
    owner = Party(segment, region, 1)
    acked, refused = ledger(1), ledger(1)
    writer = fork(write_and_tell, segment, region, acked, refused)
    unacked = 0
    for stop in range(stops):
        goal = acked[0] + rng.randrange(1, 30)
        while acked[0] < goal:
            os.sched_yield()
        for _ in range(rng.randrange(300)):
            pass
        os.kill(writer, signal.SIGSTOP)
        os.waitpid(writer, os.WUNTRACED)
        owner.stage_permission(exclusive_writer(1, 2))
        owner.take()
        held = owner.number(0)
        assert held >= acked[0], f"seed {seed}, stop {stop}: {acked[0]} was acked, the new holder sees {held}"
        unacked += held > acked[0]
        naks = refused[0]
        os.kill(writer, signal.SIGCONT)
        while refused[0] < naks + 2:
            os.sched_yield()
        assert owner.number(0) == held, f"seed {seed}, stop {stop}: a revoked writer has written"
        owner.stage_permission(exclusive_writer(0, 2))
        owner.take()
    os.kill(writer, signal.SIGKILL)
    os.waitpid(writer, 0)
    return unacked


def test_a_writer_stopped_anywhere_writes_no_more_after_its_revocation(path: Path) -> None:
    in_arena(stop_revoke_go_on, path, 200, 3)


# Instances.


def write_in_every_instance(segment: Segment, region: Region, process: int, present: memoryview) -> None:
    instance = 0
    while instance >= 0:
        party = Party(segment, region, process, instance)
        party.stage_permission(exclusive_writer(process, 3))
        party.stage_number(instance + 1)
        while present[0] == instance:
            party.take()
            party.write(process)
        for _ in range(20):  # and a bit too long
            party.take()
            party.write(process)
        instance = present[0]


def open_instances(path: Path, count: int) -> int:
    region = slots(3, Permission(read=(2,), readwrite=(0, 1)))
    segment = Segment.create(path, 3, [region])
    present = ledger(1)
    parties = [fork(write_in_every_instance, segment, region, process, present) for process in (0, 1)]
    for instance in range(1, count + 1):
        segment.reset(instance)
        reader = Party(segment, region, 2, instance)
        for _ in range(5):
            assert [reader.number(register) for register in range(3)] == [0, 0, 0], f"a late write in {instance}"
        present[0] = instance
        while True:
            found = {reader.number(register) for register in (0, 1)} - {0}
            assert found <= {instance + 1}, f"in instance {instance} somebody reads {found}"
            if found:
                break
            os.sched_yield()
    present[0] = -1
    join(parties)
    return instance


def test_nothing_of_an_earlier_instance_gets_into_the_next(path: Path) -> None:
    in_arena(open_instances, path, 1_000)
