"""Semantics 1 and 6: who may do what, checked at the memory; and who may change that."""

from __future__ import annotations

import contextlib
import itertools

import pytest

from rayrdma.model.errors import UsageError
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import Permission, everyone

from . import scripts
from .arms import CALLS, CHANNEL, EVERY, FLAGS, SHM, VERBS, Arm, on
from .party import PROCESSES, REGIONS, change, read, read_region, swap, take, write

STOPS = {"simulated": 2_000, "shm": 1_000, "ray-channel": 150, "ray-channel (actor calls)": 50, "verbs": 100}
one_by_one = on(*EVERY, FLAGS)


@one_by_one
def test_reading_and_writing_are_separate_rights(arm: Arm) -> None:
    reader, writer, both, nobody = arm.workers(4)
    assert reader.operate(read("rights")) is None  # never written
    assert writer.operate(write("rights", 0, "one")) is ACK
    assert writer.operate(read("rights")) is NAK
    assert writer.operate(read_region("rights")) is NAK
    assert reader.operate(read("rights")) == "one"
    assert reader.operate(write("rights", 0, "two")) is NAK
    assert nobody.operate(read("rights")) is NAK
    assert nobody.operate(read_region("rights")) is NAK
    assert nobody.operate(write("rights", 0, "three")) is NAK
    assert both.operate(read_region("rights")) == ("one",)
    assert both.operate(write("rights", 0, "four")) is ACK
    assert reader.operate(read_region("rights")) == ("four",)


@one_by_one
def test_compare_and_swap_needs_both_rights(arm: Arm) -> None:
    reader, writer, both, nobody = arm.workers(4)
    for one in (reader, writer, nobody):
        assert one.operate(swap("rights", 0, None, "taken")) is NAK
    assert both.operate(read("rights")) is None
    assert both.operate(swap("rights", 0, None, "taken")) is None
    assert both.operate(swap("rights", 0, None, "again")) == "taken"
    assert reader.operate(read("rights")) == "taken"


@one_by_one
def test_compare_and_swap_needs_both_rights_whenever_they_change(arm: Arm) -> None:
    """A process that has just swapped loses the one right, and then the other, and gets each back."""
    worker, other = arm.workers(2)
    for number in range(3):
        for rights in (Permission(write=[0], readwrite=[1]), Permission(read=[0], readwrite=[1])):
            assert worker.operate(swap("big", 0, number or None, number + 1)) == (number or None)
            other.operate(change("big", rights))
            assert worker.operate(swap("big", 0, number + 1, "stolen")) is NAK
            assert other.operate(read("big")) == number + 1
            other.operate(change("big", everyone(PROCESSES)))
            assert worker.operate(swap("big", 0, number + 1, number or None)) == number + 1
        assert worker.operate(swap("big", 0, number or None, number + 1)) == (number or None)


@one_by_one
def test_a_right_holds_for_its_region_at_its_memory_alone(arm: Arm) -> None:
    first, second = arm.workers(2)
    assert second.operate(take("slots", 1, memory=1)) is None
    assert second.operate(write("slots", 1, 7, memory=1)) is ACK
    assert second.operate(write("slots", 1, 7, memory=0)) is NAK
    assert first.operate(write("slots", 0, 8, memory=0)) is ACK
    assert first.operate(write("slots", 0, 8, memory=1)) is NAK
    assert first.operate(read_region("slots", memory=0)) == (8, None, None, None)
    assert first.operate(read_region("slots", memory=1)) == (None, 7, None, None)


@one_by_one
def test_the_sets_of_a_permission_are_disjoint_on_the_way_to_a_memory_and_at_it(arm: Arm) -> None:
    """Every permission that can be made comes into force as it is; one with overlapping sets can not be made."""
    workers = arm.workers(3)
    for rights in itertools.islice(itertools.product(range(4), repeat=3), 0, None, 5):
        sets = [[p for p, right in enumerate(rights) if right == kind] for kind in (1, 2, 3)]
        # p3 keeps the right to read, which it does not use: it asks for the change
        workers[0].operate(change("big", Permission([*sets[0], 3], sets[1], sets[2])))
        for worker, right in zip(workers, rights, strict=True):
            assert (worker.operate(read("big")) is not NAK) == (right in (1, 3)), rights
            assert (worker.operate(write("big", 0, b"x")) is ACK) == (right in (2, 3)), rights
    with pytest.raises(UsageError, match="disjoint"):
        Permission(read=[0], write=[0])


@one_by_one
def test_a_change_that_is_not_legal_is_silent_and_does_nothing(arm: Arm) -> None:
    first, second = arm.workers(2)
    assert first.operate(write("slots", 0, "mine")) is ACK
    for wrong in (take("slots", 0), change("slots", everyone(PROCESSES)), change("slots", Permission())):
        assert second.operate(wrong) is None  # it tells nothing
        assert second.operate(write("slots", 1, "stolen")) is NAK
        assert first.operate(write("slots", 0, "still mine")) is ACK
    assert first.operate(change("open", Permission())) is None  # static
    assert second.operate(write("open", 0, "everybody's")) is ACK
    assert second.operate(take("slots", 1)) is None
    assert second.operate(write("slots", 1, "mine now")) is ACK
    assert first.operate(write("slots", 0, "late")) is NAK
    assert first.operate(read_region("slots")) == ("still mine", "mine now", None, None)


@on(SHM, CHANNEL, CALLS, VERBS, FLAGS)
def test_a_permission_for_processes_that_there_are_not_does_nothing(arm: Arm) -> None:
    """Over shm the issuer is told so. The simulator's memory does not know how many processes there are."""
    first, second = arm.workers(2)
    with contextlib.suppress(UsageError):
        first.operate(change("big", Permission(readwrite=[0, PROCESSES])))
    assert second.operate(write("big", 0, b"as before")) is ACK


def test_what_was_issued_with_permission_and_comes_after_the_revocation_is_refused(arm: Arm) -> None:
    """A writer is stopped in the middle of its writes, loses its permission, and goes on: the memory decides."""
    writer, other = arm.workers(2)
    tried, acked = arm.ledger.tried, arm.ledger.acked
    late = before = 0
    for stop in range(STOPS[arm.name]):
        writer.call(scripts.operate, take("big", 0))
        writer.begin(scripts.write_until_refused, "big")
        arm.reach(acked, 0, acked[0] + 2 + stop % 5)
        writer.stop()
        last_acked, last_tried = acked[0], tried[0]
        assert other.operate(take("big", 1)) is None
        seen = scripts.unsealed(other.operate(read("big")))
        assert last_acked <= seen <= last_tried <= last_acked + 1
        # What was under way and has not taken effect by now is late, though it was issued with permission.
        late += seen < last_tried
        before += seen > last_acked
        writer.resume()
        refused = writer.result()
        assert refused == seen + 1, f"the last effect was {seen}, and {refused} was refused"
        assert acked[0] == seen, f"{seen} took effect and {acked[0]} was acked"
        assert scripts.unsealed(other.operate(read("big"))) == seen, "an effect after the revocation"
    print(f"{arm.name}: {STOPS[arm.name]} stops, {late} writes came late, {before} had taken effect unbeknown")
    assert late, "no write was under way when its permission went"


@one_by_one
def test_what_is_not_there_is_refused_or_named(arm: Arm) -> None:
    (worker,) = arm.workers(1)
    for region in REGIONS:
        for register in (-1, region.registers, 10**6):
            where = (region.name, register)
            for operation in (read(*where), write(*where, b"x"), swap(*where, None, b"x")):
                with pytest.raises(Exception, match=f"no register {register}"):
                    assert worker.operate(operation) is not NAK, f"there is no register {register}, said the memory"
    assert worker.operate(read_region("open")) == (None, None)
    with pytest.raises(Exception, match="nowhere"):
        worker.operate(read("nowhere"))
