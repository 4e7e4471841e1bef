"""T-send and T-receive: messages that can only be what a correct process would have sent (P19, section 4.1).

Clement, Junqueira, Kate, Rodrigues (PODC'12): non-equivocation and transferable authentication turn a protocol that
tolerates crashes into one that tolerates Byzantine processes. Every message is broadcast with what happened to its
sender since its last one, the messages that it received by their numbers. A receiver feeds the sender's history to a
copy of the protocol of its own, and holds what that sends against what the sender sent. What is left to a liar: to
stop, to be late, and to pretend that it has not received something - as if it had crashed.

That a message was received is not believed either: a certificate names one message for a number (`Certified`), and a
receiver waits until it has that one itself, has found it right, and can feed it. Who claims one that never comes is
never heard again.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import Any, ClassVar, Generic, TypeVar

from rayrdma.model.errors import ProtocolError
from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import ENCODE, Record, Value

from .automaton import EVERYBODY, Automaton, Elapsed, Input, Led, Received
from .broadcast import Certified
from .sizes import fits

B = TypeVar("B")
I = TypeVar("I")  # noqa: E741 - the type of an input
Happened = Input[Any] | Received | Led | Elapsed


class Transmission(Record, Generic[B, I], frozen=True):
    """A message, for one process or for all, with what happened to its sender since its last one."""

    to: int
    body: B
    history: tuple[Input[I] | Received | Led | Elapsed, ...]


def transmission_of(protocol: type[Protocol], input: Any) -> Any:
    """The type of what processes broadcast that run ``protocol`` on inputs of type ``input``."""
    transmission: Any = Transmission
    return transmission[reduce(or_, protocol.messages), input]


class Peer:
    """Another process, as far as it has been followed.

    Attributes:
        waiting: what it has broadcast and is not judged yet.
        right: what was found right, in order; message k at k - 1.
        faulty: it has sent what no correct process would have sent. It counts as crashed.
    """

    def __init__(
        self,
        process: Process,
        id: int,
        protocol: type[Protocol],
        peers: list[Peer],
        acceptable: Callable[[Any], bool] = fits,
    ) -> None:
        self.id = id
        self.waiting: deque[Transmission[Any, Any]] = deque()
        self.right: list[Transmission[Any, Any]] = []
        self.faulty = False
        self._automaton = Automaton(process, id, protocol)
        self._consumed = [0] * process.n
        self._peers = peers
        self._acceptable = acceptable

    def followable(self, transmission: Transmission[Any, Any]) -> bool:
        """Whether everything that its history says it received is judged."""
        for event in transmission.history:
            if isinstance(event, Received) and 0 <= event.sender < len(self._peers):
                sender = self._peers[event.sender]
                if not sender.faulty and len(sender.right) < event.number:
                    return False
        return True

    def follows(self, transmission: Transmission[Any, Any]) -> bool:
        """Whether a correct process to which all this happened would have sent this next."""
        outbox = self._automaton.outbox
        try:
            for event in transmission.history:
                # A correct process sends what it has to before anything else happens to it.
                if outbox or not self._happens(event):
                    return False
        except ProtocolError:
            return False
        if not outbox:
            return False
        to, body = outbox.popleft()
        return to == transmission.to and ENCODE(body) == ENCODE(transmission.body)

    def _happens(self, event: Happened) -> bool:
        """Feed one event of its history; False: it can not happen to a correct process."""
        automaton = self._automaton
        if isinstance(event, Input):
            if automaton.started or not self._acceptable(event.value):
                return False
            automaton.propose(event.value)
            return True
        if not automaton.started:
            return False
        if isinstance(event, Received):
            return self._receives(event)
        if isinstance(event, Led):
            automaton.follow(event.leader)
            return True
        if not 0 <= event.timer < len(automaton.timers) or automaton.timers[event.timer].done:
            return False
        automaton.elapse(event.timer)
        return True

    def _receives(self, event: Received) -> bool:
        if not (0 <= event.sender < len(self._peers) and event.number > self._consumed[event.sender]):
            return False  # nobody, or for the second time
        right = self._peers[event.sender].right
        if event.number > len(right):
            return False  # from somebody who never got that far
        transmission = right[event.number - 1]
        if transmission.to not in (EVERYBODY, self.id):
            return False
        self._consumed[event.sender] = event.number
        self._automaton.take(event.sender, transmission.body)
        return True


class Transmitter:
    """Runs a crash-tolerant message-passing protocol of ours so that liars can do no more than crash.

    Args:
        process: on which.
        protocol: which; it may use messages, timers and Omega.
        on_decide: called with the value that the protocol decides.
        acceptable: what may be proposed; somebody else who proposes anything else is faulty.

    Attributes:
        broadcast: how it says something to everybody; ``follower``: how it follows others.
        decided: whether the protocol has decided.
    """

    broadcast: ClassVar[type[Certified]] = Certified
    follower: ClassVar[type[Peer]] = Peer

    def __init__(
        self,
        process: Process,
        protocol: type[Protocol],
        on_decide: Callable[[Value], None],
        acceptable: Callable[[Any], bool] = fits,
    ) -> None:
        self.process = process
        self.links = self.broadcast(process, self._delivered)
        self.own = Automaton(process, process.id, protocol)
        self.peers: list[Peer] = []
        self.peers.extend(self.follower(process, id, protocol, self.peers, acceptable) for id in range(process.n))
        self.decided = False
        self._on_decide = on_decide
        self._history: list[Happened] = []
        self._timers: Any = None

    async def run(self, value: Any) -> None:
        """Propose ``value``, and serve everybody for ever."""
        with self.process.nursery() as self._timers:
            self.own.propose(value)
            self._happened(Input(value))
            await self.links.serve()

    def lead(self, leader: int) -> None:
        """Omega's output changes."""
        self.own.follow(leader)
        self._happened(Led(leader))

    def _happened(self, event: Happened) -> None:
        """Send what the protocol sends on this event, with the history since the last message."""
        self._history.append(event)
        while self.own.outbox:
            to, body = self.own.outbox.popleft()
            self.links.broadcast(Transmission(to, body, tuple(self._history)))
            self._history.clear()
        while self.own.set_timers:
            self._timers.start(self._elapse(*self.own.set_timers.popleft()))
        if self.own.decided and not self.decided:
            self.decided = True
            self._on_decide(self.own.decision)

    async def _elapse(self, timer: int, duration: float) -> None:
        await self.process.sleep(duration)
        self.own.elapse(timer)
        self._happened(Elapsed(timer))

    def _delivered(self, origin: int, number: int, transmission: Transmission[Any, Any]) -> None:
        """Judge it, and whatever waited for it."""
        self.peers[origin].waiting.append(transmission)
        judged = True
        while judged:
            judged = any(self._judge(peer) for peer in self.peers)

    def _judge(self, peer: Peer) -> bool:
        """T-receive the next message of ``peer`` if it can be judged."""
        if peer.faulty or not peer.waiting or not peer.followable(peer.waiting[0]):
            return False
        transmission = peer.waiting.popleft()
        if peer.id != self.process.id and not peer.follows(transmission):
            peer.faulty = True
            self.process.refuse(peer.id, "sends what no correct process would have sent")
            return True
        peer.right.append(transmission)
        self.process.note("received", (peer.id, len(peer.right), transmission.body))
        if transmission.to in (EVERYBODY, self.process.id):
            self.own.take(peer.id, transmission.body)
            self._happened(Received(peer.id, len(peer.right)))
        return True
