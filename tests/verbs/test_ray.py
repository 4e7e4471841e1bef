"""Ray's actors over verbs: as a user runs them, and beside other transports. One Ray: in a guest it starts slowly."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray

from rayrdma.actors.coordinator_host import CoordinatorHost, Party
from rayrdma.experiment import Experiment, RunConfig, ScalingConfig
from rayrdma.transports.verbs.here import VARIABLE
from tests.actors.conftest import on_ray, shared_ray  # noqa: F401  fixtures
from tests.actors.leftovers import wait_for
from tests.cli.command import Command
from tests.protocols.patient import PatientFastAndRobust

pytestmark = pytest.mark.verbs

TIMEOUT = 120
WITH_DEVICE, WITHOUT = [0, 1], [2]
"""The numbers of processes and of memories on a host that has one, and on a host that has none."""


def queue_pairs() -> int:
    """How many the kernel has, of all processes."""
    shown = subprocess.run(["rdma", "resource", "show", "qp"], capture_output=True, text=True, check=True)
    return len(shown.stdout.splitlines())


@pytest.fixture
def clean(on_ray: str) -> Iterator[None]:  # noqa: F811
    before = queue_pairs()
    yield
    wait_for(lambda: queue_pairs() == before, "all queue pairs to go")


def test_a_leader_is_killed_in_mid_write_and_the_result_tells_the_transport(
    clean: None, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    """The fourth write is the first of its second round: it dies when that is posted, by SIGKILL."""
    command = ["run", "protected-memory-paxos", "--engine", "ray", "--transport", "verbs", "--rounds", 3]
    ran = Command(capsys)(*command, "--crash", "p0@write:4", "--timeout", TIMEOUT, "--out", tmp_path)
    assert (ran.code, ran.errors) == (0, ""), ran
    lines = dict(line.strip().split(maxsplit=1) for line in ran.output.splitlines() if line.startswith("  "))
    assert lines["transports"].startswith("verbs for 9 pairs, "), lines
    assert lines["decision"].endswith("by p1, p2"), lines
    assert lines["faults"] == "p0@write:4"


def test_the_fast_path_of_fast_and_robust_and_auto_prefers_verbs(clean: None) -> None:
    scaling = ScalingConfig(processes_per_actor=3)
    result = Experiment(
        PatientFastAndRobust, scaling=scaling, run=RunConfig("ray", "auto", rounds=2, timeout=TIMEOUT)
    ).run()
    assert (result.verdict, result.transports) == ("decided", {"verbs": 9}), result.reason
    for round in result.round_log:
        assert (round.first_decider, round.delays["p0"], round.decided) == (0, 2, 3)
        assert min(round.delays["p1"], round.delays["p2"]) >= 8


def test_hbo_swaps_objects(clean: None) -> None:
    result = Experiment(
        "hybrid-ben-or",
        [1, 1, 1],
        scaling=ScalingConfig(processes_per_actor=3),
        run=RunConfig("ray", "verbs", rounds=3, timeout=TIMEOUT),
    ).run()
    assert (result.verdict, result.transports) == ("decided", {"verbs": 9}), result.reason
    assert {round.first_decision_delays for round in result.round_log} == {6}
    assert set(result.decisions.values()) == {1}


def some_without_device() -> Any:
    """A coordinator of whose parties some are on hosts without a device. In a guest each actor takes long to start."""

    class Mixed(CoordinatorHost):
        def _make(self, actor: Any, count: int, per_actor: int) -> list[Party]:
            without = actor.options(runtime_env={"env_vars": {VARIABLE: "none"}})
            return [
                Party(made_by.remote(self._wiring, members), members, None, 0, "", "")
                for made_by, members in ((actor, WITH_DEVICE), (without, WITHOUT))
            ]

    return ray.remote(num_cpus=0, max_restarts=0, max_task_retries=0, max_concurrency=4)(Mixed)


def test_pairs_that_differ_work_in_one_run(clean: None, monkeypatch: pytest.MonkeyPatch) -> None:
    """p2 and m2 have no device: p2 asks the hosts of m0 and m1; all are on one host, and share memory with m2."""
    monkeypatch.setattr("rayrdma.actors.coordinator.CoordinatorActor", some_without_device())
    result = Experiment("disk-paxos", run=RunConfig("ray", "auto", rounds=5, timeout=TIMEOUT)).run()
    assert (result.verdict, result.rounds) == ("decided", 5), result.reason
    assert result.transports == {"verbs": 4, "ray-channel": 2, "shm": 3}
