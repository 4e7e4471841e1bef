"""How much memory a batch run takes: estimated before it starts, measured when it is over."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

BYTES_PER_ACTOR = 220 * 2**20
"""An actor that has numpy and the compiled kernels loaded, and does nothing yet."""
BYTES_PER_SPOKEN = 40
"""A shard's peak, for each process on whose behalf each message speaks: while it cuts the rows of all senders out of
the graph, their positions as three numbers of 64 bits; later less."""
BYTES_PER_PROCESS = 64
BYTES_PER_REACHED = 16
"""In the driver, for each process in the reach of each: the graph, and its closed neighbourhoods in the making."""


def published_bytes(n: int, senders: int, spoken: int) -> int:
    """What shards publish in a phase: votes, the values of objects, messages; one byte each.

    Args:
        n: all processes.
        senders: those that live.
        spoken: on whose behalf their messages speak, all counted together.
    """
    return senders + n + spoken


def stored_bytes(n: int, reached: int, senders: int, spoken: int) -> int:
    """What the object store has to hold: the graph, who lives with what input, and the arrays of two phases.

    Args:
        reached: the sizes of all closed neighbourhoods, counted together.
    """
    return 8 * (n + 1) + 4 * reached + 2 * n + 2 * published_bytes(n, senders, spoken)


def estimate_bytes(n: int, reached: int, senders: int, spoken: int, actors: int) -> int:
    """The peak on a machine with the driver and so many of the actors."""
    driver = BYTES_PER_PROCESS * n + BYTES_PER_REACHED * reached
    shards = actors * (BYTES_PER_ACTOR + BYTES_PER_PROCESS * n + BYTES_PER_SPOKEN * spoken)
    return driver + shards + stored_bytes(n, reached, senders, spoken)


def peak_bytes() -> int:
    """The most main memory that this process has had at one time, with what it shares with others."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):  # unlike that of getrusage it does not begin with the parent's
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # no Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
