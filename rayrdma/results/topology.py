"""What a shared-memory graph tolerates, for people at a terminal."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator

from rich.console import Console
from rich.text import Text

from rayrdma.clusters.tolerance import Bound, CutBound, Expansion, Tolerance

INDENT = 16
LISTED = 24
"""Processes of a witness that are named; larger ones are in the JSON."""
HOW = {"exact": "exact", "certified": "certified: at least", "attack": "attack found: at most"}


def show_tolerance(console: Console, tolerance: Tolerance) -> None:
    """A graph in a dozen lines."""
    console.print(Text(tolerance.topology, "bold"))
    for name, what in _lines(tolerance):
        lines = textwrap.wrap(what, console.width - INDENT - 2, break_on_hyphens=False)
        console.print(Text.assemble((f"  {name:{INDENT}}", "dim"), f"\n{' ' * (INDENT + 2)}".join(lines)))


def _lines(of: Tolerance) -> Iterator[tuple[str, str]]:
    yield "processes", f"{of.n:,}, {of.edges:,} edges, {'connected' if of.connected else 'not connected'}"
    span = f"{of.degree_min:,}" if of.degree_min == of.degree_max else f"{of.degree_min:,} to {of.degree_max:,}"
    yield "degree", f"{span}: so many connections has a NIC"
    yield "spectral gap", f"{of.spectral_gap:.4g}"
    for expansion in filter(None, (of.expansion, of.expansion_attack)):
        yield "expansion h", _expansion(expansion)
    yield "messages alone", f"tolerate {of.message_passing:,} crashes"
    if of.paper_bound is not None and of.slide_bound_closed is not None:
        yield "paper", f"tolerates {_count(of.paper_bound, of.n)}, by f < (1 - 1/(2(1+h))) n"
        opened = f"{of.slide_bound_open.value:,}" if of.slide_bound_open is not None else "nothing"
        yield (
            "slide",
            f"by f < (1 - 1/(2h)) n: {of.slide_bound_closed.value:,} if h counts the set itself, which is the paper's "
            f"formula; {opened} if it does not",
        )
    for hbo in filter(None, (of.hbo_tolerance, of.hbo_attack)):
        blocked = f"; one more, and these alone wait for ever: {_members(hbo.witness)}" if hbo.witness else ""
        yield "Hybrid Ben-Or", f"tolerates {_count(hbo, of.n)}{blocked}"
    for partition in filter(None, (of.partition_bound, of.partition_attack)):
        yield "any algorithm", f"tolerates {_count(partition, of.n)}{_sides(partition)}"


def _expansion(expansion: Expansion) -> str:
    value = f"{expansion.fraction} = {expansion.value:.4g}" if expansion.fraction else f"{expansion.value:.4g}"
    witness = f", by {_members(expansion.witness)}" if expansion.witness else ""
    return f"{value} ({HOW[expansion.kind]}{witness})"


def _count(bound: Bound | CutBound, n: int) -> str:
    return f"{bound.value:,} crashes of {n:,} ({HOW[bound.kind]})"


def _sides(bound: CutBound) -> str:
    cut = bound.witness
    if cut is None:
        return ""
    return (
        f"; one more, and S = {_members(cut.s)} and T = {_members(cut.t)} share no memory, "
        f"with B1 = {_members(cut.b1)} and B2 = {_members(cut.b2)} crashed"
    )


def _members(processes: Iterable[int]) -> str:
    listed = list(processes)
    if len(listed) > LISTED:
        return f"{len(listed):,} processes"
    return f"{{{', '.join(map(str, listed))}}}"
