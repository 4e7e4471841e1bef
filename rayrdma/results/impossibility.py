"""What the adversary of theorem 6.1 came to, for people at a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from rich import box
from rich.console import Console
from rich.table import Table as Grid
from rich.text import Text

from rayrdma.impossibility import Demonstration


def show_impossibility(console: Console, shown: Sequence[Demonstration]) -> None:
    """A row a protocol, and under it a disagreement of each that has one."""
    grid = Grid(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    grid.add_column("protocol", style="bold")
    for head in ("permissions", "delays", "schedules", "two decisions in", "first process refused in"):
        grid.add_column(head, justify="right")
    for each in shown:
        delays = "-" if each.delays is None else f"{each.delays}"
        wrong = Text(f"{each.disagreements}", "red" if each.disagreements else "green")
        permissions = "static" if each.static_permissions else "change"
        grid.add_row(each.protocol, permissions, delays, f"{each.schedules}", wrong, f"{each.refused}")
    console.print(grid, "")
    for each in shown:
        console.print(Text.assemble((each.protocol, "bold"), f": {_tell(each)}"), soft_wrap=True)
        if each.example is not None and each.example.folder is not None:
            console.print(f"  rayrdma replay {each.example.folder}/replay.json", soft_wrap=True)


def _tell(each: Demonstration) -> str:
    if each.example is not None:
        return each.example.violations[0]
    if each.theorem_applies:
        return "no disagreement was found, though it can not be right: is it a consensus protocol?"
    if not each.static_permissions:
        return "what was held back was refused: the others had taken the permission"
    if not each.registers_only:
        return "compare-and-swap is no operation of a register, and escapes the theorem"
    return f"it takes {each.delays} delays, and the second round trip meets what the others wrote"
