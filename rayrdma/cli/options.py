"""Options that several commands share, and what their texts mean."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from rayrdma.clusters.topology import Topology, make_topology
from rayrdma.model.errors import UsageError

AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON object instead of the summary.")]
Out = Annotated[Path, typer.Option(help="The folder in which to make a run folder.")]
Seed = Annotated[int, typer.Option(help="Of everything random.")]
Degree = Annotated[int | None, typer.Option(help="Of a random-regular graph.")]
Offsets = Annotated[str | None, typer.Option(help="Of a circulant graph: 1,5")]
Sizes = Annotated[str | None, typer.Option(help="Of a torus 4,4; of disjoint-clusters 5,1,1; ...")]
GraphFile = Annotated[Path | None, typer.Option(help="With the topology 'file': a graph in a format of networkx.")]


def read_topology(
    name: str,
    processes: int | None,
    degree: int | None,
    offsets: str | None,
    sizes: str | None,
    file: Path | None,
    seed: int,
) -> Topology:
    """The shared-memory graph that these options describe.

    Raises:
        UsageError: they make no graph.
    """
    return make_topology(
        name,
        processes=processes,
        degree=degree,
        offsets=None if offsets is None else read_numbers("--offsets", offsets),
        sizes=None if sizes is None else read_numbers("--sizes", sizes),
        file=file,
        seed=seed,
    )


def read_numbers(option: str, text: str) -> list[int]:
    """``4,4`` as numbers.

    Raises:
        UsageError: a part of it is none.
    """
    try:
        return [int(part) for part in text.split(",")]
    except ValueError as error:
        raise UsageError(
            f"{option} {text} makes no sense; give whole numbers with commas between, as in 4,4"
        ) from error
