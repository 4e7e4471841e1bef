"""Cheap Quorum: two delays and one signature, or an abort that keeps what anybody decided (P19, section 4.2)."""

from __future__ import annotations

import itertools
import random
from collections import Counter
from collections.abc import Sequence

import pytest

from rayrdma.faults.behaviour import Behaviour
from rayrdma.faults.byzantine.cheap_quorum import LeaderSplits
from rayrdma.faults.plan import Byzantine, Crash, Fault
from rayrdma.model.trace import Decided, Issued
from rayrdma.protocols.cheap_quorum import LEADER, CheapQuorum
from rayrdma.simulator.kernel import World
from rayrdma.simulator.schedule import Constant
from tests.fuzz import Run, run

from .attacks import attack, fitting, lawless, seeds, seen

SCHEDULES = 2000
ATTACKS = fitting(CheapQuorum)


def faults(seed: int, n: int, m: int, behaviours: Sequence[type[Behaviour]]) -> list[Fault]:
    """The attackers, and in half of the schedules as many crashed memories as there may be."""
    rng = random.Random(f"memories/{seed}")
    dead = rng.sample(range(m), (m - 1) // 2 if rng.random() < 0.5 else 0)
    return [*lawless(seed, n, behaviours), *(Crash(memory=number, at=rng.randrange(30)) for number in dead)]


def ended(outcome: Run) -> bool:
    """Every correct process has decided or aborted, and nothing is left to happen."""
    return outcome.kernel.quiescent and all("it aborted" in why for why in outcome.observation.undecided.values())


def holds(outcome: Run) -> None:
    """Nothing is violated, and it has ended."""
    assert not outcome.violations(), outcome
    assert ended(outcome), outcome


@pytest.mark.parametrize("n", [3, 5, 7])
def test_the_common_case(n: int) -> None:
    outcome = run(CheapQuorum, n, 3, 0, by=Constant())
    assert outcome.violations() == []
    decisions = outcome.observation.decisions
    assert [(decided.process, decided.depth, decided.time) for decided in decisions] == [
        (0, 2, 2),
        *((follower, 10, 10) for follower in range(1, n)),
    ]
    trace = outcome.observation.trace or ()
    first = next(place for place, event in enumerate(trace) if isinstance(event, Decided))
    leaders = [event for event in trace[:first] if isinstance(event, Issued) and event.process == LEADER]
    assert [event.region for event in leaders] == ["leaders-value"] * 3, "one write a memory, and nothing else"


def test_the_leader_decides_with_one_signature() -> None:
    made = []

    class Counting(CheapQuorum):
        name = "counting"

        async def follow(self) -> bool:
            made.append((self.process.id, self.process.decided, self.process.signatures.made))
            return await super().follow()

    run(Counting, 3, 3, 0, by=Constant())
    assert (0, True, 1) in made


@pytest.mark.parametrize("behaviour", ATTACKS, ids=lambda behaviour: behaviour.name)
def test_one_attacker(behaviour: type[Behaviour]) -> None:
    for seed in seeds(SCHEDULES):
        holds(attack(CheapQuorum, 3, 3, seed, faults(seed, 3, 3, [behaviour])))


def test_two_attackers_of_five() -> None:
    for behaviours in itertools.combinations_with_replacement(ATTACKS, 2):
        for seed in range(2):
            holds(attack(CheapQuorum, 5, 3, seed, faults(seed, 5, 3, behaviours)))


def test_attackers_over_many_instances() -> None:
    """Copies and proofs of an older instance are worth nothing."""
    for seed in range(100):
        world = World()
        attackers = lawless(seed, 3, [random.Random(seed).choice(ATTACKS)])
        for instance in range(3):
            holds(attack(CheapQuorum, 3, 3, 3 * seed + instance, attackers, instance=instance, world=world))


def test_sometimes_all_decide_sometimes_only_the_leader_and_sometimes_nobody() -> None:
    """Else the schedules would show little about aborts."""
    came: Counter[str] = Counter()
    for seed in range(600):
        behaviours = [random.Random(seed).choice(ATTACKS)] if seed % 2 else []
        outcome = attack(CheapQuorum, 3, 3, seed, faults(seed, 3, 3, behaviours) if behaviours else ())
        decided = {event.process for event in outcome.observation.decisions}
        aborted = bool(outcome.observation.undecided)
        came["only the leader decides, others abort"] += decided == {LEADER} and aborted
        came["a follower decides, others abort"] += bool(decided - {LEADER}) and aborted
        came["nobody decides"] += not decided
        came["all decide"] += bool(decided) and not aborted
    print(dict(came))
    assert min(came.values()) >= 5, came


@pytest.mark.parametrize("behaviour", ATTACKS, ids=lambda behaviour: behaviour.name)
def test_no_attack_is_vacuous(behaviour: type[Behaviour]) -> None:
    """It changes what correct processes read, or what becomes of them."""
    changed = 0
    for seed in range(100):
        under = attack(CheapQuorum, 3, 3, seed, lawless(seed, 3, [behaviour]))
        without = attack(CheapQuorum, 3, 3, seed, ())
        correct = [id for id in range(3) if id not in under.observation.byzantine]
        changed += read(under, correct) != read(without, correct) or seen(under) != seen(without)
    print(f"{behaviour.name}: {changed} of 100 runs changed")
    assert changed >= 20, changed


def read(outcome: Run, processes: Sequence[int]) -> list[str]:
    """What these processes were answered, and what they came to."""
    return [
        repr(event)
        for event in outcome.observation.trace or ()
        if getattr(event, "process", None) in processes and type(event).__name__ in ("Responded", "Decided", "Noted")
    ]


def test_a_leader_that_splits_memories_gets_no_two_decisions_and_no_two_proofs() -> None:
    for seed in range(300):
        holds(attack(CheapQuorum, 3, 5, seed, [Byzantine(LEADER, LeaderSplits)]))
