"""A simulator that has the model wrong is found out, whatever runs on it."""

from __future__ import annotations

import random

import pytest

from rayrdma.model.outcomes import ACK
from rayrdma.model.permissions import Permission, exclusive_write_to_caller, exclusive_writer
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Region, Value
from rayrdma.protocols import DiskPaxos, Paxos, ProtectedMemoryPaxos
from rayrdma.simulator.kernel import Kernel
from rayrdma.simulator.schedule import Constant
from tests.fuzz import Run, random_crashes, run

from .engines import (
    BlindReads,
    DeadMemoriesAnswer,
    DeadMemoriesWork,
    DeadProcessesGoOn,
    FreeChangePermission,
    LinksRepeat,
    LosesEffectsOfTheDead,
    ManyOutstanding,
    NakWrites,
    PermissionAtIssue,
    PolicyAtCaller,
)


def fuzz(engine: type[Kernel], protocol: type[Protocol], seed: int) -> Run:
    """One adversarial run with crashes of one process and one memory."""
    m = 3 if protocol.needs_memories else 0
    faults = random_crashes(random.Random(seed), 3, m, 1, 1 if m else 0)
    return run(protocol, 3, m, seed, faults, engine=engine)


@pytest.mark.parametrize(
    ("engine", "protocol", "check", "budget"),
    [
        (PermissionAtIssue, ProtectedMemoryPaxos, "permission at effect", 50),
        (NakWrites, ProtectedMemoryPaxos, "registers", 50),
        (FreeChangePermission, ProtectedMemoryPaxos, "delays", 20),
        (BlindReads, DiskPaxos, "registers", 5),
        (DeadMemoriesAnswer, DiskPaxos, "one outstanding operation", 20),
        (DeadMemoriesWork, DiskPaxos, "silent after crash", 20),
        (DeadProcessesGoOn, DiskPaxos, "silent after crash", 20),
        (LinksRepeat, Paxos, "links", 5),
        (ManyOutstanding, ProtectedMemoryPaxos, "one outstanding operation", 50),
    ],
    ids=lambda value: getattr(value, "__name__", None),
)
def test_a_wrong_model_is_found_out(engine: type[Kernel], protocol: type[Protocol], check: str, budget: int) -> None:
    found = {violation.check for seed in range(budget) for violation in fuzz(engine, protocol, seed).violations()}
    assert check in found
    assert not any(fuzz(Kernel, protocol, seed).violations() for seed in range(budget)), "the right one is let be"


def test_permission_at_issue_destroys_agreement() -> None:
    """The classical mistake about permissions is no matter of taste: two values get decided."""
    assert any(
        violation.check == "agreement"
        for seed in range(300)
        for violation in run(ProtectedMemoryPaxos, 3, 3, seed, engine=PermissionAtIssue).violations()
    )


class Grab(Protocol):
    """p1 asks for what the policy does not give, and then writes where it should not."""

    name = "grab"

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        return [Region("r", 1, exclusive_writer(0, n), legal_change=exclusive_write_to_caller)]

    async def propose(self, value: Value) -> None:
        if self.process.id == 1:
            await self.process.change_permission(0, "r", Permission(readwrite=(1,)))
        self.process.decide("v0" if await self.process.write(0, "r", 0, "x") is ACK else "v1")


def test_a_policy_that_is_evaluated_by_the_caller_is_found_out() -> None:
    honest, wrong = (run(Grab, 2, 1, 0, by=Constant(), engine=engine) for engine in (Kernel, PolicyAtCaller))
    assert [decided.value for decided in honest.observation.decisions] == ["v0", "v1"]
    assert [decided.value for decided in wrong.observation.decisions] == ["v0", "v0"]
    assert "permission at effect" in {violation.check for violation in wrong.violations()}
    assert {violation.check for violation in honest.violations()} == {"agreement"}, "that is all that is wrong with it"


def test_losing_the_effects_of_the_dead_is_a_gentler_adversary_only() -> None:
    """It violates nothing: a crash just before the operation looks the same. That the kernel does let them happen
    is held by `test_kernel`; a simulator without them would never try the runs that they make possible.
    """
    differ = 0
    for seed in range(300):
        gentle = fuzz(LosesEffectsOfTheDead, ProtectedMemoryPaxos, seed)
        assert not gentle.violations(), gentle
        assert gentle.decided(), gentle
        differ += gentle.kernel.trace != fuzz(Kernel, ProtectedMemoryPaxos, seed).kernel.trace
    assert differ > 30
