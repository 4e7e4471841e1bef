"""The same run in the simulator: the protocol HBO itself, with a batch run's schedule and coins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rayrdma.checks import check
from rayrdma.faults.plan import Crash
from rayrdma.model.graph import Graph
from rayrdma.model.trace import Noted, Sent, TookEffect
from rayrdma.protocols.ben_or import DECIDED_IN, Phase, Proposal, Report, Vote
from rayrdma.protocols.hybrid_ben_or import HybridBenOr
from rayrdma.simulator.batch import kernels
from rayrdma.simulator.batch.shard import COMMON, SYNCHRONOUS, Setting
from rayrdma.simulator.kernel import Kernel
from rayrdma.simulator.lockstep import Lockstep
from rayrdma.simulator.run import observe


@dataclass
class Simulated:
    """What became of a run: by phase, of everybody who took part in it."""

    decisions: dict[int, Any]
    decided_in: dict[int, int]
    votes: list[dict[int, Vote]]
    agreed: list[dict[int, Vote]]
    messages: list[dict[int, tuple[tuple[int, Vote], ...]]]
    violations: list[Any]
    undecided: dict[int, str]


def protocol(setting: Setting, n: int, survivors: int, rounds: int) -> type[HybridBenOr]:
    """HBO with the coins of a batch run, and, if that is synchronous, the patience to hear all survivors."""

    class Alike(HybridBenOr):
        last_round = rounds

        def coin(self, round: int) -> Vote:
            purpose = kernels.COMMON_COIN if setting.coin == COMMON else kernels.COIN
            process = 0 if setting.coin == COMMON else self.process.id
            return kernels.draw(setting.seed, purpose, round, process) >> 63

    class Patient(Alike):
        async def hear(self, phase: Phase, round: int) -> dict[int, Vote]:
            heard: dict[int, Vote] = {}
            for _ in range(survivors):
                _, message = await self.process.receive(phase)
                assert message.round == round
                heard.update(message.votes)
            if not self.enough(len(heard)):
                await self.process.receive(lacking=lambda: f"represented {len(heard)} of {n}, needs > {n // 2}")
            return heard

    return Patient if setting.arrival == SYNCHRONOUS else Alike


def simulate(
    neighbours: Sequence[Sequence[int]], live: Sequence[int], inputs: Sequence[int], setting: Setting, rounds: int
) -> Simulated:
    n = len(neighbours)
    graph = Graph(tuple(map(tuple, neighbours)))
    kernel = Kernel(
        protocol(setting, n, len(live), rounds),
        inputs,
        n,
        Lockstep(setting.seed, graph, live),
        [Crash(process=dead, at=0) for dead in range(n) if dead not in live],
        graph=graph,
        trace=True,
    )
    kernel.run()
    observation = observe(kernel)
    kernel.close()
    assert kernel.trace is not None
    assert kernel.quiescent
    run = Simulated(
        {decided.process: decided.value for decided in kernel.decisions},
        {noted.process: noted.value for noted in kernel.trace if isinstance(noted, Noted) and noted.what == DECIDED_IN},
        *([], [], []),
        check(observation),
        dict(observation.undecided),
    )
    for event in kernel.trace:
        if isinstance(event, TookEffect):
            _, vote = event.argument
            _at(run.votes, event.register)[event.process] = vote
            if event.response is None:
                _at(run.agreed, event.register)[event.memory] = vote
        elif isinstance(event, Sent) and isinstance(event.message, Report | Proposal):
            phase = 2 * (event.message.round - 1) + isinstance(event.message, Proposal)
            _at(run.messages, phase)[event.process] = event.message.votes
    return run


def _at(phases: list[dict[Any, Any]], phase: int) -> dict[Any, Any]:
    while len(phases) <= phase:
        phases.append({})
    return phases[phase]
