"""HBO in lockstep once more, with sets and dictionaries, and one process after the other: the oracle of the batch."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from rayrdma.simulator.batch import kernels

UNSURE = "?"
Graph = Sequence[Sequence[int]]
"""The neighbours of each process."""


@dataclass
class Naive:
    """What became of a run: every vote and every message, phase by phase."""

    votes: list[dict[int, object]] = field(default_factory=list)
    agreed: list[dict[int, object]] = field(default_factory=list)
    taken: list[dict[int, int]] = field(default_factory=list)
    represented: int = 0
    deciders: dict[int, object] = field(default_factory=dict)
    rounds: int = 0


def toss(seed: int, purpose: int, round: int, process: int) -> int:
    return kernels.draw(seed, purpose, round, process) >> 63


def run_naively(
    graph: Graph, live: Sequence[int], inputs: Sequence[int], seed: int, coin: str, arrival: str, rounds: int
) -> Naive:
    """``live``: those that did not crash, ascending."""
    n = len(graph)
    reach = [sorted({p, *graph[p]}) for p in range(n)]
    votes: dict[int, object] = {p: inputs[p] for p in live}
    run = Naive()
    for phase in range(2 * rounds):
        run.rounds = phase // 2 + 1
        agreed: dict[int, object] = {}
        for q in range(n):
            members = [p for p in reach[q] if p in live]
            if members:
                agreed[q] = votes[members[kernels.first_of(seed, phase, q, len(members))]]
        messages = {p: [(q, agreed[q]) for q in reach[p]] for p in live}
        run.votes.append(votes)
        run.agreed.append(agreed)
        run.taken.append({})
        heard: dict[int, dict[int, object]] = {}
        for p in live:
            heard[p] = {}
            for sender in kernels.arrivals(seed, phase, p, len(live)):
                if arrival == "asynchronous" and 2 * len(heard[p]) > n:
                    break
                heard[p].update(messages[live[sender]])
                run.taken[-1][p] = run.taken[-1].get(p, 0) + 1
        run.represented = max(len(said) for said in heard.values())
        if 2 * run.represented <= n:
            return run
        votes = {}
        for p, said in heard.items():
            counts = {vote: list(said.values()).count(vote) for vote in (0, 1)}
            majority = next((vote for vote in (0, 1) if 2 * counts[vote] > n), UNSURE)
            if phase % 2 == 0:
                votes[p] = majority
                continue
            if majority != UNSURE:
                run.deciders[p] = majority
            seen = [vote for vote in said.values() if vote != UNSURE]
            if seen:
                votes[p] = seen[0]
            elif coin == "common":
                votes[p] = toss(seed, kernels.COMMON_COIN, phase // 2 + 1, 0)
            else:
                votes[p] = toss(seed, kernels.COIN, phase // 2 + 1, p)
        if run.deciders:
            break
    return run
