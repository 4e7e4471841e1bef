"""One run under exploration, as plain data: what is run, what Omega says, and which events are chosen."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass

from rayrdma.checks import check
from rayrdma.checks.goals import met
from rayrdma.checks.observation import Observation, Violation
from rayrdma.faults.plan import ClockSkew, Crash, LostCompletion
from rayrdma.model.errors import ProtocolError, ValueTooLarge
from rayrdma.model.trace import encode_trace
from rayrdma.scenario import Scenario
from rayrdma.simulator.engine import Choices
from rayrdma.simulator.run import observe
from rayrdma.simulator.schedule import Leadership, Schedule
from rayrdma.simulator.stepper import Chooser, Follow, Given, Stepper, first
from rayrdma.simulator.watchdog import Watchdog

EVENT_LIMIT = 20_000
"""Many times what an honest run takes; a protocol may retry for ever."""
PROTOCOL = "protocol"
"""The name of what is wrong when a protocol did what no protocol may do; its run ends there."""


@dataclass(frozen=True)
class Case:
    """A run to be, of one round.

    Attributes:
        leaderships: what Omega says until it ``stabilises``.
        events: the most that happen.
    """

    scenario: Scenario
    leaderships: tuple[Leadership, ...] = ()
    stabilises: int = 0
    events: int = EVENT_LIMIT

    def run(self, choose: Chooser = first, by: Schedule | None = None, trace: bool = True) -> Course:
        """Run it; ``by`` is the schedule that the choices deviate from, if it is not the common case."""
        scenario = self.scenario
        stepper = Stepper(
            scenario.protocol,
            scenario.inputs,
            scenario.memories,
            by or Given(self.leaderships, self.stabilises),
            scenario.faults,
            seed=f"{scenario.seed}/0",
            regions=scenario.regions(),
            graph=scenario.graph,
            trace=trace,
        )
        observation, goals = None, set[str]()
        try:
            with Watchdog(), closing(stepper):
                stepper.run_by(choose, self.events)
                observation = observe(stepper)
                goals = met(observation)
                wrong = self._wrong(stepper, observation)
        except (ProtocolError, ValueTooLarge) as error:
            wrong = [Violation(PROTOCOL, str(error))]
        return Course(tuple(stepper.choices), stepper.numbers, observation, tuple(wrong), goals, stepper.quiescent)

    def _wrong(self, stepper: Stepper, observation: Observation) -> list[Violation]:
        wrong = check(observation)
        if not wrong and self._tolerated():
            for process, wait in observation.undecided.items():
                if not stepper.settled(process):
                    what = f"p{process} never decides: it waits for ever ({wait})"
                    wrong.append(Violation("termination", what))
        return wrong

    def _tolerated(self) -> bool:
        """Whether a decision has to come: a process may fail or stand still where there are enough of them.

        Those for Byzantine processes promise none after such chaos: they time out so often, and broadcast so many
        messages, and no more; and in views a process may stay one ahead of the others.
        """
        scenario = self.scenario
        if scenario.protocol.byzantine:
            return False
        return scenario.n >= scenario.protocol.usual_processes or all(
            isinstance(fault, LostCompletion | ClockSkew) or (isinstance(fault, Crash) and fault.process is None)
            for fault in scenario.faults
        )

    def follow(self, choices: Sequence[int]) -> Course:
        """Run it by the choices of an earlier run."""
        return self.run(Follow(choices))

    def record(self, choices: Sequence[int]) -> Choices:
        """What a replay needs to know beside the scenario."""
        return Choices(
            [],
            list(self.leaderships),
            self.stabilises,
            Given.detection,
            order=list(choices),
            events=self.events,
        )


@dataclass(frozen=True)
class Course:
    """How a run went.

    Attributes:
        choices: that were made.
        numbers: of the events, in their order.
        observation: what it left; None if it ended by an error of the protocol's.
        wrong: what no run may show in which no more fails than the protocol tolerates.
        goals: that it met.
        ended: nothing more can happen.
    """

    choices: tuple[int, ...]
    numbers: Sequence[int]
    observation: Observation | None
    wrong: tuple[Violation, ...]
    goals: set[str]
    ended: bool

    def lines(self) -> list[bytes]:
        """What happened, and what was wrong with it: the same for the same run."""
        trace = self.observation.trace if self.observation is not None else None
        return [*encode_trace(list(trace or ())).splitlines(), *(str(violation).encode() for violation in self.wrong)]
