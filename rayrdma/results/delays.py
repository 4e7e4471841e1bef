"""Delays to the first decision, counted in the simulator: the common case, and after a take-over."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import msgspec

from rayrdma.faults.plan import Crash, Fault
from rayrdma.model.graph import complete
from rayrdma.model.operations import NAMES
from rayrdma.model.trace import Decided, Event, Issued, Sent
from rayrdma.protocols import PROTOCOLS
from rayrdma.scenario import Scenario
from rayrdma.simulator.engine import simulate

MEMORIES = 3

CLAIMED = {
    "paxos": (2, 4),
    "paxos-two-phase": (4, 4),
    "fast-paxos": (2, 4),
    "disk-paxos": (4, 8),
    "disk-paxos-two-phase": (8, 8),
    "protected-memory-paxos": (2, 8),
    "aligned-paxos": (2, 8),
    "pbft": (3, 4),
    "fab": (2, 3),
    "fast-and-robust": (2, 76),
    "preferential-paxos": (34, 70),
    "robust-backup-paxos": (22, 56),
    "ben-or": (2, 2),
    "hybrid-ben-or": (6, 6),
}
"""Delays in the common case, and those of the process that takes over, from its election on. P19 claims the
common case; a take-over runs the phases that a leader agreed on beforehand may skip. Where there are time-outs
instead of an election, waiting for one counts no delay; what Fast & Robust takes then is the price of its slow path.
Those of the backup are for three processes: a message takes 10 delays there, the next one 12. The last two are for
inputs that agree, and know no leader."""


class DelaysMeasured(msgspec.Struct, frozen=True):
    """One protocol with its usual number of processes and three memories.

    Attributes:
        claimed: delays in the common case.
        common_case: as counted: synchronous, nothing fails, process 0 leads.
        operations: what the first to decide had issued by then, by kind.
        claimed_take_over: delays after a take-over.
        take_over: as counted: process 0 never lived, process 1 leads.
        holds: both are as claimed.
    """

    protocol: str
    claimed: int
    common_case: int | None
    operations: dict[str, int]
    claimed_take_over: int
    take_over: int | None
    holds: bool


def measure_delays() -> Iterator[DelaysMeasured]:
    """Every protocol that a figure is claimed for."""
    for protocol, (claimed, claimed_take_over) in CLAIMED.items():
        common_case, operations = _first_decision(protocol)
        take_over, _ = _first_decision(protocol, Crash(process=0))
        holds = (common_case, take_over) == (claimed, claimed_take_over)
        yield DelaysMeasured(protocol, claimed, common_case, operations, claimed_take_over, take_over, holds)


def _first_decision(protocol: str, *faults: Fault) -> tuple[int | None, dict[str, int]]:
    made = PROTOCOLS[protocol]
    n = made.usual_processes
    inputs = (1,) * n if made.binary else tuple(f"v{id}" for id in range(n))
    graph = complete(n) if made.needs_graph else None
    memories = n if graph is not None else MEMORIES if made.needs_memories else 0
    trace: list[Event] = next(simulate(Scenario(made, inputs, memories, faults, graph=graph))).observation.trace
    for position, event in enumerate(trace):
        if isinstance(event, Decided):
            return event.depth, _operations_of(event.process, trace[:position])
    return None, {}


def _operations_of(process: int, trace: list[Event]) -> dict[str, int]:
    issued = Counter(
        NAMES[event.operation] if isinstance(event, Issued) else "message"
        for event in trace
        if isinstance(event, Issued | Sent) and event.process == process
    )
    return dict(issued)
