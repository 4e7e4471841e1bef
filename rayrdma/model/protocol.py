"""What a protocol is: regions, message types, and one coroutine over a `Process`."""

from __future__ import annotations

from abc import ABC, abstractmethod
from functools import cache, reduce
from operator import or_
from typing import Any, ClassVar

import msgspec

from .errors import ProtocolError, RayrdmaError
from .process import Process
from .regions import UNREADABLE, Record, Region, Value, read
from .tasks import describe


class Protocol(ABC):
    """One process's side of an agreement protocol. Subclass it; the library needs no change.

    An engine makes one object per process and instance and awaits `propose` once.

    Attributes:
        name: what the command line calls it.
        messages: the types of the messages that it sends; nothing else is decoded from a peer.
        needs_memories: whether it makes no sense without a memory.
        needs_graph: whether each process has a memory of its own, which only its neighbours in a shared-memory graph
            reach; without a graph everybody is everybody's neighbour.
        needs_resilience: whether it has to know how many crashes the graph tolerates, for it waits for n - f answers.
        binary: whether it decides 0 or 1, and nothing else can be proposed.
        elects: whether it asks the failure detector Omega for a leader.
        byzantine: whether it promises anything if processes are Byzantine.
        goes_on: whether its processes go on after their decision, for the others: then a round is over when all that
            are correct have decided or are ``settled``.
        settled: whether this process will never decide, and knows it.
        rounds_taken: how many rounds of a randomised protocol this process has begun; 0: it counts none.
        usual_processes: how many processes a run has if nobody says: the fewest that tolerate one fault.
    """

    name: ClassVar[str]
    messages: ClassVar[tuple[type[Record], ...]] = ()
    needs_memories: ClassVar[bool] = True
    needs_graph: ClassVar[bool] = False
    needs_resilience: ClassVar[bool] = False
    binary: ClassVar[bool] = False
    elects: ClassVar[bool] = True
    byzantine: ClassVar[bool] = False
    goes_on: ClassVar[bool] = False
    usual_processes: ClassVar[int] = 3

    def __init__(self, process: Process) -> None:
        self.process = process
        self.settled = False
        self.rounds_taken = 0

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        """The regions of every memory, for ``n`` processes."""
        return []

    @abstractmethod
    async def propose(self, value: Value) -> None:
        """Propose ``value``; return once this process has called ``self.process.decide``."""


def make(protocol: type[Protocol], process: Process) -> Protocol:
    """One process's side of a protocol.

    Raises:
        RayrdmaError: it says that it can not be run so.
        ProtocolError: its code raised something else.
    """
    try:
        return protocol(process)
    except RayrdmaError:
        raise
    except Exception as error:
        raise ProtocolError(f"{protocol.name} can not be made: {describe(error)}") from error


def read_message(protocol: type[Protocol], data: bytes | msgspec.Raw) -> Record | None:
    """The message of ``protocol`` that these bytes are; None if they are none. Nothing else is ever decoded."""
    decode = _decoder(protocol)
    if decode is None:
        return None
    try:
        message: Record = read(decode, bytes(data))
    except UNREADABLE:
        return None
    return message


@cache
def _decoder(protocol: type[Protocol]) -> Any:
    return msgspec.msgpack.Decoder(reduce(or_, protocol.messages)).decode if protocol.messages else None
