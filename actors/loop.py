"""The processes that share a process of the operating system, and the one loop that steps them. Without Ray."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, cast

from rayrdma.actors.devices import device_soft
from rayrdma.actors.live_process import Clockwork, LiveProcess, kill_this_process
from rayrdma.actors.omega import Board, MemoryBoard, MessageBoard, Omega
from rayrdma.actors.seat import Seat
from rayrdma.actors.wiring import Report, Wiring
from rayrdma.faults.behaviour import Plan
from rayrdma.model.regions import Value
from rayrdma.model.signatures import Identity, Verifier
from rayrdma.transports.connection import PENDING
from rayrdma.transports.links import Outbox

if TYPE_CHECKING:
    from rayrdma.transports.verbs.connection import VerbsConnection

SPIN = 2000  # steps without an event before the loop sleeps between steps
NAP = 0.001
SOFT_PACE = 10
AGENTS_SECONDS = 0.1
"""So long a round waits, before it begins, for agents of memories to tell keys. They are asked again when needed."""


class Loop:
    """The processes ``ids`` of a run.

    Args:
        address: of this host, for what they receive over TCP.
    """

    def __init__(self, wiring: Wiring, ids: Sequence[int], address: str) -> None:
        self._wiring = wiring
        self._regions = wiring.regions()
        self._seats = {id: Seat(id, wiring, address) for id in ids}
        self._turn = threading.Lock()
        self._over = self._settled = 0
        self._settling = threading.Condition()
        self._plan = Plan(wiring.behaviours, str(wiring.seed))
        self._clockworks = {
            id: Clockwork(wiring.crashes.get(id), kill_this_process if len(ids) == 1 else self._stopper(id))
            for id in ids
        }

    # Before the first round

    def listens(self) -> dict[str, Any]:
        """Where its processes receive, and the keys that they sign with."""
        return {
            "keys": {id: seat.signer.public for id, seat in self._seats.items()},
            "inboxes": {id: seat.inbox.endpoint for id, seat in self._seats.items()},
            "pulses": {id: seat.pulse.endpoint for id, seat in self._seats.items() if seat.pulse is not None},
        }

    def meet(self, inboxes: Mapping[int, str], pulses: Mapping[int, str], keys: Mapping[int, bytes]) -> None:
        """Let the processes, whose memories are dialled, know each other."""
        verifier = Verifier(dict(keys))
        for seat in self._seats.values():
            seat.fans = self._fans(seat)
            seat.outbox = Outbox(seat.id, inboxes)
            seat.identity = Identity(seat.signer, verifier)
            # A software device would be busy with nothing but heartbeats.
            through_device = seat.ports is not None and seat.ports.pulse is not None
            period = self._wiring.period * (SOFT_PACE if through_device and device_soft() else 1)
            seat.omega = Omega(seat.id, self._wiring.n, self._board(seat, pulses), period)

    def beat(self) -> None:
        """Start the failure detectors, if the protocol asks them anything."""
        if not self._wiring.protocol.elects:
            return
        for seat in self._seats.values():
            assert seat.omega is not None
            seat.omega.start()

    def _board(self, seat: Seat, pulses: Mapping[int, str]) -> Board:
        shown = [dialled.pulse for dialled in seat.dialled if dialled.pulse is not None]
        if shown:
            return MemoryBoard(seat.id, shown)
        assert seat.pulse is not None
        seat.pulse_outbox = Outbox(seat.id, pulses)
        return MessageBoard(seat.id, self._wiring.n, seat.pulse, seat.pulse_outbox)

    def _fans(self, seat: Seat) -> dict[str, Any]:
        """Where all memories are shared memory, or all behind a device, one call writes to all of them."""
        if self._wiring.graph is not None or not seat.dialled:
            return {}
        if all(dialled.protocol.transport == "verbs" for dialled in seat.dialled):
            return self._device_fans([cast("VerbsConnection", dialled.protocol) for dialled in seat.dialled])
        segments = [dialled.segment for dialled in seat.dialled if dialled.segment is not None]
        if len(segments) < len(seat.dialled):
            return {}
        from rayrdma.transports.shm import MAX_BATCH, Fan

        if len(segments) > MAX_BATCH:
            return {}
        return {region.name: Fan(segments, region, seat.id, 0) for region in self._regions if not region.covers}

    def _device_fans(self, connections: Sequence[VerbsConnection]) -> dict[str, Any]:
        from rayrdma.transports.verbs.fan import Fan

        return {region.name: Fan(connections, region.name) for region in self._regions if not region.covers}

    # Rounds

    def run_round(self, instance: int, values: Mapping[int, Value], timeout: float, epoch_ns: int) -> list[Report]:
        """Run one instance of the protocol until its processes here are done, or ``timeout`` seconds.

        ``epoch_ns`` is when it began, for the times of the trace.
        """
        with self._turn:  # an actor that was stopped may find a later call waiting when it goes on
            return self._run(instance, values, timeout, epoch_ns)

    def end_round(self, instance: int) -> None:
        """All correct processes are done: a Byzantine one, which may go on for ever, has to stop now."""
        self._over = max(self._over, instance)

    def settled(self, instance: int) -> None:
        """Return when all correct processes here have decided, or never will; they may go on for the others."""
        with self._settling:
            self._settling.wait_for(lambda: self._settled >= instance)

    def _run(self, instance: int, values: Mapping[int, Value], timeout: float, epoch_ns: int) -> list[Report]:
        processes = []
        for seat in self._seats.values():
            if not seat.stopped:
                seat.current = self._process(seat, instance, epoch_ns)
                processes.append(seat.current)
        self._prepare([process.id for process in processes])
        deadline = time.monotonic() + timeout
        refused = {process.id: self._seats[process.id].refused for process in processes}
        for process in processes:
            process.begin(values[process.id])
        queues = {
            port.completions.descriptor: port.completions
            for seat in self._seats.values()
            if seat.ports is not None and (port := seat.ports.protocol) is not None
        }
        idle = 0
        # A Byzantine process may go on for ever; alone in its actor it does so until the coordinator ends the round.
        awaited = [process for process in processes if process.instead is None] or processes
        while not all(process.finished for process in awaited):
            if self._settled < instance and all(process.settled for process in awaited):
                self._settle(instance)
            # While a memory may answer within microseconds, a short spin; else sleep until something comes.
            drowsy = idle > SPIN or (idle and not any(process.expects_memories for process in processes))
            if drowsy:  # and look once more: what completes from here on wakes it
                for queue in queues.values():
                    queue.arm()
            happened = False
            for process in processes:
                if not process.finished:
                    happened |= process.step()
            idle = 0 if happened else idle + 1
            if time.monotonic() > deadline or self._over >= instance:
                break
            if drowsy and not happened:
                for descriptor in processes[0].wait(NAP, queues):
                    queues[descriptor].awake()
        self._settle(instance)
        return [self._report(process, self._seats[process.id].refused - refused[process.id]) for process in processes]

    def _prepare(self, ids: Iterable[int]) -> None:
        """With the keys of the instance at hand, a process needs no agent any more for what it may do."""
        connections = [dialled.protocol for id in ids for dialled in self._seats[id].dialled]
        waiting = [connection for connection in connections if connection.transport == "verbs"]
        deadline = time.monotonic() + AGENTS_SECONDS
        while waiting := [one for one in waiting if one.lost is None and one.poll() is PENDING]:
            if time.monotonic() > deadline:
                return
            time.sleep(AGENTS_SECONDS / 1000)

    def _settle(self, instance: int) -> None:
        with self._settling:
            self._settled = instance
            self._settling.notify_all()

    def _process(self, seat: Seat, instance: int, epoch_ns: int) -> LiveProcess:
        wiring = self._wiring
        for part in (*(dialled.protocol for dialled in seat.dialled), *seat.fans.values()):
            part.start(instance)
        assert seat.omega is not None
        assert seat.outbox is not None
        assert seat.identity is not None
        process = LiveProcess(
            seat.id,
            wiring.n,
            {region.name: region for region in self._regions},
            [dialled.protocol for dialled in seat.dialled],
            f"{wiring.seed}/{instance}",
            instance=instance,
            epoch_ns=epoch_ns,
            protocol=wiring.protocol,
            inbox=seat.inbox,
            outbox=seat.outbox,
            omega=seat.omega,
            fans=seat.fans,
            clockwork=self._clockworks[seat.id],
            identity=seat.identity,
            trace=wiring.trace,
            graph=wiring.graph,
        )
        if seat.behaviour is not None:
            process.instead = seat.behaviour(process, wiring.protocol, self._plan)
        return process

    def _report(self, process: LiveProcess, refused_by_devices: int) -> Report:
        return Report(
            process=process.id,
            decided=process.decided,
            value=process.decision,
            depth=process.decision_depth,
            seconds=process.elapsed() if process.decided else 0.0,
            moment=process.decided_ns / 1e9,
            stopped=process.stopped,
            waiting_for="" if process.finished else process.waiting_for(),
            trace=process.trace,
            signatures=(process.signatures.made, process.signatures.verified),
            refusals=process.refusals,
            refused_by_devices=refused_by_devices,
            rounds_taken=process.rounds_taken,
        )

    # Its end

    def stop(self, id: int) -> None:
        """A crash of one process among several: it takes no step any more, its heartbeats end."""
        self._stopper(id)()

    def _stopper(self, id: int) -> Any:
        def stop() -> None:
            seat = self._seats[id]
            seat.stopped = True
            if seat.current is not None:
                seat.current.stopped = True
            if seat.omega is not None:
                seat.omega.stop()

        return stop

    def close(self) -> None:
        """Let go of everything, in order."""
        for seat in self._seats.values():
            if seat.omega is not None:
                seat.omega.stop()
                if seat.omega.is_alive():
                    seat.omega.join(timeout=2)
            for dialled in seat.dialled:
                dialled.protocol.close()
                if dialled.pulse is not None:
                    dialled.pulse.close()
            for part in (seat.ports, seat.outbox, seat.pulse_outbox, seat.inbox, seat.pulse):
                if part is not None:
                    part.close()
