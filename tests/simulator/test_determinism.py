"""A seed is a run: the same bytes, in whatever process, whatever its hashes are seeded with."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from rayrdma.model.trace import encode_trace
from rayrdma.protocols import PROTOCOLS
from rayrdma.simulator.schedule import Adversary, Recorded, Recorder
from tests.fuzz import run

from .fingerprints import SEEDS, fingerprints

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def here() -> list[str]:
    return list(fingerprints())


def test_seeds_make_different_runs(here: list[str]) -> None:
    assert len(here) == len(PROTOCOLS) * len(SEEDS)
    assert len({line.split()[-1] for line in here}) > len(here) * 0.9


@pytest.mark.parametrize("hash_seed", ["0", "1", "4294967295"])
def test_another_process_makes_the_same_bytes(here: list[str], hash_seed: str) -> None:
    there = subprocess.run(
        [sys.executable, "-m", "tests.simulator.fingerprints"],
        cwd=ROOT,
        env={**os.environ, "PYTHONHASHSEED": hash_seed},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert there.stdout.splitlines() == here


@pytest.mark.parametrize("protocol", PROTOCOLS.values(), ids=lambda protocol: protocol.name)
def test_a_recorded_schedule_makes_the_same_bytes(protocol: type) -> None:
    for seed in range(30):
        recorder = Recorder(Adversary(seed, 3, 3))
        first = run(protocol, 3, 3, seed, by=recorder)
        recorded = Recorded(recorder.delays, recorder.leaderships(), recorder.stabilises, recorder.detection)
        again = run(protocol, 3, 3, seed, by=recorded)
        assert encode_trace(again.kernel.trace or []) == encode_trace(first.kernel.trace or []), first
