"""The live part of the table: every protocol with real actors on Ray, and its leader killed in mid-round."""

from __future__ import annotations

from typing import Any

import msgspec

from rayrdma.experiment import Experiment, RunConfig, ScalingConfig
from rayrdma.faults.plan import After, Crash
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Value
from rayrdma.protocols import PROTOCOLS
from rayrdma.protocols.fast_paxos import FastPaxos

from .delays import CLAIMED
from .quantities import percentile
from .result import DECIDED

INPUTS = ("lock=ana", "lock=ben", "lock=cleo")
"""Three processes ask for one lock."""
MEMORIES = 3
TRANSPORT = "shm"
ROUNDS = 200


class Latency(msgspec.Struct, frozen=True):
    """One protocol, many rounds on the same actors.

    Attributes:
        transports: how many (process, memory) pairs used which; ``messages``: what carried messages.
        seconds: from the first decider's call of the protocol to its decision, each round.
        delays: how many rounds decided first after so many delays ("2" -> 200).
        holds: every round decided, most of them after the claimed delays.
    """

    protocol: str
    transports: dict[str, int]
    messages: str
    rounds: int
    verdict: str
    reason: str
    delays: dict[str, int]
    seconds: list[float]
    p50: float | None
    p99: float | None
    holds: bool


class Kill(msgspec.Struct, frozen=True):
    """One protocol, one round; the leader's process is killed with SIGKILL in the middle of it.

    Attributes:
        fault: when.
        decisions: "p1" -> value, of the survivors.
        seconds: from the start of the round to the first survivor's decision.
        holds: the survivors, all of them, decided the same.
    """

    protocol: str
    fault: str
    inputs: list[Any]
    decisions: dict[str, Any]
    first_decider: int | None
    seconds: float | None
    delays: int | None
    verdict: str
    reason: str
    holds: bool


def measure_latency(protocol: str, rounds: int = ROUNDS) -> Latency:
    """Run ``rounds`` rounds of a protocol in the common case."""
    made = PROTOCOLS[protocol]
    result = Experiment(
        protocol,
        _inputs(made),
        scaling=ScalingConfig(memories=_memories(made)),
        run=RunConfig("ray", TRANSPORT, rounds=rounds),
    ).run()
    log = [round for round in result.round_log if round.decided]
    seconds = [round.first_decision_seconds for round in log if round.first_decision_seconds is not None]
    delays: dict[str, int] = {}
    for round in log:
        delays[str(round.first_decision_delays)] = delays.get(str(round.first_decision_delays), 0) + 1
    usual = max(delays, key=lambda count: delays[count], default="")
    return Latency(
        protocol=protocol,
        transports=result.transports,
        messages=result.messages,
        rounds=result.rounds,
        verdict=result.verdict,
        reason=result.reason,
        delays=delays,
        seconds=seconds,
        p50=percentile(seconds, 50) if seconds else None,
        p99=percentile(seconds, 99) if seconds else None,
        holds=result.verdict == DECIDED and usual == str(CLAIMED[protocol][0]),
    )


def measure_kill(protocol: str) -> Kill:
    """Kill process 0, which leads, right after its second write (or message), and let the others go on."""
    made = PROTOCOLS[protocol]
    operation = "swap" if made.needs_graph else "write" if made.needs_memories else "send"
    fault = Crash(process=0, at=After(operation, 2))
    inputs = (0, 1, 1) if made.binary else INPUTS
    result = Experiment(
        protocol,
        inputs,
        scaling=ScalingConfig(memories=_memories(made)),
        run=RunConfig("ray", TRANSPORT),
        faults=[fault],
    ).run()
    [round] = result.round_log
    survivors = {f"p{id}" for id in range(1, len(INPUTS))}
    return Kill(
        protocol=protocol,
        fault=str(fault),
        inputs=list(inputs),
        decisions=result.decisions,
        first_decider=round.first_decider,
        seconds=round.first_decision_seconds,
        delays=round.first_decision_delays,
        verdict=result.verdict,
        reason=result.reason,
        holds=result.verdict == DECIDED and set(result.decisions) == survivors,
    )


def _inputs(protocol: type[Protocol]) -> tuple[Value, ...]:
    """What is proposed in the common case: in that of Fast Paxos values do not collide, though all propose at once."""
    if protocol.binary:
        return (1,) * len(INPUTS)
    return INPUTS[:1] * len(INPUTS) if issubclass(protocol, FastPaxos) else INPUTS


def _memories(protocol: type[Protocol]) -> int:
    if protocol.needs_graph:  # each process has its own
        return len(INPUTS)
    return MEMORIES if protocol.needs_memories else 0
