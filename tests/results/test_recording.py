"""A run that is interrupted leaves whole rounds: what its files say agrees, wherever the interruption came."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from rayrdma import Experiment, RunConfig, replay
from rayrdma.results.folder import RunFolder


@pytest.mark.parametrize("whole", [1, 3])
@pytest.mark.parametrize("after_the_write", [False, True])
def test_an_interruption_while_a_round_is_written_costs_that_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: int, after_the_write: bool
) -> None:
    append, written = RunFolder.append, []

    def interrupted(folder: RunFolder, file: str, content: bytes) -> None:
        written.append(content)
        if len(written) <= whole:
            return append(folder, file, content)
        append(folder, file, content if after_the_write else content[: len(content) // 2])
        raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Experiment("paxos", run=RunConfig(rounds=10, schedule="jitter", storage=tmp_path)).run()
    latest = tmp_path / "paxos" / "latest"
    result = json.loads((latest / "result.json").read_text())
    assert result["reason"] == f"interrupted after {whole} of 10 rounds"
    assert len(result["round_log"]) == whole
    assert (latest / "trace.jsonl").read_bytes() == b"".join(written[:whole])
    assert replay(latest / "replay.json").rounds == whole


def test_an_interruption_while_the_first_round_is_written_leaves_no_round(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupted(folder: RunFolder, file: str, content: bytes) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(RunFolder, "append", interrupted)
    with pytest.raises(KeyboardInterrupt):
        Experiment("paxos", run=RunConfig(storage=tmp_path)).run()
    latest = tmp_path / "paxos" / "latest"
    result = json.loads((latest / "result.json").read_text())
    assert (result["rounds"], result["reason"]) == (0, "stopped before the first round ended")
    assert not (latest / "replay.json").exists()
