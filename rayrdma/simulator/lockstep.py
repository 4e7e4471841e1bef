"""The schedule by which the simulator takes the same course as a batch run: phase by phase, with the same draws.

Time is cut into windows, a phase each. All legs are drawn as in `rayrdma.simulator.batch`:

    0               decisions of the phase before arrive, before anybody acts in this one
    1               at each object, the compare-and-swap of the member that comes first takes effect
    2               those of all other members do
    3               all of them are answered, and everybody sends its message to everybody
    4 + position    a message arrives, by its position in the receiver's own order

For protocols that go by phases as HBO does: compare-and-swaps on neighbours, then one broadcast.
"""

from __future__ import annotations

from collections.abc import Sequence

from rayrdma.model.graph import Graph

from .batch import kernels
from .schedule import Schedule

FIRST, OTHERS, ANSWERS = 1, 2, 3


class Lockstep(Schedule):
    """The lockstep of a batch run with this seed.

    Args:
        graph: the shared-memory graph.
        live: the processes that do not crash, ascending. The others crash before the start.
    """

    def __init__(self, seed: int, graph: Graph, live: Sequence[int]) -> None:
        self._seed = seed
        self._window = ANSWERS + len(live) + 2
        self._number = {process: number for number, process in enumerate(live)}
        self._members = [[p for p in graph.closed(object) if p in self._number] for object in range(graph.n)]
        self._arrivals: dict[tuple[int, int], list[int]] = {}

    def delay(self, process: int, memory: int, now: int) -> int:
        phase, time = divmod(now, self._window)
        if memory >= 0:
            if time in (FIRST, OTHERS):
                return ANSWERS - time
            return self._request(process, memory, phase + (time > 0), now)
        if time != ANSWERS:
            return self._window - time  # a decision
        return 1 + self._position(process, -1 - memory, phase)

    def _request(self, process: int, memory: int, phase: int, now: int) -> int:
        members = self._members[memory]
        first = members[kernels.first_of(self._seed, phase, memory, len(members))]
        return phase * self._window + (FIRST if process == first else OTHERS) - now

    def _position(self, process: int, receiver: int, phase: int) -> int:
        if receiver not in self._number:
            return 0
        if (phase, receiver) not in self._arrivals:
            order = kernels.arrivals(self._seed, phase, receiver, len(self._number))
            self._arrivals[phase, receiver] = order.tolist()
        return self._arrivals[phase, receiver].index(self._number[process])
