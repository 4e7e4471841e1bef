from __future__ import annotations

import re

import pytest

from tests import soak
from tests.byzantine.sieges import SIEGES
from tests.protocols.bounds import BOUNDS, Bound


def test_a_soak_counts_every_schedule(capsys: pytest.CaptureFixture[str]) -> None:
    assert soak.soak(4) == 0
    *rows, end = capsys.readouterr().out.splitlines()
    assert len(rows) == len(BOUNDS) + len(SIEGES)
    assert all(re.search(r" [14] schedules", row) and row.endswith("0 wrong") for row in rows)
    assert (
        end == f"soak: {len(BOUNDS)} bounds and {len(SIEGES)} sieges, 4 schedules each or a fifth of that, none wrong"
    )


def test_a_soak_tells_what_went_wrong(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soak, "ROWS", BOUNDS[:1])
    monkeypatch.setattr(Bound, "verdict", lambda bound, seed, outcome: "wrong: it blocked" if seed == 2 else "decided")
    assert soak.soak(4) == 1
    row, what, end = capsys.readouterr().out.splitlines()
    assert row.endswith("3 decided       0 blocked       1 wrong")
    assert "wrong: it blocked: protected-memory-paxos, n=2, m=3, seed=2, faults=" in what
    assert end.endswith("4 schedules each or a fifth of that, 1 wrong")
