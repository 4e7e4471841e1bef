"""``Experiment(...).run() -> Result``: one protocol, one scenario, either engine.

Follows Ray's library conventions: a Ray that is already initialised is joined and never shut down; nothing
asks questions; without ``storage`` nothing is written.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Sequence
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

from rayrdma.faults.plan import Byzantine, Fault
from rayrdma.model.errors import UsageError
from rayrdma.model.graph import Graph, complete, reach_of
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Value
from rayrdma.model.trace import encode_trace
from rayrdma.reference import check_protocol, resolve
from rayrdma.results.recording import Recording
from rayrdma.results.replay import NotReproduced, load_replay
from rayrdma.results.result import Result
from rayrdma.scenario import ENGINES, Scenario, choose
from rayrdma.simulator.determinism import expect_same
from rayrdma.simulator.engine import SimulatedRound, simulate

if TYPE_CHECKING:
    from rayrdma.clusters.topology import Topology  # it takes numpy, and most runs have no graph

Progress = Callable[[int, int], None]
"""Called with (rounds done, rounds)."""


@dataclass(frozen=True)
class ScalingConfig:
    """How many parties there are, and how live ones are spread.

    Args:
        processes: how many; None: as many as there are inputs, else what the protocol needs for one fault, mostly 3.
        memories: how many; None: 3, and 0 for a protocol that needs none.
        processes_per_actor: live processes that share a Ray actor; None: one each up to 16.
        address: of a Ray cluster; None: the one that is there, else one of its own on this machine.
        topology: the shared-memory graph, for a protocol that runs on one: every process has one memory. None:
            everybody reaches every memory.
    """

    processes: int | None = None
    memories: int | None = None
    processes_per_actor: int | None = None
    address: str | None = None
    topology: Topology | None = None


@dataclass(frozen=True)
class RunConfig:
    """How it is run.

    Args:
        engine: ``sim`` or ``ray``.
        transport: of live memories: ``auto``, ``verbs``, ``shm`` or ``ray-channel``.
        schedule: of the simulator: ``constant`` (the common case), ``jitter`` or ``adversary``.
        seed: of everything random.
        rounds: instances, one after the other, on the same parties.
        timeout: seconds after which a live round counts as blocked.
        register_bytes: the size of every register, instead of the protocol's own.
        storage: the folder in which to make a run folder; None: nothing is written.
        trace: whether the last round is drawn, as diagram.html in the run folder. For that live processes keep what
            they see; the simulator always does.
    """

    engine: str = "sim"
    transport: str = "auto"
    schedule: str = "constant"
    seed: int = 0
    rounds: int = 1
    timeout: float = 30.0
    register_bytes: int | None = None
    storage: Path | str | None = None
    trace: bool = False


class Experiment:
    """A protocol to be run.

    Args:
        protocol: a built-in name, ``path/to/file.py:ClassName``, or a class of your own.
        inputs: what each process proposes; None: "v0", "v1", ..., or 0, 1, 0, ... for a binary protocol.
        scaling: how many parties.
        run: how.
        faults: what crashes or pauses.
    """

    def __init__(
        self,
        protocol: str | type[Protocol],
        inputs: Sequence[Value] | None = None,
        *,
        scaling: ScalingConfig | None = None,
        run: RunConfig | None = None,
        faults: Iterable[Fault] = (),
    ) -> None:
        self.protocol = protocol
        self.inputs = inputs
        self.scaling = scaling or ScalingConfig()
        self.config = run or RunConfig()
        self.faults = tuple(faults)

    def scenario(self) -> Scenario:
        """What this comes down to, validated.

        Raises:
            UsageError: it makes no sense.
        """
        choose("engine", self.config.engine, ENGINES)
        protocol = resolve(self.protocol) if isinstance(self.protocol, str) else check_protocol(self.protocol)
        topology = self.scaling.topology
        if topology is not None and not protocol.needs_graph:
            raise UsageError(f"{protocol.name} does not run on a shared-memory graph; leave out the topology")
        n = self.scaling.processes
        if n is None and topology is not None:
            n = topology.n
        if n is None:
            n = protocol.usual_processes if self.inputs is None else len(self.inputs)
        if n < 1:
            raise UsageError(f"a run needs at least one process, not {n}")
        inputs = self._inputs(protocol, n)
        if len(inputs) != n:
            raise UsageError(f"{n} processes need {n} inputs, one each; {len(inputs)} were given")
        memories = self.scaling.memories
        if memories is None:
            memories = n if protocol.needs_graph else 3 if protocol.needs_memories else 0
        graph = None
        if protocol.needs_graph:
            graph = complete(n) if topology is None else _graph(protocol, topology)
        return Scenario(
            protocol=protocol,
            inputs=inputs,
            memories=memories,
            faults=self.faults,
            seed=self.config.seed,
            rounds=self.config.rounds,
            schedule=self.config.schedule,
            transport=self.config.transport,
            timeout=self.config.timeout,
            register_bytes=self.config.register_bytes,
            processes_per_actor=self.scaling.processes_per_actor,
            trace=self.config.trace,
            address=self.scaling.address,
            graph=graph,
        )

    def _inputs(self, protocol: type[Protocol], n: int) -> tuple[Value, ...]:
        if self.inputs is None:
            return tuple(id % 2 if protocol.binary else f"v{id}" for id in range(n))
        if protocol.binary:  # on the command line they are text
            return tuple(
                {"0": 0, "1": 1}.get(value, value) if isinstance(value, str) else value for value in self.inputs
            )
        return tuple(self.inputs)

    def run(self, progress: Progress | None = None) -> Result:
        """Run it and hold every round against the checks.

        Raises:
            UsageError: the scenario makes no sense.
            EnvironmentProblem: the place lacks something that a live run needs.
            ProtocolError: the protocol's code did what no protocol may do.
            NotGivingWay: it would not have come to an end.
        """
        scenario = self.scenario()
        with Recording(scenario, self.config.engine, self.config.storage) as recording:
            if self.config.engine == "ray":
                _run_live(scenario, recording, progress)
            else:
                _run_simulated(scenario, recording, progress)
        return recording.result()


def _graph(protocol: type[Protocol], topology: Topology) -> Graph:
    if not protocol.needs_resilience:
        return topology.graph()
    from rayrdma.clusters.tolerance import partition_bound  # the solver is loaded only where it is used

    return topology.graph(partition_bound(topology).value)


def replay(file: Path | str, storage: Path | str | None = None) -> Result:
    """Run a recorded simulation once more, with the same choices.

    Args:
        file: the ``replay.json`` of a run folder.
        storage: the folder in which to make a run folder, with the diagram of the last round; None: nothing is written.
    Raises:
        UsageError: it is no replay file of this version, or its protocol is not there any more.
        NotReproduced: the run went another way this time.
    """
    recorded = load_replay(Path(file))
    scenario = replace(recorded.scenario(), trace=storage is not None)
    digest = hashlib.sha256()
    with Recording(scenario, "sim", storage) as recording:
        _simulated_transports(recording)
        try:
            for simulated in simulate(scenario, recorded.choices):
                recording.add(simulated.observation, simulated.quiescent, simulated.choices)
                digest.update(encode_trace(list(simulated.observation.trace)))
        except UsageError as error:
            raise NotReproduced(f"{file} is not reproduced: {error}") from error
        if digest.hexdigest() != recorded.trace_sha256:
            raise NotReproduced(
                f"{file} is not reproduced: the trace is another one; it was recorded with rayrdma "
                f"{recorded.versions.get('rayrdma', '?')} and the protocol or the library has changed, "
                "or the protocol draws on something else than process.rng"
            )
    return recording.result()


def _run_simulated(scenario: Scenario, recording: Recording, progress: Progress | None) -> None:
    _simulated_transports(recording)
    for simulated in simulate(scenario):
        if recording.rounds == 0 and _own(scenario):
            _expect_the_same_again(scenario, simulated)
        going_on = recording.add(simulated.observation, simulated.quiescent, simulated.choices)
        _tell(progress, recording)
        if not going_on:
            break


def _own(scenario: Scenario) -> bool:
    """Whether somebody else's code takes part."""
    code = [scenario.protocol, *(fault.does for fault in scenario.faults if isinstance(fault, Byzantine))]
    return not all(each.__module__.startswith("rayrdma.") for each in code)


def _expect_the_same_again(scenario: Scenario, simulated: SimulatedRound) -> None:
    """Run the first round once more, without a word of it."""
    with redirect_stdout(StringIO()), redirect_stderr(StringIO()):
        again = next(simulate(replace(scenario, rounds=1)))
    one, other = (encode_trace(list(run.observation.trace)).splitlines() for run in (simulated, again))
    expect_same(scenario.protocol, scenario.seed, one, other)


def _run_live(scenario: Scenario, recording: Recording, progress: Progress | None) -> None:
    from rayrdma.actors.coordinator import Coordinator  # Ray is imported only where it is used

    with Coordinator.start(scenario) as coordinator:
        for observation in coordinator.rounds():
            going_on = recording.add(observation)
            recording.transports, recording.messages = coordinator.transports, coordinator.messages
            recording.queue_pairs = coordinator.queue_pairs
            _tell(progress, recording)
            if not going_on:
                break


def _simulated_transports(recording: Recording) -> None:
    scenario = recording.scenario
    pairs = sum(len(reach_of(scenario.graph, process, scenario.memories)) for process in range(scenario.n))
    recording.transports = {"simulated": pairs} if pairs else {}
    recording.messages = "simulated"


def _tell(progress: Progress | None, recording: Recording) -> None:
    if progress is not None:
        progress(recording.rounds, recording.scenario.rounds)
