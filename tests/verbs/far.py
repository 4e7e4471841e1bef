"""Memories on another host, over a cable that is cut and healed: what processes here see of them, told as stories.

    python -m tests.verbs.far there ADDRESS    # on the other host, whose address this is: makes memories as it is told
    python -m tests.verbs.far STORY ADDRESS    # here

Whoever started a story cuts the cable, heals it, and kills the other host, when the story's output says so (`ask_for`).
A story finds out by itself that this has happened, as processes do: by what is answered, and what is not.
"""

from __future__ import annotations

import multiprocessing
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from itertools import count
from multiprocessing.connection import Client, Listener
from typing import Any

from rayrdma.actors.wiring import Wiring
from rayrdma.checks import check
from rayrdma.checks.observation import Observation
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import everyone, exclusive_write_to_caller, exclusive_writer
from rayrdma.model.regions import Region
from rayrdma.model.trace import Responded
from rayrdma.protocols.protected_memory_paxos import ProtectedMemoryPaxos
from rayrdma.scenario import Scenario
from rayrdma.transports.connection import PENDING
from rayrdma.transports.verbs.agent import VerbsMemory
from rayrdma.transports.verbs.connection import VerbsConnection
from rayrdma.transports.verbs.device import Device
from rayrdma.transports.verbs.lines import Port
from tests.effects import violations, with_effects
from tests.parity.party import Op, change, read, read_region, swap, write
from tests.verbs.fleet import Died, Fleet, Fork, Host, serve
from tests.verbs.together import secret, wait_until

PORT = 4791
SECONDS = 60.0
PATIENCE = 10.0
"""Who has not answered for so many seconds is out of reach."""
CUTS = 3
ROUNDS = 5
NEAR, FAR = range(2), 2
"""Memories of the rounds: which are here, and which is there."""
N = 2
REGIONS = (
    Region("slots", N, exclusive_writer(0, N), legal_change=exclusive_write_to_caller),
    Region("chain", 1, everyone(N)),
)

_steps = count(1)


def ask_for(what: str) -> None:
    """Have the cable unplugged or plugged, or the other host killed."""
    say(f"{next(_steps)}: {what}")


def say(line: str) -> None:
    print(line, flush=True)


# The other host


def there(address: str) -> None:
    """Make for everybody who connects, in a process of its own, what they say."""
    context = multiprocessing.get_context("fork")
    with Listener((address, PORT)) as listener:
        say("listening")
        while True:
            pipe = listener.accept()
            context.Process(target=serve_far, args=(pipe,), daemon=True).start()
            pipe.close()


def serve_far(pipe: Any) -> None:
    make, arguments = pipe.recv()
    serve(pipe, make, arguments)


class Far(Fork):
    """Somebody on the other host. ``alive`` as long as it answers in time."""

    def __init__(self, address: str, make: Callable[..., Any], *arguments: Any) -> None:
        self._pipe = Client((address, PORT))
        self._pipe.send((make, arguments))
        self._awaited = 0
        self.begin("agents")
        self.come_back()

    def begin(self, what: str, *arguments: Any) -> None:
        self._awaited += 1
        super().begin(what, *arguments)

    def result(self) -> Any:
        self.alive = self.answers_within(PATIENCE)
        if not self.alive:
            raise Died
        self._awaited -= 1
        return super().result()

    def answers(self) -> bool:
        """Whether it is in reach."""
        try:
            return self.alive and bool(self.call("agents"))
        except Died:
            return False

    def come_back(self) -> None:
        """Wait until it is in reach again, and has done what it was told."""
        while self._awaited:
            self._awaited -= 1
            super().result()
        self.alive = True

    def end(self) -> None:
        self._pipe.close()


class Lone:
    """A memory that is in no run."""

    def __init__(self, address: str) -> None:
        self._memory = VerbsMemory(Device(), address, REGIONS, {secret(process): process for process in range(N)})
        self._memory.reset(1)

    def agents(self) -> list[str]:
        """Where it is asked."""
        return [self._memory.endpoint]


# Operations


class Pair:
    """Two processes that operate on a lone memory on the other host, each through a port of its own."""

    def __init__(self, address: str) -> None:
        self.far = Far(address, Lone, address)
        (endpoint,) = self.far.call("agents")
        self._device = Device()
        self.connections = [
            VerbsConnection(Port(self._device), endpoint, secret(process), REGIONS, process, N, instance=1)
            for process in range(N)
        ]
        for connection in self.connections:
            connection.open(SECONDS)

    def __enter__(self) -> Pair:
        return self

    def __exit__(self, *_: object) -> None:
        for connection in self.connections:
            connection.close()
            connection.port.close()
        self._device.close()
        self.far.end()

    def __call__(self, process: int, operation: Op) -> Any:
        """The response."""
        response = self.connections[process].post(operation)
        return self.answer(process) if response is PENDING else response

    def answer(self, process: int) -> Any:
        """The response to what is under way."""
        response: Any = PENDING

        def answered() -> bool:
            nonlocal response
            response = self.connections[process].poll()
            return response is not PENDING

        wait_until(answered, "an answer")
        return response

    def in_doubt(self, process: int) -> bool:
        """Whether the device has said that it does not know what became of the operation under way."""
        return "IBV_WC_RETRY_EXC_ERR" in self.connections[process].port.why

    @property
    def lost(self) -> bool:
        """Whether a connection has given up."""
        return any(connection.lost for connection in self.connections)


class Stream:
    """A process that carries out one operation after the other.

    Args:
        make: the operation of a number.
        right: the response to it.
    """

    def __init__(self, pair: Pair, process: int, make: Callable[[int], Op], right: Callable[[int], Any]) -> None:
        self._pair, self._process, self._make, self._right = pair, process, make, right
        self.number = 0

    def until_in_doubt(self) -> Iterator[None]:
        """Begin operations until one is not answered."""
        connection = self._pair.connections[self._process]
        connection.port.why = ""
        while True:
            self.number += 1
            response = connection.post(self._make(self.number))
            while response is PENDING:
                if self._pair.in_doubt(self._process):
                    return
                yield
                response = connection.poll()
            assert response == self._right(self.number), (self.number, response)


def value(number: int) -> str:
    """What the operation of this number leaves behind: more than fits into a word."""
    return f"the value {number}"


def streams_of(pair: Pair) -> tuple[Stream, Stream]:
    """p0 writes a value over the one before, and p1 swaps another one, over and over."""
    assert pair(0, write("slots", 0, value(0))) is ACK
    assert pair(1, swap("chain", 0, None, value(0))) is None
    writes = Stream(pair, 0, lambda number: write("slots", 0, value(number)), lambda _: ACK)
    swaps = Stream(pair, 1, lambda n: swap("chain", 0, value(n - 1), value(n)), lambda n: value(n - 1))
    return writes, swaps


def cut_off(pair: Pair, streams: Iterable[Stream], by: str) -> None:
    """Have the other host cut off in the middle of these."""
    ask_for(by)
    running = [stream.until_in_doubt() for stream in streams]
    while running:
        running = [steps for steps in running if next(steps, running) is None]
    assert not pair.lost


def operations(address: str) -> None:
    """Every operation, and what becomes of those that a cut took by surprise."""
    with Pair(address) as pair:
        assert pair(0, write("slots", 0, "first")) is ACK
        assert pair(1, read("slots", 0)) == "first"
        assert pair(1, write("slots", 0, "stolen")) is NAK
        assert pair(1, swap("chain", 0, "nothing", "something")) is None
        take = [change("slots", exclusive_writer(process, N)) for process in range(N)]
        assert pair(1, take[1]) is None
        assert pair(0, write("slots", 0, "revoked")) is NAK
        assert pair(1, write("slots", 0, "second")) is ACK
        assert pair(0, read_region("slots")) == ("second", None)
        assert pair.connections[0].refused == 1, "by the device on the other host"
        assert pair(0, take[0]) is None

        writes, swaps = streams_of(pair)
        for _ in range(CUTS):
            cut_off(pair, (writes, swaps), by="unplug")
            ask_for("plug")
            assert pair.answer(1) == value(swaps.number - 1)
            assert pair(1, read("chain")) == value(swaps.number)
            assert pair(1, take[1]) is None
            found = pair(1, read("slots"))
            assert found in (value(writes.number - 1), value(writes.number))
            assert pair(1, write("slots", 0, "taken over")) is ACK
            answer = pair.answer(0)
            say(f"after {writes.number} writes and {swaps.number} swaps: {found} was there, the write gets {answer}")
            assert answer is (ACK if found == value(writes.number) else NAK)
            assert pair(0, read("slots")) == "taken over"
            assert pair(0, take[0]) is None
            assert pair(0, write("slots", 0, value(writes.number))) is ACK
        assert not pair.lost
        assert all(connection.reconnected >= CUTS for connection in pair.connections)


# Rounds


class FarFleet(Fleet):
    """Three processes and two memories here, and a third memory on the other host."""

    def __init__(self, address: str) -> None:
        self._address = address
        self._instances = count(1)
        inputs, memories = ("v0", "v1", "v2"), len(NEAR) + 1
        super().__init__(Scenario(ProtectedMemoryPaxos, inputs, memories, timeout=SECONDS, trace=True))

    def _host(self, wiring: Wiring, memory: int, known: Mapping[int, str]) -> Fork:
        if memory in NEAR:
            return super()._host(wiring, memory, known)
        self.far = Far(self._address, Host, wiring, memory, known, self._address)
        return self.far

    def decide(self) -> set[int]:
        """Run a round that the leader decides in two delays; the memories that answered it."""
        return right(self.run_round(next(self._instances)), delays=2)

    def block(self) -> None:
        """Run a round that waits for the other host, which is cut off after memories were reset for it, and healed."""
        instance = next(self._instances)
        self.reset(instance)
        ask_for("unplug")
        while self.far.answers():
            pass
        self.begin_round(instance)
        leader = self.processes[0]
        leader.begin("settled", instance)
        assert not leader.answers_within(PATIENCE), "one memory of three is no majority"
        ask_for("plug")
        self.far.come_back()
        leader.result()
        right(self.end_round(instance), delays=2)


def right(observation: Observation, delays: int) -> set[int]:
    """Everybody has decided, the first one in so many delays, and as memories are defined; which memories answered."""
    assert check(observation) == []
    assert not observation.undecided, observation.undecided
    assert observation.decisions[0].depth == delays
    assert violations(with_effects(observation, lambda _: list(observation.regions))) == []
    return {event.memory for event in observation.log if isinstance(event, Responded)}


def rounds(address: str) -> None:
    """With one memory of three cut off they go on; with one more that is dead they wait until the cable is healed."""
    with FarFleet(address) as fleet:
        for _ in range(ROUNDS):
            fleet.decide()
        say("rounds decide")
        ask_for("unplug")
        while fleet.far.alive:
            fleet.decide()
        for _ in range(ROUNDS):
            assert FAR not in fleet.decide()
        say("rounds decide without the other host")
        ask_for("plug")
        fleet.far.come_back()
        fleet.memories[NEAR[-1]].kill()
        for _ in range(ROUNDS):
            assert fleet.decide() == {NEAR[0], FAR}
        say("rounds decide on one memory of each host")
        fleet.block()
        say("a round has waited for the other host")
        for _ in range(ROUNDS):
            assert fleet.decide() == {NEAR[0], FAR}
        looks = fleet.looks()
        assert not any(lost for look in looks.values() for lost in look["lost"]), looks
        say(f"connected again: {[look['reconnected'] for look in looks.values()]}")


def killed(address: str) -> None:
    """The other host dies: what is under way stays so, and rounds go on without it."""
    with Pair(address) as pair, FarFleet(address) as fleet:
        fleet.decide()
        cut_off(pair, streams_of(pair), by="kill")
        while fleet.far.alive:
            fleet.decide()
        for _ in range(ROUNDS):
            assert FAR not in fleet.decide()
            assert all(connection.poll() is PENDING for connection in pair.connections)
        assert not pair.lost


if __name__ == "__main__":
    name, address = sys.argv[1:]
    {"there": there, "operations": operations, "rounds": rounds, "killed": killed}[name](address)
