"""Cheap Quorum (P19, section 4.2): a Byzantine fast path that decides in two delays with one signature, or aborts.

Assumes: Byzantine processes, n >= 2 f_P + 1; memories crash, m >= 2 f_M + 1; signatures; permissions that anybody may
revoke from the leader and nobody can give back. Time-outs only decide when to abort.

Claims: in the common case process 0 decides after one write (2 delays) and one signature, and everybody else
later. Decisions agree; and if somebody decided, whoever aborts does so with the decided value, and with a proof of
it if a follower decided. It is no consensus: everybody may abort.

Invariants, among correct processes:
    A1  decisions are equal.
    A2  who aborts while somebody decides, aborts with the decided value.
    A3  if a follower decided, everybody who aborts holds a valid unanimity proof.
    A4  all valid unanimity proofs that were ever written are for one value.
    A5  no write to the leader's region that is issued after a revocation completed is acked by a majority.
    A6  the leader's write permission never comes back.
"""

from __future__ import annotations

from typing import Any, ClassVar

from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import Permission, exclusive_writer, one_writer
from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import ENCODE, Record, Region, Value, view
from rayrdma.model.replicated import ReplicatedMemory
from rayrdma.model.signatures import Signed
from rayrdma.model.tasks import Completion

from .sizes import VALUE_BYTES, check_fits, fits

LEADER = 0
LEADERS, EVERYTHING = "leaders-value", "everything"
VALUE, PANIC, PROOF = range(3)
"""The registers of every process's own region."""
VAL, COPY, UNANIMITY = "VAL", "COPY", "UNANIMITY"
"""The roles of signatures."""


class Copy(Record, frozen=True):
    """What a follower saw of the leader: the leader's signed value, signed once more."""

    signed: Signed[Signed[Value]]


class Panic(Record, frozen=True):
    """I have left the fast path."""


class Proof(Record, frozen=True):
    """The copies of all processes, signed by who collected them."""

    signed: Signed[tuple[Signed[Signed[Value]], ...]]


class Evidence(Record, frozen=True):
    """What an abort value is worth to others: the leader's signature, and a unanimity proof if there is one."""

    leaders: Signed[Value] | None
    proof: Proof | None


@one_writer
def revoke_only(process: int, region: str, old: Permission, new: Permission) -> bool:
    """Anybody may take the leader's write permission away; nobody can get it, not even the leader again."""
    return new == Permission(read=old.readers | old.write)


def own_region(process: int) -> str:
    """The name of the region that only this process writes."""
    return f"own-{process}"


class Aborted(Completion[Value]):
    """The end of a process that aborted: there is nothing that it waits for."""

    __slots__ = ("value",)

    def waiting_for(self) -> str:
        return f"nothing: it aborted with {self.value!r}"


class CheapQuorum(Protocol):
    """One process of Cheap Quorum.

    Attributes:
        patience: delays, or milliseconds, that it waits for the fast path; then it panics.
        copy: what it has written to its register ``VALUE``, if anything; ``proof``: likewise.
    """

    name = "cheap-quorum"
    messages = ()
    elects = False
    byzantine = True
    goes_on = True
    patience: ClassVar[float] = 96

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.memory = ReplicatedMemory(process)
        self.own = own_region(process.id)
        self.copy: Copy | None = None
        self.proof: Proof | None = None

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        """The leader's region, every process's own, and a view of all of them, to look at in one operation."""
        leaders = Region(
            LEADERS,
            registers=1,
            of=Signed[Value],
            permission=exclusive_writer(LEADER, n),
            legal_change=revoke_only,
            register_bytes=VALUE_BYTES + 128,
        )
        owns = [
            Region(
                own_region(process),
                registers=3,
                of=Copy | Panic | Proof,
                permission=exclusive_writer(process, n),
                register_bytes=n * (VALUE_BYTES + 256) + 128,
            )
            for process in range(n)
        ]
        return [leaders, *owns, view(EVERYTHING, [leaders, *owns])]

    async def propose(self, value: Value) -> None:
        check_fits(value)
        process = self.process
        if process.id == LEADER and not await self.lead(value):
            return await self.panic(value)
        # The leader is a follower too. Whoever has decided goes on watching: others may need to know that it panics.
        if await process.race(self.follow(), self.lose_patience()):
            await self.watch_for_panic()
        return await self.panic(value)

    async def lead(self, value: Value) -> bool:
        """One write. Its ack says that nobody had revoked the permission: whoever does so later will read it."""
        signed = self.process.sign(VAL, value)
        if await self.memory.write(LEADERS, 0, signed) is not ACK:
            return False
        self.process.decide(value)
        return True

    async def lose_patience(self) -> bool:
        """Give the fast path some time; False is what `follow` returns when it fails."""
        await self.process.sleep(self.patience)
        return False

    async def follow(self) -> bool:
        """Copy, prove unanimity, decide. False: somebody panics."""
        process = self.process
        watch = process.watch()
        while True:
            leaders, owned = await self.look()
            if any(isinstance(registers[PANIC], Panic) for registers in owned):
                return False
            if self.copy is None:
                if leaders is not None and self.leader_signed(leaders):
                    # It stands in a variable before it can stand in memory: an abort tells of it in any case.
                    self.copy = Copy(process.sign(COPY, leaders))
                    await self.memory.write(self.own, VALUE, self.copy)
                    continue
            elif self.proof is None:
                copies = [registers[VALUE] for registers in owned]
                if self.unanimous(copies):
                    signed = process.sign(UNANIMITY, tuple(copy.signed for copy in copies))
                    self.proof = Proof(signed)
                    await self.memory.write(self.own, PROOF, self.proof)
                    continue
            elif all(self.proves(owner, registers[PROOF]) for owner, registers in enumerate(owned)):
                # Every correct process holds a proof now, and will show it if it aborts.
                if not process.decided:
                    process.decide(self.copy.signed.value.value)
                return True
            await watch.changed()

    async def watch_for_panic(self) -> None:
        """Until somebody panics. Who decided must join a backup then, or it would lack participants."""
        watch = self.process.watch()
        while True:
            _, owned = await self.look()
            if any(isinstance(registers[PANIC], Panic) for registers in owned):
                return
            await watch.changed()

    async def panic(self, value: Value) -> None:
        """Leave the fast path with the value that a backup has to stay with, if anybody decided one."""
        process = self.process
        await self.memory.write(self.own, PANIC, Panic())
        # Revoke first, then read: an acked write of the leader came before the revocation at some memory of any two
        # majorities, so the read after it sees that write. Read first, and the write may slip in between.
        await self.memory.change_permission(LEADERS, Permission(read=range(process.n)))
        if self.copy is not None:
            leaders = self.copy.signed.value
            return await self.abort(leaders.value, Evidence(leaders, self.proof))
        leaders = await self.memory.read(LEADERS, 0)
        if leaders is not None and self.leader_signed(leaders):
            return await self.abort(leaders.value, Evidence(leaders, None))
        return await self.abort(value, Evidence(None, None))

    async def abort(self, value: Value, evidence: Evidence) -> None:
        """The end. (A composition goes on with a backup here.)"""
        self.process.note("abort", (value, evidence))
        self.settled = True
        aborted = Aborted(self.process)
        aborted.value = value
        await aborted

    async def look(self) -> tuple[Any, list[tuple[Any, ...]]]:
        """The leader's register, and every process's own three, of a majority of memories, in one operation each."""
        found = await self.memory.read_region(EVERYTHING)
        assert found is not NAK, "everybody may read everything, for ever"
        registers = [found[1 + 3 * process : 4 + 3 * process] for process in range(self.process.n)]
        return found[0], registers

    def leader_signed(self, signed: Any) -> bool:
        """Whether the leader signed this as its value in this instance."""
        return isinstance(signed, Signed) and is_the_leaders(self.process, signed)

    def copies(self, copy: Signed[Signed[Value]], owner: int) -> bool:
        """Whether ``owner`` copied something that the leader signed."""
        return is_a_copy(self.process, copy, owner)

    def unanimous(self, copies: list[Any]) -> bool:
        """Whether all processes copied the value that this one copied."""
        assert self.copy is not None
        value = ENCODE(self.copy.signed.value.value)
        return all(
            isinstance(copy, Copy) and ENCODE(copy.signed.value.value) == value and self.copies(copy.signed, owner)
            for owner, copy in enumerate(copies)
        )

    def proves(self, owner: int, proof: Any) -> bool:
        """Whether ``owner`` has shown a unanimity proof for the value that this process copied."""
        if (
            not isinstance(proof, Proof)
            or proof.signed.signer != owner
            or not self.process.valid(UNANIMITY, proof.signed)
        ):
            return False
        return len(proof.signed.value) == self.process.n and self.unanimous([Copy(copy) for copy in proof.signed.value])


def is_the_leaders(process: Process, signed: Signed[Value]) -> bool:
    """Whether the leader signed this as its value in this instance, and it is no longer than a value may be."""
    return signed.signer == LEADER and fits(signed.value) and process.valid(VAL, signed)


def is_a_copy(process: Process, copy: Signed[Signed[Value]], owner: int) -> bool:
    """Whether ``owner`` signed this as its copy of something that the leader signed."""
    return copy.signer == owner and process.valid(COPY, copy) and is_the_leaders(process, copy.value)
