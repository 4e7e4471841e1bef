"""This machine: what things cost on it, and what works."""

from __future__ import annotations

from typing import Annotated

import typer

from rayrdma.doctor import examine
from rayrdma.results import terminal
from rayrdma.scenario import choose

from .options import AsJson
from .working import put, working


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
    with working(lines=not as_json) as tell:
        measured = run_bench(tell)
    put(measured, as_json, terminal.show_bench)
    return 0


def doctor(as_json: AsJson = False) -> int:
    """Show what works here, and why the rest does not."""
    findings = examine()
    put(findings, as_json, terminal.show_findings)
    return 0
