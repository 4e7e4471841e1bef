"""What must have happened at least once in a suite of runs: checks also pass where nothing happens.

A goal is no property of a run: a run that does not meet it is a good one. A suite that never met one of its goals has
not tried what it is there for, whatever its checks say.
"""

from __future__ import annotations

from collections.abc import Iterator

from rayrdma.model.operations import CHANGE_PERMISSION, COMPARE_AND_SWAP, WRITE
from rayrdma.model.outcomes import NAK
from rayrdma.model.permissions import exclusive_write_to_caller, static
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import ENCODE
from rayrdma.model.trace import Crashed, Decided, Issued, LeaderChanged, Refused, TookEffect
from rayrdma.protocols.cheap_quorum import CheapQuorum
from rayrdma.protocols.fast_and_robust import FastAndRobust

from .observation import Observation

DEPOSED = "a process loses its permission while it writes"
HALF_WRITTEN = "a value is written at one memory and refused at another"
MEMORY_DIED = "a memory dies between the writes of one value"
TOOK_OVER = "a process decides after a take-over"
ADOPTED = "who decides first decides another's value"
OUTLIVED = "what a process wrote takes effect after its death"
LEADER_CHANGED = "Omega names another leader before the first decision"
NOT_BELIEVED = "a process is not believed"

Writes = dict[tuple[int, str, bytes], set[int]]
"""Process, region and value: the memories where it was written."""


def goals_of(protocol: type[Protocol]) -> list[str]:
    """Those that the runs of a protocol can meet at all."""
    regions = protocol.regions(protocol.usual_processes)
    goals = []
    if protocol.elects:
        goals.append(LEADER_CHANGED)
    if not protocol.binary:
        goals.append(ADOPTED)
    if regions:
        goals.append(OUTLIVED)
        if not protocol.needs_graph:
            goals.append(MEMORY_DIED)
    if any(region.legal_change is not static for region in regions):
        goals += [DEPOSED, HALF_WRITTEN]
    if any(region.legal_change is exclusive_write_to_caller for region in regions):
        goals.append(TOOK_OVER)
    fast_path_alone = issubclass(protocol, CheapQuorum) and not issubclass(protocol, FastAndRobust)
    if protocol.byzantine and not fast_path_alone:  # which panics without a word
        goals.append(NOT_BELIEVED)
    return goals


def met(observation: Observation) -> set[str]:
    """The goals that a traced run meets."""
    return set(_met(observation))


def _met(observation: Observation) -> Iterator[str]:
    written: Writes = {}
    refused: Writes = {}
    writing: dict[tuple[int, int], str] = {}  # the region that a process has a write to a memory under way in
    revoked: set[tuple[int, int]] = set()
    before_crash: Writes = {}
    took: set[int] = set()
    dead: set[int] = set()
    decided = False
    for event in observation.trace or ():
        if type(event) is Issued and event.operation is WRITE:
            writing[event.process, event.memory] = event.region
        elif type(event) is TookEffect:
            if event.process in dead and event.operation in (WRITE, COMPARE_AND_SWAP) and event.response is not NAK:
                yield OUTLIVED
            if event.operation is CHANGE_PERMISSION:
                took.add(event.process)
                revoked |= {pair for pair in writing if pair[1] == event.memory and pair[0] != event.process}
            elif event.operation is WRITE:
                at = event.process, event.memory
                del writing[at]
                what = event.process, event.region, ENCODE(event.argument)
                mine, other = (refused, written) if event.response is NAK else (written, refused)
                mine.setdefault(what, set()).add(event.memory)
                if other.get(what):
                    yield HALF_WRITTEN
                if event.response is NAK and at in revoked:
                    yield DEPOSED
                if event.response is not NAK and before_crash.get(what):
                    yield MEMORY_DIED
                revoked.discard(at)
        elif type(event) is Crashed:
            if event.what == "memory":
                before_crash = {what: set(memories) for what, memories in written.items()}
            else:
                dead.add(event.number)
        elif type(event) is LeaderChanged and not decided:
            yield LEADER_CHANGED
        elif type(event) is Refused:
            yield NOT_BELIEVED
        elif type(event) is Decided:
            if event.process in took:
                yield TOOK_OVER
            if not decided and ENCODE(event.value) != ENCODE(observation.inputs[event.process]):
                yield ADOPTED
            decided = True
