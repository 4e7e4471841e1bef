"""Leaders killed with ``kill -9`` at random points: agreement, and a decision by a survivor, every time.

A set-up costs some seconds (seven actors, each an operating-system process), a round some milliseconds. So a
run kills two leaders, one after the other, each in a round of its own, and leaves the last process to decide
alone, which Protected Memory Paxos can. The point is random, from a seed that is printed:

* at an operation: right after the k-th write, read or change of permission, which may still take effect;
* at a moment: by somebody else, while a round is under way.

The tests do a few such runs; ``python -m tests.actors.kills`` kills 50 leaders over each transport.
"""

from __future__ import annotations

import argparse
import os
import random
import signal
import statistics
import threading
import time
from dataclasses import dataclass, field

from rayrdma.actors.cluster import ray_session
from rayrdma.actors.coordinator import Coordinator
from rayrdma.checks import check
from rayrdma.checks.observation import Observation
from rayrdma.faults.plan import After, Crash
from rayrdma.model.trace import Decided, Delivered, Responded
from rayrdma.protocols.protected_memory_paxos import ProtectedMemoryPaxos
from rayrdma.scenario import Scenario
from tests.actors.leftovers import wait_for

INPUTS = ("v0", "v1", "v2")
MEMORIES = 3
LEADERS_A_RUN = 2
FIRST_LEADERS_POINTS = {"write": 15, "operation": 15, "send": 10}
"""Within about the first five rounds: a round takes its leader three writes and two messages."""
LATER_LEADERS_POINTS = {"permission": 6, "write": 12, "read": 6, "operation": 24}
"""Within about two rounds: a take-over takes 12 operations, 3 of which change permissions."""
MOST_ROUNDS = 60
LONGEST_WAIT = 0.008
"""Seconds from the start of a round to a kill from outside; about one round."""


@dataclass
class Kills:
    """What a run showed.

    Attributes:
        points: where the leaders were killed.
        take_overs: seconds from the start of a round whose leader died undecided to the first decision.
        adopted: rounds in which a survivor found the dead leader's value in memory, and decided it.
    """

    points: list[str] = field(default_factory=list)
    take_overs: list[float] = field(default_factory=list)
    adopted: int = 0

    def add(self, other: Kills) -> None:
        self.points += other.points
        self.take_overs += other.take_overs
        self.adopted += other.adopted


def kill_two_leaders(transport: str, by_operation: bool, seed: str) -> Kills:
    """One run, in which process 0 and then process 1 is killed, at operations or at moments."""
    rng = random.Random(seed)
    faults = []
    if by_operation:
        for process, points in ((0, FIRST_LEADERS_POINTS), (1, LATER_LEADERS_POINTS)):
            operation = rng.choice(list(points))
            faults.append(Crash(process=process, at=After(operation, rng.randint(1, points[operation]))))
    scenario = Scenario(ProtectedMemoryPaxos, INPUTS, MEMORIES, tuple(faults), transport=transport, trace=True)
    kills = Kills()
    with Coordinator.start(scenario) as coordinator:
        assert coordinator.transports == {transport: len(INPUTS) * MEMORIES}
        for instance in range(1, MOST_ROUNDS):
            dead = set(coordinator.dead()[0])
            if by_operation:
                observation = coordinator.run_round(instance)
            else:
                observation = _round_with_a_kill(coordinator, instance, rng, kills)
            died = set(coordinator.dead()[0]) - dead
            _hold(observation, survivors=set(range(len(INPUTS))) - dead - died)
            if died and not died & {decided.process for decided in observation.decisions}:
                kills.take_overs.append(observation.decisions[0].time)
                kills.adopted += _adopted(observation)
            if len(dead | died) == LEADERS_A_RUN:
                break
        _hold(coordinator.run_round(MOST_ROUNDS), survivors={2})
        assert coordinator.dead() == ([0, 1], [])
    kills.points += [str(fault) for fault in faults]
    assert len(kills.points) == LEADERS_A_RUN, kills.points
    return kills


def _round_with_a_kill(coordinator: Coordinator, instance: int, rng: random.Random, kills: Kills) -> Observation:
    """A round, and somewhere in it the present leader is killed from outside."""
    pids = coordinator.pids()
    leader = min(name for name in pids if name.startswith("p"))
    delay = rng.uniform(0, LONGEST_WAIT)
    kills.points.append(f"{leader} after {1000 * delay:.2f} ms of a round")
    killer = threading.Timer(delay, os.kill, (pids[leader], signal.SIGKILL))
    killer.start()
    observation = coordinator.run_round(instance)
    killer.join()
    wait_for(lambda: leader not in coordinator.pids(), f"the coordinator to notice the death of {leader}")
    return observation


def _hold(observation: Observation, survivors: set[int]) -> None:
    """Agreement and validity, and every survivor has decided."""
    assert check(observation) == [], observation
    assert not observation.undecided, observation.undecided
    assert survivors <= {decided.process for decided in observation.decisions}, (survivors, observation.decisions)


def _adopted(observation: Observation) -> bool:
    """Whether the first to decide found an accepted value of others in memory; then that is what it decided.

    What counts is what its last attempt read. In an earlier one it may have accepted its own value above theirs.
    """
    decided = observation.decisions[0]
    me = decided.process
    own = [event for event in observation.log if getattr(event, "process", None) == me]
    before = own[: next(place for place, event in enumerate(own) if isinstance(event, Decided))]
    if any(isinstance(event, Delivered) for event in before):
        return False  # it was told
    reads = [event.response for event in before if isinstance(event, Responded) and isinstance(event.response, tuple)]
    attempt = max((slots[me].minimum_proposal for slots in reads), default=0)
    found = [slot for slots in reads if slots[me].minimum_proposal == attempt for slot in slots if slot is not None]
    best = max(found, key=lambda slot: slot.accepted_proposal, default=None)
    if best is None or best.accepted_proposal == 0:
        return False
    assert decided.value == best.value, (best, observation.decisions)
    return best not in [slots[me] for slots in reads]


def kill_leaders(transport: str, leaders: int, seed: int) -> Kills:
    """Runs until that many leaders were killed, by turns at operations and at moments."""
    all_kills = Kills()
    for run in range(-(-leaders // LEADERS_A_RUN)):
        print(f"{transport}, run {run} of seed {seed}", flush=True)
        all_kills.add(kill_two_leaders(transport, run % 2 == 0, f"{seed}/{transport}/{run}"))
    return all_kills


def main() -> None:
    parser = argparse.ArgumentParser(description="Kill leaders at random points, over each transport.")
    parser.add_argument("--leaders", type=int, default=50, help="over each transport")
    parser.add_argument("--seed", type=int, default=random.randrange(10**6))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    with ray_session():
        for transport in ("shm", "ray-channel"):
            began = time.monotonic()
            kills = kill_leaders(transport, options.leaders, options.seed)
            print(
                f"{transport}: {len(kills.points)} leaders killed, every round decided and agreed; a take-over took "
                f"{1000 * statistics.median(kills.take_overs):.0f} ms (p50), {1000 * max(kills.take_overs):.0f} ms "
                f"(most); {kills.adopted} times the dead leader's value was adopted; "
                f"{time.monotonic() - began:.0f} s",
                flush=True,
            )


if __name__ == "__main__":
    main()
