"""`rayrdma impossibility`: theorem 6.1 of P19, run.

Where permissions never change, no consensus algorithm over registers decides after 2 delays and tolerates a crash. In a
protocol that does decide so soon, the adversary of the proof finds two decisions; against one that changes permissions,
or that takes a second round trip, it fails.
"""

from __future__ import annotations

from pathlib import Path

import msgspec

from rayrdma.checks.outcome import agreement
from rayrdma.exploration import keep
from rayrdma.model.errors import ProtocolError, UsageError
from rayrdma.model.operations import COMPARE_AND_SWAP
from rayrdma.model.outcomes import NAK
from rayrdma.model.permissions import static
from rayrdma.model.protocol import Protocol
from rayrdma.model.trace import TookEffect
from rayrdma.protocols.disk_paxos import DiskPaxos
from rayrdma.protocols.naive import NAIVE
from rayrdma.protocols.protected_memory_paxos import ProtectedMemoryPaxos
from rayrdma.reference import check_protocol, resolve
from rayrdma.results.result import Result
from rayrdma.scenario import Scenario
from rayrdma.simulator.engine import simulate
from rayrdma.simulator.explore.hunt import Finding
from rayrdma.simulator.explore.shrink import shrink
from rayrdma.simulator.explore.solo import hold_back

EXAMPLES: tuple[type[Protocol], ...] = (*NAIVE, ProtectedMemoryPaxos, DiskPaxos)
"""Three that are wrong, one that changes permissions, one that takes a second round trip."""
ROUND_TRIP = 2
"""Delays."""


class Demonstration(msgspec.Struct, frozen=True):
    """What the adversary came to against one protocol.

    Attributes:
        static_permissions: no change of permission is legal in any of its regions.
        registers_only: it was not seen to use compare-and-swap, which is no operation of a register.
        delays: to the first decision when nothing goes wrong; None if there was none.
        schedules: that the adversary tried.
        disagreements: in how many of them two processes decided differently.
        refused: in how many an operation of the process that was held back was refused.
        example: one disagreement, made small.
    """

    protocol: str
    static_permissions: bool
    registers_only: bool
    delays: int | None
    schedules: int
    disagreements: int
    refused: int
    example: Result | None

    @property
    def theorem_applies(self) -> bool:
        """Whether the theorem says that it must be wrong."""
        quick = self.delays is not None and self.delays <= ROUND_TRIP
        return quick and self.static_permissions and self.registers_only

    @property
    def as_proved(self) -> bool:
        """Whether it is wrong if it must be."""
        return not self.theorem_applies or self.disagreements > 0


def demonstrate(
    protocol: str | type[Protocol], processes: int = 2, memories: int = 3, storage: Path | str | None = None
) -> Demonstration:
    """Set the adversary of the theorem on a protocol.

    Args:
        protocol: a built-in name, ``path/to/file.py:ClassName``, or a class of your own.
        storage: the folder in which to make a run folder for a disagreement; None: nothing is written.
    Raises:
        UsageError: it can not be run so.
        ProtocolError: the protocol did what no protocol may do.
    """
    found = resolve(protocol) if isinstance(protocol, str) else check_protocol(protocol)
    if not found.needs_memories or found.needs_graph:
        raise UsageError(f"the theorem is about memories that all share; {found.name} has none")
    if processes < 2:
        raise UsageError(f"{processes} processes can not disagree; give at least 2 (--processes 2)")
    inputs = tuple(process % 2 if found.binary else f"v{process}" for process in range(processes))
    scenario = Scenario(found, inputs, memories)
    schedules = disagreements = refused = 0
    swapped, example = False, None
    for held in hold_back(scenario):
        schedules += 1
        observation = held.course.observation
        if observation is None:
            raise ProtocolError(held.course.wrong[0].what)
        own = [event for event in observation.trace or () if type(event) is TookEffect and event.process == 0]
        refused += any(event.response is NAK for event in own)
        swapped |= any(event.operation is COMPARE_AND_SWAP for event in own)
        if (violation := agreement(observation)) is not None:
            disagreements += 1
            if example is None:
                example = Finding(held.case, held.course.choices, (violation,), len(held.course.numbers))
    return Demonstration(
        protocol=found.name,
        static_permissions=all(region.legal_change is static for region in scenario.regions()),
        registers_only=not swapped,
        delays=_delays(scenario),
        schedules=schedules,
        disagreements=disagreements,
        refused=refused,
        example=keep(shrink(example), storage) if example is not None else None,
    )


def _delays(scenario: Scenario) -> int | None:
    """To the first decision in the common case."""
    (round,) = simulate(scenario)
    return min((decided.depth for decided in round.observation.decisions), default=None)
