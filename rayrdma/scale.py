"""``run_scale(ScaleConfig(...)) -> ScaleResult``: HBO with 100,000 processes, every one with its own messages and coin.

The same algorithm as the protocol ``hybrid-ben-or``, phase by phase in `rayrdma.simulator.batch`, with the processes in
shards, each an actor on Ray. See `rayrdma.simulator.batch.rounds` for what kind of run it is, and what it is not.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from rayrdma.clusters.attack import attack
from rayrdma.clusters.room import require_bytes
from rayrdma.clusters.spectral import spectrum
from rayrdma.clusters.tolerance import hbo_tolerance
from rayrdma.clusters.topology import Topology
from rayrdma.model.errors import UsageError
from rayrdma.results.folder import RunFolder
from rayrdma.results.result import BLOCKED, DECIDED, UNKNOWN, VIOLATED, versions
from rayrdma.results.scale import ScaleResult
from rayrdma.scenario import ENGINES, choose
from rayrdma.simulator.batch import kernels
from rayrdma.simulator.batch.footprint import here_bytes, peak_bytes, published_bytes
from rayrdma.simulator.batch.population import Population, Votes
from rayrdma.simulator.batch.rounds import Course, Here, Stage, run_rounds
from rayrdma.simulator.batch.shard import ARRIVALS, ASYNCHRONOUS, COINS, LOCAL, Setting, Shard, toss

if TYPE_CHECKING:
    from rayrdma.actors.shards import ShardActors  # Ray is imported only where it is used

CRASHES = ("none", "random", "worst")
INPUTS = ("equal", "mixed")
SOLVED = 64
"""Processes up to which a solver finds the tolerance in some seconds; it is bounded by eigenvalues beyond."""
MOST = 2**63
"""Seeds are below: they are mixed as numbers of 64 bits."""

Alive = npt.NDArray[np.bool_]
Progress = Callable[[Stage], None]
"""Called with how far the run is."""


@dataclass(frozen=True)
class ScaleConfig:
    """A run at scale.

    Args:
        topology: the shared-memory graph, and with it the number of processes.
        crash: who crashes before the start, while their memories stay: ``none``; ``random``; or ``worst``, the best
            attack that is found. (A search, in `rayrdma.clusters.attack`: there may be a worse one.)
        fraction: of the processes that crash; None with ``worst``: as many as are known to be tolerated.
        survivors: the numbers of those who stay alive, instead of both.
        coin: ``local``, everybody's own, as in the paper; or ``common``, one for all, shared beforehand.
        arrival: ``asynchronous``: messages arrive in an order of each receiver's own, and it goes on as soon as it may;
            ``synchronous``: it takes those of all survivors first.
        inputs: ``equal``: 1; ``mixed``: a coin each; or 0 or 1 for every process.
        seed: of everything random.
        shards: into how many the processes are divided; None: as many as the cluster has CPUs.
        max_rounds: after which a run is given up.
        engine: ``ray``, each shard an actor; or ``sim``, all of them in this process.
        address: of a Ray cluster; None: the one that is there, else one of its own on this machine.
        storage: the folder in which to make a run folder; None: nothing is written.
    """

    topology: Topology
    crash: str = "none"
    fraction: float | None = None
    survivors: Sequence[int] | None = None
    coin: str = LOCAL
    arrival: str = ASYNCHRONOUS
    inputs: str | Sequence[int] = "mixed"
    seed: int = 0
    shards: int | None = None
    max_rounds: int = 1000
    engine: str = "ray"
    address: str | None = None
    storage: Path | str | None = None

    def __post_init__(self) -> None:
        choose("crash", self.crash, CRASHES)
        choose("coin", self.coin, COINS)
        choose("arrival", self.arrival, ARRIVALS)
        choose("engine", self.engine, ENGINES)
        if not 0 <= self.seed < MOST:
            raise UsageError(f"a seed is 0 or more, and below 2^63, not {self.seed}")
        for what, count in (("shards", self.shards), ("max_rounds", self.max_rounds)):
            if count is not None and count < 1:
                raise UsageError(f"{what} must be 1 or more, not {count}")
        if self.crash == "none" and self.fraction is not None:
            raise UsageError("a fraction of the processes crashes only at random or as the worst; choose which")
        if self.crash == "random" and self.fraction is None:
            raise UsageError("random crashes need the fraction of the processes that crash, such as 0.7")
        if self.crash != "none" and self.survivors is not None:
            raise UsageError("who survives is either given or chosen; leave out survivors or crash")


def run_scale(config: ScaleConfig, progress: Progress = lambda stage: None) -> ScaleResult:
    """Run HBO once, and hold every phase against its invariants.

    Raises:
        UsageError: the run makes no sense, or would not fit into memory; the message has the estimate.
        EnvironmentProblem: there is no Ray, or one of its actors died.
    """
    topology = config.topology
    alive, crashed_by = choose_survivors(config)
    population = Population(alive, make_inputs(config), *topology.closed())
    published = published_bytes(population)
    began = time.perf_counter()
    with _shards(config, population) as shards:
        folder = None if config.storage is None else RunFolder(config.storage, "scale")
        course = run_rounds(shards, population.input_counts(), published, config.max_rounds, progress)
        seconds = time.perf_counter() - began
        taken = sum(shards.get(shards.call("messages_taken")))
        peak = peak_bytes() + shards.peak_bytes()
    verdict, reason = judge(course, config, len(population.senders))
    result = ScaleResult(
        processes=topology.n,
        topology=topology.name,
        connected=topology.connected,
        degree_min=topology.degree_min,
        degree_max=topology.degree_max,
        connections_per_nic=2 * topology.edges / topology.n,
        survivors=len(population.senders),
        represented=population.represented(),
        crash=config.crash,
        crashed_by=crashed_by,
        coin=config.coin,
        arrival=config.arrival,
        inputs=config.inputs if isinstance(config.inputs, str) else "given",
        input_counts=population.input_counts(),
        seed=config.seed,
        rounds=course.rounds,
        decision=course.value,
        decided_own=course.own,
        decided_told=course.told,
        messages_mean=float(taken @ np.arange(len(taken)) / taken.sum()),
        messages_p99=int(np.searchsorted(taken.cumsum(), 0.99 * taken.sum())),
        phase_seconds=course.phase_seconds,
        seconds=seconds,
        exchanged_bytes=published * len(course.phase_seconds),
        peak_bytes=peak,
        engine=config.engine,
        shards=shards.count,
        nodes=shards.node_count,
        verdict=verdict,
        reason=reason,
        versions=versions(),
        folder=None if folder is None else str(folder.path),
    )
    if folder is not None:
        folder.write("scale.json", result.json())
        folder.become_latest()
    return result


def judge(course: Course, config: ScaleConfig, survivors: int) -> tuple[str, str]:
    """The verdict, and its reason."""
    n = config.topology.n
    if course.violation is not None:
        return VIOLATED, f"round {course.rounds}: {course.violation}"
    if course.blocked:
        return BLOCKED, f"represented {course.represented} of {n}, needs > {n // 2}"
    if course.value is not None:
        return DECIDED, f"{survivors} of {n} processes decided {course.value}"
    reason = f"nobody decided in {course.rounds} rounds"
    if config.coin == LOCAL and config.arrival == ASYNCHRONOUS:
        reason += ": with local coins and asynchronous arrival it takes exponentially many in n; use --coin common"
    else:
        reason += "; allow more with --max-rounds"
    return UNKNOWN, reason


def choose_survivors(config: ScaleConfig) -> tuple[Alive, str]:
    """Of every process, whether it stays alive; and how those who crashed were chosen.

    Raises:
        UsageError: nobody would be left, or somebody that there is not.
    """
    n = config.topology.n
    if config.survivors is not None:
        survivors = np.unique(np.asarray(config.survivors, np.int64))
        if not len(survivors) or survivors[0] < 0 or survivors[-1] >= n:
            raise UsageError(f"survivors are one or more of the processes 0 to {n - 1}")
        chosen = "given survivors"
    elif config.crash == "worst":
        count = certified_survivors(config.topology) if config.fraction is None else n - crashed_of(config.fraction, n)
        survivors = attack(config.topology, count, seed=config.seed)
        chosen = "the worst crashes found"
        if config.fraction is None:
            chosen += f", {n - count:,}: as many as are known to be tolerated"
    elif config.fraction is not None:
        words = kernels.draws(config.seed, kernels.SURVIVOR, 0, np.arange(n, dtype=np.int32))
        survivors = np.argsort(words, kind="stable")[crashed_of(config.fraction, n) :]
        chosen = "crashes at random"
    else:
        return np.ones(n, bool), "nobody crashed"
    alive = np.zeros(n, bool)
    alive[survivors] = True
    return alive, chosen


def certified_survivors(topology: Topology) -> int:
    """So many survivors represent a majority, whoever they are: the fewest for which that is known in some seconds."""
    if topology.n <= SOLVED:
        return topology.n - hbo_tolerance(topology).value
    return min(topology.n // 2, spectrum(topology).largest_blocking) + 1


def crashed_of(fraction: float, n: int) -> int:
    """How many processes such a fraction of them is: the nearest number.

    Raises:
        UsageError: it is no fraction, or everybody.
    """
    if not 0 <= fraction < 1:
        raise UsageError(f"the fraction of the processes that crash is 0 or more, and less than 1, not {fraction:g}")
    crashed = round(fraction * n)
    if crashed >= n:
        raise UsageError(f"a fraction of {fraction:g} crashes all of {n} processes; at least one must survive")
    return crashed


def make_inputs(config: ScaleConfig) -> Votes:
    """What each process starts with.

    Raises:
        UsageError: not one 0 or 1 for each.
    """
    n = config.topology.n
    if isinstance(config.inputs, str):
        choose("kind of inputs", config.inputs, INPUTS)
        if config.inputs == "equal":
            return np.ones(n, np.int8)
        return toss(config.seed, kernels.INPUT, 0, np.arange(n, dtype=np.int32))
    if len(config.inputs) != n:
        raise UsageError(f"{n} processes need {n} inputs, one each; {len(config.inputs)} were given")
    given = np.asarray(config.inputs)
    if not np.isin(given, (0, 1)).all():
        raise UsageError("every input must be 0 or 1: hybrid-ben-or is binary")
    return given.astype(np.int8)


def _shards(config: ScaleConfig, population: Population) -> AbstractContextManager[Here | ShardActors]:
    setting = Setting(config.seed, config.coin, config.arrival)
    if config.engine == "ray":
        from rayrdma.actors.shards import shards_on_ray

        return shards_on_ray(setting, population, config.shards, config.address)
    senders = len(population.senders)
    count = min(config.shards or 1, senders)
    require_bytes(here_bytes(population, count), f"a run of {population.n:,} processes, {senders:,} of them alive,")
    return nullcontext(Here([Shard(setting, population, *span) for span in population.cut(count)]))
