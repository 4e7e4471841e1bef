"""``Experiment(...).run() -> Result``: one protocol, one scenario, either engine.

Follows Ray's library conventions: a Ray that is already initialised is joined and never shut down; nothing
asks questions; without ``storage`` nothing is written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rayrdma.checks import check
from rayrdma.checks.observation import Observation, Violation
from rayrdma.faults.plan import Fault
from rayrdma.model.errors import UsageError
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Value
from rayrdma.protocols import find_protocol
from rayrdma.results.folder import RunFolder
from rayrdma.results.result import DECIDED, Result, Round, judge, log_round, versions
from rayrdma.scenario import ENGINES, Scenario, choose
from rayrdma.simulator.engine import Choices, simulate

Progress = Callable[[int, int], None]
"""Called with (rounds done, rounds)."""


@dataclass(frozen=True)
class ScalingConfig:
    """How many parties there are, and how live ones are spread.

    Args:
        processes: how many; None: as many as there are inputs, else 3.
        memories: how many.
        processes_per_actor: live processes that share a Ray actor; None: one each up to 16.
        address: of a Ray cluster; None: the one that is there, else one of its own on this machine.
    """

    processes: int | None = None
    memories: int = 3
    processes_per_actor: int | None = None
    address: str | None = None


@dataclass(frozen=True)
class RunConfig:
    """How it is run.

    Args:
        engine: ``sim`` or ``ray``.
        transport: of live memories: ``auto``, ``shm`` or ``ray-channel``.
        schedule: of the simulator: ``constant`` (the common case), ``jitter`` or ``adversary``.
        seed: of everything random.
        rounds: instances, one after the other, on the same parties.
        timeout: seconds after which a live round counts as blocked.
        register_bytes: the size of every register, instead of the protocol's own.
        storage: the folder in which to make a run folder; None: nothing is written.
    """

    engine: str = "sim"
    transport: str = "auto"
    schedule: str = "constant"
    seed: int = 0
    rounds: int = 1
    timeout: float = 30.0
    register_bytes: int | None = None
    storage: Path | str | None = None


@dataclass
class Experiment:
    """A protocol to be run.

    Args:
        protocol: its name, or a class of your own.
        inputs: what each process proposes; None: "v0", "v1", ...
        scaling: how many parties.
        run: how.
        faults: what crashes or pauses.
    """

    protocol: str | type[Protocol]
    inputs: Sequence[Value] | None = None
    scaling: ScalingConfig = field(default_factory=ScalingConfig)
    config: RunConfig = field(default_factory=RunConfig)
    faults: Iterable[Fault] = ()

    def scenario(self) -> Scenario:
        """What this comes down to, validated.

        Raises:
            UsageError: it makes no sense.
        """
        choose("engine", self.config.engine, ENGINES)
        protocol = find_protocol(self.protocol) if isinstance(self.protocol, str) else self.protocol
        n = self.scaling.processes
        if n is None:
            n = 3 if self.inputs is None else len(self.inputs)
        if n < 1:
            raise UsageError(f"a run needs at least one process, not {n}")
        inputs = tuple(f"v{id}" for id in range(n)) if self.inputs is None else tuple(self.inputs)
        if len(inputs) != n:
            raise UsageError(f"{n} processes need {n} inputs, one each; {len(inputs)} were given")
        return Scenario(
            protocol=protocol,
            inputs=inputs,
            memories=self.scaling.memories,
            faults=tuple(self.faults),
            seed=self.config.seed,
            rounds=self.config.rounds,
            schedule=self.config.schedule,
            transport=self.config.transport,
            timeout=self.config.timeout,
            register_bytes=self.config.register_bytes,
            processes_per_actor=self.scaling.processes_per_actor,
            address=self.scaling.address,
        )

    def run(self, progress: Progress | None = None) -> Result:
        """Run it and hold every round against the checks.

        Raises:
            UsageError: the scenario makes no sense.
            EnvironmentProblem: the place lacks something that a live run needs.
            ProtocolError: the protocol's code did what no protocol may do.
        """
        scenario = self.scenario()
        if self.config.engine == "ray":
            return self._run_live(scenario, progress)
        return self.run_simulation(scenario, None, progress)

    def run_simulation(
        self, scenario: Scenario, recorded: list[Choices] | None = None, progress: Progress | None = None
    ) -> Result:
        """Run in the simulator; with ``recorded``, once more as it was."""
        folder = RunFolder.create(self.config.storage, scenario.protocol.name)
        rounds: list[Round] = []
        choices: list[Choices] = []
        for simulated in simulate(scenario, recorded):
            observation = simulated.observation
            violations = check(observation)
            rounds.append(log_round(observation, live=False))
            choices.append(simulated.choices)
            if folder is not None:
                folder.append_trace(observation)
            verdict, reason = judge(observation, violations, simulated.quiescent)
            if progress is not None:
                progress(len(rounds), scenario.rounds)
            if verdict != DECIDED:
                break
        transports = {"simulated": scenario.n * scenario.memories} if scenario.memories else {}
        result = self._result(scenario, "sim", transports, "simulated", rounds, observation, verdict, reason, violations)
        return folder.finish(scenario, result, choices) if folder is not None else result

    def _run_live(self, scenario: Scenario, progress: Progress | None) -> Result:
        from rayrdma.actors.coordinator import Coordinator  # Ray is imported only where it is used

        folder = RunFolder.create(self.config.storage, scenario.protocol.name)
        rounds: list[Round] = []
        with Coordinator.start(scenario) as coordinator:
            for observation in coordinator.rounds():
                violations = check(observation)
                rounds.append(log_round(observation, live=True))
                verdict, reason = judge(observation, violations, ended=True)
                if progress is not None:
                    progress(len(rounds), scenario.rounds)
                if verdict != DECIDED:
                    break
            transports, messages = coordinator.transports, coordinator.messages
        result = self._result(
            scenario, "ray", transports, messages, rounds, observation, verdict, reason, violations
        )
        return folder.finish(scenario, result, None) if folder is not None else result

    def _result(
        self,
        scenario: Scenario,
        engine: str,
        transports: dict[str, int],
        messages: str,
        rounds: list[Round],
        last: Observation,
        verdict: str,
        reason: str,
        violations: list[Violation],
    ) -> Result:
        decided = next((round for round in reversed(rounds) if round.decided), Round(None, None, None, 0))
        return Result(
            protocol=scenario.protocol.name,
            engine=engine,
            transports=transports,
            messages=messages,
            processes=scenario.n,
            memories=scenario.memories,
            seed=scenario.seed,
            inputs=list(scenario.inputs),
            decisions={f"p{decided.process}": decided.value for decided in sorted(last.decisions, key=lambda d: d.process)},
            first_decision_delays=decided.first_decision_delays,
            first_decision_seconds=decided.first_decision_seconds,
            faults=[str(fault) for fault in scenario.faults],
            verdict=verdict,
            reason=reason,
            rounds=len(rounds),
            round_log=rounds,
            checks=check_names(last),
            violations=[str(violation) for violation in violations],
            versions=versions(),
        )
