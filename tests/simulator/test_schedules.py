from __future__ import annotations

import pytest

from rayrdma.model.errors import UsageError
from rayrdma.model.trace import Delivered, Sent
from rayrdma.protocols import Paxos, ProtectedMemoryPaxos
from rayrdma.simulator.kernel import Kernel, World
from rayrdma.simulator.schedule import (
    LOST,
    Adversary,
    Constant,
    Jitter,
    Leadership,
    Recorded,
    Recorder,
    Schedule,
    Timely,
)
from tests.fuzz import run


def drawn(schedule: Schedule, n: int = 3, m: int = 3, count: int = 600) -> list[int]:
    """Delays of many legs, in the order in which a run may ask for them."""
    return [schedule.delay(k % n, k % (m + 1) - 1, k // 3) for k in range(count)]


def test_constant() -> None:
    assert set(drawn(Constant())) == {1}
    assert not Constant().leaderships()


@pytest.mark.parametrize(
    "make",
    [
        lambda seed: Jitter(seed, 3, contenders=2, until=40),
        lambda seed: Adversary(seed, 3, 3),
        lambda seed: Timely(seed, 3, [1]),
    ],
)
def test_a_seed_is_a_schedule(make: object) -> None:
    schedules = [make(seed) for seed in (5, 5, 6)]  # type: ignore[operator]
    once, again, other = [(drawn(schedule), list(schedule.leaderships())) for schedule in schedules]
    assert once == again
    assert once != other
    assert min(once[0]) >= 1, "every leg takes a delay"


def test_jitter_draws_delays_up_to_its_spread() -> None:
    assert set(drawn(Jitter(0, 3, spread=4))) == {1, 2, 3, 4}


def test_jitter_makes_contenders() -> None:
    assert Jitter(0, 3, contenders=3, until=40).leaderships() == [Leadership(0, 1, 1), Leadership(0, 2, 2)]
    assert Jitter(0, 3, contenders=9, until=40).leaderships() == [Leadership(0, 1, 1), Leadership(0, 2, 2)]
    assert Jitter(0, 3, contenders=3, until=40).stabilises == 40


def test_the_adversary_runs_one_process_alone_and_switches() -> None:
    leaders = set()
    slowed = 0
    for seed in range(200):
        adversary = Adversary(seed, 3, 3)
        changes = adversary.leaderships()
        leaders.add(tuple(dict.fromkeys(change.leader for change in changes)))
        delays = [[adversary.delay(process, 0, 0) for _ in range(50)] for process in range(3)]
        focus = changes[0].leader
        slowed += sum(delays[focus]) < min(sum(delays[other]) for other in range(3) if other != focus)
        assert all(time < adversary.stabilises for time, _, _ in changes)
    assert len(leaders) > 10, "all kinds of successions"
    assert slowed > 100, "the one in focus is mostly the fastest"


def test_the_adversary_can_do_without_memories_and_without_rivals() -> None:
    for seed in range(50):
        for n, m in ((1, 0), (1, 1), (2, 0), (1, 3)):
            assert min(drawn(Adversary(seed, n, m), n, m)) >= 1


def test_who_is_timely_is_so_in_steps_and_nothing_is_so_in_time() -> None:
    schedule = Timely(0, 3, [1])
    shortest, ratios, stops, messages = [], [], [], []
    for now in range(0, 400_000, 2_000):
        timely, slow, message = [
            [schedule.delay(process, memory, now) for _ in range(50)] for process, memory in ((1, 0), (2, 0), (1, -1))
        ]
        shortest.append(min(timely + slow))
        ratios.append(max(timely) / shortest[-1])
        stops.append(max(slow) / shortest[-1])
        messages.append(max(message) / shortest[-1])
    assert max(ratios) <= Timely.lag
    for grows in (shortest, stops, messages):
        assert 0 < 1.5 * max(grows[:20]) < max(grows[100:]), "without bound"


def test_a_lost_message_is_sent_and_never_arrives() -> None:
    recorder = Recorder(Timely(0, 3, [0, 1, 2], loss=0.3))
    trace = run(Paxos, 3, 0, 0, by=recorder).kernel.trace or ()
    sent, delivered = (sum(type(event) is kind for event in trace) for kind in (Sent, Delivered))
    assert sent - delivered == recorder.delays.count(LOST) > 0


def test_later_rounds_are_as_adversarial_as_the_first() -> None:
    """What a schedule is asked counts from the start of its round."""
    changes = []
    for seed in range(30):
        world = World()
        for _ in range(2):
            kernel = Kernel(ProtectedMemoryPaxos, ["a", "b"], 3, Adversary(seed, 2, 3), world=world, trace=True)
            kernel.run()
            changes.append([type(event) for event in kernel.trace or ()])
    assert changes[0::2] == changes[1::2]


@pytest.mark.parametrize("protocol", [Paxos, ProtectedMemoryPaxos])
def test_a_recorded_run_runs_again(protocol: type) -> None:
    for seed in range(20):
        recorder = Recorder(Adversary(seed, 3, 3))
        first = run(protocol, 3, 3, seed, by=recorder)
        recorded = Recorded(recorder.delays, recorder.leaderships(), recorder.stabilises, recorder.detection)
        assert run(protocol, 3, 3, seed, by=recorded).kernel.trace == first.kernel.trace


def test_a_recording_of_another_run_is_found_out() -> None:
    recorder = Recorder(Adversary(1, 3, 3))
    run(ProtectedMemoryPaxos, 3, 3, 1, by=recorder)
    cut = Recorded(recorder.delays[:-1], recorder.leaderships(), recorder.stabilises, recorder.detection)
    with pytest.raises(UsageError, match=f"the recording ends after {len(recorder.delays) - 1} choices but the run"):
        run(ProtectedMemoryPaxos, 3, 3, 1, by=cut)
