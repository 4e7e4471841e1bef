"""Segments, endpoints and connections of the shm transport, in one process."""

from __future__ import annotations

import os
import random
import resource
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from rayrdma.model.errors import UsageError, ValueTooLarge
from rayrdma.model.memory import Memory
from rayrdma.model.operations import CHANGE_PERMISSION, COMPARE_AND_SWAP, READ, READ_REGION, WRITE, Kind, Operation
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import Permission, everyone, exclusive_write_to_caller, exclusive_writer
from rayrdma.model.regions import Region
from rayrdma.transports.connection import PENDING
from rayrdma.transports.shm import BadSegment, Endpoint, Fan, NoRoom, Segment, ShmConnection, kernels
from rayrdma.transports.shm.layout import MAX_PROCESSES
from rayrdma.transports.shm.segment import Opening

from .shm_arena import Party

N = 3
SLOTS = Region("slots", N, exclusive_writer(0, N), bytes, exclusive_write_to_caller, register_bytes=100)
NOTES = Region("notes", 2, everyone(N), int)


@pytest.fixture
def directory() -> Iterator[Path]:
    with tempfile.TemporaryDirectory(dir="/dev/shm", prefix="rayrdma-test-") as name:
        yield Path(name)


@pytest.fixture
def segment(directory: Path) -> Iterator[Segment]:
    with Segment.create(directory / "memory", N, [SLOTS, NOTES]) as segment:
        yield segment


def endpoints(segment: Segment, region: Region = SLOTS, instance: int = 0) -> list[Endpoint]:
    return [Endpoint(segment, region, process, instance) for process in range(segment.process_count)]


# The file


def test_a_segment_is_for_its_user_alone(segment: Segment) -> None:
    assert stat.S_IMODE(segment.path.stat().st_mode) == 0o600


def test_whoever_attaches_finds_the_same_memory(segment: Segment) -> None:
    endpoints(segment)[0].write(1, b"hello")
    script = (
        "from rayrdma.transports.shm import *\nfrom rayrdma.model.permissions import *\n"
        "from rayrdma.model.regions import Region\n"
        f"segment = Segment.attach({str(segment.path)!r})\n"
        f"region = Region('slots', {N}, exclusive_writer(0, {N}), bytes, register_bytes=100)\n"
        "print(segment.process_count, list(segment.regions), Endpoint(segment, region, 2, 0).read_region())"
    )
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(path for path in sys.path if path)}
    found = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == f"{N} ['slots', 'notes'] [None, b'hello', None]"


def test_it_works_where_no_compiled_code_can_be_kept(segment: Segment) -> None:
    """As root every directory is writable, so Numba is left with a locator that has no place for this file."""
    environment = os.environ | {
        "PYTHONPATH": os.pathsep.join(path for path in sys.path if path),
        "NUMBA_CACHE_LOCATOR_CLASSES": "ZipCacheLocator",
    }
    script = "from rayrdma.transports.shm import kernels\nprint(kernels.write.stats.cache_path)"
    found = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "None"


def test_a_memory_that_does_not_fit_is_refused_before_anything_is_made(directory: Path) -> None:
    region = Region("slots", 1_000, everyone(N), register_bytes=2**40)
    with pytest.raises(NoRoom, match=rf"needs \d+ bytes in {directory}, where \d+ are free; .*--shm-size"):
        Segment.create(directory / "memory", N, [region])
    assert not list(directory.iterdir())


def test_a_memory_that_can_not_be_allocated_leaves_nothing_behind(directory: Path) -> None:
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4096, limits[1]))
    try:
        with pytest.raises(NoRoom):
            Segment.create(directory / "memory", N, [Region("slots", 1, everyone(N), register_bytes=10_000)])
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert not list(directory.iterdir())


def test_a_memory_is_never_made_over_another_file(segment: Segment) -> None:
    with pytest.raises(UsageError, match="is there already"):
        Segment.create(segment.path, N, [SLOTS])


def test_foreign_and_damaged_files_are_refused(segment: Segment, directory: Path) -> None:
    whole = segment.path.read_bytes()
    cases = {
        "has its run ended": None,
        "less than its header": b"x",
        "is not a memory of rayrdma": b"x" * 1_000,
        "did not finish": bytes(8) + whole[8:],
        "layout version 7": whole[:8] + b"\7" + whole[9:],
        "damaged description": whole[:128] + b"\xc1" + whole[129:],
        "truncated": whole[:-64],
    }
    for number, (reason, content) in enumerate(cases.items()):
        path = directory / str(number)
        if content is not None:
            path.write_bytes(content)
        with pytest.raises(BadSegment, match=reason):
            Segment.attach(path)


def test_processes_and_regions_that_do_not_fit_are_refused(segment: Segment, directory: Path) -> None:
    with pytest.raises(UsageError, match=f"1 to {MAX_PROCESSES} processes"):
        Segment.create(directory / "other", MAX_PROCESSES + 1, [SLOTS])
    with pytest.raises(UsageError, match="two regions"):
        Segment.create(directory / "other", N, [SLOTS, SLOTS])
    with pytest.raises(UsageError, match="there is no process 3"):
        Endpoint(segment, SLOTS, N, 0)
    with pytest.raises(BadSegment, match="made for other regions"):
        Endpoint(segment, Region("slots", N, everyone(N), register_bytes=99), 0, 0)


def test_a_closed_segment_says_so_and_its_endpoints_go_on(segment: Segment) -> None:
    writer = endpoints(segment)[0]
    segment.close()
    segment.unlink()
    with pytest.raises(UsageError, match="is closed"):
        segment.address("slots")
    assert writer.write(0, b"still there") is ACK
    assert writer.read(0) == b"still there"


# Operations


def test_never_written_is_not_empty(segment: Segment) -> None:
    writer, reader, _ = endpoints(segment)
    assert reader.read(0) is None
    assert writer.write(0, b"") is ACK
    assert reader.read(0) == b""
    assert reader.read_region() == [b"", None, None]


@pytest.mark.parametrize("size", [0, 1, 7, 8, 9, 63, 64, 65, 100])
def test_values_of_every_size_come_back(segment: Segment, size: int) -> None:
    writer, reader, _ = endpoints(segment)
    value = random.Random(size).randbytes(size)
    for register in range(N):
        assert writer.write(register, value) is ACK
        assert reader.read(register) == value
    assert reader.read_region() == [value] * N


def test_a_value_that_is_too_large_is_an_error(segment: Segment) -> None:
    writer = endpoints(segment)[0]
    for write in (
        lambda value: writer.write(0, value),
        lambda value: writer.compare_and_swap(0, None, value),
        lambda value: Fan([segment], SLOTS, 0, 0).write(0, value),
    ):
        with pytest.raises(ValueTooLarge, match=r"101 bytes .* holds 100; .*register_bytes"):
            write(bytes(101))
    assert writer.read(0) is None


def test_there_is_no_register_outside_the_region(segment: Segment) -> None:
    writer = endpoints(segment)[0]
    for register in (-1, N):
        assert writer.write(register, b"x") is NAK
        assert writer.read(register) is NAK
        assert writer.compare_and_swap(register, None, b"x") is NAK


def test_rights_are_checked(segment: Segment) -> None:
    one, two, three = endpoints(segment, NOTES)
    assert two.change_permission(Permission(readwrite=[0])) is None  # static: a no-op
    assert two.write(0, b"x") is ACK
    region = Region("notes", 2, everyone(N), int, lambda *_: True)
    Endpoint(segment, region, 0, 0).change_permission(Permission(read=[0], write=[1], readwrite=[2]))
    assert [end.write(0, b"y") for end in (one, two, three)] == [NAK, ACK, ACK]
    assert [end.read(0) for end in (one, two, three)] == [b"y", NAK, b"y"]
    assert [end.read_region() for end in (one, two, three)] == [[b"y", None], NAK, [b"y", None]]
    assert [end.compare_and_swap(0, b"y", b"z") for end in (one, two, three)] == [NAK, NAK, b"y"]
    assert one.read(0) == b"z"


def test_a_change_for_a_process_that_there_is_not_is_never_legal(segment: Segment) -> None:
    region = Region("slots", N, SLOTS.permission, bytes, lambda *_: True, register_bytes=100)
    writer, other, _ = endpoints(segment, region)
    assert other.change_permission(Permission(readwrite=[1, N])) is None
    assert [writer.write(0, b"x"), other.write(0, b"x")] == [ACK, NAK]
    with pytest.raises(UsageError, match="names process 3; there are processes 0 to 2"):
        Segment.create(segment.path.with_name("other"), N, [Region("r", 1, everyone(N + 1))])


def test_compare_and_swap(segment: Segment) -> None:
    writer = endpoints(segment)[0]
    assert writer.compare_and_swap(0, b"", b"a") is None
    assert writer.read(0) is None
    assert writer.compare_and_swap(0, None, b"a") is None
    assert writer.compare_and_swap(0, None, b"b") == b"a"
    assert writer.compare_and_swap(0, bytes(1_000), b"b") == b"a"
    assert writer.compare_and_swap(0, b"a", b"") == b"a"
    assert writer.compare_and_swap(0, b"", b"c") == b""
    assert writer.read(0) == b"c"


def test_the_policy_sees_the_permission_that_it_replaces(segment: Segment) -> None:
    asked = []

    def legal(process: int, region: str, old: Permission, new: Permission) -> bool:
        asked.append((process, region, old, new))
        return process == 1

    region = Region("slots", N, SLOTS.permission, bytes, legal, register_bytes=100)
    for end in endpoints(segment, region):
        end.change_permission(exclusive_writer(2, N))
    first, second = exclusive_writer(0, N), exclusive_writer(2, N)
    assert asked == [(0, "slots", first, second), (1, "slots", first, second), (2, "slots", second, second)]
    assert [end.write(0, b"x") for end in endpoints(segment)] == [NAK, NAK, ACK]


def test_a_policy_overtaken_by_another_change_is_asked_again(segment: Segment) -> None:
    rival = endpoints(segment)[2]
    seen: list[Permission] = []

    def legal(process: int, region: str, old: Permission, new: Permission) -> bool:
        if not seen:
            rival.change_permission(exclusive_writer(2, N))
        seen.append(old)
        return True

    region = Region("slots", N, SLOTS.permission, bytes, legal, register_bytes=100)
    Endpoint(segment, region, 1, 0).change_permission(exclusive_writer(1, N))
    assert seen == [exclusive_writer(0, N), exclusive_writer(2, N)]
    assert [end.write(0, b"x") for end in endpoints(segment)] == [NAK, ACK, NAK]


def test_two_threads_of_one_process_do_not_overwrite_the_record_in_force(segment: Segment) -> None:
    """Both read the permission; the first to change it leaves the other's idle record in use."""
    one, other = Party(segment, SLOTS, 1), Party(segment, SLOTS, 1)
    one.stage_permission(exclusive_writer(0, N))
    other.stage_permission(exclusive_writer(1, N))
    assert kernels.read_permission(one.changing.address) == kernels.DONE
    other.take()
    assert kernels.change_permission(one.changing.address, kernels.MOVING) == kernels.OVERTAKEN
    assert [end.write(0, b"x") for end in endpoints(segment)] == [NAK, ACK, NAK]


def test_more_writes_than_an_epoch_has_sequence_numbers(segment: Segment) -> None:
    writer, reader, _ = endpoints(segment)
    for number in range(20_000):
        assert writer.write(1, b"%d" % number) is ACK
        assert reader.read(1) == b"%d" % number
    assert reader.read_region() == [None, b"19999", None]
    assert reader.write(0, b"x") is NAK


def test_as_many_processes_as_there_can_be(directory: Path) -> None:
    last = MAX_PROCESSES - 1
    region = Region("one", 1, exclusive_writer(last, MAX_PROCESSES), bytes, exclusive_write_to_caller, 8)
    with Segment.create(directory / "memory", MAX_PROCESSES, [region]) as segment:
        first, final = Endpoint(segment, region, 0, 0), Endpoint(segment, region, last, 0)
        assert [final.write(0, b"a"), final.write(0, b"b"), first.write(0, b"c")] == [ACK, ACK, NAK]
        assert first.read(0) == b"b"
        first.change_permission(exclusive_writer(0, MAX_PROCESSES))
        assert [final.write(0, b"d"), first.write(0, b"e")] == [NAK, ACK]
        segment.reset(1)
        assert Endpoint(segment, region, 0, 1).read(0) is None


# Several memories at once


def test_a_fan_tells_what_each_memory_answered(directory: Path) -> None:
    segments = [Segment.create(directory / str(number), N, [SLOTS]) for number in range(4)]
    fan = Fan(segments, SLOTS, 0, 0)
    assert fan.write(0, b"one") == 0
    Endpoint(segments[1], SLOTS, 1, 0).change_permission(exclusive_writer(1, N))
    segments[2].crash(0)
    assert fan.answers(fan.write(0, b"two")) == [ACK, NAK, PENDING, ACK]
    assert [Endpoint(segment, SLOTS, 2, 0).read(0) for segment in segments] == [b"two", b"one", PENDING, b"two"]
    with pytest.raises(UsageError, match="1 to 31 memories"):
        Fan(segments * 8, SLOTS, 0, 0)


def test_the_widest_fan(directory: Path) -> None:
    segments = [Segment.create(directory / str(number), N, [SLOTS]) for number in range(kernels.MAX_BATCH)]
    fan = Fan(segments, SLOTS, 0, 0)
    segments[-1].crash(0)
    assert fan.answers(fan.write(0, b"x")) == [ACK] * (kernels.MAX_BATCH - 1) + [PENDING]


# Crashes and instances


def test_a_crashed_memory_never_answers(segment: Segment) -> None:
    end = endpoints(segment)[0]
    end.write(0, b"before")
    segment.crash(0)
    answers = [
        end.write(0, b"x"), end.write(9, b"x"), end.read(0), end.read_region(), end.compare_and_swap(0, None, b""),
        end.change_permission(exclusive_writer(0, N)), end.change_permission(everyone(N)),
        endpoints(segment)[1].write(0, b"x"), endpoints(segment, instance=1)[0].write(0, b"x"),
    ]  # fmt: skip
    assert answers == [PENDING] * 8 + [NAK]
    segment.reset(1)
    assert end.read(0) is PENDING
    assert endpoints(segment, instance=1)[0].read(0) is None


def test_a_crash_of_an_earlier_instance_does_not_undo_a_later_one(segment: Segment) -> None:
    segment.reset(5)
    segment.crash(5)
    segment.crash(3)
    assert endpoints(segment, instance=5)[0].read(0) is PENDING


def test_a_new_instance_starts_afresh(segment: Segment) -> None:
    old, late, _ = endpoints(segment)
    old.write(0, b"old")
    late.change_permission(exclusive_writer(1, N))
    segment.reset(1)
    new = endpoints(segment, instance=1)
    assert new[0].read_region() == [None] * N
    assert [end.write(1, b"new") for end in new] == [ACK, NAK, NAK]
    for end in (old, late):
        assert end.read(1) is NAK
        assert end.read_region() is NAK
        assert end.write(1, b"old") is NAK
        assert end.compare_and_swap(1, b"new", b"old") is NAK
        assert end.change_permission(exclusive_writer(end.process, N)) is None
    assert [end.write(2, b"new") for end in new] == [ACK, NAK, NAK]
    assert new[0].read_region() == [None, b"new", b"new"]


def test_instances_count_upwards(segment: Segment) -> None:
    segment.reset(4)
    for instance in (4, 3):
        with pytest.raises(UsageError, match="is at instance 4"):
            segment.reset(instance)


def test_an_opening_that_was_cut_short_is_done_again(segment: Segment) -> None:
    """Between two regions: the first has gone over, the second has not."""
    Opening(segment, "slots", 1).run()
    assert endpoints(segment, NOTES)[0].write(0, b"old") is ACK
    segment.reset(1)
    assert endpoints(segment, NOTES, 1)[0].read(0) is None


# Connections, held to the model


def operation(kind: Kind, region: str, register: int, argument: Any) -> Operation:
    return Operation(SimpleNamespace(), kind, 0, region, register, argument, SimpleNamespace(depth=0))  # type: ignore[arg-type]


def random_operation(rng: random.Random) -> tuple[Kind, str, int, Any]:
    kind = rng.choice(list(Kind))
    region = rng.choice((SLOTS, NOTES, MIXED))
    values: list[Any] = (
        [b"", b"a", b"bb"] if region is SLOTS else [0, 1, 2**40] if region is NOTES else [None, 1, 1.0, "1"]
    )
    argument = {
        READ: None,
        READ_REGION: None,
        WRITE: rng.choice(values),
        COMPARE_AND_SWAP: (rng.choice([None, *values]), rng.choice(values)),
        CHANGE_PERMISSION: rng.choice([exclusive_writer(rng.randrange(N), N), everyone(N), Permission()]),
    }[kind]
    return kind, region.name, rng.randrange(2), argument


MIXED = Region("mixed", 2, everyone(N), None | int | float | str)


@pytest.mark.parametrize("seed", range(20))
def test_a_connection_answers_as_the_model_does(directory: Path, seed: int) -> None:
    rng = random.Random(seed)
    regions = [SLOTS, NOTES, MIXED]
    model = Memory(regions)
    with Segment.create(directory / "memory", N, regions, instance=7) as segment:
        connections = [ShmConnection(segment, regions, process, 7) for process in range(N)]
        for _ in range(300):
            process = rng.randrange(N)
            asked = random_operation(rng)
            expected = model.apply(process, *asked)
            answer = connections[process].post(operation(*asked))
            assert answer == expected, f"seed {seed}: p{process} {asked}: {answer!r}, the model says {expected!r}"
        segment.crash(7)
        assert [connection.post(operation(*random_operation(rng))) for connection in connections] == [PENDING] * N
        assert [connection.poll() for connection in connections] == [PENDING] * N
        for connection in connections:
            connection.close()


def test_what_no_correct_process_writes_reads_as_never_written(segment: Segment) -> None:
    """A Byzantine process writes text where numbers belong."""
    Endpoint(segment, NOTES, 1, 0).write(0, b"\xa4text")
    Endpoint(segment, NOTES, 1, 0).write(1, b"\xc1")
    connection = ShmConnection(segment, [NOTES], 0, 0)
    assert connection.post(operation(READ, "notes", 0, None)) is None
    assert connection.post(operation(READ_REGION, "notes", 0, None)) == (None, None)
    assert connection.post(operation(COMPARE_AND_SWAP, "notes", 0, (3, 4))) is None
    assert connection.post(operation(COMPARE_AND_SWAP, "notes", 1, (None, 4))) is None
    assert connection.post(operation(READ_REGION, "notes", 0, None)) == (None, 4)


def test_a_connection_goes_from_instance_to_instance(segment: Segment) -> None:
    connection = ShmConnection(segment, [SLOTS, NOTES], 0, 0)
    fan = Fan([segment], SLOTS, 0, 0)
    for instance in (1, 2):
        segment.reset(instance)
        assert connection.post(operation(WRITE, "slots", 0, b"x")) is NAK
        assert fan.answers(fan.write(0, b"x")) == [NAK]
        connection.start(instance)
        fan.start(instance)
        assert connection.post(operation(READ_REGION, "slots", 0, None)) == (None,) * N
        assert connection.post(operation(WRITE, "slots", 0, b"x")) is ACK
        assert fan.write(0, b"x") == 0
        connection.post(operation(CHANGE_PERMISSION, "slots", 0, exclusive_writer(0, N)))
