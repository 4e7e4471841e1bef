"""How a process reaches a memory: over shared memory, over channels, or by actor calls between nodes.

Every process has two connections to every memory, as every RDMA host would have two queue pairs: one for the
protocol, and one for heartbeats, which must not wait for each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import ray

from rayrdma.actors.wiring import MemoryAddress
from rayrdma.model.regions import Region
from rayrdma.transports.connection import Connection
from rayrdma.transports.ray_channel import CallEnd, ChannelEnd, RayChannelConnection, make_channel
from rayrdma.transports.service import frame_bytes


@dataclass(frozen=True)
class Dialled:
    """One process's connections to one memory; ``segment`` where that is shared memory."""

    protocol: Connection
    pulse: Connection
    segment: Any = None


def dial(
    me: Any, node: str, process: int, address: MemoryAddress, regions: Sequence[Region], pulse: Sequence[Region]
) -> Dialled:
    """Connect a process of the actor ``me`` on ``node`` to the memory at ``address``."""
    if address.segments is not None:
        from rayrdma.transports.shm import (  # compiled kernels are loaded only where they are used
            Segment,
            ShmConnection,
        )

        protocol_segment, pulse_segment = (Segment.attach(path) for path in address.segments)
        return Dialled(
            ShmConnection(protocol_segment, regions, process, 0),
            ShmConnection(pulse_segment, pulse, process, 0),
            protocol_segment,
        )
    ends: list[CallEnd | ChannelEnd] = []
    for part, layout in ((address.number, regions), (-1 - address.number, pulse)):
        if address.node != node:
            ends.append(CallEnd(address.actor, part, process))
            continue
        requests = make_channel(me, address.actor, address.node, frame_bytes(layout))
        replies = ray.get(address.actor.accept.remote(address.actor, part, process, requests, me, node))
        end = ChannelEnd(requests, replies)
        end.greet()
        ends.append(end)
    return Dialled(RayChannelConnection(ends[0], regions), RayChannelConnection(ends[1], pulse))
