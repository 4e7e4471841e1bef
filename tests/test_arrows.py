"""Rooms and arrows: a room imports only from the floors below it, and carries no library that is not its own.

cli -> experiment -> {actors, simulator} -> {transports, faults, checks, clusters} -> protocols -> model
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FLOORS: tuple[tuple[str, ...], ...] = (
    ("model",),
    ("protocols",),
    ("faults", "pyverbs_link"),
    ("transports", "checks", "clusters", "batch", "mutants"),
    ("scenario", "reference"),
    ("actors", "simulator"),
    ("results",),
    ("experiment", "exploration", "mutation_score", "scale"),
    ("exhaustion", "impossibility", "explorer_bench"),
    ("table", "bench", "tradeoff", "doctor"),
    ("verbs_bench",),
    ("cli",),
    ("__main__", "__init__"),
)
"""From the ground up. Rooms of one floor do not know each other."""

FLOOR = {room: floor for floor, rooms in enumerate(FLOORS) for room in rooms}

TABLE = (
    "table",
    "cells",
    "findings",
    "graph_bounds",
    "scalability",
    "bounds",
    "delays",
    "exploration",
    "impossibility",
    "mutation_score",
    "live",
    "page",
    "chart",
    "terminal",
)
BELONGS_TO = {
    "actors.benchmark": "bench",  # the parts of it that need Ray
    "actors.byzantine_benchmark": "bench",
    "simulator.batch": "batch",  # has no kernel, and runs in actors too
    **{f"results.{name}": "table" for name in TABLE},  # it runs experiments, which write results
}
"""Modules that stand in one room and belong to another."""

ONLY_IN = {
    "ray": ("actors/", "clusters/", "transports/ray_channel.py"),
    "pyverbs": ("transports/verbs/device.py",),
    "numba": ("kernels.py",),
    "llvmlite": ("kernels.py",),
    "zmq": ("transports/links.py", "transports/verbs/handshake.py"),
    "nacl": ("model/signatures.py",),
    "typer": ("cli/",),
}
"""Where a library may be imported: parts of paths inside the package."""


def modules() -> dict[str, ast.Module]:
    """The package's modules by their path in it; actors/ and clusters/ stand beside it and belong to it."""
    files = {path.relative_to(ROOT / "rayrdma").as_posix(): path for path in (ROOT / "rayrdma").rglob("*.py")}
    for beside in ("actors", "clusters"):
        files |= {path.relative_to(ROOT).as_posix(): path for path in (ROOT / beside).rglob("*.py")}
    return {name: ast.parse(path.read_text(), str(path)) for name, path in sorted(files.items())}


MODULES = modules()


def room_of(module: str) -> str:
    """The room that a module of the package belongs to, by its name below ``rayrdma``."""
    parts = module.split(".")
    return BELONGS_TO.get(".".join(parts[:2]), parts[0] if parts[0] in FLOOR else "__init__")


def room_of_file(path: str) -> str:
    return room_of(path.removesuffix(".py").replace("/", "."))


def imports(path: str) -> Iterator[tuple[str, int]]:
    """The full names that a module imports, wherever in it, with the line."""
    package = ["rayrdma", *path.split("/")[:-1]]
    for node in ast.walk(MODULES[path]):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            module = ".".join([*base, *([node.module] if node.module else [])])
            for alias in node.names:
                yield f"{module}.{alias.name}", node.lineno


def imported_rooms(path: str) -> Iterator[tuple[str, int]]:
    for name, line in imports(path):
        package, _, module = name.partition(".")
        if package == "rayrdma":
            yield room_of(module), line


@pytest.mark.parametrize("path", MODULES)
def test_a_room_imports_only_from_the_floors_below(path: str) -> None:
    room = room_of_file(path)
    for other, line in imported_rooms(path):
        assert other == room or FLOOR[other] < FLOOR[room], f"{path}:{line}: {room} must not import {other}"


@pytest.mark.parametrize("path", MODULES)
def test_a_library_is_imported_only_where_it_belongs(path: str) -> None:
    for name, line in imports(path):
        places = ONLY_IN.get(name.split(".", 1)[0])
        assert places is None or any(place in path for place in places), f"{path}:{line}: {name} belongs to {places}"


def test_the_model_and_the_protocols_do_no_io() -> None:
    """No clock, no files, no network, no randomness of their own but a process's seeded one."""
    banned = {"time", "os", "io", "socket", "asyncio", "threading", "secrets", "subprocess", "pathlib", "logging"}
    for path in MODULES:
        if room_of_file(path) in ("model", "protocols"):
            assert not banned & {name.split(".", 1)[0] for name, _ in imports(path)}, path


def test_every_room_has_a_floor() -> None:
    there = {path.split("/", 1)[0].removesuffix(".py") for path in MODULES}
    assert there <= set(FLOOR), "give it a floor in FLOORS"
    assert {"model", "protocols", "checks", "faults", "simulator", "transports", "actors"} <= there


def test_an_arrow_that_runs_upwards_is_seen() -> None:
    assert ("experiment", 1) in _rooms_of("from rayrdma.experiment import Experiment", "model/x.py")
    assert ("experiment", 1) in _rooms_of("from .. import experiment", "model/x.py")
    assert ("table", 1) in _rooms_of("import rayrdma.results.table", "results/x.py")
    assert ("table", 2) in _rooms_of("def f():\n    from .table import Table", "results/x.py")
    assert ("bench", 1) in _rooms_of("from rayrdma.actors.benchmark import carriers", "actors/x.py")


def _rooms_of(source: str, path: str) -> list[tuple[str, int]]:
    MODULES[path] = ast.parse(source)
    try:
        return list(imported_rooms(path))
    finally:
        del MODULES[path]


def test_actors_and_clusters_are_seen_inside_the_package() -> None:
    for beside in ("actors", "clusters"):
        link = ROOT / "rayrdma" / beside
        assert link.is_symlink()
        assert link.resolve() == ROOT / beside
