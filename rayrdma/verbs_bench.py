"""What operations over verbs cost on this host's device, each beside bare pyverbs in the same run.

Bare is one work request that was made before, posted and polled, of as many bytes. The memories and their agents are in
a process of their own, as everywhere else. A clock can be slow in a virtual machine, so bursts are timed.
"""

from __future__ import annotations

import contextlib
import multiprocessing
import time
from collections.abc import Callable, Iterator, Sequence
from multiprocessing.connection import Connection as Pipe
from typing import TYPE_CHECKING, Any

from rayrdma.bench import Alone, Direct, Tell
from rayrdma.model.errors import EnvironmentProblem
from rayrdma.model.operations import CHANGE_PERMISSION, COMPARE_AND_SWAP, READ, WRITE
from rayrdma.model.permissions import everyone, exclusive_write_to_caller, exclusive_writer
from rayrdma.model.regions import Region
from rayrdma.model.signatures import Identity, Signer, Verifier
from rayrdma.protocols.protected_memory_paxos import SLOTS, ProtectedMemoryPaxos
from rayrdma.results.figures import Bench, Figure, against, figure
from rayrdma.results.result import versions
from rayrdma.transports.connection import PENDING
from rayrdma.transports.verbs.here import open_device

if TYPE_CHECKING:
    from rayrdma.actors.live_process import LiveProcess
    from rayrdma.transports.verbs.connection import VerbsConnection
    from rayrdma.transports.verbs.lines import Line, Port

MEMORIES = 3
N = 2
SETS = 8
BURST = 20
BURSTS = 60
HOST = "127.0.0.1"
PARTS = 4
TEXT = "x" * 46
"""With what stands before it in a register, 64 bytes."""
BYTES = 64
PLAIN = Region("plain", 1, exclusive_writer(0, N), legal_change=exclusive_write_to_caller, register_bytes=48)
SHARED = Region("shared", 1, everyone(N))
SECRETS = {"first": 0, "second": 1}


def run_verbs_bench(tell: Tell = lambda what, done, parts: None) -> Bench:
    """Measure everything.

    Raises:
        EnvironmentProblem: there is no device that can be used.
    """
    tell("set-up", 0, PARTS)
    with _arena() as arena:
        tell("operations", 1, PARTS)
        figures = operations(arena)
        tell("decisions", 2, PARTS)
        figures += decisions(arena)
        tell("permissions", 3, PARTS)
        figures += changes(arena, figures[0])
    return Bench(figures, versions())


class Arena:
    """Memories behind the device, and connections of two processes to them."""

    def __init__(self, endpoints: Sequence[str], hosts: Pipe) -> None:
        from rayrdma.transports.verbs.connection import VerbsConnection
        from rayrdma.transports.verbs.lines import Port

        self.device = open_device()
        self._hosts = hosts
        self.port = Port(self.device)
        self.other_port = Port(self.device)
        regions = [PLAIN, SHARED]
        plain, *paxos = endpoints
        self.first = VerbsConnection(self.port, plain, "first", regions, 0, N)
        self.second = VerbsConnection(self.other_port, plain, "second", regions, 1, N)
        self.regions = ProtectedMemoryPaxos.regions(N)
        connections = [VerbsConnection(self.port, endpoint, "first", self.regions, 0, N) for endpoint in paxos]
        self.sets = [connections[start : start + MEMORIES] for start in range(0, len(connections), MEMORIES)]
        for connection in (self.first, self.second, *connections):
            connection.open(60)
        self.signer = Signer(0)
        self.instance = 0
        self.next()

    def next(self) -> None:
        """Everything is empty again."""
        self.instance += 1
        self._hosts.send(self.instance)
        self._hosts.recv()
        connections = (self.first, self.second, *(one for three in self.sets for one in three))
        for connection in connections:
            connection.start(self.instance)
        for connection in connections:
            while connection.poll() is PENDING:
                pass

    def close(self) -> None:
        """Give everything back."""
        for connection in (self.first, self.second, *(one for three in self.sets for one in three)):
            connection.close()
        self.port.close()
        self.other_port.close()
        self.device.close()


def do(connection: VerbsConnection, operation: Direct) -> Any:
    """An operation from beginning to end."""
    answer = connection.post(operation)
    while answer is PENDING:
        answer = connection.poll()
    return answer


def _bare(port: Port, posts: Sequence[tuple[Line, Any]]) -> Callable[[], None]:
    """Post one work request on each of these queue pairs, and poll until all have completed."""
    from rayrdma.transports.verbs.device import SUCCESS

    posting = [(line.pair.post, request) for line, request in posts if line.pair is not None]
    poll = port.completions.queue.poll
    count = len(posting)

    def once() -> None:
        for post, request in posting:
            post(request)
        left = count
        while left:
            found, completed = poll(count)
            for completion in completed if found else ():
                if completion.status != SUCCESS:
                    raise AssertionError("the device refused what it was to be timed with")
            left -= found

    return once


def _in_turns(one: Callable[[], object], other: Callable[[], object]) -> tuple[list[float], list[float]]:
    """Nanoseconds that each of them takes, burst by burst."""
    times: tuple[list[float], list[float]] = ([], [])
    clock = time.perf_counter_ns
    for _ in range(BURSTS):
        for act, kept in zip((one, other), times, strict=True):
            start = clock()
            for _ in range(BURST):
                act()
            kept.append((clock() - start) / BURST)
    return times


def operations(arena: Arena) -> list[Figure]:
    """A WRITE, a READ and a compare-and-swap by a connection, each beside the same by bare pyverbs."""
    connection = arena.first
    region = "plain"
    write, read = Direct(WRITE, TEXT, region), Direct(READ, None, region)
    swap = Direct(COMPARE_AND_SWAP, (1, 2), "shared")
    do(connection, write)
    do(connection, read)
    do(connection, Direct(COMPARE_AND_SWAP, (None, 0), "shared"))
    plain, shared = connection.side("plain"), connection.side("shared")
    local = connection.local(connection.room, BYTES)
    bares = {
        "WRITE": (plain.line, plain.put(connection.local(0, BYTES), 0, plain.keys.write)[0]),
        "READ": (connection.reading, plain.get(local, 0, plain.keys.read)[0]),
        "CAS": (
            shared.line,
            shared.swap(connection.local(connection.word, 8), 0, shared.keys.write, 1, 2)[0],
        ),
    }
    figures = []
    for name, operation in (("WRITE", write), ("READ", read), ("CAS", swap)):
        size = "8 bytes" if name == "CAS" else f"{BYTES} bytes"
        times, bare_times = _in_turns(lambda done=operation: do(connection, done), _bare(arena.port, [bares[name]]))  # type: ignore[misc]
        bare = figure(f"bare {name}, {size}", bare_times)
        figures += [bare, against(figure(f"verbs {name}, {size}", times), bare.name, bare)]
    return figures


def decisions(arena: Arena) -> list[Figure]:
    """Decisions of Protected Memory Paxos over three memories, beside one bare WRITE to each of three."""
    taken: list[float] = []
    bare_times: list[float] = []
    clock = time.perf_counter_ns
    for _ in range(BURSTS):
        arena.next()
        # On one set of memories a decision, on the next one the bare writes: neither finds its caches warmed.
        for deciding, written in zip(arena.sets[::2], arena.sets[1::2], strict=True):
            process = _process(arena, deciding)
            process.begin("a value of some bytes")
            while not process.decided:
                process.step()
            while process.expects_memories:
                process.step()
            taken.append(process.decided_ns - process.started_ns)
            if process.decision_depth != 2:
                raise AssertionError("this was not the common case: its time means nothing")
            sides = [(connection, connection.side(SLOTS)) for connection in written]
            bare = _bare(
                arena.port,
                [(side.line, side.put(one.local(0, BYTES), 0, side.keys.write)[0]) for one, side in sides],
            )
            start = clock()
            bare()
            bare_times.append(clock() - start)
    three = figure(f"bare WRITE to each of {MEMORIES}, {BYTES} bytes", bare_times)
    decision = figure(f"Protected Memory Paxos decision, {MEMORIES} verbs memories", taken)
    return [three, against(decision, three.name, three)]


def changes(arena: Arena, write: Figure) -> list[Figure]:
    """Taking the permission to write, and connecting a queue pair anew, beside one bare WRITE."""
    taken, reconnected = [], []
    clock = time.perf_counter_ns
    take = [Direct(CHANGE_PERMISSION, exclusive_writer(process, N), "plain") for process in range(N)]
    for _ in range(BURSTS):
        for connection, operation in zip((arena.second, arena.first), reversed(take), strict=True):
            start = clock()
            do(connection, operation)
            taken.append(clock() - start)
        line = arena.first.side("plain").line
        start = clock()
        answer = arena.first.begin(arena.first.connect(line))
        while answer is PENDING:
            answer = arena.first.poll()
        reconnected.append(clock() - start)
    return [
        against(figure("permission switch, by the memory's agent", taken), write.name, write),
        against(figure("queue pair connected anew", reconnected), write.name, write),
    ]


class _Silence(Alone):
    """Links on which nothing comes."""

    def receive(self) -> None:
        """Nothing."""


def _process(arena: Arena, connections: Sequence[VerbsConnection]) -> LiveProcess:
    """A process that is about to decide."""
    from rayrdma.actors.live_process import Clockwork, LiveProcess, kill_this_process
    from rayrdma.transports.verbs.fan import Fan

    silence: Any = _Silence()
    return LiveProcess(
        0,
        N,
        {region.name: region for region in arena.regions},
        connections,
        "bench",
        instance=arena.instance,
        epoch_ns=0,
        protocol=ProtectedMemoryPaxos,
        inbox=silence,
        outbox=silence,
        omega=silence,
        fans={SLOTS: Fan(connections, SLOTS)},
        clockwork=Clockwork(None, kill_this_process),
        identity=Identity(arena.signer, Verifier({0: arena.signer.public})),
        trace=False,
    )


def _host(pipe: Pipe) -> None:
    """The memories of a bench, in a process of their own, until nobody holds the other end of the pipe."""
    try:
        device = open_device()
        from rayrdma.transports.verbs.agent import VerbsMemory

        kinds = [[PLAIN, SHARED], *[ProtectedMemoryPaxos.regions(N)] * (SETS * MEMORIES)]
        memories = [VerbsMemory(device, HOST, regions, SECRETS) for regions in kinds]
        pipe.send([memory.endpoint for memory in memories])
        while True:
            instance = pipe.recv()
            for memory in memories:
                memory.reset(instance)
            pipe.send(None)
    except EnvironmentProblem as error:
        pipe.send(error)
    except EOFError:
        pass


@contextlib.contextmanager
def _arena() -> Iterator[Arena]:
    context = multiprocessing.get_context("fork")  # before anything here opens a device or starts a thread
    ours, theirs = context.Pipe()
    host = context.Process(target=_host, args=(theirs,), daemon=True)
    host.start()
    theirs.close()
    try:
        endpoints = ours.recv()
        if isinstance(endpoints, EnvironmentProblem):
            raise endpoints
        arena = Arena(endpoints, ours)
        try:
            yield arena
        finally:
            arena.close()
    finally:
        ours.close()
        host.terminate()
        host.join()
