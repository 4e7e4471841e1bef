"""Who held which permission when: the memories' own rules, applied to the changes in a trace once more."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rayrdma.checks.observation import Observation
from rayrdma.model.memory import Memory
from rayrdma.model.operations import CHANGE_PERMISSION
from rayrdma.model.permissions import Permission, static
from rayrdma.model.regions import Region
from rayrdma.model.trace import Event, TookEffect

from .words import tell_parties


@dataclass(frozen=True)
class Change:
    """What the change of a permission that took effect at a position of the trace came to."""

    position: int
    memory: int
    region: str
    before: Permission
    after: Permission


def dynamic(region: Region) -> bool:
    """Whether its permission can change at all."""
    policy: Any = region.legal_change
    return not region.covers and getattr(policy, "policy", policy) is not static


def memories_of(observation: Observation) -> list[Memory]:
    """The memories of a run, as they are at its start."""
    graph, regions = observation.graph, observation.regions
    return [
        Memory(regions if graph is None else graph.regions(memory, regions)) for memory in range(observation.memories)
    ]


def changes(observation: Observation, events: Sequence[Event]) -> list[Change]:
    """Every change of permission that took effect, those that were not legal too: they changed nothing."""
    memories, found = memories_of(observation), []
    for position, event in enumerate(events):
        if isinstance(event, TookEffect) and event.operation is CHANGE_PERMISSION:
            memory = memories[event.memory]
            before = memory.regions[event.region].permission
            memory.apply(event.process, event.operation, event.region, event.register, event.argument)
            after = memory.regions[event.region].permission
            found.append(Change(position, event.memory, event.region, before, after))
    return found


def tell_writers(permission: Permission, n: int) -> list[str]:
    """Who may write, from the longest way to say it to the shortest."""
    writers = sorted(permission.writers)
    if not writers:
        return ["nobody may write", "nobody", "-"]
    if len(writers) == n > 1:
        return ["everybody may write", "all"]
    who = tell_parties(f"p{writer}" for writer in writers)
    return [f"{who} may write", who]
