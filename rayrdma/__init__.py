"""Agreement over RDMA: one protocol source, run in a deterministic simulator and on Ray actors.

Importing this imports neither Ray nor numba, which a live run does, nor numpy, which graphs do.
"""

from typing import TYPE_CHECKING, Any

from rayrdma.checks.observation import Check, Observation, Violation
from rayrdma.experiment import Experiment, RunConfig, ScalingConfig, replay
from rayrdma.faults.behaviour import Behaviour, Facade
from rayrdma.faults.plan import After, Byzantine, ClockSkew, Crash, LostCompletion, Pause
from rayrdma.model.errors import EnvironmentProblem, ProtocolError, RayrdmaError, UsageError
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import Permission, everyone, exclusive_write_to_caller, exclusive_writer, static
from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.quorums import majority
from rayrdma.model.regions import Record, Region, Value
from rayrdma.model.signatures import Signed
from rayrdma.results.result import Result, Round

if TYPE_CHECKING:
    from rayrdma.clusters.topology import Topology, make_topology

__all__ = [
    "ACK",
    "NAK",
    "After",
    "Behaviour",
    "Byzantine",
    "Check",
    "ClockSkew",
    "Crash",
    "EnvironmentProblem",
    "Experiment",
    "Facade",
    "LostCompletion",
    "Observation",
    "Pause",
    "Permission",
    "Process",
    "Protocol",
    "ProtocolError",
    "RayrdmaError",
    "Record",
    "Region",
    "Result",
    "Round",
    "RunConfig",
    "ScalingConfig",
    "Signed",
    "Topology",
    "UsageError",
    "Value",
    "Violation",
    "everyone",
    "exclusive_write_to_caller",
    "exclusive_writer",
    "majority",
    "make_topology",
    "replay",
    "static",
]


def __getattr__(name: str) -> Any:
    if name in ("Topology", "make_topology"):
        from rayrdma.clusters import topology

        return getattr(topology, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
