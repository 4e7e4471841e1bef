"""The invariants of Disk Paxos, read off what was done to the disks (D1 to D5 of `rayrdma.protocols.disk_paxos`).

A value is *chosen* with ballot b when on a majority of disks its owner's phase 2 block was written and the
owner's next read of that disk found no ballot above b. Standing on a majority of disks is not enough, unlike in
Protected Memory Paxos: a process with a higher ballot may have read the disks just before the write.
"""

from __future__ import annotations

from collections.abc import Iterator

from rayrdma.model.operations import READ, READ_REGION, WRITE
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.quorums import majority
from rayrdma.model.regions import ENCODE, Value
from rayrdma.model.trace import Decided, TookEffect
from rayrdma.protocols.disk_paxos import BLOCKS, Block

from .observation import Check, Observation, Violation


def d1_ballots_never_decrease(observation: Observation) -> Violation | None:
    """D1: in a block mbal and bal never decrease, and bal <= mbal."""
    blocks: dict[tuple[int, int], Block] = {}
    for event, block in _writes(observation):
        key = event.memory, event.register
        before = blocks.get(key, Block(0, 0, None))
        if block.mbal < before.mbal or block.bal < before.bal or block.bal > block.mbal:
            return Violation("D1", f"p{event.process} wrote {block!r} over {before!r} on disk {event.memory}")
        blocks[key] = block
    return None


def d2_one_input_a_ballot(observation: Observation) -> Violation | None:
    """D2: a ballot is one process's own and carries one input."""
    owners: dict[int, int] = {}
    inputs: dict[int, bytes] = {}
    for event, block in _writes(observation):
        if owners.setdefault(block.mbal, event.process) != event.process:
            return Violation("D2", f"p{owners[block.mbal]} and p{event.process} both use ballot {block.mbal}")
        if block.bal and inputs.setdefault(block.bal, ENCODE(block.inp)) != ENCODE(block.inp):
            return Violation("D2", f"ballot {block.bal} carries {block.inp!r} and another input")
    return None


def d3_chosen_input_stays(observation: Observation) -> Violation | None:
    """D3: once (b, v) is chosen, every block with bal above b carries v."""
    chosen = min(((ballot, value) for _, ballot, value in _choices(observation)), default=None, key=lambda c: c[0])
    if chosen is None:
        return None
    ballot, value = chosen
    for event, block in _writes(observation):
        if block.bal > ballot and ENCODE(block.inp) != ENCODE(value):
            return Violation("D3", f"p{event.process} wrote {block!r}, but {value!r} is chosen with ballot {ballot}")
    return None


def d4_decisions_were_chosen(observation: Observation) -> Violation | None:
    """D4: what is decided was chosen before (that it is one value, and proposed, the outcome checks say)."""
    chosen = [(position, ENCODE(value)) for position, _, value in _choices(observation)]
    for position, event in enumerate(observation.trace or ()):
        if type(event) is Decided and not any(
            before < position and value == ENCODE(event.value) for before, value in chosen
        ):
            return Violation("D4", f"p{event.process} decided {event.value!r}, which had not been chosen")
    return None


def d5_write_before_read(observation: Observation) -> Violation | None:
    """D5: nobody reads a disk in a phase before its own write of that phase is on it."""
    wrote: set[tuple[int, int]] = set()
    for event in observation.trace or ():
        if type(event) is TookEffect and event.region == BLOCKS:
            key = event.process, event.memory
            if event.operation is WRITE and event.response is ACK:
                wrote.add(key)
            elif event.operation in (READ, READ_REGION):
                if key not in wrote:
                    return Violation("D5", f"p{event.process} read disk {event.memory} before it wrote there")
                wrote.remove(key)
    return None


def _writes(observation: Observation) -> Iterator[tuple[TookEffect, Block]]:
    """The blocks that were written."""
    for event in observation.trace or ():
        if type(event) is TookEffect and event.operation is WRITE and event.response is ACK:
            block = event.argument
            if event.region == BLOCKS and isinstance(block, Block):
                yield event, block


def _choices(observation: Observation) -> Iterator[tuple[int, int, Value]]:
    """(position in the trace, ballot, input) of everything that became chosen."""
    written: dict[tuple[int, int], Block] = {}
    disks: dict[int, set[int]] = {}
    need = majority(observation.memories)
    for position, event in enumerate(observation.trace or ()):
        if type(event) is not TookEffect or event.region != BLOCKS:
            continue
        key = event.process, event.memory
        if event.operation is WRITE and event.response is ACK and isinstance(event.argument, Block):
            written[key] = event.argument
        elif event.operation is READ_REGION and event.response is not NAK and key in written:
            block = written.pop(key)
            highest = max((other.mbal for other in event.response if other is not None), default=0)
            if 0 < block.bal == block.mbal >= highest:
                those = disks.setdefault(block.bal, set())
                if event.memory not in those:
                    those.add(event.memory)
                    if len(those) == need:
                        yield position, block.bal, block.inp


DISK_PAXOS: tuple[Check, ...] = (
    d1_ballots_never_decrease,
    d2_one_input_a_ballot,
    d3_chosen_input_stays,
    d4_decisions_were_chosen,
    d5_write_before_read,
)
