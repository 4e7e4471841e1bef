"""What a finished run is held against."""

from __future__ import annotations

from rayrdma.model.protocol import Protocol
from rayrdma.protocols.aligned_paxos import AlignedPaxos
from rayrdma.protocols.ben_or import BenOr
from rayrdma.protocols.cheap_quorum import CheapQuorum
from rayrdma.protocols.disk_paxos import DiskPaxosTwoPhase
from rayrdma.protocols.fast_and_robust import FastAndRobust
from rayrdma.protocols.fast_paxos import FastPaxos
from rayrdma.protocols.mixed_consensus import MixedConsensus
from rayrdma.protocols.omega import Omega
from rayrdma.protocols.paxos import PaxosTwoPhase
from rayrdma.protocols.preferential_paxos import PreferentialPaxos
from rayrdma.protocols.protected_memory_paxos import ProtectedMemoryPaxos
from rayrdma.protocols.robust_backup import RobustBackup
from rayrdma.protocols.views import ViewProtocol

from .aligned_paxos import ALIGNED_PAXOS
from .ben_or import BEN_OR
from .broadcast import BROADCAST
from .cheap_quorum import CHEAP_QUORUM
from .disk_paxos import DISK_PAXOS
from .fast_paxos import FAST_PAXOS
from .mixed import MIXED_CONSENSUS
from .model import MODEL
from .observation import Check, Observation, Violation
from .omega import OMEGA
from .outcome import OUTCOME
from .paxos import PAXOS
from .preferential_paxos import FAST_AND_ROBUST, PREFERENTIAL_PAXOS
from .protected_memory_paxos import PROTECTED_MEMORY_PAXOS
from .robust_backup import ROBUST_BACKUP
from .views import VIEWS

INVARIANTS: tuple[tuple[type[Protocol], tuple[Check, ...]], ...] = (
    (PaxosTwoPhase, PAXOS),
    (FastPaxos, FAST_PAXOS),
    (BenOr, BEN_OR),
    (MixedConsensus, MIXED_CONSENSUS),
    (DiskPaxosTwoPhase, DISK_PAXOS),
    (ProtectedMemoryPaxos, PROTECTED_MEMORY_PAXOS),
    (AlignedPaxos, ALIGNED_PAXOS),
    (ViewProtocol, VIEWS),
    (CheapQuorum, CHEAP_QUORUM),
    (RobustBackup, (*BROADCAST, *ROBUST_BACKUP)),
    (PreferentialPaxos, PREFERENTIAL_PAXOS),
    (FastAndRobust, (*BROADCAST, *ROBUST_BACKUP, *FAST_AND_ROBUST)),
    (Omega, OMEGA),
)
"""The invariants of each protocol; they hold for what is derived from it too."""


def checks_for(protocol: type[Protocol]) -> tuple[Check, ...]:
    """What a traced run of ``protocol`` is held against.

    These are the promises of consensus, the rules of the model, the invariants of the library's protocol that
    it derives from, and those that it names itself in a class attribute ``checks``.
    """
    derived = (check for base, checks in INVARIANTS if issubclass(protocol, base) for check in checks)
    return (*OUTCOME, *MODEL, *derived, *getattr(protocol, "checks", ()))


def check(observation: Observation) -> list[Violation]:
    """What is wrong with a run: the first violation of each check; empty if it is a good one.

    Without a trace only the outcome can be checked. A run that blocked violates nothing: whether it had to
    decide depends on what crashed, and `rayrdma.checks.outcome.termination` says it where it had to.
    """
    return [violation for check in _apply(observation) if (violation := check(observation)) is not None]


def check_names(observation: Observation) -> list[str]:
    """The names of the checks that `check` holds this run against."""
    return [check.__name__.replace("_", " ") for check in _apply(observation)]


def _apply(observation: Observation) -> tuple[Check, ...]:
    if observation.trace is None:
        return OUTCOME
    if observation.byzantine and not observation.protocol.byzantine:
        return (*OUTCOME, *MODEL)  # nothing more is promised, and its invariants are not to be expected
    return checks_for(observation.protocol)
