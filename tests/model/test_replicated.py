"""One register out of several memories: regular while a majority lives, and what a nak does not say."""

from __future__ import annotations

import random
from collections.abc import Iterable
from typing import Any

import pytest

from rayrdma.faults.plan import Crash, Fault
from rayrdma.model import replicated
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import Permission, exclusive_write_to_caller, exclusive_writer
from rayrdma.model.protocol import Protocol
from rayrdma.model.quorums import majority
from rayrdma.model.regions import Region, Value
from rayrdma.model.replicated import ReplicatedMemory
from rayrdma.mutants.mutant import mutate
from rayrdma.simulator.kernel import Kernel
from rayrdma.simulator.run import observe
from rayrdma.simulator.schedule import Adversary, Constant, Schedule
from tests.fuzz import random_crashes
from tests.scripted import Scripted

N = 3
READS = 4


class History:
    """What processes saw of one register, in the order in which they saw it; p0 writes it once.

    Args:
        memory: the class under test.
    """

    def __init__(
        self, memory: type[ReplicatedMemory], m: int, schedule: Schedule, faults: Iterable[Fault] = ()
    ) -> None:
        self.events: list[tuple[Any, ...]] = []
        history = self

        class Register(Protocol):
            name = "register"

            @classmethod
            def regions(cls, n: int) -> list[Region]:
                return [Region("x", 1, exclusive_writer(0, n))]

            async def propose(self, value: Value) -> None:
                register = memory(self.process)
                if self.process.id == 0:
                    history.events.append(("writes",))
                    outcome = await register.write("x", 0, "v")
                    history.events.append(("wrote", outcome, history.copies()))
                else:
                    for _ in range(READS):
                        history.events.append(("reads", self.process.id))
                        seen = await register.read("x", 0)
                        history.events.append(("read", self.process.id, seen))
                self.process.decide(value)

        self.kernel = Kernel(Register, ["v"] * N, m, schedule, faults)
        self.kernel.run()

    def copies(self) -> int:
        """How many memories hold the value."""
        return sum(memory.regions["x"].registers[0] == "v" for memory in self.kernel.memories)

    def wrong(self) -> str | None:
        """Why this is no regular register that is written once, or None."""
        writes = written = False
        started: dict[int, bool] = {}
        for event in self.events:
            match event:
                case ("writes",):
                    writes = True
                case ("wrote", outcome, copies):
                    written = True
                    if outcome is not ACK:
                        return "the write was refused"
                    if copies < majority(len(self.kernel.memories)):
                        return f"the write returned with {copies} copies"
                case ("reads", reader):
                    started[reader] = written
                case ("read", reader, seen):
                    if seen is None and started[reader]:
                        return f"p{reader} began to read after the write had returned, and saw nothing"
                    if seen is not None and not (seen == "v" and writes):
                        return f"p{reader} read {seen!r}"
        return None


def first_wrong(memory: type[ReplicatedMemory], seeds: Iterable[int], m: int = 3) -> tuple[int, str] | None:
    """The first of these adversarial schedules, with a minority of memories crashing, that shows a mistake."""
    for seed in seeds:
        crashes = random_crashes(random.Random(seed), N, m, 0, (m - 1) // 2)
        history = History(memory, m, Adversary(seed, N, m), crashes)
        if history.kernel.undecided():
            return seed, "it blocked"
        if wrong := history.wrong():
            return seed, wrong
    return None


@pytest.mark.parametrize("m", [1, 3, 5])
def test_it_is_a_regular_register(m: int) -> None:
    assert first_wrong(ReplicatedMemory, range(700), m) is None


ALL_READS = "reads = [process.read(memory, region, register) for memory in process.memories]"
QUORUM = "self.quorum = majority(len(process.memories))"
READ = "answers = await process.first(self.quorum, reads)\n        return _only(answers)"
WRITE = "process.write_each(region, register, value, need=self.quorum)"
MUTANTS = {
    "half of the memories are a quorum": ((QUORUM, "self.quorum = len(process.memories) // 2"),),
    "one memory is counted twice": ((ALL_READS, ALL_READS.replace("process.memories", "(*process.memories[:-1], 0)")),),
    "late answers to the read before count": (
        (QUORUM, QUORUM + "\n        self.late = []"),
        (READ, READ.replace("reads)", "[*self.late, *reads])\n        self.late = reads")),
    ),
    "an unwritten copy counts like a written one": (
        ("if answer is not None and answer is not NAK", "if answer is not NAK"),
    ),
    "the write returns with the first ack": ((WRITE, WRITE.replace("self.quorum", "1")),),
}


@pytest.mark.parametrize("name", MUTANTS)
def test_a_wrong_register_is_caught(name: str) -> None:
    assert first_wrong(mutate(replicated, name, MUTANTS[name], {})["ReplicatedMemory"], range(200)) is not None


def test_a_majority_of_memories_is_needed() -> None:
    assert History(ReplicatedMemory, 5, Constant(), [Crash(memory=0), Crash(memory=4)]).wrong() is None
    kernel = History(ReplicatedMemory, 5, Constant(), [Crash(memory=m) for m in (0, 2, 4)]).kernel
    assert set(observe(kernel).undecided.values()) == {"needs 3 of 5 memories, 2 alive"}


def together(protocol: type[Protocol], schedule: Schedule, m: int = 3) -> dict[int, Any]:
    """What each process decides."""
    kernel = Kernel(protocol, ["v"] * 2, m, schedule)
    kernel.run()
    return {decided.process: decided.value for decided in kernel.decisions}


class RevokeThenRead(Protocol):
    """p0 writes; p1 takes the write permission away and then reads."""

    name = "revoke-then-read"

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        return [Region("x", 1, exclusive_writer(0, n), legal_change=exclusive_write_to_caller)]

    async def propose(self, value: Value) -> None:
        memory = ReplicatedMemory(self.process)
        self.process.decide(await (memory.write("x", 0, "v") if self.process.id == 0 else self.revoke_and_read(memory)))

    async def revoke_and_read(self, memory: ReplicatedMemory) -> Any:
        await memory.change_permission("x", exclusive_writer(1, 2))
        return await memory.read("x", 0)


class ReadThenRevoke(RevokeThenRead):
    async def revoke_and_read(self, memory: ReplicatedMemory) -> Any:
        seen = await memory.read("x", 0)
        await memory.change_permission("x", exclusive_writer(1, 2))
        return seen


def test_revoke_then_read_sees_every_write_that_was_acked() -> None:
    """The lemma that Protected Memory Paxos, Cheap Quorum and Mu stand on."""
    ends = [together(RevokeThenRead, Adversary(seed, 2, 3)) for seed in range(500)]
    assert all(end[1] == "v" for end in ends if end[0] is ACK)
    assert {end[0] for end in ends} == {ACK, NAK}, "both happen"


def test_read_then_revoke_does_not() -> None:
    ends = [together(ReadThenRevoke, Adversary(seed, 2, 3)) for seed in range(500)]
    assert any(end[1] != "v" for end in ends if end[0] is ACK)


def test_a_nak_may_leave_the_value_on_a_majority() -> None:
    """p1 has taken m2 only; the nak of m2 comes before the ack of m1."""

    class TakesOne(RevokeThenRead):
        async def revoke_and_read(self, memory: ReplicatedMemory) -> Any:
            await self.process.change_permission(2, "x", exclusive_writer(1, 2))
            await self.process.sleep(10)
            return [await self.process.read(m, "x", 0) for m in self.process.memories]

    ends = together(TakesOne, Scripted({(0, 2, 0): 2, (0, 1, 1): 5}))
    assert ends == {0: NAK, 1: ["v", "v", None]}


class Writers(RevokeThenRead):
    """p0 writes twice, p1 reads late."""

    async def propose(self, value: Value) -> None:
        memory = ReplicatedMemory(self.process)
        if self.process.id == 0:
            await memory.write("x", 0, "old")
            self.process.decide(await memory.write("x", 0, "new"))
        else:
            await self.process.sleep(20)
            self.process.decide(await memory.read("x", 0))


def test_a_register_that_is_written_twice_may_read_as_nothing() -> None:
    """The slow memory holds the old value still, and p1's majority is that one and a fast one."""
    ends = together(Writers, Scripted({(0, 2, 2): 100, (0, 2, 4): 100, (1, 0, 20): 50}))
    assert ends[0] is ACK
    assert ends[1] is None


class NotAllowed(Protocol):
    """p1 may not read."""

    name = "not-allowed"

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        return [Region("x", 2, Permission(readwrite=(0,)))]

    async def propose(self, value: Value) -> None:
        memory = ReplicatedMemory(self.process)
        outcome = await memory.write("x", 1, "v")
        self.process.decide([outcome, await memory.read("x", 1), await memory.read_region("x")])


def test_who_has_no_permission_sees_nothing() -> None:
    assert together(NotAllowed, Constant()) == {0: [ACK, "v", (None, "v")], 1: [NAK, None, NAK]}


def test_a_region_is_read_register_by_register_from_a_majority() -> None:
    class Disagreeing(NotAllowed):
        async def propose(self, value: Value) -> None:
            for m in self.process.memories if self.process.id == 0 else ():
                await self.process.write(m, "x", 0, f"for m{m}")  # a writer that equivocates
                await self.process.write(m, "x", 1, "for all")
            self.process.decide(await ReplicatedMemory(self.process).read_region("x"))

    assert together(Disagreeing, Constant())[0] == (None, "for all")
