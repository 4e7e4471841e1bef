"""The ``rayrdma`` command: a thin skin over `rayrdma.experiment`.

Standard output carries the result and nothing else; progress and errors go to standard error. An error is one
line that names what was wrong and what would be right. Exit codes: 0 decided, 1 violated, 2 blocked, unknown or
something that this machine lacks, 64 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import gc
import sys
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, Any

import msgspec
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from rayrdma import experiment, exploration
from rayrdma.checks.history import read_history
from rayrdma.checks.linearizability import check_linearizability
from rayrdma.clusters.nic import NicCache
from rayrdma.clusters.room import tell_bytes
from rayrdma.clusters.tolerance import analyse
from rayrdma.clusters.topology import Topology
from rayrdma.doctor import examine
from rayrdma.exhaustion import explore_all
from rayrdma.experiment import Experiment, RunConfig, ScalingConfig
from rayrdma.faults.plan import parse_crashes, parse_pauses
from rayrdma.impossibility import EXAMPLES, demonstrate
from rayrdma.model.errors import EnvironmentProblem, RayrdmaError, UsageError
from rayrdma.mutation_score import score
from rayrdma.options import AsJson, Degree, GraphFile, Offsets, Out, Seed, Sizes, read_numbers, read_topology
from rayrdma.reference import parse_byzantine
from rayrdma.results import terminal
from rayrdma.results.exploration import show_exhaustion, show_exploration, tell_rate, tell_states
from rayrdma.results.impossibility import show_impossibility
from rayrdma.results.mutation_score import show_score
from rayrdma.results.result import Result
from rayrdma.results.scale import show_scale
from rayrdma.results.table import measure_table
from rayrdma.results.topology import show_tolerance
from rayrdma.scenario import choose
from rayrdma.simulator.explore.draw import KINDS
from rayrdma.simulator.explore.exhaustive.system import Bounds
from rayrdma.simulator.explore.search import FOR_EVER

ERROR, ENVIRONMENT, USAGE, INTERRUPTED = 1, 2, 64, 130
EXHAUSTIVE = "exhaustive"
_TyperUsageError: type[Exception] = typer.BadParameter.__bases__[0]  # typer carries its own click, unexported

app = typer.Typer(
    name="rayrdma",
    help="Agreement over RDMA: one protocol source, run in a deterministic simulator and on Ray actors.",
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)


class Interrupted(RayrdmaError):
    """Somebody pressed Ctrl-C. (typer would end without a word.)"""


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    # A trace has many events and no cycles: to look at them all every 700 objects takes a quarter of the time.
    gc.set_threshold(50_000, 20, 50)
    try:
        code = app(arguments, prog_name="rayrdma", standalone_mode=False)
        if code == INTERRUPTED:  # outside of anything that may take long
            return _fail(INTERRUPTED, "interrupted")
        return code if isinstance(code, int) else 0
    except (Interrupted, KeyboardInterrupt) as error:
        # What was about to start when it came never does; nobody needs to be told of each such coroutine.
        warnings.filterwarnings("ignore", message="coroutine .* was never awaited")
        return _fail(INTERRUPTED, f"interrupted{_notes(error.__cause__ or error)}")
    except UsageError as error:
        return _fail(USAGE, error)
    except _TyperUsageError as error:
        return _fail(USAGE, _explain(error))
    except EnvironmentProblem as error:
        return _fail(ENVIRONMENT, error)
    except RayrdmaError as error:
        return _fail(ERROR, error)


@app.command()
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
    with _working(lines=False) as tell:
        result = planned.run(lambda done, rounds: tell("rounds", done, rounds))
    return _show(result, as_json)


@app.command()
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
    return _show(result, as_json)


@app.command()
def explore(
    protocol: Annotated[str, typer.Argument(help="A built-in protocol, or path/to/file.py:ClassName.")],
    budget: Annotated[str, typer.Option(help="Seconds (60s), or a number of schedules, or of states (10000).")] = "60s",
    strategy: Annotated[str, typer.Option(help="swarm, random, pct or exhaustive.")] = "swarm",
    faults: Annotated[str, typer.Option(help=f"The kinds that may occur: {','.join(KINDS)}.")] = ",".join(KINDS),
    engine: Annotated[str, typer.Option(help="sim: this machine's cores. ray: a cluster's CPUs.")] = "sim",
    jobs: Annotated[int | None, typer.Option(help="How many look at a time; one a core, or a CPU.")] = None,
    address: Annotated[str | None, typer.Option(help="Of a Ray cluster that is already there.")] = None,
    go_on: Annotated[bool, typer.Option("--go-on", help="Do not stop at the first violation.")] = False,
    processes: Annotated[int | None, typer.Option(help="Exhaustive: how many.")] = None,
    memories: Annotated[int | None, typer.Option(help="Exhaustive: how many.")] = None,
    elections: Annotated[int | None, typer.Option(help="Exhaustive: how often each process may lead.")] = None,
    preemptions: Annotated[int | None, typer.Option(help="Exhaustive: how often one has to wait for another.")] = None,
    reduction: Annotated[bool, typer.Option(help="Exhaustive: leave out what makes no difference.")] = True,
    seed: Seed = 0,
    as_json: AsJson = False,
    out: Out = Path("runs"),
) -> int:
    """Look for a schedule that breaks a protocol."""
    kinds = [kind for kind in faults.split(",") if kind]
    everything = strategy == EXHAUSTIVE
    if everything and (jobs not in (None, 1) or seed):
        raise UsageError("--strategy exhaustive draws nothing, and one process looks; leave out --seed and --jobs")
    if everything and (engine != "sim" or address):
        raise UsageError("with --strategy exhaustive one process looks; leave out --engine and --address")
    if not everything and ((processes, memories, elections, preemptions) != (None,) * 4 or not reduction):
        raise UsageError(
            "--processes, --memories, --elections, --preemptions and --no-reduction are for --strategy exhaustive; "
            f"{strategy} draws such things"
        )
    enough = FOR_EVER if go_on else 1
    if everything:
        with _working(lines=False) as tell:
            looked = explore_all(
                protocol,
                budget,
                processes=processes,
                memories=memories,
                bounds=Bounds(elections=1 if elections is None else elections, preemptions=preemptions),
                faults=kinds,
                reduce=reduction,
                enough=enough,
                storage=out,
                progress=lambda so_far, seconds: tell(tell_states(so_far, seconds), so_far.states, so_far.states),
            )
        if as_json:
            sys.stdout.write(looked.json().decode() + "\n")
        else:
            show_exhaustion(terminal.console(), looked)
        return ERROR if looked.violations else 0
    with _working(lines=False) as tell:
        found = exploration.explore(
            protocol,
            budget,
            strategy=strategy,
            faults=kinds,
            seed=seed,
            engine=engine,
            jobs=jobs,
            address=address,
            enough=enough,
            storage=out,
            progress=lambda tally, seconds: tell(tell_rate(tally, seconds), tally.schedules, tally.schedules),
        )
    if as_json:
        sys.stdout.write(found.json().decode() + "\n")
    else:
        show_exploration(terminal.console(), found)
    return ERROR if found.violations else 0


@app.command()
def mutants(
    protocols: Annotated[list[str] | None, typer.Argument(help="Whose mutants; all that there are.")] = None,
    budget: Annotated[str, typer.Option(help="Of each: seconds (60s), or a number of schedules (10000).")] = "60s",
    jobs: Annotated[int | None, typer.Option(help="Mutants that are hunted for at a time; one a core.")] = None,
    as_json: AsJson = False,
) -> int:
    """Look whether the checks catch every known mistake in the protocols."""
    with _working(lines=False) as tell:
        scored = score(protocols or (), budget, jobs=jobs, progress=tell)
    if as_json:
        sys.stdout.write(scored.json().decode() + "\n")
    else:
        show_score(terminal.console(), scored)
    return 0 if scored.holds else ERROR


@app.command()
def impossibility(
    protocol: Annotated[
        str | None, typer.Argument(help="One of your own; else three naive ones and two right ones.")
    ] = None,
    processes: Annotated[int, typer.Option(help="How many.")] = 2,
    memories: Annotated[int, typer.Option(help="How many.")] = 3,
    as_json: AsJson = False,
    out: Out = Path("runs"),
) -> int:
    """Show that two delays are too few for consensus where permissions never change."""
    with _working(lines=False):
        shown = [demonstrate(name, processes, memories, out) for name in ([protocol] if protocol else EXAMPLES)]
    if as_json:
        sys.stdout.write(msgspec.json.encode(shown).decode() + "\n")
    else:
        show_impossibility(terminal.console(), shown)
    wrong = any(each.disagreements for each in shown) if protocol else not all(each.as_proved for each in shown)
    return ERROR if wrong else 0


@app.command()
def linearizable(
    file: Annotated[Path, typer.Argument(help="A history, in the format of rayrdma.checks.history.")],
    as_json: AsJson = False,
) -> int:
    """Check whether a history of operations on registers is linearizable."""
    with _working(lines=False):
        verdict = check_linearizability(read_history(file))
    sys.stdout.write(msgspec.json.encode(verdict).decode() + "\n" if as_json else f"{verdict}\n")
    return 0 if verdict.linearizable else ERROR


@app.command()
def table(
    engine: Annotated[str, typer.Option(help="sim (bounds and delays), ray (real processes) or both.")] = "both",
    as_json: AsJson = False,
    out: Out = Path("runs"),
) -> int:
    """Reproduce the talk's comparison table by measurement."""
    with _working(lines=not as_json) as tell:
        measured = measure_table(engine, out, tell)
    if as_json:
        sys.stdout.write(msgspec.json.encode(measured).decode() + "\n")
    else:
        terminal.show_table(terminal.console(), measured)
    return 0 if measured.holds else ERROR


@app.command()
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
    with _working(lines=False):
        tolerance = analyse(
            read_topology(name, processes, degree, offsets, sizes, file, seed), seconds=seconds, seed=seed
        )
    if as_json:
        sys.stdout.write(msgspec.json.encode(tolerance).decode() + "\n")
    else:
        show_tolerance(terminal.console(), tolerance)
    return 0


@app.command()
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

    with _working(lines=not as_json) as tell:
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
    if as_json:
        sys.stdout.write(result.json().decode() + "\n")
    else:
        show_scale(terminal.console(), result)
    return result.exit_code


@app.command()
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
    with _working(lines=not as_json) as tell:
        swept = sweep(sizes, connections, seed, nic, out, tell)
    if as_json:
        sys.stdout.write(msgspec.json.encode(swept).decode() + "\n")
    else:
        show(terminal.console(), swept)
    return 0 if swept.holds else ERROR


@app.command()
def bench(
    transport: Annotated[str, typer.Option(help="verbs: this host's RDMA device. any: everything but that.")] = "any",
    as_json: AsJson = False,
) -> int:
    """Measure what things cost here, each beside its bare cost in the same run."""
    choose("transport", transport, ("any", "verbs"))
    if transport == "verbs":
        from rayrdma.verbs_bench import run_verbs_bench as run_bench  # what needs compiling is not needed there
    else:
        from rayrdma.bench import run_bench  # compiled kernels are loaded only where they are used
    with _working(lines=not as_json) as tell:
        measured = run_bench(tell)
    if as_json:
        sys.stdout.write(msgspec.json.encode(measured).decode() + "\n")
    else:
        terminal.show_bench(terminal.console(), measured)
    return 0


@app.command()
def doctor(as_json: AsJson = False) -> int:
    """Show what works here, and why the rest does not."""
    findings = examine()
    if as_json:
        sys.stdout.write(msgspec.json.encode(findings).decode() + "\n")
    else:
        terminal.show_findings(terminal.console(), findings)
    return 0


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


def _show(result: Result, as_json: bool) -> int:
    if as_json:
        sys.stdout.write(result.json().decode() + "\n")
    else:
        terminal.show_result(terminal.console(), result)
    return result.exit_code


@contextmanager
def _working(lines: bool) -> Iterator[Callable[[str, int, int], None]]:
    """Something that may take long: Ctrl-C is one line, and standard error says how far it is.

    Args:
        lines: where that is no terminal, for a bar, write one line for each new thing that is done.
    """
    console = Console(stderr=True, highlight=False)
    columns = TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn()
    try:
        if console.is_terminal:
            with Progress(*columns, console=console, transient=True) as bar:
                task = bar.add_task("", total=None)
                yield lambda what, done, steps: bar.update(task, description=what, completed=done, total=steps)
        else:
            told: set[str] = set()

            def tell(what: str, done: int, steps: int) -> None:
                if lines and what not in told:
                    told.add(what)
                    console.print(what, soft_wrap=True)

            yield tell
    except KeyboardInterrupt as error:
        raise Interrupted("interrupted") from error


def _fail(code: int, error: object) -> int:
    line = " ".join(str(error).split())
    sys.stderr.write(f"rayrdma: {line}{_notes(error)}\n")
    return code


def _notes(error: object) -> str:
    return "".join(f"; {note}" for note in getattr(error, "__notes__", ()))


def _explain(error: Exception) -> str:
    message: str = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    return f"{message.rstrip('.')}; see {context.command_path if context else 'rayrdma'} --help"
