"""What does not fit: a value its register, a register its memory. One line that says what would."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from rayrdma.cli import main
from rayrdma.experiment import Experiment, RunConfig
from rayrdma.model.errors import EnvironmentProblem
from rayrdma.protocols import ProtectedMemoryPaxos

pytestmark = pytest.mark.live

TRANSPORTS = pytest.mark.parametrize("transport", ["shm", "ray-channel"])
LONG = "x" * 300


@TRANSPORTS
def test_a_value_too_large_for_its_register_is_wrong_usage(
    on_ray: str, transport: str, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    command = ["run", "protected-memory-paxos", "--engine", "ray", "--transport", transport, "--out", str(tmp_path)]
    code = main([*command, "--inputs", f"{LONG},b,c"])
    output, errors = capsys.readouterr()
    assert (code, output) == (64, "")
    assert re.fullmatch(r"rayrdma: a value of 311 bytes does not fit .* holds 256; .*--register-bytes.*\n", errors), (
        errors
    )
    assert not list(tmp_path.iterdir())


@TRANSPORTS
def test_the_limit_can_be_raised(on_ray: str, transport: str) -> None:
    inputs = ["x" * 20_000, "b", "c"]
    config = RunConfig("ray", transport, register_bytes=20_100, rounds=3)
    result = Experiment(ProtectedMemoryPaxos, inputs, run=config).run()
    assert result.verdict == "decided"
    assert result.decisions == dict.fromkeys(["p0", "p1", "p2"], inputs[0])


@pytest.mark.parametrize(
    ("transport", "message"),
    [
        ("shm", r"^a memory needs \d+ bytes in /dev/shm/rayrdma-\w+, where \d+ are free; .* or lower register_bytes"),
        ("ray-channel", r"^the channels to 3 memories need \d+ bytes of Ray's object store, which has \d+; lower reg"),
    ],
    ids=["shm", "ray-channel"],
)
def test_no_room_for_the_registers(on_ray: str, transport: str, message: str) -> None:
    config = RunConfig("ray", transport, register_bytes=10**11)
    with pytest.raises(EnvironmentProblem, match=message) as caught:
        Experiment(ProtectedMemoryPaxos, run=config).run()
    assert "\n" not in str(caught.value)
