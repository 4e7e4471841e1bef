"""What a process holds towards the regions of a memory, and its own port on a device.

What a completion means. SUCCESS: it has taken effect. REM_ACCESS_ERR, REM_INV_REQ_ERR: the memory's device refused, it
had no effect; the agent says whether the process has no permission (NAK) or a key that was out of date (again, with the
new one); of what follows in its list WR_FLUSH_ERR says that it was not begun. Anything else, as RETRY_EXC_ERR, or a
WR_FLUSH_ERR that follows nothing: unknown, neither ACK nor NAK. The memory may be dead: then the operation stays
pending for ever. If its agent answers once more, the queue pair is connected anew, which ends whatever was still under
way on it, and a look at the register, or what the agent remembers of it, tells whether it had taken effect; where it
can not be told, it stays unknown.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from rayrdma.model.permissions import static
from rayrdma.model.regions import Region

from .device import DENIED, GET, PUT, STATUS, SUCCESS, SWAP, Device, QueuePair, request, set_swap, set_target
from .handshake import Keys
from .layout import WORD_BYTES, InPlace, layout_of

DONE, REFUSED, UNKNOWN = range(3)
"""What came of a list of work requests."""
Stretch = tuple[int, int, int]
"""Address, bytes and local key of memory of our own."""
Requests = tuple[Any, ...]
"""A list, chained."""
NO_KEYS = Keys(0, 0, 0)
_COMPLETIONS = 16
_OUTCOMES = {SUCCESS: DONE} | dict.fromkeys(DENIED, REFUSED)


class Unknown(Exception):
    """Whether an operation took effect can not be told; ``key`` is what it was posted with."""

    def __init__(self, why: str, key: int = 0) -> None:
        super().__init__(why)
        self.key = key


class Owner(Protocol):
    """Who posts through a port, one list at a time; ``outcome`` is set when that has come to an end."""

    outcome: int | None


class Port:
    """One process's completion queue and protection domain on a device; all its connections share it.

    Attributes:
        why: what the last unknown end was.
    """

    def __init__(self, device: Device) -> None:
        self.device = device
        self.domain = device.domain()
        self.completions = device.completions()
        self.why = ""
        self._poll = self.completions.queue.poll
        self._owners: dict[int, Owner] = {}
        self._numbers = 0

    def queue_pair(self) -> QueuePair:
        """One whose peer may do nothing."""
        return self.device.queue_pair(self.domain, self.completions)

    def post(self, owner: Owner, post: Callable[[Any], None], requests: Requests) -> None:
        """Post a list of work requests, chained to each other. The first one to fail, or the last one, completes it."""
        self._numbers = number = self._numbers + 1
        for one in requests:
            one.wr_id = number
        self._owners[number] = owner
        post(requests[0])

    def collect(self) -> None:
        """Tell the owners of what has completed."""
        count, completed = self._poll(_COMPLETIONS)
        if count:
            for found in completed:
                owner = self._owners.pop(found.wr_id, None)
                if owner is not None:  # else it is what follows a failure, or its owner has lost interest
                    owner.outcome = outcome = _OUTCOMES.get(found.status, UNKNOWN)
                    if outcome == UNKNOWN:
                        status = STATUS.get(found.status, found.status)
                        self.why = f"the device reports {status}: whether it was done is unknown"

    def forget(self, owner: Owner) -> None:
        """It is not to be told any more of what it has posted."""
        for number in [number for number, waiting in self._owners.items() if waiting is owner]:
            del self._owners[number]

    def close(self) -> None:
        """Give it back, after all its connections."""
        self.completions.close()
        self.domain.close()


class Line:
    """One queue pair of the process: for its reads (None), or for its writes to a region.

    Attributes:
        broken: it must be connected before its next use.
        post: hands a work request to the device, and those chained to it.
    """

    post: Callable[[Any], None]

    def __init__(self, region: str | None) -> None:
        self.region = region
        self.pair: QueuePair | None = None
        self.broken = True

    def take(self, pair: QueuePair) -> None:
        """Use this queue pair."""
        self.pair = pair
        self.post = pair.post

    def end(self) -> None:
        """Give up what is under way: the device sends it no more, and its bytes may be used for something else."""
        if self.pair is not None:
            self.pair.reset()
        self.broken = True

    def close(self) -> None:
        """Give the queue pair back."""
        if self.pair is not None:
            self.pair.close()
            self.pair = None


class Side:
    """What a process knows of one region of a memory.

    Attributes:
        keys: the latest that the agent told.
        words: of registers, what they held when we last saw them.
        slots: of registers, which of our two slots was committed last.
        reading_room: the most bytes that are read of it at once.
    """

    def __init__(self, region: Region, n: int) -> None:
        self.region = region
        self.layout = layout_of(region, n)
        self.line = Line(region.name)
        self.keys = NO_KEYS
        self.words: dict[int, int] = {}
        self.slots: dict[int, int] = {}
        in_place = isinstance(self.layout, InPlace)
        self.reading_room = self.layout.size if in_place else max(self.layout.stride, region.registers * WORD_BYTES)
        self._requests: dict[tuple[int, int, int], Requests] = {}
        self._aimed: dict[tuple[int, int, int, int], Requests] = {}  # of those, what has its present key

    def may_ever_write(self, process: int) -> bool:
        """Whether it may write now, or could be allowed to later."""
        region = self.region
        return process in region.permission.writers or region.legal_change is not static

    def take(self, keys: Keys) -> None:
        """Use these keys from now on. Nothing of ours is under way, so the agent knows which slots are committed."""
        self.slots = dict(keys.slots)
        if keys != self.keys:
            self.keys = keys
            self._aimed.clear()

    def empty(self) -> None:
        """A new instance: nothing is known of the registers, and the keys are out of date."""
        self.words.clear()
        self.take(NO_KEYS)

    def committed(self, register: int, word: int, which: int | None) -> None:
        """Our word was swapped in."""
        self.words[register] = word
        if which is not None:
            self.slots[register] = which

    # Lists of work requests are made once and posted often: making one takes longer than posting it.

    def get(self, local: Stretch, offset: int, key: int) -> Requests:
        """READ into ``local`` from ``offset`` on."""
        return self._made(GET, local, offset, key)

    def put(self, local: Stretch, offset: int, key: int) -> Requests:
        """WRITE ``local`` there."""
        return self._made(PUT, local, offset, key)

    def _made(self, opcode: int, local: Stretch, offset: int, key: int) -> Requests:
        name = opcode, local[1], offset, key
        made = self._aimed.get(name)
        if made is None:
            made = self._requests.get(name[:3]) or (request(opcode, local),)
            self._requests[name[:3]] = made
            set_target(made[0], self.keys.base + offset, key)
            self._aimed[name] = made
        return made

    def swap(self, local: Stretch, offset: int, key: int, expected: int, new: int) -> Requests:
        """Compare and swap the eight bytes at ``offset``; what they were goes to ``local``."""
        made = self._requests.get((SWAP, 0, offset))
        if made is None:
            made = self._requests[SWAP, 0, offset] = (request(SWAP, local),)
        set_swap(made[0], self.keys.base + offset, key, expected, new)
        return made

    def put_and_swap(
        self, local: Stretch, slot: int, found: Stretch, offset: int, key: int, expected: int, new: int
    ) -> Requests:
        """WRITE a slot, and then swap, in one list: the queue pair keeps the order (IBTA 1.4, 10.8.3.3)."""
        made = self._requests.get((SWAP, local[1], slot))
        if made is None:
            swap = request(SWAP, found)
            made = self._requests[SWAP, local[1], slot] = (request(PUT, local, signalled=False, then=swap), swap)
        set_target(made[0], self.keys.base + slot, key)
        set_swap(made[1], self.keys.base + offset, key, expected, new)
        return made
