"""A stream of writes against one revocation after the other, as tight as Python can make it.

The *taker* is the memory: it gives the permission to write to one process after the other, which takes it from the one
before, by what its agent does for a change of permission without the messages around that, and looks at its bytes. The
*writer* is a process of the operating system of its own, on another processor if there is one, and stands for all
processes of the model in turn: it posts list after list of WRITEs, each of a whole packet and unlike the one before,
with the key that it finds in words of memory that both share, and never waits for anybody.

One **race** is a revocation that cuts this stream off: writes had come through since the permission was given, others
follow until the revocation has completed and after it.

The queue pairs between them are unreliable ones (UC), for one reason: a reliable one is of no use after a refusal, and
connecting it again takes ten times as long as all the rest of a race. What a device does with a WRITE that comes in,
to look up its key and to copy its bytes, does not depend on whether it acknowledges that afterwards.
"""

from __future__ import annotations

import mmap
import os
import random
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pyverbs.enums as e
from pyverbs.qp import QP, QPCap, QPInitAttr

from rayrdma.model.permissions import Permission
from rayrdma.model.regions import Region
from rayrdma.transports.verbs.agent import Revocation, VerbsMemory
from rayrdma.transports.verbs.device import (
    MAY_WRITE,
    NOTHING,
    PUT,
    Completions,
    Device,
    Memory,
    QueuePair,
    Registration,
    request,
    set_target,
)
from rayrdma.transports.verbs.handshake import Address
from rayrdma.transports.verbs.layout import PACKET
from tests.parity.forked import ForkedWorker

TAKERS = 2
"""Processes that take the permission from each other."""
REGION = Region("raced", 1, Permission(readwrite=[0]), register_bytes=PACKET - 16)
LIST = 2
"""Writes that are posted at once."""
PATTERNS = [
    b"".join(bytes([1 + LIST * step + number]) * PACKET for number in range(LIST)) for step in range(255 // LIST)
]
"""What list after list brings: a late one does not bring what is there."""
_TURN, _KEY, _POSTED, _STOP, _WORDS = range(5)


class Unreliable(QueuePair):
    """A queue pair on which a refused write is dropped, and nothing else happens."""

    def __init__(self, device: Device, domain: Any, completions: Completions, access: int) -> None:
        self._device = device
        self.access = access
        capabilities = QPCap(max_send_wr=4 * LIST, max_recv_wr=1, max_send_sge=1, max_recv_sge=1)
        wanted = QPInitAttr(qp_type=e.IBV_QPT_UC, scq=completions.queue, rcq=completions.queue, cap=capabilities)
        self._pair = QP(domain, wanted, device._attributes(access))
        self._first_packet = 0
        self.post = self._pair.post_send


def _shared(path: str) -> memoryview:
    with open(path, "r+b") as file:
        return memoryview(mmap.mmap(file.fileno(), 8 * _WORDS)).cast("q")


def _pin(processor: int) -> None:
    able = sorted(os.sched_getaffinity(0))
    os.sched_setaffinity(0, [able[processor % len(able)]])


class Writer:
    """All processes that lose their permission in turn."""

    def __init__(self, path: str, base: int) -> None:
        self._words = _shared(path)
        self._base = base
        _pin(1)
        self._device = Device()
        domain = self._device.domain()
        self._completions = self._device.completions()
        self._pairs = [Unreliable(self._device, domain, self._completions, NOTHING) for _ in range(TAKERS)]
        self._memory = Memory(LIST * PACKET)
        self._registration = Registration(domain, self._memory, 0)

    def call(self, function: Callable[..., Any], *arguments: Any) -> Any:
        return function(self, *arguments)

    def addresses(self) -> list[Address]:
        return [pair.address() for pair in self._pairs]

    def connect(self, peers: list[Address]) -> None:
        for pair, peer in zip(self._pairs, peers, strict=True):
            pair.connect(peer)

    def write(self) -> None:
        """Until it is told to stop."""
        words, poll, staging = self._words, self._completions.queue.poll, self._memory.bytes
        made: list[Any] = []
        for number in reversed(range(LIST)):
            local = self._memory.address + number * PACKET, PACKET, self._registration.local_key
            made.insert(0, request(PUT, local, signalled=not made, then=made[0] if made else None))
        key, number, post = 0, 0, self._pairs[0].post
        while not words[_STOP]:
            if words[_KEY] != key:
                key, post = words[_KEY], self._pairs[words[_TURN]].post
                for one in made:
                    set_target(one, self._base, key)
            staging[:] = PATTERNS[number]
            number = (number + 1) % len(PATTERNS)
            post(made[0])
            while not poll(1)[0]:
                os.sched_yield()  # a software device works on this processor
            words[_POSTED] += 1


@dataclass
class Account:
    """What came of it.

    Attributes:
        races: revocations that cut the stream off.
        late: of these, after so many the bytes changed once more when the revocation had completed.
        torn: after so many, they were of two writes.
    """

    races: int = 0
    late: int = 0
    torn: int = 0


class Taker:
    """The memory, and whoever takes the permission."""

    def __init__(self, revocation: Revocation, memory_type: type[VerbsMemory] = VerbsMemory) -> None:
        self._able = os.sched_getaffinity(0)
        file = os.memfd_create("words")
        os.truncate(file, 8 * _WORDS)
        path = f"/proc/{os.getpid()}/fd/{file}"
        self._words = _shared(path)
        self._device = Device()
        secrets = {f"p{process}": process for process in range(TAKERS)}
        self._memory = memory_type(self._device, "127.0.0.1", [REGION], secrets, revocation)
        self._memory.reset(1)
        self._part = self._memory._parts[REGION.name]
        self._writing = [self._memory._writing[process, REGION.name] for process in range(TAKERS)]
        self._writer = ForkedWorker(Writer, path, self._part.memory.address)
        os.close(file)
        peers = self._writer.call(Writer.addresses)
        for writing, peer in zip(self._writing, peers, strict=True):
            flags = MAY_WRITE if writing.allowed or revocation is Revocation.REGISTRATION else NOTHING
            writing.pair = pair = Unreliable(self._device, writing.domain, self._memory._completions, flags)
            pair.connect(peer)
            pair.allow(flags)  # pyverbs leaves the flags out when it initialises an unreliable one
        self._writer.call(Writer.connect, [writing.pair.address() for writing in self._writing if writing.pair])
        _pin(0)

    def race(self, races: int, seed: int = 0) -> Account:
        """So many races."""
        account, rng, words = Account(), random.Random(seed), self._words
        memory = memoryview(self._part.memory.bytes)[:PACKET]
        permissions = [Permission(readwrite=[process]) for process in range(TAKERS)]
        self._writer.begin(Writer.write)
        holder = 0
        while account.races < races:
            registration = self._writing[holder].registration
            assert registration is not None
            before = memory[0]
            words[_TURN], words[_KEY] = holder, registration.key
            self._until(lambda before=before: memory[0] != before)
            for _ in range(int(rng.random() * 20)):
                os.sched_yield()
            holder = (holder + 1) % TAKERS
            self._memory._give(REGION.name, permissions[holder])
            then, posted = bytes(memory), words[_POSTED]  # it has completed: nothing may change any more
            self._until(lambda posted=posted: words[_POSTED] >= posted + 2)
            account.races += 1
            account.late += bytes(memory) != then
            account.torn += then.count(then[0]) < PACKET
        words[_STOP] = 1
        self._writer.result()
        return account

    def _until(self, happened: Callable[[], Any]) -> None:
        spins = 0
        while not happened():
            os.sched_yield()
            spins += 1
            if spins % 100_000 == 0:
                self._writer.check()

    def close(self) -> None:
        """Give everything back."""
        self._writer.kill()
        self._memory.close()
        self._device.close()
        os.sched_setaffinity(0, self._able)
