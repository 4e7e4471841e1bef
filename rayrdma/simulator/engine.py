"""Runs a scenario in the simulator, records its choices, and replays them."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from typing import Any

import msgspec

from rayrdma.checks.observation import Observation
from rayrdma.model.errors import UsageError
from rayrdma.scenario import Scenario

from .kernel import EVENT_LIMIT, Kernel, World
from .run import observe
from .schedule import Adversary, Constant, Jitter, Leadership, Recorded, Recorder, Schedule
from .stepper import Follow, Given, Stepper
from .watchdog import Watchdog


class Choices(msgspec.Struct, frozen=True, omit_defaults=True):
    """Everything that a schedule chose in one round.

    Attributes:
        order: of a run whose events were chosen one by one, which of the pending ones came next; its delays are those
            of the common case.
        events: of such a run, the most that happened.
    """

    delays: list[int]
    leaderships: list[Leadership]
    stabilises: int
    detection: int
    order: list[int] | None = None
    events: int = EVENT_LIMIT

    def schedule(self) -> Schedule:
        """What makes these choices again."""
        if self.order is not None:
            return Given(self.leaderships, self.stabilises)
        return Recorded(self.delays, self.leaderships, self.stabilises, self.detection)


class SimulatedRound(msgspec.Struct, frozen=True):
    """One round: what it left, the choices that made it so, and whether it came to an end by itself."""

    observation: Any
    choices: Choices
    quiescent: bool
    events: int


def make_schedule(scenario: Scenario, round: int) -> Schedule:
    """The schedule that a scenario names, seeded for one round."""
    seed = scenario.seed * 1_000_003 + round
    if scenario.schedule == "jitter":
        return Jitter(seed, scenario.n, contenders=2, until=40)
    if scenario.schedule == "adversary":
        return Adversary(seed, scenario.n, scenario.memories)
    return Constant()


def simulate(
    scenario: Scenario, recorded: list[Choices] | None = None, by: Schedule | None = None
) -> Iterator[SimulatedRound]:
    """Run the rounds of a scenario one after the other; whoever crashed stays dead.

    With ``recorded``, every round makes the choices of that recording; else ``by`` chooses, if it is given, and not the
    schedule that the scenario names.
    """
    world = World()
    for round in range(scenario.rounds):
        if recorded is None:
            schedule = by or make_schedule(scenario, round)
        elif round < len(recorded):
            schedule = recorded[round].schedule()
        else:
            raise UsageError(f"the recording has {len(recorded)} rounds, the run goes on")
        recorder = Recorder(schedule)
        stepped = recorded is not None and recorded[round].order is not None
        kernel = (Stepper if stepped else Kernel)(
            scenario.protocol,
            scenario.inputs,
            scenario.memories,
            recorder,
            scenario.faults,
            seed=f"{scenario.seed}/{round}",
            instance=round,
            regions=scenario.regions(),
            graph=scenario.graph,
            world=world,
            trace=True,
        )
        with Watchdog(), closing(kernel):
            if recorded is not None and isinstance(kernel, Stepper):
                choices = recorded[round]
                kernel.run_by(Follow(choices.order or ()), choices.events)
            else:
                kernel.run()
                choices = Choices(
                    recorder.delays, list(recorder.leaderships()), recorder.stabilises, recorder.detection
                )
            observation: Observation = observe(kernel)
        yield SimulatedRound(observation, choices, kernel.quiescent, kernel.events)
