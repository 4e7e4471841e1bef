"""Attacks on Cheap Quorum: what a leader (L) and what a follower (F) can do wrong (P19, section 4.2)."""

from __future__ import annotations

from abc import abstractmethod
from typing import Any

from rayrdma.faults.behaviour import Behaviour, Facade
from rayrdma.model.outcomes import NAK
from rayrdma.model.permissions import Permission
from rayrdma.model.regions import Value
from rayrdma.model.signatures import Signed
from rayrdma.protocols.cheap_quorum import (
    COPY,
    EVERYTHING,
    LEADER,
    LEADERS,
    PANIC,
    PROOF,
    UNANIMITY,
    VAL,
    VALUE,
    CheapQuorum,
    Copy,
    Panic,
    Proof,
    own_region,
)

from .generic import ANOTHER


class Attacker(Behaviour):
    """What these attacks have in common: they write where they like, and half of them follow honestly besides."""

    leads = False
    attacks = (CheapQuorum,)

    async def run(self, value: Value) -> None:
        protocol = self.protocol
        assert issubclass(protocol, CheapQuorum)
        if self.rng.random() < 0.5:
            facade = Facade(self.process)
            facade.start(protocol(facade).follow())
        await self.attack(value)
        await self.process.event()

    @abstractmethod
    async def attack(self, value: Value) -> None:
        """Do it."""

    def put(self, region: str, register: int, *values: Any) -> None:
        """Write values to all memories; if there are two, each to a half, and the halves are the plan's."""
        half = self.plan.half(len(self.process.memories), "memories")
        for memory in self.process.memories:
            self.process.write(memory, region, register, values[memory in half if len(values) > 1 else 0])

    def put_own(self, register: int, *values: Any) -> None:
        """Likewise, to this process's own region."""
        self.put(own_region(self.process.id), register, *values)

    def signed(self, value: Value) -> Signed[Value]:
        """A leader's signature; another process can only claim it."""
        if self.process.id == LEADER:
            return self.process.sign(VAL, value)
        return Signed(LEADER, VAL, value, bytes(64))

    def copy(self, leaders: Signed[Value]) -> Copy:
        """A copy of anything."""
        return Copy(self.process.sign(COPY, leaders))

    async def a_while(self) -> None:
        """Some time, of a length that no schedule knows."""
        await self.process.sleep(self.rng.randrange(1, 40))

    async def look(self) -> list[Any]:
        """All registers, as the first memory that answers has them."""
        process = self.process
        reads = [process.read_region(memory, EVERYTHING) for memory in process.memories]
        (found,) = await process.first(1, reads)
        return [] if found is NAK else list(found)

    async def prove(self, looks: int) -> None:
        """Once all have copied something, whatever it is, show a proof of it."""
        for _ in range(looks):
            await self.a_while()
            copies = (await self.look())[1 + VALUE :: 3]
            if copies and all(isinstance(copy, Copy) for copy in copies):
                return self.put_own(PROOF, Proof(self.process.sign(UNANIMITY, tuple(copy.signed for copy in copies))))

    async def seen(self) -> Signed[Value] | None:
        """The leader's value, waited for a few times."""
        for _ in range(8):
            found = await self.look()
            if found and found[0] is not None:
                leaders: Signed[Value] = found[0]
                return leaders
            await self.process.sleep(3)
        return None


class LeaderSplits(Attacker):
    """L1: two signed values, on two halves of the memories, each copied there too."""

    name = "leader-splits"
    leads = True

    async def attack(self, value: Value) -> None:
        one, other = self.signed(value), self.signed(ANOTHER)
        self.put(LEADERS, 0, one, other)
        await self.a_while()
        self.put_own(VALUE, self.copy(one), self.copy(other))


class LeaderOverwrites(Attacker):
    """L2: one signed value, and after a while another one over it; its own copy and its proof likewise."""

    name = "leader-overwrites"
    leads = True

    async def attack(self, value: Value) -> None:
        for proposed in (value, ANOTHER):
            leaders = self.signed(proposed)
            self.put(LEADERS, 0, leaders)
            self.put_own(VALUE, self.copy(leaders))
            await self.prove(self.rng.choice((1, 6)))


class LeaderWritesFew(Attacker):
    """L3: the value reaches a minority of the memories."""

    name = "leader-writes-few"
    leads = True

    async def attack(self, value: Value) -> None:
        leaders = self.signed(value)
        for memory in range((len(self.process.memories) - 1) // 2):
            self.process.write(memory, LEADERS, 0, leaders)
        self.put_own(VALUE, self.copy(leaders))


class LeaderOnlySigns(Attacker):
    """L4: nothing is written as the leader's value, but copies of two signed ones appear."""

    name = "leader-only-signs"
    leads = True

    async def attack(self, value: Value) -> None:
        self.put_own(VALUE, self.copy(self.signed(value)), self.copy(self.signed(ANOTHER)))


class LeaderPanics(Attacker):
    """L6: a value, and panic at once."""

    name = "leader-panics"
    leads = True

    async def attack(self, value: Value) -> None:
        self.put(LEADERS, 0, self.signed(value))
        self.put_own(PANIC, Panic())


class CopiesForgery(Attacker):
    """F1: a copy of a value that the leader never signed, or of one that it did sign, in somebody else's name."""

    name = "copies-forgery"

    async def attack(self, value: Value) -> None:
        leaders = await self.seen()
        if leaders is None or self.rng.random() < 0.5:
            self.put_own(VALUE, self.copy(Signed(LEADER, VAL, ANOTHER, bytes(64))))
        else:
            own = self.process.sign(COPY, leaders)
            other = Signed((self.process.id + 1) % self.process.n, COPY, leaders, own.signature)
            self.put_own(VALUE, Copy(self.rng.choice((other, Signed(own.signer, COPY, leaders, bytes(64))))))
        await self.prove(8)


class CopiesTwice(Attacker):
    """F2: different copies over memories, and over time."""

    name = "copies-twice"

    async def attack(self, value: Value) -> None:
        leaders = await self.seen() or self.signed(value)
        forged = self.copy(self.signed(ANOTHER))
        self.put_own(VALUE, self.copy(leaders), forged)
        await self.a_while()
        self.put_own(VALUE, forged, self.copy(leaders))


class FakesPanic(Attacker):
    """F4: panic, for no reason, at any time."""

    name = "fakes-panic"

    async def attack(self, value: Value) -> None:
        await self.a_while()
        self.put_own(PANIC, Panic())


class Revokes(Attacker):
    """F5: takes the leader's permission away on any number of memories, at any time, and tells nobody."""

    name = "revokes"

    async def attack(self, value: Value) -> None:
        if self.rng.random() < 0.5:
            await self.a_while()
        for memory in self.process.memories:
            if self.rng.random() < 0.6:
                self.process.change_permission(memory, LEADERS, Permission(read=range(self.process.n)))


class ForgesProof(Attacker):
    """F6: proofs of unanimity with its own copy under everybody's name, with too few, and for another value."""

    name = "forges-proof"

    async def attack(self, value: Value) -> None:
        leaders = await self.seen() or self.signed(value)
        own = self.copy(leaders)
        self.put_own(VALUE, own)
        other = self.copy(self.signed(ANOTHER))
        named = [Signed(signer, COPY, leaders, own.signed.signature) for signer in range(self.process.n)]
        claims = [(own.signed,) * self.process.n, (own.signed,), tuple(named), (other.signed,) * self.process.n, ()]
        for copies in self.rng.sample(claims, 3):
            self.put_own(PROOF, Proof(self.process.sign(UNANIMITY, copies)))
            await self.a_while()


class ReplaysProof(Attacker):
    """F7: copies and proofs of an older instance, its own and others', as they stood in memory then."""

    name = "replays-proof"

    async def attack(self, value: Value) -> None:
        for old in self.plan.kept[-8:]:
            if isinstance(old, Signed):
                self.put(LEADERS, 0, old)
            else:
                self.put_own(VALUE if isinstance(old, Copy) else PROOF, old)
            await self.a_while()
        for _ in range(4):
            for found in await self.look():
                if isinstance(found, Signed | Copy | Proof):
                    self.plan.keep(found)
            await self.a_while()


ON_CHEAP_QUORUM: tuple[type[Behaviour], ...] = (
    LeaderSplits,
    LeaderOverwrites,
    LeaderWritesFew,
    LeaderOnlySigns,
    LeaderPanics,
    CopiesForgery,
    CopiesTwice,
    FakesPanic,
    Revokes,
    ForgesProof,
    ReplaysProof,
)
