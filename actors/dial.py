"""How a process reaches a memory: through a device, over shared memory, over channels, or by actor calls between nodes.

Every process has two connections to every memory: one for the protocol, and one for heartbeats, which must not wait
for each other. On a shared-memory graph it has one to each
memory within its reach, and to the others none that would cost anything: should it try, it calls their actors, and they
refuse.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import ray

from rayrdma.actors.devices import why_no_device
from rayrdma.actors.seat import Dialled, Ports
from rayrdma.actors.wiring import MemoryAddress, Wiring
from rayrdma.model.regions import Region
from rayrdma.transports.connection import Connection
from rayrdma.transports.ray_channel import CallEnd, ChannelEnd, RayChannelConnection, make_channel
from rayrdma.transports.service import frame_bytes


def dial(me: Any, node: str, process: int, address: MemoryAddress, wiring: Wiring, ports: Ports) -> Dialled:
    """Connect a process of the actor ``me`` on ``node`` to the memory at ``address``."""
    parts = wiring.parts_of(address.number)
    connections: list[Connection] = []
    segment = None
    if address.segments is not None:
        from rayrdma.transports.shm import (  # compiled kernels are loaded only where they are used
            Segment,
            ShmConnection,
        )

        segments = [Segment.attach(path) for path in address.segments]
        segment = segments[0]
        connections += [ShmConnection(*mapped, process, 0) for mapped in zip(segments, parts.values(), strict=True)]
    else:
        near = wiring.graph is None or process in wiring.graph.closed(address.number)
        through_device = near and address.agents is not None and not why_no_device()
        for index, (part, layout) in enumerate(parts.items()):
            if through_device and address.agents is not None:
                connections.append(ports.connect(process, part, address.agents[index], layout, wiring.n))
                continue
            end = _end(me, node, process, address, part, layout) if near else CallEnd(address.actor, part, process)
            connections.append(RayChannelConnection(end, layout))
    return Dialled(connections[0], connections[1] if wiring.beats_in_memory else None, segment)


def _end(
    me: Any, node: str, process: int, address: MemoryAddress, part: int, layout: Sequence[Region]
) -> CallEnd | ChannelEnd:
    if address.node != node:
        return CallEnd(address.actor, part, process)
    requests = make_channel(me, address.actor, address.node, frame_bytes(layout))
    replies = ray.get(address.actor.accept.remote(address.actor, part, process, requests, me, node))
    end = ChannelEnd(requests, replies)
    end.greet()
    return end
