"""The classical mistakes of Cheap Quorum, and one that looks like a mistake and is none."""

from __future__ import annotations

from typing import Any

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

from .mutant import derived


class NeverRevokes(CheapQuorum):
    """It panics without revoking."""

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
    """It reads the leader's register before it revokes."""

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
    """It decides without an ack."""

    async def lead(self, value: Value) -> bool:
        await self.memory.write(LEADERS, 0, self.process.sign("VAL", value))
        self.process.decide(value)
        return True


class DecidesByItsOwnProof(CheapQuorum):
    """It believes any proof."""

    def proves(self, owner: int, proof: Any) -> bool:
        return True


class MajorityInsteadOfUnanimity(CheapQuorum):
    """It takes copies of a majority for a proof, and proofs of a majority for a decision."""

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
    """It prefers the leader's register to its own copy."""

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
    """It believes any copy."""

    def copies(self, copy: Any, owner: int) -> bool:
        return True


class BelievesAnySignature(CheapQuorum):
    """It does not look who signed what stands in the leader's register."""

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


MUTANTS = [
    derived(CheapQuorum, wrong, shows)
    for wrong, shows in (
        (NeverRevokes, "A2"),
        (ReadsBeforeItRevokes, "A2"),
        (DecidesWithoutAck, "A2"),
        (DecidesByItsOwnProof, "A3"),
        (MajorityInsteadOfUnanimity, "A3"),
        (PrefersTheLeadersRegister, "A2 A3"),
        (BelievesAnyCopy, "A3"),
        (CopiesAgain, "A2 A3"),
    )
]
HARMLESS = [
    derived(CheapQuorum, BelievesAnySignature, harmless="only the leader can write its register, and could have signed")
]
