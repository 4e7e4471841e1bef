"""The coordinator's actor: makes the parties of a run, schedules rounds, injects faults, and cleans up.

The other actors belong to it, and it belongs to the driver: when either dies, Ray ends what belongs to it.
The private folder is removed by a reaper that waits for the coordinator's end, and segments are unlinked as
soon as everybody has them mapped, so that not even ``kill -9`` leaves a file.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import signal
import tempfile
import threading
import time
from collections import Counter
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import ray
from ray.exceptions import GetTimeoutError, RayActorError, RayTaskError

from rayrdma.actors.carriers import SHARED_MEMORY, carrier_of
from rayrdma.actors.cluster import Reaper
from rayrdma.actors.memory import MemoryActor
from rayrdma.actors.process import ProcessActor
from rayrdma.actors.wiring import MemoryAddress, Report, Wiring, host_identity
from rayrdma.faults.plan import After, Crash, Pause
from rayrdma.model.errors import EnvironmentProblem, RayrdmaError, UsageError
from rayrdma.model.regions import Value
from rayrdma.transports.ray_channel import channel_bytes
from rayrdma.transports.service import frame_bytes

ALONE_UP_TO = 16
SETUP_SECONDS = 120.0
GRACE_SECONDS = 5.0
"""How long after a round's time-out an actor may take to report."""
FOREVER = 2**63 - 1
"""A memory that crashed in this instance has crashed in all of them."""


@dataclass(frozen=True)
class Plan:
    """What the coordinator needs to know beside the wiring."""

    inputs: tuple[Value, ...]
    faults: tuple[Crash | Pause, ...]
    transport: str
    timeout: float
    processes_per_actor: int | None


@dataclass
class Party:
    """An actor, the processes or memories in it, and where it runs."""

    actor: Any
    members: list[int]
    hold: Any
    pid: int
    node: str
    host: str
    no_device: str = ""
    alive: bool = True


class CoordinatorHost:
    """One run on Ray. Made into an actor by `CoordinatorActor`."""

    def __init__(self, wiring: Wiring, plan: Plan) -> None:
        place = SHARED_MEMORY if SHARED_MEMORY.is_dir() else Path(tempfile.gettempdir())
        self._folder = tempfile.mkdtemp(prefix="rayrdma-", dir=place)
        self._reaper = Reaper(self._folder)
        self._plan = plan
        self._wiring = replace(wiring, folder=self._folder)
        self._host = host_identity()
        self._processes: list[Party] = []
        self._memories: list[Party] = []
        self._dead_processes: set[int] = set()
        self._dead_memories: set[int] = set()
        self._segments: dict[int, Any] = {}
        self._secrets = {process: secrets.token_hex(16) for process in range(wiring.n)}
        self._transports: Counter[str] = Counter()
        self._queue_pairs = 0
        self._began: float | None = None
        self._closed = threading.Event()
        self._lock = threading.Lock()

    def pids(self) -> dict[str, int]:
        """The operating system's process of every live party on this host: "p0" -> pid."""
        return {
            f"{letter}{member}": party.pid
            for letter, parties in (("p", self._processes), ("m", self._memories))
            for party in parties
            for member in party.members
            if party.alive and member not in (self._dead_processes if letter == "p" else self._dead_memories)
        }

    def set_up(self) -> dict[str, int]:
        """Make all parties and connect them.

        Returns:
            How many (process, memory) pairs use which transport.
        Raises:
            EnvironmentProblem, UsageError: it can not be done here.
        """
        wiring, plan = self._wiring, self._plan
        per_actor = plan.processes_per_actor or -(-wiring.n // ALONE_UP_TO)
        memories_per_actor = max(1, -(-wiring.memories // ALONE_UP_TO)) if wiring.graph is None else per_actor
        self._processes = self._make(ProcessActor, wiring.n, per_actor)
        self._memories = self._make(MemoryActor, wiring.memories, memories_per_actor)
        self._check_pauses()
        for party in self._processes + self._memories:
            self._locate(party)
        addresses = self._open_memories()
        inboxes: dict[int, str] = {}
        pulses: dict[int, str] = {}
        keys: dict[int, bytes] = {}
        for found in self._ask([party.actor.whereabouts.remote() for party in self._processes]):
            inboxes |= found["inboxes"]
            pulses |= found["pulses"]
            keys |= found["keys"]
        for chosen in self._ask(
            [
                party.actor.connect.remote(
                    party.actor, addresses, inboxes, pulses, keys, {id: self._secrets[id] for id in party.members}
                )
                for party in self._processes
            ]
        ):
            self._transports.update(transport for transport, _ in chosen)
            self._queue_pairs += sum(queue_pairs for _, queue_pairs in chosen)
        for address in addresses:
            if address.segments is not None:
                from rayrdma.transports.shm import Segment

                self._segments[address.number] = [Segment.attach(path) for path in address.segments]
        self._ask(
            [call for party in self._memories for call in (party.actor.unlink.remote(), party.actor.forget.remote())]
        )
        self._arm_memories()
        self._ask([party.actor.beat.remote() for party in self._processes])
        threading.Thread(target=self._watch, name="watch", daemon=True).start()
        return dict(self._transports)

    def run_round(self, instance: int) -> list[Report]:
        """Run one instance at every live process; what each reports, without those that died in it.

        A process that says nothing until after the time-out (somebody has stopped it) counts as undecided.
        """
        self._begin()
        self._tell_memories(instance)
        values = dict(enumerate(self._plan.inputs))
        began = time.perf_counter_ns()  # once: the times of all traces count from it
        calls = {
            party.actor.run_round.remote(instance, values, self._plan.timeout, began): party
            for party in self._processes
            if party.alive
        }
        reports: list[Report] = []
        deadline = time.monotonic() + self._plan.timeout + GRACE_SECONDS
        waiting = list(calls)
        settling = {
            party.actor.settled.remote(instance)
            for party in calls.values()
            if self._wiring.protocol.goes_on and not self._lawless(party)
        }
        while waiting:
            if self._wiring.protocol.goes_on and settling:
                done, rest = ray.wait(list(settling), num_returns=1, timeout=max(0.0, deadline - time.monotonic()))
                settling = set(rest) if done else set()
                continue
            if self._wiring.protocol.goes_on or all(self._lawless(calls[call]) for call in waiting):
                # Nobody needs anything of those who are left, and they might go on for ever.
                for call in waiting:
                    calls[call].actor.end_round.remote(instance)
            done, waiting = ray.wait(waiting, num_returns=1, timeout=max(0.0, deadline - time.monotonic()))
            for call in done:
                try:
                    reports += ray.get(call)
                except RayActorError:
                    self._lost(calls[call])
            if not done:
                reports += [Report.silent(process) for call in waiting for process in calls[call].members]
                break
        for report in reports:
            if report.stopped:
                self._dead_processes.add(report.process)
        return sorted((report for report in reports if not report.stopped), key=lambda report: report.process)

    def queue_pairs(self) -> int:
        """How many the devices of all processes hold."""
        return self._queue_pairs

    def dead(self) -> tuple[list[int], list[int]]:
        """The processes and the memories that have crashed so far."""
        return sorted(self._dead_processes), sorted(self._dead_memories)

    def close(self) -> None:
        """End all actors and remove every file."""
        with self._lock:
            if self._closed.is_set():
                return
            self._closed.set()
        parties = self._processes + self._memories
        for party in parties:
            if party.host == self._host:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(party.pid, signal.SIGCONT)
        calls = [party.actor.close.remote() for party in parties if party.alive]
        with contextlib.suppress(RayActorError, RayTaskError, GetTimeoutError):
            ray.get(calls, timeout=5)
        for party in parties:
            ray.kill(party.actor)
        for pulse, segment in self._segments.values():
            pulse.close()
            segment.close()
        deadline = time.monotonic() + 5
        for party in parties:
            while party.host == self._host and _runs(party.pid) and time.monotonic() < deadline:
                time.sleep(0.01)
        self._reaper.close()

    def _lawless(self, party: Party) -> bool:
        return all(member in self._wiring.behaviours for member in party.members)

    # Making the parties

    def _make(self, actor: Any, count: int, per_actor: int) -> list[Party]:
        members = [list(range(count))[start : start + per_actor] for start in range(0, count, per_actor)]
        return [Party(actor.remote(self._wiring, group), group, None, 0, "", "") for group in members]

    def _locate(self, party: Party) -> None:
        (found,) = self._ask([party.actor.whereabouts.remote()])
        party.pid, party.node, party.host = found["pid"], found["node"], found["host"]
        party.no_device = found["no_device"]
        party.hold = party.actor.hold.remote()

    def _open_memories(self) -> list[MemoryAddress]:
        """Make all memories, each behind what suits it."""
        carriers = [self._carrier(party) for party in self._memories]
        self._check_room(carriers)
        opened = self._ask(
            [
                party.actor.open.remote(carrier, self._secrets)
                for party, carrier in zip(self._memories, carriers, strict=True)
            ]
        )
        what = {"shm": "segments", "verbs": "agents"}
        return [
            MemoryAddress(
                number, party.actor, party.node, **({what[carrier]: found[number]} if carrier in what else {})
            )
            for party, carrier, found in zip(self._memories, carriers, opened, strict=True)
            for number in party.members
        ]

    def _check_room(self, carriers: list[str]) -> None:
        """Ray itself would first allocate each channel's size in private memory, and then wait for room."""
        graph = self._wiring.graph
        without = sum(len(party.members) for party in self._processes if party.no_device)
        users = {"shm": 0, "verbs": without, "ray-channel": self._wiring.n}
        memories = sum(
            len(party.members) for party, carrier in zip(self._memories, carriers, strict=True) if users[carrier]
        )
        pairs = sum(
            len(party.members) * users[carrier] for party, carrier in zip(self._memories, carriers, strict=True)
        )
        if graph is not None:
            pairs = min(pairs, sum(len(graph.closed(p)) for p in range(graph.n)))
        needed = 2 * pairs * channel_bytes(frame_bytes(self._wiring.regions()))
        room = int(ray.cluster_resources().get("object_store_memory", 0))
        if needed > room:
            raise EnvironmentProblem(
                f"the channels to {memories} memories need {needed} bytes of Ray's object store, which has {room}; "
                "lower register_bytes, use --transport shm, or a Ray with more (ray start --object-store-memory=...)"
            )

    def _carrier(self, party: Party) -> str:
        counts = any(isinstance(f.at, After) and f.memory in party.members for f in self._crashes("memory"))
        return carrier_of(self._plan.transport, party, self._processes, self._host, counts)

    def _ask(self, calls: list[Any]) -> list[Any]:
        """The answers of actors that are being set up."""
        try:
            answers: list[Any] = ray.get(calls, timeout=SETUP_SECONDS)
        except RayTaskError as error:
            if isinstance(error.cause, RayrdmaError):
                raise error.cause from None
            raise
        except GetTimeoutError as error:
            raise EnvironmentProblem(
                f"an actor did not start within {SETUP_SECONDS:g} s; does the cluster have memory left?"
            ) from error
        return answers

    # Faults

    def _crashes(self, what: str) -> list[Crash]:
        return [f for f in self._plan.faults if isinstance(f, Crash) and (f.process is None) == (what == "memory")]

    def _arm_memories(self) -> None:
        for fault in self._crashes("memory"):
            if isinstance(fault.at, After):
                assert fault.memory is not None
                self._ask([self._party(self._memories, fault.memory).actor.crash_after.remote(fault.memory, fault.at)])

    def _check_pauses(self) -> None:
        for fault in self._plan.faults:
            if isinstance(fault, Pause) and len(self._party(self._processes, fault.process).members) > 1:
                raise UsageError(
                    f"fault {fault}: process {fault.process} shares its actor with others, which would stand still "
                    "too; use --processes-per-actor 1"
                )

    def _begin(self) -> None:
        """At the start of the first round: what is to happen at time 0 happens, the rest is timed."""
        if self._began is not None:
            return
        self._began = time.monotonic()
        timed: list[tuple[float, Any, tuple[Any, ...]]] = []
        for fault in self._plan.faults:
            if isinstance(fault, Pause):
                party = self._party(self._processes, fault.process)
                timed.append((fault.at, self._signal, (party, signal.SIGSTOP)))
                timed.append((fault.until, self._signal, (party, signal.SIGCONT)))
            elif not isinstance(fault.at, After):
                timed.append((fault.at, self._crash, (fault,)))
        timed.sort(key=lambda entry: entry[0])
        while timed and timed[0][0] == 0:
            _, act, arguments = timed.pop(0)
            act(*arguments)
        if timed:
            threading.Thread(target=self._run_timed, args=(timed,), name="faults", daemon=True).start()

    def _run_timed(self, timed: list[tuple[float, Any, tuple[Any, ...]]]) -> None:
        assert self._began is not None
        for at, act, arguments in timed:
            if self._closed.wait(max(0.0, self._began + at - time.monotonic())):
                return
            act(*arguments)

    def _crash(self, fault: Crash) -> None:
        if fault.memory is not None:
            self._crash_memory(fault.memory)
            return
        assert fault.process is not None
        party = self._party(self._processes, fault.process)
        self._dead_processes.add(fault.process)
        if len(party.members) == 1:
            self._kill(party)
        else:
            ray.get(party.actor.stop.remote(fault.process))

    def _crash_memory(self, number: int) -> None:
        party = self._party(self._memories, number)
        self._mark_crashed(number)
        if len(party.members) == 1:
            self._kill(party)
        elif number not in self._segments:
            ray.get(party.actor.crash.remote(number))

    def _mark_crashed(self, number: int) -> None:
        """A memory's segments can outlive its actor; a memory that has crashed never answers."""
        self._dead_memories.add(number)
        for segment in self._segments.get(number, ()):
            segment.crash(FOREVER)

    def _kill(self, party: Party) -> None:
        self._signal(party, signal.SIGKILL)
        party.alive = False
        ray.kill(party.actor)

    def _signal(self, party: Party, number: signal.Signals) -> None:
        if party.alive and party.host == self._host:
            with contextlib.suppress(ProcessLookupError):
                os.kill(party.pid, number)

    # Deaths that nobody planned

    def _watch(self) -> None:
        """Notice the death of actors, whoever killed them."""
        holds = {party.hold: party for party in self._processes + self._memories}
        waiting = list(holds)
        while waiting and not self._closed.is_set():
            done, waiting = ray.wait(waiting, num_returns=1, timeout=1)
            for hold in done:
                with contextlib.suppress(RayTaskError):
                    try:
                        ray.get(hold)
                    except RayActorError:
                        self._lost(holds[hold])

    def _lost(self, party: Party) -> None:
        """An actor does not answer any more. If it is not dead, it is from now on: unknown becomes a crash."""
        with self._lock:
            if self._closed.is_set():
                return
            self._kill(party)
            if party in self._memories:
                for number in party.members:
                    self._mark_crashed(number)
            else:
                self._dead_processes.update(party.members)

    def _tell_memories(self, instance: int) -> None:
        """Empty every live memory for a new instance; one that can not be told in time has crashed."""
        calls = {party.actor.reset.remote(instance): party for party in self._memories if party.alive}
        for call, party in calls.items():
            try:
                ray.get(call, timeout=self._plan.timeout)
            except (RayActorError, GetTimeoutError):
                self._lost(party)

    def _party(self, parties: list[Party], member: int) -> Party:
        return next(party for party in parties if member in party.members)


def _runs(pid: int) -> bool:
    try:
        return "\nState:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except OSError:
        return False


CoordinatorActor = ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0, max_concurrency=4)(CoordinatorHost)
"""`CoordinatorHost` as a Ray actor."""
