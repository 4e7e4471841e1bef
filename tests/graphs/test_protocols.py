"""Ben-Or and HBO in the common case, their objects, and what the memories let whom do."""

from __future__ import annotations

import pytest

from rayrdma.faults.plan import After, Crash
from rayrdma.model.graph import Graph, complete
from rayrdma.model.outcomes import NAK
from rayrdma.model.permissions import everyone
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Region, Value
from rayrdma.model.trace import Issued, Noted
from rayrdma.protocols import BenOr, HybridBenOr, HybridBenOrRegisters
from rayrdma.protocols.ben_or import DECIDED_IN
from rayrdma.simulator.schedule import Constant

from .runs import all_but, no_edges, ring, run_on, star


@pytest.mark.parametrize(
    ("protocol", "graph", "delays"),
    [
        (BenOr, no_edges(5), 2),
        (HybridBenOr, ring(8), 6),
        (HybridBenOr, star(5), 6),
        (HybridBenOr, complete(4), 6),
        (HybridBenOrRegisters, ring(5), 26),
        (HybridBenOrRegisters, complete(3), 26),
        (HybridBenOrRegisters, complete(5), 42),
    ],
    ids=lambda value: getattr(value, "name", value),
)
@pytest.mark.parametrize("value", [0, 1])
def test_if_inputs_agree_one_round_decides_them(
    protocol: type[Protocol], graph: Graph, delays: int, value: int
) -> None:
    outcome = run_on(protocol, graph, 0, inputs=[value] * graph.n, by=Constant())
    assert outcome.violations() == []
    assert outcome.decided()
    assert {(decided.value, decided.depth) for decided in outcome.observation.decisions} == {(value, delays)}
    assert {event.value for event in outcome.kernel.trace or () if isinstance(event, Noted)} == {1}
    assert outcome.observation.rounds_taken == 1


@pytest.mark.parametrize("protocol", [BenOr, HybridBenOr, HybridBenOrRegisters], ids=lambda protocol: protocol.name)
def test_inputs_that_agree_are_decided_in_the_first_round_whatever_the_schedule(protocol: type[Protocol]) -> None:
    for seed in range(200):
        value = seed // 2 % 2
        outcome = run_on(protocol, ring(5), seed, all_but({0, 2, 3}, 5), inputs=[value] * 5)
        assert outcome.decided(), outcome
        assert {decided.value for decided in outcome.observation.decisions} == {value}
        noted = [e for e in outcome.kernel.trace or () if isinstance(e, Noted) and e.what == DECIDED_IN]
        assert {event.value for event in noted} == {1}


def test_a_process_operates_only_where_it_reaches() -> None:
    for seed in range(50):
        outcome = run_on(HybridBenOr, ring(7), seed)
        issued = [event for event in outcome.kernel.trace or () if isinstance(event, Issued)]
        assert {(event.process, event.memory) for event in issued} == {
            (process, memory) for process in range(7) for memory in ((process - 1) % 7, process, (process + 1) % 7)
        }


def test_ben_or_needs_no_memory() -> None:
    outcome = run_on(BenOr, no_edges(3), 0)
    assert outcome.observation.memories == 0
    assert outcome.decided()


class Trespasser(Protocol):
    """Everybody tries every memory, whether it may or not."""

    name = "trespasser"
    needs_graph = True
    binary = True

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        return [Region("door", registers=n, permission=everyone(n), of=int)]

    async def propose(self, value: Value) -> None:
        process = self.process
        for memory in process.memories:
            answers = [
                await process.write(memory, "door", process.id, value),
                await process.read(memory, "door", process.id),
                await process.compare_and_swap(memory, "door", process.id, value, value),
                await process.read_region(memory, "door"),
            ]
            await process.change_permission(memory, "door", everyone(process.n))
            refused = [answer is NAK for answer in answers]
            assert refused == [memory not in process.reach] * 4
        process.decide(value)


def test_a_memory_refuses_whoever_is_no_neighbour() -> None:
    outcome = run_on(Trespasser, ring(6), 0, inputs=[1] * 6)
    assert outcome.violations() == []
    assert outcome.decided()


def test_a_decider_that_dies_while_it_tells_leaves_nobody_behind() -> None:
    """Whoever learns of a decision passes it on, once."""
    for seed in range(300):
        # It dies while it tells: after the messages of the first round, 2 x 5, and some of the four decisions.
        faults = [Crash(process=0, at=After("send", 11 + seed % 4))]
        outcome = run_on(BenOr, no_edges(5), seed, faults, inputs=[1] * 5)
        assert outcome.violations() == [], outcome
        assert outcome.decided(), outcome


def test_who_runs_out_of_objects_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(HybridBenOr, "last_round", 1)
    stuck = set()
    for seed in range(40):
        outcome = run_on(HybridBenOr, no_edges(3), seed)
        assert outcome.violations() == [], outcome
        stuck |= set(outcome.observation.undecided.values())
    assert stuck == {"needs objects for more than 1 rounds"}
