"""How much memory a batch run takes: estimated before it starts, measured when it is over."""

from __future__ import annotations

import resource
import sys
from pathlib import Path

from .population import Population

BYTES_PER_ACTOR = 300 * 2**20
"""An actor that has numpy and the compiled kernels loaded, and does nothing yet."""
BYTES_PER_PROCESS = 64
BYTES_PER_REACHED = 16
"""In the driver, for each process in the reach of each: the graph, and its closed neighbourhoods in the making."""
BYTES_PER_SPOKEN = 40
"""In a shard, for each process on whose behalf each message speaks: at its peak, when the rows of all senders are cut
out of the graph, their positions as three numbers of 64 bits; later less."""


def published_bytes(population: Population) -> int:
    """What shards publish in a phase: votes, the values of objects, messages; one byte each."""
    return len(population.senders) + population.n + population.spoken


def stored_bytes(population: Population) -> int:
    """What an object store has to hold: the population, and the arrays of two phases."""
    arrays = (population.alive, population.inputs, population.indptr, population.indices)
    return sum(array.nbytes for array in arrays) + 2 * published_bytes(population)


def here_bytes(population: Population, shards: int) -> int:
    """The peak of a process with so many shards."""
    shard = BYTES_PER_PROCESS * population.n + BYTES_PER_SPOKEN * population.spoken
    return BYTES_PER_PROCESS * population.n + BYTES_PER_REACHED * len(population.indices) + shards * shard


def machine_bytes(population: Population, actors: int) -> int:
    """The peak of a machine with the driver and so many actors, with a shard each."""
    return here_bytes(population, actors) + actors * BYTES_PER_ACTOR + stored_bytes(population)


def peak_bytes() -> int:
    """The most main memory that this process has had at one time, with what it shares with others."""
    try:
        for line in Path("/proc/self/status").read_text(encoding="ascii").splitlines():
            if line.startswith("VmHWM:"):  # unlike that of getrusage it does not begin with the parent's
                return int(line.split()[1]) * 1024
    except OSError:
        pass  # no Linux
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)
