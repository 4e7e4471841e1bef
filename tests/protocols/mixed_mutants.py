"""The classical mistakes in registers of optimal resilience and in the consensus over them."""

from __future__ import annotations

import random
from collections.abc import Iterable
from functools import cache
from typing import Any

from rayrdma.checks.mixed import c1_nobody_prefers_anything_else
from rayrdma.checks.observation import Violation
from rayrdma.checks.outcome import OUTCOME, termination
from rayrdma.clusters.topology import make_topology
from rayrdma.model.graph import Graph, complete
from rayrdma.model.protocol import Protocol
from rayrdma.mutants.mutant import mutate
from rayrdma.protocols import mixed_register
from rayrdma.protocols.mixed_consensus import MixedConsensus
from tests.fuzz import Run
from tests.mutation import Mutant

from .mixed import Cliques, Script, crashes, graph, histories, linearizable, run_on

GRAPHS = tuple(map(graph, ("C_5", "star", "Petersen", "no edges, n=5")))
"""On three of these a process waits for nobody, on the last one it has nobody's memory."""
SMALL = (complete(2), complete(3), make_topology("none", processes=3).graph(1), graph("C_5"))


def at_the_bound(protocol: type[Protocol], graph: Graph, seed: int) -> Run:
    """Nobody crashes, or as many as are tolerated, at any moment."""
    rng = random.Random(seed)
    assert graph.resilience is not None
    faults = crashes(rng.sample(range(graph.n), graph.n - rng.choice((0, graph.resilience))), graph.n, rng)
    return run_on(protocol, graph, seed, faults, by=Cliques(seed, graph.n))


class RegisterMutant(Mutant):
    """A mistake in the registers: it counts as caught when they are not atomic, or not wait-free."""

    @cache  # noqa: B019 - there is a fixed number of mutants
    def build(self) -> type[Protocol]:
        wrong = mutate(mixed_register, self.name, self.edits, self.helpers)["MixedRegisters"]
        return type("Script", (Script,), {"registers": wrong})

    def first_caught(self, seeds: Iterable[int]) -> tuple[int, list[Violation]] | None:
        for seed in seeds:
            observation = at_the_bound(self.build(), GRAPHS[seed % len(GRAPHS)], seed).observation
            wrong = [Violation("atomicity", str(each)) for each in histories(observation) if not linearizable(each)]
            if (never := termination(observation)) is not None:
                wrong.append(never)
            if wrong:
                return seed, wrong
        return None


def registers(name: str, *edits: tuple[str, str], budget: int, harmless: str = "") -> Mutant:
    return RegisterMutant(Script, name, edits, budget, harmless)


WRITE_BACK = "        await self.store(copies)\n        return copies[owner][1]\n"
NEED = "self.need = process.n - graph.resilience"
KEEP = "writes = [process.write(memory, COPIES, process.id, copies) for memory in process.reach]"
ACKED = "await process.first(len(writes), writes)"
LOOK = "reads = [process.read_region(memory, COPIES) for memory in process.reach]"
LOOKED = "await process.first(len(reads), reads)"
LEARN = "self.known = tuple(map(max, zip(self.known, *others, strict=True)))"
FOUND = "        self.learn(*{copies for block in blocks for copies in block if copies is not None})\n"
TAKE_STORES = "            stores, self.stores = self.stores, []\n"
KEPT = "                await self.keep(self.known)\n"
TAKE_COLLECTS = "            collects, self.collects = self.collects, []\n"
LOOKS = "                await self.look()\n"

REGISTERS = (
    registers("a read does not write back", (WRITE_BACK, "        return copies[owner][1]\n"), budget=600),
    registers(
        "waits for one answer too few", (NEED, "self.need = max(1, process.n - graph.resilience - 1)"), budget=200
    ),
    registers("stores in its own memory only", (KEEP, KEEP.replace("process.reach", "[process.id]")), budget=60),
    registers("looks into its own memory only", (LOOK, LOOK.replace("process.reach", "[process.id]")), budget=60),
    registers("says stored before the writes are acked", (ACKED, ACKED.replace("len(writes)", "0")), budget=400),
    registers("says stored as the first write is acked", (ACKED, ACKED.replace("len(writes)", "1")), budget=600),
    registers("looks into the memory that answers first", (LOOKED, LOOKED.replace("len(reads)", "1")), budget=150),
    registers("counts answers to older requests", ("if answer.request == self.request:", "if True:"), budget=40),
    registers(
        "forgets what it knew for what it is told",
        (LEARN, "self.known = tuple(map(max, zip(*others or [self.known], strict=True)))"),
        budget=20,
    ),
    registers(
        "says stored for what came while it wrote",
        (TAKE_STORES, ""),
        ("            if stores:\n", "            if self.stores:\n"),
        (KEPT, KEPT + "                stores, self.stores = self.stores, []\n"),
        budget=800,
    ),
    registers(
        "answers collects that came while it looked",
        (TAKE_COLLECTS, ""),
        ("            if collects:\n", "            if self.collects:\n"),
        (LOOKS, LOOKS + "                collects, self.collects = self.collects, []\n"),
        budget=800,
    ),
    registers("does not count its writes", ("(times + 1, content)", "(1, content)"), budget=20),
    registers(
        "takes for kept what it found in one memory", (FOUND, FOUND + "        self.kept = self.known\n"), budget=60
    ),
)
HARMLESS_REGISTERS = (
    registers(
        "takes for kept what is still being written",
        ("            self.kept = copies\n", ""),
        (KEEP, f"self.kept = copies\n            {KEEP}"),
        budget=100,
        harmless="nothing is said to be stored meanwhile: `work` does one thing after the other",
    ),
)


class ConsensusMutant(Mutant):
    """A mistake in the consensus, or in the registers under it: caught when C1 or an outcome is wrong, or it blocks."""

    def first_caught(self, seeds: Iterable[int]) -> tuple[int, list[Violation]] | None:
        for seed in seeds:
            observation = at_the_bound(self.build(), SMALL[seed % len(SMALL)], seed).observation
            checks = (*OUTCOME, c1_nobody_prefers_anything_else, termination)
            wrong = [violation for check in checks if (violation := check(observation)) is not None]
            if wrong:
                return seed, wrong
        return None


def consensus(name: str, *edits: tuple[str, str], budget: int) -> Mutant:
    return ConsensusMutant(MixedConsensus, name, edits, budget)


def over(name: str, budget: int) -> Mutant:
    """The consensus over registers with a mistake."""
    wrong: Any = next(mutant for mutant in REGISTERS if mutant.name == name).build()
    made = "self.registers = MixedRegisters(process)", "self.registers = Wrong(process)"
    return ConsensusMutant(MixedConsensus, f"a register {name}", (made,), budget, helpers={"Wrong": wrong.registers})


FAR = "if at >= last - 1}"
NEAR = "near = {preferred for at, preferred in stands if at >= last - 1}"
WRITES = "            await self.registers.write((round, preference))\n"
STANDS = "            stands = [stand or NOT_STARTED for stand in await self.registers.collect()]\n"
GIVES_UP = "            elif preference != UNSURE:\n                preference = UNSURE\n"

CONSENSUS = (
    consensus("decides when those who disagree are one round behind", (FAR, "if at >= last}"), budget=500),
    consensus("decides though somebody gave up", (NEAR, NEAR + " - {UNSURE}"), budget=100),
    consensus("decides though somebody disagrees", ("== {preference} !=", ">= {preference} !="), budget=20),
    consensus("decides when it is behind", ("if round == last and near", "if near"), budget=200),
    consensus(
        "decides though somebody has not started",
        (STANDS, STANDS.replace("stand or NOT_STARTED for stand", "stand for stand").replace("]", " if stand]")),
        budget=600,
    ),
    consensus("tosses before it gives up", (GIVES_UP, ""), budget=1_500),
    consensus(
        "collects before it writes",
        (WRITES + STANDS, STANDS + "            stands[self.process.id] = round, preference\n" + WRITES),
        budget=800,
    ),
    consensus(
        "tells nobody", ("decide_and_tell(self.process, preference)", "self.process.decide(preference)"), budget=60
    ),
    over("waits for one answer too few", budget=200),
    over("stores in its own memory only", budget=600),
    over("looks into its own memory only", budget=700),
    over("counts answers to older requests", budget=500),
    over("forgets what it knew for what it is told", budget=200),
)

BREAKS = {
    "R1": "forgets what it knew for what it is told",
    "R2": "does not count its writes",
    "R3": "says stored before the writes are acked",
    "R4": "looks into its own memory only",
    "R5": "counts answers to older requests",
}
"""A mistake that each invariant of the registers is broken by."""
