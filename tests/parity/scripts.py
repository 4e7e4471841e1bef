"""What processes do in the parity tests. Each script says what it returns, and asserts what it alone can know."""

from __future__ import annotations

import struct
from array import array
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rayrdma.model.outcomes import ACK, NAK
from rayrdma.transports.connection import PENDING

from .party import LIMIT, PROCESSES, READERS, REGIONS, Op, Party, Script, change, read, read_region, swap, take, write

# Single operations


def operate(party: Party, operation: Op) -> Script:
    """The response."""
    response = yield operation
    return response


def post(party: Party, operation: Op) -> Any:
    """Issue it, without waiting: the response or PENDING."""
    return party.connections[operation.memory].post(operation)


def poll(party: Party, memory: int, times: int = 1) -> list[Any]:
    """What that many polls give."""
    return [party.connections[memory].poll() for _ in range(times)]


def poll_until_answered(party: Party, memory: int) -> Any:
    """The response to the operation under way."""
    response = PENDING
    while response is PENDING:
        response = party.connections[memory].poll()
    return response


def poll_until_lost(party: Party, memory: int) -> str:
    """What the connection says, as soon as it says anything. Until then nothing may be answered."""
    connection = party.connections[memory]
    while connection.lost is None:
        assert connection.poll() is PENDING
    return connection.lost


def lost(party: Party, memory: int) -> str | None:
    """What the connection says."""
    return party.connections[memory].lost


def start(party: Party, instance: int) -> None:
    """Go over to an instance."""
    for connection in party.connections:
        connection.start(instance)


def together(party: Party, count: int) -> Script:
    """Wait until ``count`` parties are here: then the race starts."""
    ready = party.ledger.ready
    ready[party.id] = 1
    while sum(ready) < count:
        yield None


# Values that tell whether they are whole: one number over and over, as often as the number itself says

SIZES = (8, 4096, LIMIT - 8, 24, LIMIT - 8, 512)


def sealed(number: int) -> bytes:
    return struct.pack("<q", number) * (SIZES[number % len(SIZES)] // 8)


def unsealed(value: bytes | None) -> int:
    """The number; 0 for what was never written."""
    if value is None:
        return 0
    number: int = struct.unpack_from("<q", value)[0]
    assert value == sealed(number), f"torn: {len(value)} bytes that begin with {number}, {value[:64].hex()}..."
    return number


# Revocation


@dataclass
class Contention:
    """How a contender fared.

    Attributes:
        acked: how many of its writes were.
        refused: the numbers of those that were not.
        seen: what it saw in the others' registers.
        condemned: the writes of others that were issued after their permission was gone, and have to be refused.
    """

    acked: int
    refused: array[int]
    seen: dict[int, array[int]]
    condemned: dict[int, set[int]]


def contend(party: Party, contenders: Sequence[int], rounds: int, races: int) -> Script:
    """Take the permission, look, look again, write; and again.

    Until all together did this ``rounds`` times, ``races`` writes were acked and as many refused, and somebody was
    seen to have lost the permission before it wrote; or until told.

    An acked write proves that the permission was its writer's all the time since it took it.
    """
    me, ledger = party.id, party.ledger
    tried, taken, issued, acked, refused = ledger.tried, ledger.taken, ledger.issued, ledger.acked, ledger.refused
    others = [other for other in contenders if other != me]
    taking, looking, writing = take("slots", me), read_region("slots"), write("slots", me, 0)
    log = Contention(0, array("q"), {other: array("q") for other in others}, {other: set() for other in others})
    yield from together(party, len(contenders))
    while not ledger.stop[0] and (
        sum(tried) < rounds or not races <= sum(refused) <= sum(tried) - races or not any(ledger.late)
    ):
        number = tried[me] + 1
        tried[me] = number
        holding = [taken[other] for other in others]
        before = [acked[other] for other in others]
        assert (yield taking) is None
        for other, tenure in zip(others, holding, strict=True):
            if issued[other] < tenure:
                log.condemned[other].add(tenure)
                ledger.late[me] += 1
        taken[me] = number
        seen = yield looking
        meanwhile = [acked[other] for other in others]
        again = yield looking
        writing.argument = number
        issued[me] = number
        response = yield writing
        for other, known in zip(others, before, strict=True):
            value = seen[other] or 0
            log.seen[other].append(value)
            assert value >= known, f"p{me} took over and missed p{other}'s acked write {known}: it sees {value}"
        if response is ACK:
            assert seen == again, f"p{me} held the only permission, and yet {seen} became {again}"
            for other, known in zip(others, meanwhile, strict=True):
                value = seen[other] or 0
                assert known <= value, f"p{other}'s {known} was acked, and the new holder p{me} sees {value}"
            acked[me] = number
            log.acked += 1
        else:
            assert response is NAK
            refused[me] += 1
            log.refused.append(number)
            mine = (yield looking)[me] or 0
            assert mine == acked[me], f"p{me}'s refused write {number} has left {mine} where {acked[me]} was"
    return log


def revoke(party: Party, contenders: Sequence[int], times: int) -> Script:
    """Take the permission so many times."""
    taking = take("slots", party.id)
    yield from together(party, len(contenders))
    for _ in range(times):
        yield taking


def write_until_refused(party: Party, region: str) -> Script:
    """Write numbers to register 0, each higher than the one before; the first that is refused.

    ``tried`` is set before a number is written, ``acked`` after its ack.
    """
    tried, acked, me = party.ledger.tried, party.ledger.acked, party.id
    writing = write(region, 0, None)
    number = tried[me]
    while True:
        number += 1
        tried[me] = number
        writing.argument = sealed(number)
        if (yield writing) is NAK:
            return number
        acked[me] = number


def insist(party: Party, times: int) -> Script:
    """Write to and take a region as if nothing had happened; the outcomes of the writes."""
    outcomes = []
    for _ in range(times):
        outcomes.append((yield write("big", 0, sealed(party.ledger.tried[party.id]))))
        yield take("big", party.id)
        outcomes.append((yield swap("big", 0, None, sealed(party.ledger.tried[party.id]))))
    return outcomes


# Torn values


def write_whole(party: Party) -> Script:
    """Write sealed values until told to stop; how many."""
    me, stop = party.id, party.ledger.stop
    number = 0
    while not stop[0]:
        number += 1
        yield write("big", number % 2, sealed(number * PROCESSES + me))
    return number


def read_whole(party: Party, values: int) -> Script:
    """Read registers and blocks in turns until so many new values were seen, each of them whole; how many reads."""
    last = [[0] * PROCESSES for _ in range(2)]
    alone, block = [read("big", 0), read("big", 1)], read_region("big")
    reads = new = 0
    while new < values:
        reads += 1
        which = reads % 3
        got = enumerate((yield block)) if which == 2 else [(which, (yield alone[which]))]
        for register, value in got:
            number, writer = divmod(unsealed(value), PROCESSES)
            assert number >= last[register][writer], f"p{writer}'s {number} came back after {last[register][writer]}"
            new += number > last[register][writer]
            last[register][writer] = number
    return reads


# Compare-and-swap


def count_up(party: Party, parties: int, increments: int) -> Script:
    """Count register 0 up so many times; the numbers that it replaced, and how often another party was faster."""
    replaced, missed = array("q"), 0
    yield from together(party, parties)
    old = yield read("open")
    while len(replaced) < increments:
        held = yield swap("open", 0, old, (old or 0) + 1)
        if held == old:
            replaced.append(old or 0)
            old = (old or 0) + 1
        else:
            missed += 1
            old = held
    return replaced, missed


# A lock made of permissions


def hold_lock(party: Party, parties: int, holds: int) -> Script:
    """Claim, count up by a read and a write, release; until all together held it so many times. How often in vain."""
    me, ledger = party.id, party.ledger
    claim, release = take("lock", me), change("lock", READERS)
    in_vain = 0
    yield from together(party, parties)
    while sum(ledger.acked) < holds:
        yield claim
        if (yield write("lock", 0, me)) is NAK:
            in_vain += 1
            yield release  # not ours: nothing happens
            continue
        count = yield read("lock", 1)
        assert (yield write("lock", 1, (count or 0) + 1)) is ACK, "it was claimed, and lost without a release"
        assert (yield read("lock")) == me, "two hold one lock"
        ledger.acked[me] += 1
        yield release
    return in_vain


# Being killed


def be_busy(party: Party) -> Script:
    """Write, swap and change permissions until killed. Numbers as in `write_until_refused`."""
    me, ledger = party.id, party.ledger
    number = ledger.tried[me]
    while True:
        yield take("big", me)
        yield take("slots", me)
        number += 1
        ledger.tried[me] = number
        if number % 2:
            response = yield write("big", 0, sealed(number))
        else:
            old = yield read("big")
            response = yield swap("big", 0, old, sealed(number))
            if response is not NAK:
                response = ACK if response == old else NAK
        if response is ACK:
            ledger.acked[me] = number
        yield write("slots", me, number)


# Losing a memory, or one's connection to it


def hang_up(party: Party, memory: int) -> None:
    """Close a connection in the middle."""
    party.connections[memory].close()


def make_segment(party: Party, path: Path) -> None:
    """A memory that this party alone holds, besides its file."""
    from rayrdma.transports.shm import Segment

    party.kept = Segment.create(path, PROCESSES, REGIONS)


def use_segment(party: Party, path: Path, operation: Op) -> Any:
    """One operation on that memory."""
    from rayrdma.transports.shm import Segment, ShmConnection

    with Segment.attach(path) as segment:
        return ShmConnection(segment, REGIONS, party.id, 0).post(operation)
