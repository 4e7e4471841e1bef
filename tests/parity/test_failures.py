"""Semantics 4, 5 and 7: processes that are killed or stopped, memories that crash, connections that are lost."""

from __future__ import annotations

from pathlib import Path

from rayrdma.model.outcomes import ACK, NAK
from rayrdma.transports.connection import PENDING

from . import scripts
from .arms import CALLS, CHANNEL, SHM, SIMULATED, Arm, on
from .party import PROCESSES, read, read_region, swap, take, write

CALLS_ARM = "ray-channel (actor calls)"
KILLS = {"simulated": 1_000, "shm": 300, "ray-channel": 20, CALLS_ARM: 5, "verbs": 15}
STOPS = {"simulated": 1_000, "shm": 1_000, "ray-channel": 100, CALLS_ARM: 20, "verbs": 30}


def whole_memory(arm: Arm, process: int) -> int:
    """Another process finds everything whole and can do everything; the number in register 0 of "big"."""
    last_acked, last_tried = arm.ledger.acked[0], arm.ledger.tried[0]
    other = arm.worker(process)
    assert other.operate(take("big", process)) is None
    assert other.operate(take("slots", process)) is None
    # From here on the permission is the other's: whatever was under way has happened, or never will.
    number = scripts.unsealed(other.operate(read("big")))
    assert last_acked <= number <= last_tried, f"{number}, where {last_acked} was acked and {last_tried} tried"
    slots = other.operate(read_region("slots"))
    assert last_acked - 1 <= (slots[0] or 0) <= last_tried
    assert other.operate(write("big", 1, scripts.sealed(number))) is ACK
    assert scripts.unsealed(other.operate(read_region("big"))[1]) == number
    held = other.operate(read("big"))
    assert scripts.unsealed(held) == number, "an effect after the permission was taken"
    assert other.operate(swap("big", 0, held, held)) == held
    assert other.operate(read_region("slots")) == slots
    return number


def test_whoever_is_killed_leaves_nothing_half_made(arm: Arm) -> None:
    """SIGKILL at any instruction of writes, swaps, and changes of permission; another one at once goes on."""
    unacked = 0
    for kill in range(KILLS[arm.name]):
        victim = arm.worker(0)
        victim.begin(scripts.be_busy)
        arm.reach(arm.ledger.tried, 0, arm.ledger.tried[0] + 2 + kill % 7)
        victim.kill()
        assert not victim.alive
        number = whole_memory(arm, 1 + kill % 2)
        unacked += arm.ledger.acked[0] < arm.ledger.tried[0]
        arm.ledger.acked[0] = arm.ledger.tried[0] = number  # from where the next one goes on
    print(f"{arm.name}: {KILLS[arm.name]} kills, {unacked} of them with a write under way or not yet acked")
    assert unacked, "none was killed in the middle of a write"


def test_whoever_is_stopped_holds_nobody_up(arm: Arm) -> None:
    """SIGSTOP at any instruction of writes, swaps, and changes of permission; another one at once goes on."""
    victim = arm.worker(0)
    victim.begin(scripts.be_busy)
    for stop in range(STOPS[arm.name]):
        arm.reach(arm.ledger.tried, 0, arm.ledger.tried[0] + 2 + stop % 7)
        victim.stop()
        number = whole_memory(arm, 1 + stop % 2)
        assert scripts.unsealed(arm.worker(3).operate(read("big"))) == number
        victim.resume()
    victim.kill()
    assert arm.worker(1).operate(write("open", 0, "on we go")) is ACK


def test_a_memory_outlives_its_writer(arm: Arm) -> None:
    writer, other = arm.workers(2)
    assert writer.operate(write("slots", 0, "its last words")) is ACK
    assert writer.operate(write("open", 1, "and these", memory=1)) is ACK
    writer.kill()
    assert other.operate(read("slots")) == "its last words"
    assert other.operate(read_region("open", memory=1)) == (None, "and these")
    assert other.operate(take("slots", 1)) is None
    assert other.operate(write("slots", 1, "the next one's")) is ACK
    successor = arm.worker(0)
    assert successor.operate(read_region("slots")) == ("its last words", "the next one's", None, None)
    assert successor.operate(write("slots", 0, "the permission went with it")) is NAK


def test_a_crashed_memory_never_answers(arm: Arm) -> None:
    """Neither with an error nor with a refusal; the others answer on."""
    first, second = arm.workers(2)
    assert first.operate(write("open", 0, "before", memory=1)) is ACK
    arm.crash(1)
    for worker, operation in (
        (first, write("open", 0, "after", memory=1)),
        (second, read("open", 0, memory=1)),
    ):
        assert worker.call(scripts.post, operation) is PENDING
        for _ in range(20):
            assert worker.operate(write("open", 1, "alive")) is ACK
            assert worker.operate(read_region("open")) == (None, "alive")
            assert set(worker.call(scripts.poll, 1, 50)) == {PENDING}
        assert worker.call(scripts.lost, 1) is None


def test_a_memory_that_crashes_under_load_acks_nothing_that_it_then_forgets(arm: Arm) -> None:
    """An ack was given for an effect before the crash; afterwards nobody is answered, so nobody sees more."""
    writer, other = arm.workers(2)
    writer.begin(scripts.write_until_refused, "big")
    arm.reach(arm.ledger.acked, 0, 5)
    seen = scripts.unsealed(other.operate(read("big")))
    arm.crash(0)
    acked = arm.ledger.acked[0]
    assert 4 < seen <= acked + 1
    assert other.call(scripts.post, read("big")) is PENDING
    assert set(other.call(scripts.poll, 0, 500)) == {PENDING}
    # Who was told before the crash may write it down after it; nothing else is.
    assert arm.ledger.acked[0] <= acked + 1
    assert arm.ledger.refused[0] == 0
    writer.kill()


@on(CHANNEL, CALLS)
def test_a_memory_that_is_slow_answers_in_the_end(arm: Arm) -> None:
    """It can not be told from a crashed one meanwhile. Over shm no process of a memory takes part at all."""
    first, second = arm.workers(2)
    arm.stop_memory(0)
    try:
        assert first.call(scripts.post, write("slots", 0, "late")) is PENDING
        assert second.call(scripts.post, take("slots", 1)) is PENDING
        for worker in (first, second):
            assert set(worker.call(scripts.poll, 0, 500)) == {PENDING}
            assert worker.call(scripts.lost, 0) is None
            assert worker.operate(write("open", 0, "elsewhere", memory=1)) is ACK
    finally:
        arm.resume_memory(0)
    outcome = first.call(scripts.poll_until_answered, 0)
    assert outcome in (ACK, NAK)
    assert second.call(scripts.poll_until_answered, 0) is None
    assert second.operate(read("slots")) == ("late" if outcome is ACK else None)
    assert second.operate(write("slots", 1, "mine")) is ACK


@on(CHANNEL, CALLS)
def test_what_became_of_an_operation_on_a_killed_memory_is_unknown(arm: Arm) -> None:
    """Its actor is killed: no answer is made up, neither for what was under way nor for what comes after."""
    first, second = arm.workers(2)
    assert first.operate(write("slots", 0, "before")) is ACK
    arm.stop_memory(0)
    assert first.call(scripts.post, write("slots", 0, "under way")) is PENDING
    arm.kill_memory(0)
    assert set(first.call(scripts.poll, 0, 500)) == {PENDING}
    assert second.call(scripts.post, read("slots")) is PENDING
    for worker in (first, second):
        for _ in range(10):
            assert worker.operate(write("open", 0, "elsewhere", memory=1)) is ACK
            assert set(worker.call(scripts.poll, 0, 500)) == {PENDING}
        if arm.name == CALLS_ARM:  # Ray tells of the death of an actor that is called; a channel just falls silent
            assert "lost" in worker.call(scripts.poll_until_lost, 0)
            assert worker.call(scripts.poll, 0) == [PENDING]


@on(CHANNEL)
def test_a_connection_that_was_closed_says_so_and_nothing_else(arm: Arm) -> None:
    first, second = arm.workers(2)
    arm.stop_memory(0)
    assert first.call(scripts.post, write("slots", 0, "under way")) is PENDING
    first.call(scripts.hang_up, 0)
    arm.resume_memory(0)
    assert set(first.call(scripts.poll, 0, 500)) == {PENDING}
    assert "lost" in first.call(scripts.lost, 0)
    assert second.operate(take("slots", 1)) is None
    assert second.operate(read("slots")) in (None, "under way")
    assert second.operate(write("slots", 1, "alone")) is ACK
    first.kill()
    assert arm.worker(0).operate(read("slots", 1)) == "alone"


@on(SHM)
def test_a_memory_outlives_whoever_made_its_segment(arm: Arm, tmp_path: Path) -> None:
    """Shared memory is operated on by its users alone."""
    maker = arm.worker(0)
    path = tmp_path / "memory"
    maker.call(scripts.make_segment, path)
    maker.kill()
    first, second = arm.worker(1), arm.worker(2)
    assert first.call(scripts.use_segment, path, write("open", 0, "nobody's")) is ACK
    assert second.call(scripts.use_segment, path, read("open", 0)) == "nobody's"


@on(SIMULATED)
def test_what_was_issued_by_the_dead_may_still_take_effect(arm: Arm) -> None:
    """In the model, as on a network, a request that left its issuer is on its way."""
    effects = set()
    for number in range(50):
        writer = arm.worker(0)
        writer.begin(scripts.operate, write("open", 0, number))
        arm.wait(lambda: bool(arm.issued))
        writer.kill()
        for _ in range(PROCESSES):
            effects.add(arm.worker(1).operate(read("open")) == number)
    assert effects == {True, False}
