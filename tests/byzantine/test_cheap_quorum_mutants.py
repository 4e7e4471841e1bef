"""The classical mistakes of Cheap Quorum, each caught by the checks under some attack."""

from __future__ import annotations

import random
from typing import Any

import pytest

from rayrdma.faults.byzantine.cheap_quorum import CopiesForgery, FakesPanic, LeaderOverwrites, LeaderSplits, Revokes
from rayrdma.model.permissions import Permission
from rayrdma.model.regions import Value
from rayrdma.protocols.cheap_quorum import (
    COPY,
    LEADERS,
    PANIC,
    PROOF,
    UNANIMITY,
    VALUE,
    CheapQuorum,
    Copy,
    Evidence,
    Panic,
    Proof,
)

from .attacks import attack, fitting
from .mutants import Mutant
from .test_cheap_quorum import faults


class NeverRevokes(CheapQuorum):
    async def panic(self, value: Value) -> None:
        await self.memory.write(self.own, PANIC, Panic())
        await self.finish(value)

    async def finish(self, value: Value) -> None:
        """The rest of panic mode."""
        if self.copy is not None:
            return await self.abort(self.copy.signed.value.value, Evidence(self.copy.signed.value, self.proof))
        leaders = await self.memory.read(LEADERS, 0)
        if leaders is not None and self.leader_signed(leaders):
            return await self.abort(leaders.value, Evidence(leaders, None))
        return await self.abort(value, Evidence(None, None))


class ReadsBeforeItRevokes(CheapQuorum):
    async def panic(self, value: Value) -> None:
        await self.memory.write(self.own, PANIC, Panic())
        leaders = await self.memory.read(LEADERS, 0)
        await self.memory.change_permission(LEADERS, Permission(read=range(self.process.n)))
        if self.copy is not None:
            return await self.abort(self.copy.signed.value.value, Evidence(self.copy.signed.value, self.proof))
        if leaders is not None and self.leader_signed(leaders):
            return await self.abort(leaders.value, Evidence(leaders, None))
        return await self.abort(value, Evidence(None, None))


class DecidesWithoutAck(CheapQuorum):
    async def lead(self, value: Value) -> bool:
        await self.memory.write(LEADERS, 0, self.process.sign("VAL", value))
        self.process.decide(value)
        return True


class DecidesByItsOwnProof(CheapQuorum):
    def proves(self, owner: int, proof: Any) -> bool:
        return True


class MajorityInsteadOfUnanimity(CheapQuorum):
    """Copies of a majority make a proof, and proofs of a majority a decision."""

    async def follow(self) -> bool:
        watch = self.process.watch()
        most = self.process.n // 2
        while True:
            leaders, owned = await self.look()
            if any(registers[PANIC] is not None for registers in owned):
                return False
            copies = [registers[VALUE].signed for registers in owned if isinstance(registers[VALUE], Copy)]
            if self.copy is None:
                if leaders is not None and self.leader_signed(leaders):
                    self.copy = Copy(self.process.sign(COPY, leaders))
                    await self.memory.write(self.own, VALUE, self.copy)
                    continue
            elif self.proof is None and len(copies) > most:
                self.proof = Proof(self.process.sign(UNANIMITY, tuple(copies)))
                await self.memory.write(self.own, PROOF, self.proof)
                continue
            elif sum(isinstance(registers[PROOF], Proof) for registers in owned) > most:
                if not self.process.decided:
                    self.process.decide(self.copy.signed.value.value)
                return True
            await watch.changed()


class PrefersTheLeadersRegister(CheapQuorum):
    async def panic(self, value: Value) -> None:
        await self.memory.write(self.own, PANIC, Panic())
        await self.memory.change_permission(LEADERS, Permission(read=range(self.process.n)))
        leaders = await self.memory.read(LEADERS, 0)
        if leaders is not None and self.leader_signed(leaders):
            proof = self.proof if self.copy is not None and self.copy.signed.value == leaders else None
            return await self.abort(leaders.value, Evidence(leaders, proof))
        if self.copy is not None:
            return await self.abort(self.copy.signed.value.value, Evidence(self.copy.signed.value, self.proof))
        return await self.abort(value, Evidence(None, None))


class BelievesAnyCopy(CheapQuorum):
    def copies(self, copy: Any, owner: int) -> bool:
        return True


class BelievesAnySignature(CheapQuorum):
    def leader_signed(self, signed: Any) -> bool:
        return signed is not None


class CopiesAgain(CheapQuorum):
    """It follows the leader's register when that changes."""

    async def look(self) -> Any:
        leaders, owned = await super().look()
        changed = leaders is not None and self.copy is not None and leaders != self.copy.signed.value
        if changed and self.leader_signed(leaders):
            self.copy = self.proof = None
        return leaders, owned


MUTANTS = (
    Mutant(NeverRevokes, (FakesPanic,), 3000),
    Mutant(ReadsBeforeItRevokes, (FakesPanic,), 6000),
    Mutant(DecidesWithoutAck, (Revokes, FakesPanic), 1000),
    Mutant(DecidesByItsOwnProof, (), 500),
    Mutant(MajorityInsteadOfUnanimity, (), 500),
    Mutant(PrefersTheLeadersRegister, (LeaderOverwrites, LeaderSplits), 3000),
    Mutant(BelievesAnyCopy, (CopiesForgery,), 3000),
    Mutant(CopiesAgain, (LeaderOverwrites,), 3000),
)
HARMLESS = ((Mutant(BelievesAnySignature, (), 1000), "only the leader can write its register, and could have signed"),)


def first_caught(mutant: Mutant) -> tuple[int, str] | None:
    """The first schedule in which a check says something, and what."""
    for seed in range(mutant.budget):
        behaviour = random.Random(seed).choice(mutant.by or fitting(CheapQuorum))
        outcome = attack(mutant.protocol, 3, 3, seed, faults(seed, 3, 3, [behaviour]))
        if outcome.violations():
            return seed, str(outcome.violations()[0])
    return None


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mistake_is_caught(mutant: Mutant) -> None:
    caught = first_caught(mutant)
    print(f"{mutant}: caught in schedule {caught}")
    assert caught is not None


@pytest.mark.parametrize(("mutant", "argument"), HARMLESS, ids=str)
def test_what_is_harmless_is_let_be(mutant: Mutant, argument: str) -> None:
    assert argument
    assert first_caught(mutant) is None
