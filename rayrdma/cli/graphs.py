"""Shared-memory graphs: what they tolerate, how they scale and what they cost."""

from __future__ import annotations

import time
from pathlib import Path
from typing import Annotated, Any

import typer

from rayrdma.clusters.nic import NicCache
from rayrdma.clusters.room import tell_bytes
from rayrdma.clusters.tolerance import analyse
from rayrdma.model.errors import UsageError
from rayrdma.results.scale import show_scale
from rayrdma.results.topology import show_tolerance

from .codes import ERROR
from .options import AsJson, Degree, GraphFile, Offsets, Out, Seed, Sizes, read_numbers, read_topology
from .working import put, working


def topology(
    name: Annotated[str, typer.Argument(help="ring, petersen, random-regular, ...; 'file' with --file.")],
    processes: Annotated[int | None, typer.Option(help="How many.")] = None,
    degree: Degree = None,
    offsets: Offsets = None,
    sizes: Sizes = None,
    file: GraphFile = None,
    seconds: Annotated[float, typer.Option(help="For the solver; then a certificate and an attack have to do.")] = 60.0,
    seed: Seed = 0,
    as_json: AsJson = False,
) -> int:
    """Show what a shared-memory graph tolerates, and which crashes it does not."""
    if not seconds >= 0:
        raise UsageError(f"a solver can not work for {seconds:g} seconds; give 0 or more")
    with working(lines=False):
        tolerance = analyse(
            read_topology(name, processes, degree, offsets, sizes, file, seed), seconds=seconds, seed=seed
        )
    put(tolerance, as_json, show_tolerance)
    return 0


def scale(
    topology: Annotated[str, typer.Option(help="The shared-memory graph: random-regular, ring, ...")],
    processes: Annotated[int | None, typer.Option(help="How many, such as 100000.")] = None,
    crash: Annotated[str, typer.Option(help="Who is dead: none, random, or worst, the best attack found.")] = "none",
    fraction: Annotated[float | None, typer.Option(help="Of the processes that crash.")] = None,
    coin: Annotated[str, typer.Option(help="local, or common: shared beforehand, an extension.")] = "local",
    arrival: Annotated[str, typer.Option(help="Of messages: asynchronous or synchronous.")] = "asynchronous",
    inputs: Annotated[str, typer.Option(help="equal or mixed.")] = "mixed",
    seed: Seed = 0,
    engine: Annotated[str, typer.Option(help="ray, or sim: all in this process.")] = "ray",
    shards: Annotated[int | None, typer.Option(help="Actors that share the processes; one a CPU.")] = None,
    max_rounds: Annotated[int, typer.Option(help="After which the run is given up.")] = 1000,
    address: Annotated[str | None, typer.Option(help="Of a Ray cluster that is already there.")] = None,
    degree: Degree = None,
    offsets: Offsets = None,
    sizes: Sizes = None,
    file: GraphFile = None,
    as_json: AsJson = False,
    out: Out = Path("runs"),
) -> int:
    """Run HBO itself with up to 100,000 processes, in shards on Ray."""
    from rayrdma.scale import ScaleConfig, run_scale  # compiled kernels are loaded only where they are used

    told = 0.0

    def show(stage: Any) -> None:
        nonlocal told
        if stage.decided == 0 and time.monotonic() < told + 1:  # there may be a thousand rounds a second
            return
        told = time.monotonic()
        what = f"round {stage.round}, phase {stage.phase}, {tell_bytes(stage.exchanged)} exchanged"
        tell(f"{what}, {stage.decided:,} of {stage.live:,} decided", stage.decided, stage.live)

    with working(lines=not as_json) as tell:
        graph = read_topology(topology, processes, degree, offsets, sizes, file, seed)
        config = ScaleConfig(
            graph,
            crash,
            fraction,
            coin=coin,
            arrival=arrival,
            inputs=inputs,
            seed=seed,
            shards=shards,
            max_rounds=max_rounds,
            engine=engine,
            address=address,
            storage=out,
        )
        if crash == "worst":
            tell("looking for the worst crashes", 0, 1)
        result = run_scale(config, show)
    put(result, as_json, show_scale)
    return result.exit_code


def tradeoff(
    degrees: Annotated[str, typer.Option(help="Connections per NIC to look at.")] = "4,8,16,32",
    processes: Annotated[str, typer.Option(help="Numbers of processes to look at.")] = "100,1000,10000,100000",
    seed: Seed = 0,
    nic_cache_entries: Annotated[int, typer.Option(help="Connection states that a NIC holds.")] = NicCache.entries,
    nic_hit_ns: Annotated[
        float, typer.Option(help="Nanoseconds of an operation whose states are held.")
    ] = NicCache.hit_ns,
    nic_miss_ns: Annotated[float, typer.Option(help="Nanoseconds more if they have to be fetched.")] = NicCache.miss_ns,
    as_json: AsJson = False,
    out: Out = Path("runs"),
) -> int:
    """Draw what consensus survives against the connections that it takes, and what they cost by a model."""
    from rayrdma.results.tradeoff.terminal import show
    from rayrdma.tradeoff import sweep  # compiled kernels are loaded only where they are used

    nic = NicCache(nic_cache_entries, nic_hit_ns, nic_miss_ns)
    sizes, connections = read_numbers("--processes", processes), read_numbers("--degrees", degrees)
    with working(lines=not as_json) as tell:
        swept = sweep(sizes, connections, seed, nic, out, tell)
    put(swept, as_json, show)
    return 0 if swept.holds else ERROR
