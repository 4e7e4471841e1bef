"""What a run at scale returns, and how people see it."""

from __future__ import annotations

import textwrap
from collections.abc import Iterator

import msgspec
from rich.console import Console
from rich.text import Text

from rayrdma.clusters.room import tell_bytes

from .quantities import seconds
from .result import DECIDED, EXIT_CODES

INDENT = 12


class ScaleResult(msgspec.Struct, frozen=True):
    """A finished run of HBO in the batch engine.

    Attributes:
        connected: whether the shared-memory graph is.
        connections_per_nic: the mean number of neighbours; ``degree_min`` and ``degree_max`` are the extremes.
        survivors: the processes that did not crash; ``represented``: those on whose behalf they can speak.
        crash: ``none``, ``random`` or ``worst``; ``crashed_by`` says how those who crashed were chosen.
        coin: ``local``, or ``common``, which is an extension of the paper.
        inputs: ``equal``, ``mixed`` or ``given``; ``input_counts``: survivors that start with 0, and with 1.
        rounds: that were begun.
        decision: the value, or None.
        decided_own: survivors that decided by themselves; ``decided_told``: those that learned of it.
        messages_mean: that a process takes in a phase; ``messages_p99``: what 99 % of them do not exceed.
        phase_seconds: of each phase, two a round; ``seconds``: of all phases and the setting up of the shards.
        exchanged_bytes: that shards published to each other.
        peak_bytes: the peaks of the driver and of every shard's actor, added up, with the object store as each maps it.
        engine: ``ray``, or ``sim`` for all shards in this process.
        verdict: ``decided``, ``violated``, ``blocked`` or ``unknown``; ``reason`` is one line.
        folder: where it was written, if it was.
    """

    processes: int
    topology: str
    connected: bool
    degree_min: int
    degree_max: int
    connections_per_nic: float
    survivors: int
    represented: int
    crash: str
    crashed_by: str
    coin: str
    arrival: str
    inputs: str
    input_counts: tuple[int, int]
    seed: int
    rounds: int
    decision: int | None
    decided_own: int
    decided_told: int
    messages_mean: float
    messages_p99: int
    phase_seconds: list[float]
    seconds: float
    exchanged_bytes: int
    peak_bytes: int
    engine: str
    shards: int
    nodes: int
    verdict: str
    reason: str
    versions: dict[str, str]
    folder: str | None = None

    @property
    def exit_code(self) -> int:
        """0 decided, 1 violated, 2 blocked or unknown."""
        return EXIT_CODES[self.verdict]

    def json(self) -> bytes:
        """The result as one JSON object."""
        return msgspec.json.encode(self)


def show_scale(console: Console, result: ScaleResult) -> None:
    """A run at scale in a dozen lines."""
    colour = {"decided": "green", "violated": "red"}.get(result.verdict, "yellow")
    console.print(Text.assemble(("hybrid-ben-or", "bold"), "  ", (result.verdict, f"bold {colour}")))
    for name, what in _lines(result):
        lines = textwrap.wrap(what, console.width - INDENT - 2, break_on_hyphens=False)
        console.print(Text.assemble((f"  {name:{INDENT}}", "dim"), f"\n{' ' * (INDENT + 2)}".join(lines)))


def _lines(result: ScaleResult) -> Iterator[tuple[str, str]]:
    if result.verdict != DECIDED:
        yield "why", result.reason
    else:
        told = f", {result.decided_told:,} were told" if result.decided_told else ""
        yield "decision", f"{result.decision} in round {result.rounds}: {result.decided_own:,} by themselves{told}"
    degree = f"{result.degree_min:,}"
    if result.degree_max != result.degree_min:
        degree += f" to {result.degree_max:,}, {result.connections_per_nic:,.1f} in the mean"
    yield "topology", f"{result.topology}{'' if result.connected else ', not connected'}; {degree} connections a NIC"
    share = result.survivors / result.processes
    yield "survivors", f"{result.survivors:,} of {result.processes:,} ({share:.1%}); {result.crashed_by}"
    share = result.represented / result.processes
    yield "represented", f"{result.represented:,} ({share:.1%}); more than {result.processes // 2:,} are needed"
    extension = ", an extension of the paper" if result.coin == "common" else ""
    yield "run", f"{result.coin} coin{extension}; {result.arrival} arrival; seed {result.seed}"
    zeros, ones = result.input_counts
    yield "inputs", f"{result.inputs}: {zeros:,} start with 0, {ones:,} with 1"
    per_phase = f"{result.messages_mean:,.0f} in the mean, p99 {result.messages_p99:,}"
    yield "messages", f"{per_phase}, that a process takes in a phase"
    slowest = seconds(max(result.phase_seconds))
    yield "time", f"{seconds(result.seconds)}; {len(result.phase_seconds)} phases, the slowest {slowest}"
    nodes = f" on {result.nodes} nodes" if result.nodes > 1 else ""
    yield "shards", f"{result.shards}, engine {result.engine}{nodes}; {tell_bytes(result.exchanged_bytes)} exchanged"
    yield "memory", f"{tell_bytes(result.peak_bytes)} at the peak"
    if result.folder is not None:
        yield "folder", result.folder
