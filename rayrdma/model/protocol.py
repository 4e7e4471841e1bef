"""What a protocol is: regions, message types, and one coroutine over a `Process`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import ClassVar

from .process import Process
from .regions import Record, Region, Value


class Protocol(ABC):
    """One process's side of an agreement protocol. Subclass it; the library needs no change.

    An engine makes one object per process and instance and awaits `propose` once.

    Attributes:
        name: what the command line calls it.
        messages: the types of the messages that it sends; nothing else is decoded from a peer.
        needs_memories: whether it makes no sense without a memory.
    """

    name: ClassVar[str]
    messages: ClassVar[tuple[type[Record], ...]] = ()
    needs_memories: ClassVar[bool] = True

    def __init__(self, process: Process) -> None:
        self.process = process

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        """The regions of every memory, for ``n`` processes."""
        return []

    @abstractmethod
    async def propose(self, value: Value) -> None:
        """Propose ``value``; return once this process has called ``self.process.decide``."""
