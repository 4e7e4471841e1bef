"""What it costs on Ray that processes may lie: the fast path beside the crash-tolerant one, and the backup."""

from __future__ import annotations

from rayrdma.actors.cluster import ray_session
from rayrdma.actors.coordinator import Coordinator
from rayrdma.checks.observation import Observation
from rayrdma.model.operations import WRITE
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import ENCODE, Value
from rayrdma.model.trace import Issued, Noted
from rayrdma.protocols.cheap_quorum import VAL, CheapQuorum
from rayrdma.protocols.protected_memory_paxos import ProtectedMemoryPaxos
from rayrdma.protocols.robust_backup import RobustBackupPaxos
from rayrdma.results.figures import Figure, against, figure
from rayrdma.scenario import Scenario
from rayrdma.simulator.engine import simulate

ROUNDS = 150
BACKUP_ROUNDS = 20
SIZES = (3, 5, 7)
SECOND = 1e9


class OneSignature(Protocol):
    """Process 0 signs, and that is all: what one signature costs where protocols run."""

    name = "one-signature"
    needs_memories = False

    async def propose(self, value: Value) -> None:
        if self.process.id == 0:
            self.process.sign(VAL, value)
        self.process.decide("signed")


def fast_path(rounds: int = ROUNDS) -> list[Figure]:
    """First decisions over shm: Protected Memory Paxos, Cheap Quorum, and what one signature takes there."""
    with ray_session():
        paxos, cheap, signature = (
            figure(f"{what}, on Ray", [_leaders(observation) for observation in _rounds(protocol, 3, rounds)])
            for what, protocol in (
                ("Protected Memory Paxos decision", ProtectedMemoryPaxos),
                ("Cheap Quorum decision", CheapQuorum),
                ("one Ed25519 signature", OneSignature),
            )
        )
    both = Figure("two such decisions and one signature", 2 * paxos.p50 + signature.p50, None, "us")
    return [paxos, signature, against(cheap, both.name, both)]


def backup(rounds: int = BACKUP_ROUNDS) -> list[Figure]:
    """Robust Backup(Paxos) over shm: time to the first decision and signatures, and what the simulator counts."""
    figures = []
    with ray_session():
        for n in SIZES:
            observed = _rounds(RobustBackupPaxos, n, rounds)
            name = f"Robust Backup(Paxos), n = {n}:"
            times = [min(decided.time for decided in observation.decisions) * SECOND for observation in observed]
            signatures = [sum(made for made, _ in observation.signatures.values()) for observation in observed]
            messages, written = _simulated(n)
            figures += [
                figure(f"{name} first decision on Ray", times, "ms", 1e-6),
                figure(f"{name} signatures of all on Ray", signatures, "", 1),
                Figure(f"{name} messages of all, simulated", messages, None, ""),
                Figure(f"{name} written to every memory, simulated", written / 1024, None, "KiB"),
            ]
    return figures


def _rounds(protocol: type[Protocol], n: int, rounds: int) -> list[Observation]:
    with Coordinator.start(Scenario(protocol, _inputs(n), 3, transport="shm")) as coordinator:
        return [coordinator.run_round(instance) for instance in range(1, rounds + 1)]


def _leaders(observation: Observation) -> float:
    """When process 0 decided, in nanoseconds."""
    return next(decided.time for decided in observation.decisions if decided.process == 0) * SECOND


def _simulated(n: int) -> tuple[int, int]:
    """Messages, and bytes written to each memory, of an instance in the common case."""
    (simulated,) = simulate(Scenario(RobustBackupPaxos, _inputs(n), 3))
    trace = simulated.observation.trace or ()
    writes = (event for event in trace if isinstance(event, Issued) and event.operation is WRITE and event.memory == 0)
    messages = sum(isinstance(event, Noted) and event.what == "broadcast" for event in trace)
    return messages, sum(len(ENCODE(write.argument)) for write in writes)


def _inputs(n: int) -> tuple[str, ...]:
    return tuple(f"v{id}" for id in range(n))
