"""What looks for schedules that break a protocol, or for what is wrong in a history."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import msgspec
import typer

from rayrdma import exploration
from rayrdma.checks.history import read_history
from rayrdma.checks.linearizability import check_linearizability
from rayrdma.exhaustion import explore_all
from rayrdma.impossibility import EXAMPLES, demonstrate
from rayrdma.model.errors import UsageError
from rayrdma.mutation_score import score
from rayrdma.results.exploration import show_exhaustion, show_exploration, tell_rate, tell_states
from rayrdma.results.impossibility import show_impossibility
from rayrdma.results.mutation_score import show_score
from rayrdma.simulator.explore.draw import KINDS
from rayrdma.simulator.explore.exhaustive.system import Bounds
from rayrdma.simulator.explore.search import FOR_EVER

from .codes import ERROR
from .options import AsJson, Out, Seed
from .working import put, working

EXHAUSTIVE = "exhaustive"


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
        with working(lines=False) as tell:
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
        put(looked, as_json, show_exhaustion)
        return ERROR if looked.violations else 0
    with working(lines=False) as tell:
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
    put(found, as_json, show_exploration)
    return ERROR if found.violations else 0


def mutants(
    protocols: Annotated[list[str] | None, typer.Argument(help="Whose mutants; all that there are.")] = None,
    budget: Annotated[str, typer.Option(help="Of each: seconds (60s), or a number of schedules (10000).")] = "60s",
    jobs: Annotated[int | None, typer.Option(help="Mutants that are hunted for at a time; one a core.")] = None,
    as_json: AsJson = False,
) -> int:
    """Look whether the checks catch every known mistake in the protocols."""
    with working(lines=False) as tell:
        scored = score(protocols or (), budget, jobs=jobs, progress=tell)
    put(scored, as_json, show_score)
    return 0 if scored.holds else ERROR


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
    with working(lines=False):
        shown = [demonstrate(name, processes, memories, out) for name in ([protocol] if protocol else EXAMPLES)]
    put(shown, as_json, show_impossibility)
    wrong = any(each.disagreements for each in shown) if protocol else not all(each.as_proved for each in shown)
    return ERROR if wrong else 0


def linearizable(
    file: Annotated[Path, typer.Argument(help="A history, in the format of rayrdma.checks.history.")],
    as_json: AsJson = False,
) -> int:
    """Check whether a history of operations on registers is linearizable."""
    with working(lines=False):
        verdict = check_linearizability(read_history(file))
    sys.stdout.write(msgspec.json.encode(verdict).decode() + "\n" if as_json else f"{verdict}\n")
    return 0 if verdict.linearizable else ERROR
