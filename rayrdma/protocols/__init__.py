"""The protocols, one file an algorithm, by the names that the command line uses."""

from __future__ import annotations

from rayrdma.model.errors import UsageError
from rayrdma.model.protocol import Protocol

from .aligned_paxos import AlignedPaxos
from .ben_or import BenOr
from .cheap_quorum import CheapQuorum
from .disk_paxos import DiskPaxos, DiskPaxosTwoPhase
from .fab import FaB
from .fast_and_robust import FastAndRobust
from .fast_paxos import FastPaxos
from .hybrid_ben_or import HybridBenOr, HybridBenOrCommonCoin
from .hybrid_ben_or_registers import HybridBenOrRegisters
from .mixed_consensus import MixedConsensus
from .naive import NAIVE
from .paxos import Paxos, PaxosTwoPhase
from .pbft import PBFT
from .preferential_paxos import PreferentialPaxos
from .protected_memory_paxos import ProtectedMemoryPaxos
from .robust_backup import RobustBackupPaxos

PROTOCOLS: dict[str, type[Protocol]] = {
    protocol.name: protocol
    for protocol in (
        Paxos,
        PaxosTwoPhase,
        FastPaxos,
        DiskPaxos,
        DiskPaxosTwoPhase,
        ProtectedMemoryPaxos,
        AlignedPaxos,
        PBFT,
        FaB,
        CheapQuorum,
        RobustBackupPaxos,
        PreferentialPaxos,
        FastAndRobust,
        BenOr,
        HybridBenOr,
        HybridBenOrCommonCoin,
        HybridBenOrRegisters,
        MixedConsensus,
    )
}


NAMED = PROTOCOLS | {protocol.name: protocol for protocol in NAIVE}
"""All that can be named, those that are wrong on purpose too."""


def find_protocol(name: str) -> type[Protocol]:
    """The protocol of this name.

    Raises:
        UsageError: there is none; the message lists those there are, and that are right.
    """
    if name not in NAMED:
        raise UsageError(f"there is no protocol {name!r}; choose one of {', '.join(PROTOCOLS)}")
    return NAMED[name]
