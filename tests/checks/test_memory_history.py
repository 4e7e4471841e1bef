"""Every memory's registers are linearizable by themselves; a stale answer is found out."""

from __future__ import annotations

import dataclasses
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from rayrdma.checks.history import FAIL, OK, UNKNOWN, read_history, write_history
from rayrdma.checks.linearizability import check_linearizability
from rayrdma.checks.memory_history import memory_history
from rayrdma.checks.observation import Observation
from rayrdma.faults.plan import After, Crash, Fault
from rayrdma.model.errors import NoSuchRegister
from rayrdma.model.operations import READ, WRITE
from rayrdma.model.permissions import everyone, exclusive_writer
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Region, Value, view
from rayrdma.model.trace import Event, Issued, Responded, TookEffect
from rayrdma.protocols import HybridBenOr, ProtectedMemoryPaxos
from rayrdma.simulator.kernel import Kernel
from rayrdma.simulator.run import observe
from rayrdma.simulator.schedule import Jitter
from tests.fuzz import run
from tests.graphs.runs import ring, run_on

N = 4


class Busy(Protocol):
    """Everybody does all kinds of things to one memory, and decides."""

    name = "busy"
    operations = 8

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        words, own = Region("words", 2, everyone(n)), Region("own", 1, exclusive_writer(0, n))
        return [words, own, view("all", [own, words])]

    async def propose(self, value: Value) -> None:
        process, rng = self.process, self.process.rng
        for turn in range(self.operations):
            region, register = rng.choice((("words", 0), ("words", 0), ("words", 1), ("own", 0)))
            mine = (process.id, turn)
            kind = rng.randrange(6)
            if kind < 2:
                seen = await process.read(0, region, register)
                await process.compare_and_swap(0, region, register, seen, mine)
            elif kind == 2:
                await process.read(0, region, register)
            elif kind == 3:
                await process.write(0, region, register, mine)
            else:
                await process.read_region(0, rng.choice(("all", "words")))
        process.decide(value)


def busy(seed: int, faults: Sequence[Fault] = (), protocol: type[Protocol] = Busy) -> Observation:
    kernel = Kernel(protocol, [0] * N, 1, Jitter(seed, N), faults, seed=str(seed), trace=True)
    kernel.run(100_000)
    observation = observe(kernel)
    kernel.close()
    return observation


def test_a_memory_is_linearizable_whatever_crashes() -> None:
    outcomes: Counter[Any] = Counter()
    for seed in range(60):
        faults = [Crash(process=seed % N, at=After("operation", 1 + seed % 9))] if seed % 3 else []
        observation = busy(seed, faults if seed % 3 < 2 else [*faults, Crash(memory=0, at=40.0)])
        for region in ("words", "own"):
            history = memory_history(observation, 0, region)
            assert check_linearizability(history).linearizable, (seed, region)
            outcomes.update((each.operation, each.outcome) for each in history.operations)
    kinds = "read", "write", "compare_and_swap"
    assert all(outcomes[kind, outcome] for kind in kinds for outcome in (OK, UNKNOWN)), outcomes
    assert outcomes["write", FAIL]
    assert outcomes["compare_and_swap", FAIL]


def test_the_log_of_a_live_run_will_do() -> None:
    observation = busy(3)
    log = [event for event in observation.trace or () if type(event) is not TookEffect]
    seen = dataclasses.replace(observation, trace=None, log=log)
    assert memory_history(seen, 0, "words").operations == memory_history(observation, 0, "words").operations


def test_of_protocols_too(tmp_path: Path) -> None:
    for seed in range(10):
        observation = run(ProtectedMemoryPaxos, 3, 3, seed).observation
        for memory in range(3):
            for region in observation.regions:
                history = memory_history(observation, memory, region.name)
                verdict = check_linearizability(history)
                assert verdict.linearizable, seed
                write_history(tmp_path / "history.jsonl", history)
                assert check_linearizability(read_history(tmp_path / "history.jsonl")) == verdict
        graph = run_on(HybridBenOr, ring(5), seed).observation
        for region in graph.regions:
            for memory in range(5):
                assert check_linearizability(memory_history(graph, memory, region.name)).linearizable, seed


def with_a_stale_read(trace: Sequence[Event]) -> tuple[list[Event], int] | None:
    """The trace, but for one read: it returns None, though a write of its register had been acked before its issue."""
    issued = {(event.process, event.number): (at, event) for at, event in enumerate(trace) if type(event) is Issued}
    written: dict[int, int] = {}  # where in the trace a register's first write was acked
    for position, event in enumerate(trace):
        if type(event) is Responded:
            began, what = issued[event.process, event.number]
            if what.region != "words":
                continue
            if what.operation is WRITE:
                written.setdefault(what.register, position)
            elif what.operation is READ and written.get(what.register, position) < began:
                stale = msgspec.structs.replace(event, response=None)
                return [*trace[:position], stale, *trace[position + 1 :]], what.register
    return None


def test_a_stale_read_is_found_out() -> None:
    injected = 0
    for seed in range(40):
        observation = busy(seed)
        found = with_a_stale_read(observation.trace or ())
        if found is not None:
            trace, register = found
            history = memory_history(dataclasses.replace(observation, trace=trace), 0, "words")
            (counterexample,) = check_linearizability(history).counterexamples
            assert (counterexample.operation.key, counterexample.operation.response) == (register, None), seed
            assert None not in counterexample.states
            injected += 1
    assert injected > 20


def test_there_is_no_such_region() -> None:
    observation = busy(0)
    with pytest.raises(NoSuchRegister, match="no region 'others' has registers of its own; there is words, own"):
        memory_history(observation, 0, "others")
    with pytest.raises(NoSuchRegister):
        memory_history(observation, 0, "all")
