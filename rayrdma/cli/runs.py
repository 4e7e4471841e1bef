"""Experiments: one, one once more, and those of the table."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from rayrdma import experiment
from rayrdma.clusters.topology import Topology
from rayrdma.experiment import Experiment, RunConfig, ScalingConfig
from rayrdma.faults.plan import parse_crashes, parse_pauses
from rayrdma.model.errors import UsageError
from rayrdma.reference import parse_byzantine
from rayrdma.results import terminal
from rayrdma.results.table import measure_table

from .codes import ERROR
from .options import AsJson, Degree, GraphFile, Offsets, Out, Seed, Sizes, read_topology
from .working import put, working


def run(
    protocol: Annotated[str, typer.Argument(help="A built-in protocol, or path/to/file.py:ClassName.")],
    processes: Annotated[int | None, typer.Option(help="How many; one for each input, or mostly 3.")] = None,
    memories: Annotated[int | None, typer.Option(help="How many; 3, or 0 if the protocol needs none.")] = None,
    engine: Annotated[str, typer.Option(help="sim or ray.")] = "sim",
    transport: Annotated[str, typer.Option(help="Of live memories: auto, verbs, shm or ray-channel.")] = "auto",
    inputs: Annotated[str | None, typer.Option(help="a,b,c, or @FILE with one value a line.")] = None,
    crash: Annotated[str, typer.Option(help="p0@write:2 (after its 2nd write), m2@0 (at time 0), ...")] = "",
    pause: Annotated[str, typer.Option(help="p1@3-9: process 1 stands still from time 3 to 9.")] = "",
    byzantine: Annotated[str, typer.Option(help="p2:equivocate, p0:file.py:MyAttack, ...")] = "",
    seed: Seed = 0,
    rounds: Annotated[int, typer.Option(help="Instances, one after the other, on the same parties.")] = 1,
    schedule: Annotated[str, typer.Option(help="Of the simulator: constant, jitter or adversary.")] = "constant",
    timeout: Annotated[float, typer.Option(help="Seconds after which a live round counts as blocked.")] = 30.0,
    register_bytes: Annotated[int | None, typer.Option(help="The size of every register.")] = None,
    processes_per_actor: Annotated[int | None, typer.Option(help="Live processes that share an actor.")] = None,
    address: Annotated[str | None, typer.Option(help="Of a Ray cluster that is already there.")] = None,
    trace: Annotated[
        bool, typer.Option("--trace", help="Draw the last round: diagram.html in the run folder.")
    ] = False,
    topology: Annotated[str | None, typer.Option(help="The shared-memory graph: petersen, ring, ...")] = None,
    degree: Degree = None,
    offsets: Offsets = None,
    sizes: Sizes = None,
    file: GraphFile = None,
    as_json: AsJson = False,
    out: Out = Path("runs"),
) -> int:
    """Run a protocol and hold it against its checks."""
    planned = Experiment(
        protocol,
        inputs=None if inputs is None else read_inputs(inputs),
        scaling=ScalingConfig(
            processes,
            memories,
            processes_per_actor,
            address,
            _graph_of_run(topology, processes, seed, degree=degree, offsets=offsets, sizes=sizes, file=file),
        ),
        run=RunConfig(engine, transport, schedule, seed, rounds, timeout, register_bytes, out, trace),
        faults=[*parse_crashes(crash), *parse_pauses(pause), *parse_byzantine(byzantine)],
    )
    with working(lines=False) as tell:
        result = planned.run(lambda done, rounds: tell("rounds", done, rounds))
    put(result, as_json, terminal.show_result)
    return result.exit_code


def replay(
    file: Annotated[Path, typer.Argument(help="The replay.json of a simulated run's folder.")],
    trace: Annotated[
        bool, typer.Option("--trace", help="Draw the last round: diagram.html in a new run folder.")
    ] = False,
    as_json: AsJson = False,
    out: Out = Path("runs"),
) -> int:
    """Run a recorded simulation once more, and compare the traces byte for byte."""
    result = experiment.replay(file, out if trace else None)
    if not as_json:
        Console().print(f"[bold]replayed {file}[/]: the same trace, byte for byte", highlight=False, soft_wrap=True)
    put(result, as_json, terminal.show_result)
    return result.exit_code


def table(
    engine: Annotated[str, typer.Option(help="sim (bounds and delays), ray (real processes) or both.")] = "both",
    as_json: AsJson = False,
    out: Out = Path("runs"),
) -> int:
    """Reproduce the talk's comparison table by measurement."""
    with working(lines=not as_json) as tell:
        measured = measure_table(engine, out, tell)
    put(measured, as_json, terminal.show_table)
    return 0 if measured.holds else ERROR


def _graph_of_run(name: str | None, processes: int | None, seed: int, **described: Any) -> Topology | None:
    if name is not None:
        return read_topology(name, processes, seed=seed, **described)
    for option, value in described.items():
        if value is not None:
            raise UsageError(f"--{option} describes a graph; name it too (--topology random-regular)")
    return None


def read_inputs(text: str) -> list[str]:
    """``a,b,c``, or the lines of the file after ``@``.

    Raises:
        UsageError: the file can not be read, or a value is empty.
    """
    if text.startswith("@"):
        try:
            values = Path(text[1:]).read_text(encoding="utf-8").splitlines()
        except OSError as error:
            raise UsageError(
                f"can not read inputs from {text[1:]}: {error.strerror}; --inputs @FILE takes one value a line"
            ) from error
        except UnicodeDecodeError as error:
            raise UsageError(f"can not read inputs from {text[1:]}: it is not text in UTF-8") from error
        where = f"line {{}} of {text[1:]}"
    else:
        values, where = text.split(","), f"input {{}} of {text!r}"
    for number, value in enumerate(values, 1):
        if not value.strip():
            raise UsageError(f"{where.format(number)} is empty; every process needs a value to propose")
    if not values:
        raise UsageError(f"{text[1:]} is empty; --inputs @FILE takes one value a line")
    return values
