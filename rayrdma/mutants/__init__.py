"""The known mistakes in each protocol, a file a protocol. Checks that let one of them pass are none."""

from __future__ import annotations

from . import (
    aligned_paxos,
    cheap_quorum,
    disk_paxos,
    fab,
    fast_and_robust,
    fast_paxos,
    paxos,
    pbft,
    preferential_paxos,
    protected_memory_paxos,
    robust_backup,
)
from .mutant import Mutant

MUTANTS: tuple[Mutant, ...] = (
    *paxos.MUTANTS,
    *paxos.HARMLESS,
    *fast_paxos.MUTANTS,
    *fast_paxos.HARMLESS,
    *disk_paxos.MUTANTS,
    *disk_paxos.HARMLESS,
    *protected_memory_paxos.MUTANTS,
    *protected_memory_paxos.HARMLESS,
    *aligned_paxos.MUTANTS,
    *aligned_paxos.HARMLESS,
    *pbft.MUTANTS,
    *pbft.HARMLESS,
    *fab.MUTANTS,
    *cheap_quorum.MUTANTS,
    *cheap_quorum.HARMLESS,
    *robust_backup.MUTANTS,
    *robust_backup.HARMLESS,
    *preferential_paxos.MUTANTS,
    *fast_and_robust.MUTANTS,
    *fast_and_robust.HARMLESS,
)
"""Protocol by protocol; of each first those that do harm."""
