"""The classical mistakes in Ben-Or, in HBO (algorithms 10.3) and in its objects."""

from __future__ import annotations

import inspect
import random
from collections.abc import Iterable
from functools import cache

from rayrdma.checks.observation import Violation
from rayrdma.checks.outcome import termination
from rayrdma.model.graph import Graph
from rayrdma.model.protocol import Protocol
from rayrdma.protocols.ben_or import BenOr
from rayrdma.protocols.hybrid_ben_or import HybridBenOr
from rayrdma.protocols.hybrid_ben_or_registers import HybridBenOrRegisters
from tests.fuzz import Run
from tests.mutation import Mutant

from .runs import all_but, no_edges, ring, run_on, star

TOLERATED: tuple[tuple[Graph, int], ...] = ((ring(6), 4), (star(6), 3), (no_edges(6), 2), (ring(5), 4))
"""Small graphs, and how many crashes HBO tolerates on them."""


def at_the_bound(protocol: type[Protocol], seed: int) -> Run:
    """Nobody crashes, or as many as are tolerated, from the start or at any moment."""
    graph, tolerated = TOLERATED[seed % len(TOLERATED)]
    rng = random.Random(f"survivors/{seed}")
    crashes = rng.choice((0, tolerated))
    survivors = rng.sample(range(graph.n), graph.n - crashes)
    return run_on(protocol, graph, seed, all_but(survivors, graph.n, rng if rng.random() < 0.5 else None))


class GraphMutant(Mutant):
    """A mistake that is looked for at the bound of small graphs, where everybody alive has to decide."""

    def first_caught(self, seeds: Iterable[int]) -> tuple[int, list[Violation]] | None:
        for seed in seeds:
            outcome = at_the_bound(self.build(), seed)
            never = termination(outcome.observation)
            violations = [*outcome.violations(), *([never] if never is not None else [])]
            if violations:
                return seed, violations
        return None


class RoundsMutant(GraphMutant):
    """A mistake in Ben-Or's rounds, looked for in HBO, which has the same."""

    @cache  # noqa: B019 - there is a fixed number of mutants
    def build(self) -> type[Protocol]:
        wrong = {name: value for name, value in vars(super().build()).items() if inspect.isfunction(value)}
        del wrong["__init__"]  # it is the honest one
        own = {name: value for name, value in wrong.items() if name not in vars(HybridBenOr)}
        return type("HybridBenOr", (HybridBenOr,), own)


def rounds(name: str, *edits: tuple[str, str], budget: int, harmless: str = "") -> Mutant:
    return RoundsMutant(BenOr, name, edits, budget, harmless)


def objects(name: str, *edits: tuple[str, str], budget: int, harmless: str = "") -> Mutant:
    return GraphMutant(HybridBenOr, name, edits, budget, harmless)


def registers(name: str, *edits: tuple[str, str], budget: int, harmless: str = "") -> Mutant:
    return GraphMutant(HybridBenOrRegisters, name, edits, budget, harmless)


HEARD = "represented.update(message.votes)"
WAITS = "while not self.enough(len(represented)):"
EARLY = "represented = self.early.pop((phase, round), {})"
MAJORITY = "return next((v for v in (0, 1) if self.enough(list(votes.values()).count(v))), otherwise)"
NEXT_ESTIMATE = "estimate = next((vote for vote in proposed.values() if vote != UNSURE), UNSURE)"

HALF = rounds("half are enough", ("return 2 * count > self.process.n", "return 2 * count >= self.process.n"), budget=20)
OWN_VOTE = objects(
    "its own vote instead of the object's", ("return vote if first is None else first", "return vote"), budget=20
)

MUTANTS: tuple[Mutant, ...] = (
    rounds(
        "counts messages, not the processes that they represent",
        (EARLY, EARLY + "\n        messages = 0"),
        (WAITS, "while not self.enough(messages):"),
        (
            "            if message.round == round:",
            "            messages += message.round == round\n            if message.round == round:",
        ),
        budget=20,
    ),
    rounds(
        "counts a process once for each that speaks for it",
        (EARLY, EARLY + "\n        counted = len(represented)"),
        (WAITS, "while not self.enough(counted):"),
        (HEARD, HEARD + "\n                counted += len(message.votes)"),
        budget=20,
    ),
    HALF,
    rounds(
        "decides what anybody proposes",
        ("decision = self.majority_of(proposed, UNSURE)", NEXT_ESTIMATE.replace("estimate", "decision")),
        budget=20,
    ),
    rounds("forgets what was proposed", (NEXT_ESTIMATE, "estimate = UNSURE"), budget=400),
    rounds(
        "a majority of those it has heard of",
        (
            MAJORITY,
            MAJORITY.replace(
                "self.enough(list(votes.values()).count(v))", "2 * list(votes.values()).count(v) > len(votes)"
            ),
        ),
        budget=20,
    ),
    rounds(
        "proposes its estimate where there is no majority",
        ("self.majority_of(reported, UNSURE)", "self.majority_of(reported, estimate)"),
        budget=20,
    ),
    rounds("takes votes of other rounds for this one's", ("if message.round == round:", "if True:"), budget=200),
    rounds("tells nobody", ("decide_and_tell(self.process, decision)", "self.process.decide(decision)"), budget=200),
    OWN_VOTE,
    objects(
        "uses objects again in every round",
        ("return 2 * (round - 1) + (phase is not Report)", "return 2 * 0 + (phase is not Report)"),
        budget=200,
    ),
    objects(
        "one object for both phases",
        ("return 2 * (round - 1) + (phase is not Report)", "return 2 * (round - 1)"),
        budget=200,
    ),
    objects("speaks for itself only", ("for owner in process.reach", "for owner in [process.id]"), budget=20),
    registers("one who found unanimity is enough", ("if all(unanimous", "if any(unanimous"), budget=200),
    registers("does not look before it says that all agree", ("(vote, len(wanted) == 1)", "(vote, True)"), budget=200),
    registers(
        "leaves behind what somebody found unanimity for", ("if unanimous} or wanted", "} | wanted"), budget=2000
    ),
)
