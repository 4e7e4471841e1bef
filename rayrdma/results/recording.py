"""Collects the rounds of a run under way, so that whenever it ends there is a `Result` of what it had."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from types import TracebackType

from rayrdma.checks import check, check_names
from rayrdma.checks.observation import Observation, Violation
from rayrdma.model.trace import encode_trace
from rayrdma.scenario import Scenario
from rayrdma.simulator.engine import Choices

from .folder import RunFolder
from .replay import encode_replay
from .result import DECIDED, UNKNOWN, Result, Round, judge, log_round, versions

RESULT, TRACE, REPLAY, DIAGRAM = "result.json", "trace.jsonl", "replay.json", "diagram.html"


class Recording:
    """A context: rounds are added while it is open; leaving it, even by an error, writes the run folder.

    Args:
        scenario: what is run.
        engine: ``sim`` or ``ray``.
        storage: where to make a run folder; None: nothing is written.

    Attributes:
        transports: how many (process, memory) pairs use which transport.
        queue_pairs: how many the devices of all processes hold.
        messages: what carries messages.
        verdict: on the rounds so far; a run ends with the first round that does not decide.
    """

    def __init__(self, scenario: Scenario, engine: str, storage: Path | str | None) -> None:
        self.scenario = scenario
        self.engine = engine
        self.transports: dict[str, int] = {}
        self.queue_pairs = 0
        self.messages = ""
        self.verdict = UNKNOWN
        self.reason = "stopped before the first round ended"
        self._storage = storage
        self._folder: RunFolder | None = None
        self._kept: list[tuple[Round, Choices | None, int]] = []  # and the size of the round in the trace
        self._last: Observation | None = None
        self._violations: list[Violation] = []

    @property
    def rounds(self) -> int:
        """How many rounds were added."""
        return len(self._kept)

    def add(self, observation: Observation, ended: bool = True, choices: Choices | None = None) -> bool:
        """Hold a finished round against the checks and keep it.

        Args:
            ended: nothing more could happen in it.
            choices: of the simulator's schedule.
        Returns:
            whether it decided, so that the run goes on.
        """
        violations = check(observation)
        size = self._write(self._storage, observation) if self._storage is not None else 0
        # One step: an interruption comes before it, and the round never was, or after it, and the round is whole.
        self._kept.append((log_round(observation, live=choices is None), choices, size))
        self._last, self._violations = observation, violations
        self.verdict, self.reason = judge(observation, violations, ended)
        return self.verdict == DECIDED

    def result(self) -> Result:
        """What there is so far."""
        last, scenario = self._last, self.scenario
        rounds = [round for round, _, _ in self._kept]
        decided = next((round for round in reversed(rounds) if round.decided), Round(None, None, None, 0))
        decisions = sorted(last.decisions, key=lambda decided: decided.process) if last is not None else []
        return Result(
            protocol=scenario.protocol.name,
            engine=self.engine,
            transports=self.transports,
            queue_pairs=self.queue_pairs,
            messages=self.messages,
            processes=scenario.n,
            memories=scenario.memories,
            seed=scenario.seed,
            inputs=list(scenario.inputs),
            decisions={f"p{decision.process}": decision.value for decision in decisions},
            first_decision_delays=decided.first_decision_delays,
            first_decision_seconds=decided.first_decision_seconds,
            faults=[str(fault) for fault in scenario.faults],
            verdict=self.verdict,
            reason=self.reason,
            rounds=len(rounds),
            round_log=rounds,
            signatures={
                f"p{process}": {"made": made, "verified": verified}
                for process, (made, verified) in (last.signatures if last is not None else {}).items()
            },
            promises=_promises(scenario),
            checks=check_names(last) if last is not None else [],
            violations=[str(violation) for violation in self._violations],
            versions=versions(),
            topology=scenario.graph.name if scenario.graph is not None else None,
            folder=str(self._folder.path) if self._folder is not None else None,
            diagram=str(self._folder.path / DIAGRAM) if self._folder and last and scenario.trace else None,
            refused_by_devices=dict(sum((Counter(round.refused_by_devices) for round in rounds), Counter())),
        )

    def __enter__(self) -> Recording:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and self.rounds:
            how = "interrupted" if isinstance(error, KeyboardInterrupt) else f"stopped by {type(error).__name__}"
            self.verdict = UNKNOWN
            self.reason = f"{how} after {self.rounds} of {self.scenario.rounds} rounds"
        if self._folder is None:
            return
        digest = self._folder.cut(TRACE, sum(size for _, _, size in self._kept))
        choices = [choices for _, choices, _ in self._kept if choices is not None]
        if choices:
            self._folder.write(REPLAY, encode_replay(self.scenario, choices, digest, versions()))
        result = self.result()
        self._folder.write(RESULT, result.json())
        if result.diagram is not None and self._last is not None:
            from .diagram import page  # of many actors none draws

            drawn = page(self._last, result.verdict, result.reason, result.faults, result.rounds)
            self._folder.write(DIAGRAM, drawn.encode())
        self._folder.become_latest()
        if error is not None:
            error.add_note(f"what it had is in {self._folder.path}")

    def _write(self, storage: Path | str, observation: Observation) -> int:
        if self._folder is None:  # not before there is something to keep
            self._folder = RunFolder(storage, self.scenario.protocol.name)
        lines = encode_trace(list(observation.log if observation.trace is None else observation.trace))
        self._folder.append(TRACE, lines)
        return len(lines)


def _promises(scenario: Scenario) -> str:
    if scenario.byzantine() and not scenario.protocol.byzantine:
        return f"{scenario.protocol.name} promises nothing if processes are Byzantine"
    return ""
