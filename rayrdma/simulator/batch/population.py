"""Who takes part in a batch run: all processes, who of them lives, what they start with, and their graph."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

Votes = npt.NDArray[np.int8]
"""0, 1 or `kernels.UNSURE`."""


@dataclass(frozen=True, eq=False)
class Population:
    """All processes of a run.

    Args:
        alive: of every process, whether it lives. The others crashed before the start.
        inputs: of every process, 0 or 1.
        indptr: where each process's closed neighbourhood starts in ``indices``.
        indices: the closed neighbourhoods: who is spoken for by each process, and who may use its object.
    """

    alive: npt.NDArray[np.bool_]
    inputs: Votes
    indptr: npt.NDArray[np.int64]
    indices: npt.NDArray[np.int32]

    @property
    def n(self) -> int:
        """How many processes."""
        return len(self.alive)

    @cached_property
    def senders(self) -> npt.NDArray[np.int32]:
        """Those that live, ascending."""
        return np.flatnonzero(self.alive).astype(np.int32)

    @cached_property
    def spoken(self) -> int:
        """On whose behalf all messages of a phase speak, counted message by message."""
        return int(np.diff(self.indptr)[self.senders].sum())

    def represented(self) -> int:
        """On behalf of how many processes somebody speaks: |N[C]|."""
        spoken_for = np.zeros(self.n, bool)
        spoken_for[self.indices[np.repeat(self.alive, np.diff(self.indptr))]] = True
        return int(spoken_for.sum())

    def input_counts(self) -> tuple[int, int]:
        """How many of those that live start with 0, and with 1."""
        zeros, ones = np.bincount(self.inputs[self.senders], minlength=2).tolist()
        return zeros, ones

    def cut(self, shards: int) -> list[tuple[int, int]]:
        """Ranges of processes for so many shards, each with as many live ones as the others, or one more."""
        edges = [self.senders[len(self.senders) * shard // shards] for shard in range(1, shards)]
        starts = [0, *map(int, edges)]
        return list(zip(starts, [*starts[1:], self.n], strict=True))
