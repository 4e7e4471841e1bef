"""A search as tasks on Ray: it finds what a search on this machine finds, and leaves nothing behind."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from rayrdma.exploration import Exploration, explore
from rayrdma.model.errors import NotGivingWay
from rayrdma.simulator.explore.hunt import Tally
from tests.cli.test_explore import BROKEN

pytestmark = pytest.mark.live


def test_a_search_on_ray_finds_what_one_on_this_machine_finds(on_ray: str, tmp_path: Path) -> None:
    """The protocol is in a file that no worker can import, and its class comes back as the one that was sent."""
    (tmp_path / "broken.py").write_text(BROKEN)
    options: dict[str, Any] = {"budget": "60", "enough": 1000, "jobs": 2}

    def found(**more: Any) -> Exploration:
        return explore(f"{tmp_path}/broken.py:Hasty", **options, **more)

    here, there = found(), found(engine="ray", storage=tmp_path)
    assert here.violations > 0
    for what in ("schedules", "events", "violations", "goals", "wrong", "smallest_events", "jobs"):
        assert getattr(there, what) == getattr(here, what), what
    assert there.smallest is not None
    assert there.smallest.folder is not None
    assert (Path(there.smallest.folder) / "replay.json").exists()


def test_a_search_that_is_interrupted_leaves_no_task(on_ray: str) -> None:
    def interrupt(tally: Tally, seconds: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        explore("paxos", "600s", engine="ray", progress=interrupt)


SPINS_ELSEWHERE = """
import os
from rayrdma.protocols import Paxos

class Spins(Paxos):
    name = "spins"

    async def propose(self, value):
        while os.getpid() != {here}:
            pass
        await super().propose(value)
"""


def test_what_is_wrong_with_a_protocol_on_ray_is_said_as_here(on_ray: str, tmp_path: Path) -> None:
    (tmp_path / "spins.py").write_text(SPINS_ELSEWHERE.format(here=os.getpid()))
    with pytest.raises(NotGivingWay) as told:
        explore(f"{tmp_path}/spins.py:Spins", "600s", engine="ray", jobs=1)
    assert "\n" not in str(told.value)
    assert "has not given way for 5 s" in str(told.value)


def test_an_address_where_nobody_listens_is_one_line() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "rayrdma", "explore", "paxos", "--engine", "ray", "--address", "127.0.0.1:9"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("rayrdma: no Ray answers at 127.0.0.1:9 (")
    assert done.stderr.count("\n") == 1
