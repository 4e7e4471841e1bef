"""One reliable register out of m >= 2 f_M + 1 memories (P19, section 4: "treat all memories the same").

Every operation goes to all memories and completes with the first majority of responses. Any two majorities
share a memory, so a read that starts after the completed write of a correct single writer sees it: a *regular*
register, if it is written once. It is not atomic: of two readers during the write, the later one may still see
nothing. Once it is written again, a read may meet both values, and then returns None: use one register a value.
"""

from __future__ import annotations

from typing import Any

from .outcomes import NAK, Nak, Outcome
from .permissions import Permission
from .process import Process
from .quorums import majority


class ReplicatedMemory:
    """The memories of a process as one memory that does not fail, if a majority of them lives."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.quorum = majority(len(process.memories))

    async def write(self, region: str, register: int, value: Any) -> Outcome:
        """Write everywhere. ACK: a majority holds it. NAK: *unknown*; it may stand at any number of memories."""
        return await self.process.write_each(region, register, value, need=self.quorum)

    async def read(self, region: str, register: int) -> Any:
        """The one value among a majority's answers, else None (never written, or a writer that equivocates)."""
        process = self.process
        reads = [process.read(memory, region, register) for memory in process.memories]
        answers = await process.first(self.quorum, reads)
        return _only(answers)

    async def copies(self, region: str) -> list[tuple[Any, ...]]:
        """What a majority of memories holds of a region, a tuple each, for values that prove themselves.

        One of them has what a correct writer had completed before. The region's readers must not change.
        """
        process = self.process
        reads = [process.read_region(memory, region) for memory in process.memories]
        answers: list[Any] = await process.first(self.quorum, reads)
        assert not any(answer is NAK for answer in answers), "everybody may read this for ever"
        return answers

    async def read_region(self, region: str) -> tuple[Any, ...] | Nak:
        """`read` of every register of a region, in one operation a memory; NAK if any of them refused."""
        process = self.process
        reads = [process.read_region(memory, region) for memory in process.memories]
        answers = await process.first(self.quorum, reads)
        if any(answer is NAK for answer in answers):
            return NAK
        return tuple(_only(list(copies)) for copies in zip(*answers, strict=True))

    async def change_permission(self, region: str, permission: Permission) -> None:
        """Ask every memory. A read issued after it follows the change on each memory, for operations of one
        process on one memory take effect in the order of issue: the revoke-then-read lemma needs that."""
        process = self.process
        changes = [process.change_permission(memory, region, permission) for memory in process.memories]
        await process.first(self.quorum, changes)


def _only(answers: list[Any]) -> Any:
    values = [answer for answer in answers if answer is not None and answer is not NAK]
    return values[0] if values and all(value == values[0] for value in values) else None
