"""Preferential Paxos (P19, section 4.3): Robust Backup(Paxos) that prefers inputs with better evidence.

Assumes: what Robust Backup(Paxos) assumes, of which it is an instance: n >= 2 f_P + 1.

Claims: weak Byzantine agreement, and the *priority decision lemma*: order all inputs by their class; the decision is
one of the first f_P+1. For every process waits for n - f_P inputs, so that it misses f_P of them at most.

The set-up phase is a part of the protocol that the backup runs, not something done before it: so what a process adopts
is held against what it has received, and a liar can not have Paxos propose what it likes.

Invariants, among correct processes: those of Robust Backup(Paxos), and
    P1  the set-up message of a process is one (I1).
    P2  what is adopted is among the first f_P+1 inputs.
"""

from __future__ import annotations

from rayrdma.model.process import Process
from rayrdma.model.regions import ENCODE, Record, Value

from .broadcast import tolerated
from .cheap_quorum import Evidence, is_a_copy, is_the_leaders
from .paxos import Paxos
from .robust_backup import RobustBackup
from .sizes import VALUE_BYTES, check_fits, fits

TOP, MIDDLE, BOTTOM = 2, 1, 0
"""The classes: a proof of unanimity; the leader's signature; anything else."""


class Preference(Record, frozen=True):
    """A value, and what shows that it may have been decided."""

    value: Value
    evidence: Evidence


class SetUp(Record, frozen=True):
    """This is my input."""

    preference: Preference


def priority(process: Process, preference: Preference) -> int:
    """The class of an input. Its receiver finds that out; nothing that is said about it counts."""
    value = ENCODE(preference.value)
    proof, leaders = preference.evidence.proof, preference.evidence.leaders
    copies = proof.signed.value if proof is not None else ()
    # A copy holds the leader's signature too.
    signed = [found for found in (leaders, *(copy.value for copy in copies)) if found is not None]
    if not any(ENCODE(found.value) == value and is_the_leaders(process, found) for found in signed):
        return BOTTOM
    unanimous = len(copies) == process.n and all(
        ENCODE(copy.value.value) == value and is_a_copy(process, copy, owner) for owner, copy in enumerate(copies)
    )
    return TOP if unanimous else MIDDLE


class PriorityPaxos(Paxos):
    """Paxos on the best of n - f inputs. Alone it tolerates crashes; it is meant for `RobustBackup`."""

    name = "priority-paxos"
    messages = (*Paxos.messages, SetUp)

    async def lead(self, preference: Preference) -> None:
        self.process.broadcast(SetUp(preference))
        await super().lead(await self.adopt())

    async def adopt(self) -> Value:
        """The input of the highest class among those of n - f processes; of equal ones that of the least process."""
        process = self.process
        need = self.inputs_needed()
        best: tuple[int, int, Preference] | None = None
        for _ in range(need):
            sender, message = await process.receive(SetUp, quorum=need)
            found = (self.rank(message.preference), -sender, message.preference)
            best = found if best is None else max(best, found, key=lambda each: each[:2])
        assert best is not None
        process.note("adopt", best[2])
        return best[2].value

    def inputs_needed(self) -> int:
        """How many inputs to wait for: those of Byzantine processes may never come."""
        return self.process.n - tolerated(self.process.n)

    def rank(self, preference: Preference) -> int:
        """The class of an input."""
        return priority(self.process, preference)


class PreferentialPaxos(RobustBackup):
    """One process of Preferential Paxos. An input that comes without evidence is of the lowest class."""

    name = "preferential-paxos"
    of = PriorityPaxos
    inputs = Preference

    def acceptable(self, value: Preference) -> bool:
        return fits(value.value) and fits(value, VALUE_BYTES * 2 * (self.process.n + 2))

    async def propose(self, value: Value) -> None:
        check_fits(value)
        await self.run(Preference(value, Evidence(leaders=None, proof=None)))
