"""The history of one memory's registers in a run: each of them, with compare-and-swap, must be linearizable by itself.

Only what processes saw counts, so that the log of a live run will do. What was not answered, because somebody crashed,
is unknown; what was refused failed. A block read is atomic register by register: as many reads of as many clients.
"""

from __future__ import annotations

from collections.abc import Iterator

from rayrdma.model.errors import NoSuchRegister
from rayrdma.model.operations import COMPARE_AND_SWAP, READ, READ_REGION, WRITE
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.trace import Issued, Responded

from . import specifications
from .history import History
from .observation import Observation
from .specifications import READ as READS
from .specifications import CompareAndSwapRegister

OPERATIONS = {READ: READS, WRITE: specifications.WRITE, COMPARE_AND_SWAP: specifications.COMPARE_AND_SWAP}
"""What a specification calls the operations on one register."""


def memory_history(observation: Observation, memory: int, region: str) -> History:
    """What was done to the registers of ``region`` of one memory, by register, as far as processes saw it.

    Clients are ``p0``, ``p1``, ...; what ``p0`` reads of register 3 with a block is read by ``p0[3]``.

    Raises:
        NoSuchRegister: there is no such region with registers of its own.
        UsageError: a register held what can not be hashed.
    """
    places = {place.name: dict(_registers(observation, place.name, region)) for place in observation.regions}
    if not places.get(region):
        own = ", ".join(place.name for place in observation.regions if not place.covers)
        raise NoSuchRegister(f"no region {region!r} has registers of its own; there is {own}")
    history = History(CompareAndSwapRegister())
    under_way: dict[tuple[int, int], list[tuple[str, int | None]]] = {}  # clients, and where in a block their answer is
    for event in observation.log if observation.trace is None else observation.trace:
        if type(event) is Issued and event.memory == memory:
            parts = under_way[event.process, event.number] = []
            if event.operation is READ_REGION:
                for position, register in places[event.region].items():
                    parts.append((f"p{event.process}[{register}]", position))
                    history.invoke(f"p{event.process}[{register}]", register, READS)
            elif event.operation in OPERATIONS and event.region == region:
                parts.append((f"p{event.process}", None))
                history.invoke(f"p{event.process}", event.register, OPERATIONS[event.operation], event.argument)
        elif type(event) is Responded:
            for client, place in under_way.pop((event.process, event.number), ()):
                if event.response is NAK:
                    history.fail(client)
                elif place is not None:
                    history.ok(client, event.response[place])
                else:
                    history.ok(client, None if event.response is ACK else event.response)
    return history


def _registers(observation: Observation, block: str, region: str) -> Iterator[tuple[int, int]]:
    """(position in the block, register) of what ``block``, a region or one that lies over others, has of ``region``."""
    regions = {place.name: place for place in observation.regions}
    position = 0
    for name in regions[block].covers or (block,):
        for register in range(regions[name].registers):
            if name == region:
                yield position, register
            position += 1
