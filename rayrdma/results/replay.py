"""The replay file: everything that a simulated run chose, so that it can be run once more, byte for byte."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import msgspec

from rayrdma.faults.plan import Byzantine, ClockSkew, Crash, Fault, LostCompletion, Pause
from rayrdma.model.errors import RayrdmaError, UsageError
from rayrdma.model.graph import Graph
from rayrdma.model.regions import Value
from rayrdma.reference import refer, resolve, resolve_behaviour
from rayrdma.scenario import Scenario
from rayrdma.simulator.engine import Choices

FORMAT = "rayrdma-replay"
VERSION = 3


class NotReproduced(RayrdmaError):
    """A replay went another way than its recording: the protocol or the library is not the one of then."""


class Blob(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Bytes among the inputs, which JSON has no type for."""

    base64: bytes


class Lawless(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A Byzantine process; its behaviour is a built-in name, or ``path/to/file.py:ClassName``."""

    process: int
    behaviour: str


class PlannedFault(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """One fault, under the name of its kind."""

    crash: Crash | None = None
    pause: Pause | None = None
    byzantine: Lawless | None = None
    lost_completion: LostCompletion | None = None
    clock_skew: ClockSkew | None = None

    def __post_init__(self) -> None:
        if sum(planned is not None for planned in msgspec.structs.astuple(self)) != 1:
            raise ValueError("a fault is one of a crash, a pause, a Byzantine process, a lost completion, a clock skew")

    def fault(self) -> Fault:
        """The fault itself."""
        if self.byzantine is not None:
            return Byzantine(self.byzantine.process, resolve_behaviour(self.byzantine.behaviour))
        fault = self.crash or self.pause or self.lost_completion or self.clock_skew
        assert fault is not None
        return fault


class Heading(msgspec.Struct, frozen=True):
    """What tells a replay file of this version from any other file."""

    format: str
    version: int


class Replay(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A recorded run.

    Attributes:
        protocol: a built-in name, or ``path/to/file.py:ClassName``.
        choices: of each round, what the schedule chose.
        trace_sha256: of the trace that these choices made.
        versions: of what it was recorded with.
    """

    protocol: str
    inputs: list[str | bool | int | float | Blob]
    memories: int
    faults: list[PlannedFault]
    seed: int
    schedule: str
    register_bytes: int | None
    graph: Graph | None
    choices: list[Choices]
    trace_sha256: str
    versions: dict[str, str]
    format: str = FORMAT
    version: int = VERSION

    def scenario(self) -> Scenario:
        """What was run.

        Raises:
            UsageError: the protocol is not there any more.
        """
        return Scenario(
            protocol=resolve(self.protocol),
            inputs=tuple(value.base64 if isinstance(value, Blob) else value for value in self.inputs),
            memories=self.memories,
            faults=tuple(planned.fault() for planned in self.faults),
            seed=self.seed,
            rounds=len(self.choices),
            schedule=self.schedule,
            register_bytes=self.register_bytes,
            graph=self.graph,
        )


def encode_replay(scenario: Scenario, choices: list[Choices], trace_sha256: str, versions: dict[str, str]) -> bytes:
    """The replay file of a run."""
    replay = Replay(
        protocol=refer(scenario.protocol),
        inputs=[_plain(value) for value in scenario.inputs],
        memories=scenario.memories,
        faults=[_planned(fault) for fault in scenario.faults],
        seed=scenario.seed,
        schedule=scenario.schedule,
        register_bytes=scenario.register_bytes,
        graph=scenario.graph,
        choices=choices,
        trace_sha256=trace_sha256,
        versions=versions,
    )
    return msgspec.json.encode(replay)


def load_replay(path: Path) -> Replay:
    """The recording in a file.

    Raises:
        UsageError: it can not be read, or is no replay file of this version.
    """
    example = "give the replay.json of a simulated run's folder"
    try:
        content = path.read_bytes()
    except OSError as error:
        raise UsageError(f"can not read {path}: {error.strerror}; {example}") from error
    try:
        heading = msgspec.json.decode(content, type=Heading)
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path} is no replay file; {example}") from error
    if heading.format != FORMAT:
        raise UsageError(f"{path} is a {heading.format!r} file, not a {FORMAT!r} one; {example}")
    if heading.version != VERSION:
        raise UsageError(
            f"{path} has version {heading.version} of the replay format, this rayrdma reads version {VERSION}; "
            "replay it with the rayrdma that wrote it"
        )
    try:
        replay = msgspec.json.decode(content, type=Replay)
    except msgspec.MsgspecError as error:
        raise UsageError(f"{path} is a corrupt replay file: {error}; {example}") from error
    if not replay.choices:
        raise UsageError(f"{path} is a corrupt replay file: it has no round; {example}")
    return replay


def _plain(value: Value) -> Any:
    return Blob(value) if isinstance(value, bytes) else value


def _planned(fault: Fault) -> PlannedFault:
    match fault:
        case Byzantine():
            return PlannedFault(byzantine=Lawless(fault.process, refer(fault.does)))
        case Crash():
            return PlannedFault(crash=fault)
        case Pause():
            return PlannedFault(pause=fault)
        case LostCompletion():
            return PlannedFault(lost_completion=fault)
        case ClockSkew():
            return PlannedFault(clock_skew=fault)
