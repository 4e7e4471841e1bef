"""Omega, eventual leader election, over shared memory (after P18, section 5): from some time on all correct processes
have the same correct leader.

A process that leads counts heartbeats up in a register of its own memory. The others read it. Who finds it unmoved for
too long drops the leader and *accuses* it; who is accused more often than another one gives way to it. Who begins to
lead, or was accused, *notifies* all others, so that they look at its register (again).

Assumes: crash faults; memories do not crash; everybody reaches every memory; at least one correct process is *timely*:
there is a bound on the steps that others take between two of its steps. All others may be as slow as they please, and
so may all links; nothing is assumed about time. Links are reliable (`Omega`), or whatever they please, for they are
not used (`OmegaOverLossyLinks`).

Claims: any number of crashes but of the last timely process. Once the leader is stable, no message is sent, the
leader alone writes, to its own memory, and the others read the leader's register and nothing else. The leader reads
nothing; over lossy links everybody also polls the counters in its own memory, by which the others notify and accuse.
(P18 shows that somebody must write and others must read for ever, and that with lossy links the leader must read.)

A timer here counts the looks of its process, each an operation on memory: own steps, and no clock. A process that is
slow is slow in these, and a leader that is timely moves its heartbeat within a bounded number of them.

Invariants, from some time on:
    L1  all correct processes have the same leader, it is correct, and it stays.
    L2  no message is sent.
    L3  the leader alone writes; each of the others reads the leader's register, the leader reads no other memory.
    L4  accusations of a timely process come to an end.
"""

from __future__ import annotations

from typing import ClassVar

from rayrdma.model.errors import UsageError
from rayrdma.model.outcomes import Outcome
from rayrdma.model.permissions import exclusive_writer
from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Record, Region, Value, view
from rayrdma.model.tasks import Completion

LEADER = "leader"
"""What a process notes when its output changes."""
REST = 1
"""How long a process rests between two turns (delays, or milliseconds). It keeps a live one from spinning."""


class State(Record, frozen=True):
    """What a process shows of itself, in one register of its own memory, so that one read shows all of it.

    Attributes:
        heartbeat: of how many turns it was the leader. It never wraps.
        accusations: how many it has heard of.
        active: whether it believes that it leads. If not, its heartbeat stands still rightly.
    """

    heartbeat: int
    accusations: int
    active: bool


class Notify(Record, frozen=True):
    """I lead: look at my register."""


class Accuse(Record, frozen=True):
    """I have dropped you: your heartbeat stood still."""


def state_of(process: int) -> str:
    """The region of ``process``'s `State`. It is used in this process's own memory only."""
    return f"state of p{process}"


class Omega(Protocol):
    """One process of Omega over reliable links. It is a service: it never decides, and never returns.

    Attributes:
        leader: Omega's output.
        contenders: the others that may be the leader, and what the last look at each one showed; None: no look yet.
        silent: for how many looks since then the heartbeat stood still, of each process.
        patience: how many looks at an unmoved heartbeat, of each process. It grows with every accusation, so that
            a timely process is accused finitely often.
    """

    name = "omega"
    messages: ClassVar[tuple[type[Record], ...]] = (Notify, Accuse)
    needs_graph = True
    elects = False

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        if len(process.reach) < process.n:
            raise UsageError("Omega's processes read each other's memories; give a complete shared-memory graph")
        self.leader = process.id
        self.contenders: dict[int, State | None] = {}
        self.silent = [0] * process.n
        self.patience = [1] * process.n
        self.heartbeat = 0
        self.accusations = 0  # of this process
        self.announced = False  # whether all others know that it leads, unless somebody has dropped it since
        self.notified_by: set[int] = set()
        self.accused = 0

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        return [Region(state_of(p), registers=1, permission=exclusive_writer(p, n), of=State) for p in range(n)]

    async def propose(self, value: Value) -> None:
        await self.process.race(self.turns(), self.listen())

    async def turns(self) -> None:
        """Hear, look, and lead or follow, for ever."""
        self.process.note(LEADER, self.leader)
        while True:
            await self.hear()
            for other in list(self.contenders):
                await self.look(other)
            await self.follow(self.least_accused())
            await self.process.sleep(REST)

    async def hear(self) -> None:
        """Take in what others have said since the last turn.

        Not sooner: a look that is under way may show what was there before the notification.
        """
        for other in sorted(self.notified_by):
            self.contenders.setdefault(other)
        self.notified_by.clear()
        if self.accused:
            self.accusations += self.accused
            self.accused = 0
            self.announced = False  # who accused has dropped it, and has to hear of it again

    async def look(self, other: int) -> None:
        """Read the register of a contender, and drop it if it does not lead any more or is silent for too long."""
        before = self.contenders[other]
        state = await self.shown_by(other)
        if not state.active:
            del self.contenders[other]
        elif before is None or state.heartbeat != before.heartbeat:
            self.contenders[other] = state
            self.silent[other] = 0
        else:
            self.silent[other] += 1
            if self.silent[other] == self.patience[other]:
                self.patience[other] += 1
                del self.contenders[other]
                await self.accuse(other)

    def least_accused(self) -> int:
        """Of this process and the contenders, the one with the fewest accusations, and of these the least."""
        known = [(state.accusations, other) for other, state in self.contenders.items() if state is not None]
        return min([(self.accusations, self.process.id), *known])[1]

    async def follow(self, leader: int) -> None:
        """Output ``leader``; if it is this process itself show that it is alive, and tell who may not look."""
        before, self.leader = self.leader, leader
        if leader != before:
            self.process.note(LEADER, leader)
        if leader == self.process.id:
            self.heartbeat += 1
            await self.show(active=True)
            if not self.announced:  # only now: who looked sooner would find it inactive, and drop it for good
                self.announced = True
                await self.notify()
        elif before == self.process.id:
            self.announced = False
            await self.show(active=False)

    async def show(self, active: bool) -> None:
        """Write this process's own register, in its own memory."""
        me = self.process.id
        await self.process.write(me, state_of(me), 0, State(self.heartbeat, self.accusations, active))

    async def shown_by(self, other: int) -> State:
        """Read ``other``'s register, in its memory. Who notifies has written it."""
        state: State = await self.process.read(other, state_of(other), 0)
        return state

    def others(self) -> list[int]:
        """All processes but this one."""
        return [other for other in range(self.process.n) if other != self.process.id]

    # How processes notify and accuse each other

    async def listen(self) -> None:
        """Keep what others say for the next turn."""
        while True:
            sender, message = await self.process.receive(Notify, Accuse)
            if isinstance(message, Notify):
                self.notified_by.add(sender)
            else:
                self.accused += 1

    async def notify(self) -> None:
        """Tell all others that this process leads."""
        for other in self.others():
            self.process.send(other, Notify())

    async def accuse(self, other: int) -> None:
        """Tell ``other`` that this process has dropped it."""
        self.process.send(other, Accuse())


class Calls(Record, frozen=True):
    """How often one process has notified and accused another one, in a register of the latter's memory."""

    notifications: int = 0
    accusations: int = 0


CALLS = "calls"


def calls_of(process: int) -> str:
    """The region of ``process``'s `Calls`, in everybody else's memory."""
    return f"calls of p{process}"


class OmegaOverLossyLinks(Omega):
    """One process of Omega that sends no message: others notify and accuse it through counters in its memory."""

    name = "omega-over-lossy-links"
    messages = ()

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.made = [Calls()] * process.n
        self.taken = [Calls()] * process.n

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        calls = [Region(calls_of(p), registers=1, permission=exclusive_writer(p, n), of=Calls) for p in range(n)]
        return [*super().regions(n), *calls, view(CALLS, calls)]

    async def propose(self, value: Value) -> None:
        await self.turns()

    async def hear(self) -> None:
        """Poll the counters in this process's own memory."""
        calls = await self.process.read_region(self.process.id, CALLS)
        for other, call in enumerate(calls):
            if call is not None:
                if call.notifications > self.taken[other].notifications:
                    self.notified_by.add(other)
                self.accused += call.accusations - self.taken[other].accusations
                self.taken[other] = call
        await super().hear()

    async def notify(self) -> None:
        others = self.others()
        await self.process.first(len(others), [self.call(other, notifications=1) for other in others])

    async def accuse(self, other: int) -> None:
        await self.call(other, accusations=1)

    def call(self, other: int, notifications: int = 0, accusations: int = 0) -> Completion[Outcome]:
        """Count up at ``other``. Nobody else writes there, so that it needs no atomic operation."""
        before = self.made[other]
        made = self.made[other] = Calls(before.notifications + notifications, before.accusations + accusations)
        return self.process.write(other, calls_of(self.process.id), 0, made)
