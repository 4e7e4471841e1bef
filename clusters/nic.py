"""A model of a NIC's cache of connection states: what an operation costs, by how many connections there are.

It is a model and no measurement: no RDMA device is asked. Why connections cost anything: a NIC keeps the state of each
connection (the context of its queue pair, and the permissions that go with it) in host memory and caches some of it on
the chip; "a QP context cache miss can trigger an additional PCIe round trip" (Kong et al., Understanding RDMA
Microarchitecture Resources for Performance Isolation, NSDI 2023, section 2.3).

The defaults are orders of magnitude, and parameters for that reason:

* ``entries``, 1,024. Vendors do not say. ScalaRNIC (ISCAS 2023) finds a commercial NIC 47 % slower with a few thousand
  connections. As reported in eRPC (Kalia et al., NSDI 2019), a connection has about 375 bytes and the chip caches about
  2 MB, which would be 5,000 connections if it cached nothing else.
* ``hit_ns``, 2,000: a small one-sided READ or compare-and-swap on an idle network takes about 2 microseconds.
* ``miss_ns``, 1,000: both ends have to find the state, each by a trip over PCIe, of which Storm (Novakovic et al.,
  SYSTOR 2019) says that it adds 300 to 400 ns on an unloaded system and several microseconds on a loaded one.

Storm also finds that newer NICs take the connections of one rack well: the argument is about more than that.

Operations are spread evenly and at random over the connections, so that the cache holds the wanted one with probability
entries / connections, whatever it throws out. Going round the neighbours in turn, as HBO does, is worse: under LRU
each operation would miss. So the model flatters the many connections of a complete graph.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from rayrdma.model.errors import UsageError


@dataclass(frozen=True)
class NicCache:
    """How many connection states a NIC holds, and what it costs to have or to lack one.

    Attributes:
        entries: connection states in the cache; 0: none.
        hit_ns: nanoseconds of an operation, there and back, whose connection states both NICs hold.
        miss_ns: nanoseconds that it takes longer if they have to fetch them.
    Raises:
        UsageError: one of them is below 0 or no number, or an operation would take no time.
    """

    entries: int = 1024
    hit_ns: float = 2000.0
    miss_ns: float = 1000.0

    def __post_init__(self) -> None:
        for name, value in (("entries", self.entries), ("hit_ns", self.hit_ns), ("miss_ns", self.miss_ns)):
            if not 0 <= value < math.inf:
                raise UsageError(f"{name} of a NIC's cache must be 0 or more, not {value}")
        if not self.hit_ns:
            raise UsageError("hit_ns of a NIC's cache must be more than 0: an operation takes some time")

    def miss_rate(self, connections: int) -> float:
        """The share of operations whose connection state is not in the cache."""
        return max(0.0, 1 - self.entries / connections) if connections else 0.0

    def operation_ns(self, connections: int) -> float:
        """What an operation costs, expected, in nanoseconds.

        Without connections it is an exchange of messages over one unconnected queue pair, which is always cached: as
        many delays, 2, as an operation on a memory, and so the cost of a hit.
        """
        return self.hit_ns + self.miss_rate(connections) * self.miss_ns
