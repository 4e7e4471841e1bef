"""The memory's side: registered regions, and the trusted agent that changes what the device allows.

The device answers reads, writes and swaps by itself. The agent is asked to connect queue pairs, and to change
permissions: it evaluates the legal-change policy, tells the device, and answers when no operation of a process that
lost its permission can take effect any more.

**How queue pairs are split.** After a refusal both ends of a queue pair are of no use until they are connected anew. So
what is revoked must share none with what survives: a process has one queue pair for its reads of all regions, and one
for its writes and swaps in each region that it may ever write: 1 + w per (process, memory).

**What a process can reach.** The reads of a process have a protection domain of their own, with a registration of each
region that it may read; so have its writes to each region. A key that somebody else was given is of no use in it.

**How permission to write is revoked**, see `Revocation`. Permission to read is revoked by deregistration.

**Instances.** A new instance has new keys: who still has the old ones is refused by the device.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any

from rayrdma.model.errors import EnvironmentProblem, RayrdmaError
from rayrdma.model.permissions import Permission
from rayrdma.model.regions import Region

from .device import MAY_READ, MAY_SWAP, MAY_WRITE, NOTHING, Device, Memory, QueuePair, Registration
from .handshake import Address, Change, Connect, Counter, Keys, Learn, Recall, Reply, Request, Settle
from .layout import TORN, Committed, InPlace, layout_of

_HEARTBEAT_MS = 100
"""How often the agent looks whether it is to end."""
_LIFE = 1 << 32
"""More requests than a process makes in its life: it begins to count anywhere."""


class Revocation(Enum):
    """How permission to write is taken from a process.

    ``FLAGS``: the access flags of its queue pair are changed, which goes on working: one command to the device, the
    fast path of Mu (section 5.2). A barrier where the device ends what it has begun before it reports the change.

    ``REGISTRATION``: its registration is removed, and a new one made when it gets the permission again. A barrier
    everywhere. The kernel's software devices need it: they look at the flags when a packet comes in, and copy it
    afterwards, and change the flags in between without waiting.
    """

    FLAGS = "queue-pair access flags"
    REGISTRATION = "deregistration"

    @classmethod
    def of(cls, device: Device) -> Revocation:
        """What this device supports."""
        return cls.REGISTRATION if device.soft else cls.FLAGS


@dataclass
class Reading:
    """What one process has for reading: a queue pair, and a registration of each region that it may read."""

    domain: Any
    pair: QueuePair | None = None
    registrations: dict[str, Registration] = field(default_factory=dict)


@dataclass
class Writing:
    """What one process has for writing to one region. It may write exactly if ``allowed``: that takes ``access``.

    ``left`` is, of a region that it wrote in place, what was there when it lost the permission, and its key until then.
    """

    domain: Any
    access: int
    pair: QueuePair | None = None
    registration: Registration | None = None
    allowed: bool = False
    left: tuple[int, bytes] = (0, b"")


class _Part:
    """A region of the memory: its bytes, and its present permission."""

    def __init__(self, region: Region, layout: InPlace | Committed) -> None:
        self.region = region
        self.layout = layout
        self.memory = Memory(layout.size)
        self.permission = region.permission

    @property
    def access(self) -> int:
        """What a writer needs. A swap tells what was there: only where registers are committed by one."""
        return MAY_WRITE if isinstance(self.layout, InPlace) else MAY_SWAP


class VerbsMemory:
    """A memory that processes operate on through a device.

    Args:
        host: the address at which the agent listens.
        regions: what the memory has; those that lie over others have nothing of their own.
        secrets: of the processes that may come near, by which the agent knows who asks.
        revocation: how permission to write is revoked; None: as the device supports it.
        n: how many processes the run has; None: as many as have secrets.
    Attributes:
        endpoint: where the agent is to be asked.
    Raises:
        EnvironmentProblem: the device lacks something, or too little memory may be locked.
    """

    def __init__(
        self,
        device: Device,
        host: str,
        regions: Iterable[Region],
        secrets: Mapping[str, int],
        revocation: Revocation | None = None,
        n: int | None = None,
    ) -> None:
        self._device = device
        self._processes = sorted(secrets.values())
        n = n or self._processes[-1] + 1
        if n > 256:
            raise EnvironmentProblem(
                f"over verbs a memory has room for 256 processes, not for {n}; use another transport"
            )
        self.revocation = revocation or Revocation.of(device)
        self._parts = {region.name: _Part(region, layout_of(region, n)) for region in regions if not region.covers}
        self._completions = device.completions()
        self._reading = {process: Reading(device.domain()) for process in self._processes}
        self._writing = {
            (process, name): Writing(device.domain(), part.access)
            for process in self._processes
            for name, part in self._parts.items()
        }
        self._stale: list[Writing] = []
        self._answered: dict[int, Reply] = {}
        self._instance = -1
        self._lock = threading.Lock()
        self._crashed = self._closing = False
        self._counter = Counter(host, dict(secrets))
        self.endpoint = self._counter.endpoint
        self._thread = threading.Thread(target=self._serve, name="agent", daemon=True)
        self._thread.start()

    # Instances

    def reset(self, instance: int) -> None:
        """Empty registers, initial permissions; operations of other instances are refused from now on."""
        with self._lock:
            for name, part in self._parts.items():
                self._give(name, Permission())  # nobody reaches anything while it is emptied
                part.memory.bytes[:] = bytes(part.memory.size)
                self._give(name, part.region.permission)
            self._renew()
            self._instance = instance

    def crash(self) -> None:
        """Answer nothing any more: as if its host had died, and its device with it."""
        with self._lock:
            self._crashed = True
            self._drop_pairs()

    def close(self) -> None:
        """Give everything back."""
        self._closing = True
        self._thread.join()
        self._counter.close()
        with self._lock:
            self._drop_pairs()
            for reading in self._reading.values():
                for registration in reading.registrations.values():
                    registration.close()
                reading.domain.close()
            for writing in self._writing.values():
                if writing.registration is not None:
                    writing.registration.close()
                writing.domain.close()
            self._reading, self._writing = {}, {}
            self._completions.close()

    def _all_held(self) -> list[Reading | Writing]:
        return [*self._reading.values(), *self._writing.values()]

    def _drop_pairs(self) -> None:
        for held in self._all_held():
            if held.pair is not None:
                held.pair.close()
                held.pair = None

    @property
    def queue_pairs(self) -> int:
        """How many it has, towards all processes."""
        return sum(held.pair is not None for held in self._all_held())

    # Permissions

    def _give(self, name: str, new: Permission) -> None:
        """Tell the device. First the losers lose, then the others gain: never more than the two permissions allow."""
        part = self._parts[name]
        old, part.permission = part.permission, new
        for process in self._processes:
            reading, writing = self._reading[process], self._writing[process, name]
            reads = process in new.readers
            if writing.allowed and (process not in new.writers or reads != (process in old.readers)):
                self._revoke(writing, part)  # who may swap must also read: with either right the key changes
            if name in reading.registrations and not reads:
                reading.registrations.pop(name).close()
        for process in self._processes:
            reading, writing = self._reading[process], self._writing[process, name]
            if process in new.readers and name not in reading.registrations:
                reading.registrations[name] = Registration(reading.domain, part.memory, MAY_READ)
            if process in new.writers and not writing.allowed:
                self._allow(writing, part.memory)

    def _revoke(self, writing: Writing, part: _Part) -> None:
        """Return when nothing that this process writes here takes effect any more."""
        writing.allowed = False
        key = writing.registration.key if writing.registration is not None else 0
        if self.revocation is Revocation.FLAGS:
            self._set_flags(writing, NOTHING)
            self._stale.append(writing)
        elif writing.registration is not None:
            writing.registration.close()
            writing.registration = None
        if isinstance(part.layout, InPlace):
            writing.left = key, bytes(part.memory.bytes)

    def _allow(self, writing: Writing, memory: Memory) -> None:
        """A new key each time, so that the process knows whether it lost the permission meanwhile."""
        if writing in self._stale:
            self._renew()
        if writing.registration is None:
            writing.registration = Registration(writing.domain, memory, writing.access)
        self._set_flags(writing, writing.access)
        writing.allowed = True

    def _renew(self) -> None:
        """The keys of those whose flags were changed have had their time; nobody waits for this."""
        for writing in self._stale:
            if writing.registration is not None:
                writing.registration.close()
                writing.registration = None
        self._stale.clear()

    def _set_flags(self, writing: Writing, access: int) -> None:
        """On a queue pair that failed they are set when it is connected again."""
        if writing.pair is not None and writing.pair.access != access:
            if writing.pair.working:
                writing.pair.allow(access)
            else:
                writing.pair.access = access

    # Requests

    def _serve(self) -> None:
        while not self._closing:
            found = self._counter.next(_HEARTBEAT_MS)
            if found is None:
                continue
            to, process, request = found
            with self._lock:
                if self._crashed:
                    continue
                answered = self._answered.get(process)
                if answered is not None and 0 <= (late := answered.number - request.number) < _LIFE:
                    if not late:  # asked again: do it once
                        self._counter.answer(to, answered)
                    continue  # if late, it was sent again over a link that was cut, and overtaken over a new one
                try:
                    reply = self._reply(process, request)
                except RayrdmaError as error:
                    self._counter.refuse(to, request.number, str(error))
                    continue
                self._answered[process] = reply
                self._counter.answer(to, reply)
                self._renew()

    def _reply(self, process: int, request: Request) -> Reply:
        what = request.what
        if isinstance(what, Learn):
            return self._tell(process, request, self._parts)
        if isinstance(what, Connect) and what.region is None:
            return self._tell(process, request, self._parts, address=self._connect(process, what))
        if what.region not in self._parts:
            return self._tell(process, request, ())
        if isinstance(what, Connect):
            return self._tell(process, request, (what.region,), address=self._connect(process, what))
        if request.instance != self._instance:
            return self._tell(process, request, ())
        if isinstance(what, Change):
            self._change(process, what)
            return self._tell(process, request, (what.region,))
        if isinstance(what, Recall):
            return self._tell(process, request, (what.region,), value=self._recall(process, what))
        value = self._settle(what) if process in self._parts[what.region].permission.readers else None
        return self._tell(process, request, (what.region,), value=value)

    def _tell(self, process: int, request: Request, names: Iterable[str], **more: Any) -> Reply:
        """A reply with the keys that this process has now, if it is in the present instance."""
        keys = {}
        if request.instance == self._instance:
            for name in names:
                read, writing = self._reading[process].registrations.get(name), self._writing[process, name]
                write = writing.registration if writing.allowed else None
                layout, memory = self._parts[name].layout, self._parts[name].memory
                slots = layout.slots(memoryview(memory.bytes), process) if isinstance(layout, Committed) else {}
                keys[name] = Keys(memory.address, read.key if read else 0, write.key if write else 0, slots)
        return Reply(request.number, self._instance, keys, **more)

    def _connect(self, process: int, what: Connect) -> Address:
        """(Re)connect a queue pair. What came through it before and is not done yet never will be."""
        held: Reading | Writing = self._reading[process]
        access = MAY_READ
        if what.region is not None:
            held = self._writing[process, what.region]
            access = held.access
        if isinstance(held, Writing) and not held.allowed and self.revocation is Revocation.FLAGS:
            access = NOTHING
        if held.pair is None:
            held.pair = self._device.queue_pair(held.domain, self._completions, access)
        else:
            held.pair.reset()
            held.pair.access = access
        held.pair.connect(what.address)
        return held.pair.address()

    def _change(self, process: int, what: Change) -> None:
        part = self._parts[what.region]
        try:
            new = Permission(what.read, what.write, what.readwrite)
        except RayrdmaError:
            return
        legal = new.highest <= self._processes[-1] and part.region.legal_change(
            process, what.region, part.permission, new
        )
        if legal and new != part.permission:
            self._give(what.region, new)

    def _settle(self, what: Settle) -> bytes | None:
        """What a register holds, if need be while nobody writes: who does then gets a new key, and asks for it."""
        part = self._parts[what.region]
        memory = memoryview(part.memory.bytes)
        if not 0 <= what.register < part.layout.registers:
            return None
        value = part.layout.look(memory, what.register)
        if value is not TORN:
            return value
        writers = [self._writing[process, what.region] for process in self._processes]
        allowed = [writing for writing in writers if writing.allowed]
        for writing in allowed:
            self._revoke(writing, part)
        value = part.layout.look(memory, what.register)
        if value is TORN:  # and nobody is at it: it is nonsense, and counts as never written
            part.layout.clear(memory, what.register)
            value = None
        for writing in allowed:
            self._allow(writing, part.memory)
        return value

    def _recall(self, process: int, what: Recall) -> bytes | None:
        """What a register of a region that is written in place held when a process lost the permission.

        Raises:
            EnvironmentProblem: it has got and lost the permission again since.
        """
        layout, (key, left) = self._parts[what.region].layout, self._writing[process, what.region].left
        if not left or key != what.key or not 0 <= what.register < layout.registers:
            raise EnvironmentProblem(
                "whether a write took effect can not be told any more: its permission is long gone"
            )
        value = layout.look(memoryview(left), what.register)
        return None if value is TORN else value
