"""One process of the model where it lives: what it keeps over all instances."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rayrdma.actors.by_value import load_class
from rayrdma.actors.devices import use_device
from rayrdma.actors.live_process import LiveProcess
from rayrdma.actors.omega import Omega
from rayrdma.actors.wiring import Wiring
from rayrdma.model.regions import Region
from rayrdma.model.signatures import Identity, Signer
from rayrdma.transports.connection import Connection
from rayrdma.transports.links import Inbox, Outbox

if TYPE_CHECKING:
    from rayrdma.transports.verbs.connection import VerbsConnection
    from rayrdma.transports.verbs.lines import Port

SETUP_SECONDS = 60.0


@dataclass(frozen=True)
class Dialled:
    """One process's connections to one memory; ``segment`` where that is shared memory."""

    protocol: Connection
    pulse: Connection | None
    segment: Any = None

    @property
    def queue_pairs(self) -> int:
        """How many the process's device holds towards this memory."""
        return self.protocol.queue_pairs + (self.pulse.queue_pairs if self.pulse is not None else 0)


@dataclass
class Ports:
    """A process's ports on its host's device, made when first needed: its heartbeats run on a thread of their own.

    ``secret`` is what the agents of memories know it by.
    """

    secret: str
    protocol: Port | None = None
    pulse: Port | None = None

    def of(self, part: int) -> Port:
        """For a part of a memory: the protocol's regions, or, below 0, the heartbeats."""
        from rayrdma.transports.verbs.lines import Port  # pyverbs is loaded only where it is used

        which = "protocol" if part >= 0 else "pulse"
        if getattr(self, which) is None:
            setattr(self, which, Port(use_device()))
        port: Port = getattr(self, which)
        return port

    def connect(self, process: int, part: int, agent: str, regions: Sequence[Region], n: int) -> VerbsConnection:
        """Connect to a part of a memory whose agent is asked at ``agent``."""
        from rayrdma.transports.verbs.connection import VerbsConnection

        connection = VerbsConnection(self.of(part), agent, self.secret, regions, process, n)
        connection.open(SETUP_SECONDS)
        return connection

    def close(self) -> None:
        """Give them back, after the connections."""
        for port in (self.protocol, self.pulse):
            if port is not None:
                port.close()


class Seat:
    """One process, as the loop that steps it knows it.

    Attributes:
        dialled: its connections to each memory, once they are made.
        stopped: it has crashed.
    """

    def __init__(self, id: int, wiring: Wiring, address: str) -> None:
        self.id = id
        self.inbox = Inbox(wiring.listen(id, "messages", address), wiring.n)
        self.pulse = Inbox(wiring.listen(id, "beats", address), wiring.n) if not wiring.beats_in_memory else None
        self.outbox: Outbox | None = None
        self.pulse_outbox: Outbox | None = None
        self.dialled: list[Dialled] = []
        self.ports: Ports | None = None
        self.fans: dict[str, Any] = {}
        self.omega: Omega | None = None
        self.current: LiveProcess | None = None
        self.stopped = False
        self.signer = Signer(id)
        self.identity: Identity | None = None
        code = wiring.behaviours.get(id)
        self.behaviour = load_class(code) if code is not None else None

    @property
    def refused(self) -> int:
        """How many of its operations on the protocol's regions the memories' devices refused so far."""
        return sum(dialled.protocol.refused for dialled in self.dialled)
