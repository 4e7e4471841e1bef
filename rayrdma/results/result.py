"""What every run returns, in both engines."""

from __future__ import annotations

import importlib.metadata
import platform
from collections.abc import Iterator, Mapping
from typing import Any

import msgspec

from rayrdma.checks.observation import Observation, Violation
from rayrdma.model.process import says_what_lacks

DECIDED, VIOLATED, BLOCKED, UNKNOWN = "decided", "violated", "blocked", "unknown"
EXIT_CODES = {DECIDED: 0, VIOLATED: 1, BLOCKED: 2, UNKNOWN: 2}


class Round(msgspec.Struct, frozen=True):
    """One instance of the protocol.

    Attributes:
        first_decision_delays: causal depth of the decision that came first, in delays.
        first_decision_seconds: from that process's call of the protocol to its decision (live runs).
        first_decider: who that was.
        decided: how many processes decided.
        delays: "p0" -> causal depth of its decision, of those that decided.
        rounds_taken: the most rounds of a randomised protocol that one of them took; 0: it counts none.
        refused_by_devices: "p0" -> how many of its operations RDMA devices refused, of those of whom they did.
    """

    first_decision_delays: int | None
    first_decision_seconds: float | None
    first_decider: int | None
    decided: int
    delays: dict[str, int] = {}
    rounds_taken: int = 0
    refused_by_devices: dict[str, int] = {}


class Result(msgspec.Struct, frozen=True):
    """A finished run.

    Attributes:
        transports: how many (process, memory) pairs used which transport; ``messages``: what carried messages.
        topology: the name of the shared-memory graph, or None.
        decisions: "p0" -> value, of the last round.
        first_decision_delays: of the last round that decided.
        first_decision_seconds: of the last round that decided; None in the simulator.
        verdict: ``decided``, ``violated``, ``blocked`` or ``unknown``.
        reason: one line; for a blocked run the wait that can never end.
        signatures: "p0" -> {"made": ..., "verified": ...}, in the last round, of those that needed any.
        refused_by_devices: "p0" -> how many of its operations RDMA devices refused, in all rounds.
        queue_pairs: how many the RDMA devices of all processes held, towards memories.
        promises: what the protocol does not promise under these faults, or empty.
        checks: the names of the checks that the run was held against.
        folder: where it was written, if it was.
        diagram: the page with the space-time diagram of the last round, if one was written.
    """

    protocol: str
    engine: str
    transports: dict[str, int]
    messages: str
    processes: int
    memories: int
    seed: int
    inputs: list[Any]
    decisions: dict[str, Any]
    first_decision_delays: int | None
    first_decision_seconds: float | None
    faults: list[str]
    verdict: str
    reason: str
    rounds: int
    round_log: list[Round]
    signatures: dict[str, dict[str, int]]
    promises: str
    checks: list[str]
    violations: list[str]
    versions: dict[str, str]
    topology: str | None = None
    folder: str | None = None
    diagram: str | None = None
    refused_by_devices: dict[str, int] = {}
    queue_pairs: int = 0

    @property
    def exit_code(self) -> int:
        """0 decided, 1 violated, 2 blocked or unknown."""
        return EXIT_CODES[self.verdict]

    def json(self) -> bytes:
        """The result as one JSON object."""
        return msgspec.json.encode(self)


def log_round(observation: Observation, live: bool) -> Round:
    """What is kept of one round."""
    refused = {f"p{process}": count for process, count in observation.refused_by_devices.items()}
    if not observation.decisions:
        return Round(None, None, None, 0, refused_by_devices=refused)
    first = observation.decisions[0]
    seconds = first.time if live else None
    delays = {f"p{decided.process}": decided.depth for decided in observation.decisions}
    decided = len(observation.decisions)
    return Round(first.depth, seconds, first.process, decided, delays, observation.rounds_taken, refused)


def judge(observation: Observation, violations: list[Violation], ended: bool) -> tuple[str, str]:
    """The verdict on one round, and its reason.

    Args:
        ended: the round came to an end by itself: nothing more can happen in it.
    """
    if violations:
        return VIOLATED, str(violations[0])
    if observation.undecided:
        return BLOCKED, "; ".join(_who_waits(observation.undecided))
    if not ended:
        return UNKNOWN, "stopped before it came to an end"
    if not observation.decisions:
        return BLOCKED, "no process is left to decide"
    values = sorted({repr(decided.value) for decided in observation.decisions})
    return DECIDED, f"{len(observation.decisions)} of {observation.n} processes decided {' and '.join(values)}"


TOLD_ONE_BY_ONE = 5
"""Of processes that wait for the same; more are counted."""


def _who_waits(undecided: Mapping[int, str]) -> Iterator[str]:
    waiting: dict[str, list[int]] = {}
    for id, what in undecided.items():
        waiting.setdefault(what, []).append(id)
    for what, (first, *others) in waiting.items():
        if len(others) < TOLD_ONE_BY_ONE:
            yield from (f"p{id} {_wait(what)}" for id in (first, *others))
        else:
            yield f"p{first} and {len(others)} more: {what}"


def _wait(what: str) -> str:
    return what if says_what_lacks(what) else f"waits for {what}"


def versions() -> dict[str, str]:
    """Of everything that could change a figure."""
    packages = ("rayrdma", "ray", "numba", "numpy", "msgspec", "pyzmq", "pynacl", "cloudpickle")
    found = {"python": platform.python_version()}
    for package in packages:
        try:
            found[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            found[package] = "not installed"
    return found
