"""What the README says is so: its table is measured, its code runs, its commands are there."""

import re
import shlex
from pathlib import Path

import pytest

from rayrdma import Experiment, Protocol, RunConfig
from rayrdma.cli import main
from rayrdma.faults.plan import Crash
from rayrdma.protocols import PROTOCOLS

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
CODE = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
COMMANDS = [
    line[2:].partition("#")[0].strip()
    for block in re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("$ rayrdma ")
]


def delays_in_the_readme() -> dict[str, tuple[int, int | None]]:
    rows = re.findall(r"^\| `([a-z-]+)`.*\| (\d+) delays \| (?:(\d+) delays|aborts) \|$", README, re.MULTILINE)
    return {name: (int(common), int(after) if after else None) for name, common, after in rows}


def test_the_table_names_every_protocol() -> None:
    assert list(delays_in_the_readme()) == list(PROTOCOLS)


@pytest.mark.parametrize("name", PROTOCOLS)
def test_the_delays_are_those_of_the_simulator(name: str) -> None:
    agreeing = [1] * PROTOCOLS[name].usual_processes if PROTOCOLS[name].binary else None
    common = Experiment(name, agreeing).run()
    after = Experiment(name, agreeing, faults=[Crash(process=0)]).run()
    measured = common.first_decision_delays, after.first_decision_delays
    assert delays_in_the_readme()[name] == measured


@pytest.mark.parametrize("code", CODE, ids=lambda code: code.strip().splitlines()[0])
def test_the_code_runs(code: str, capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, object] = {"__name__": "readme"}
    exec(compile(code, "README.md", "exec"), names)
    own = [
        value
        for value in names.values()
        if isinstance(value, type) and issubclass(value, Protocol) and value.__module__ == "readme"
    ]
    for protocol in own:
        assert Experiment(protocol, run=RunConfig(schedule="jitter", rounds=50)).run().verdict == "decided"
    if not own:
        assert capsys.readouterr().out.startswith("decided ")


def simulated(command: str) -> bool:
    return "--engine ray" not in command and "replay" not in command


@pytest.mark.parametrize("command", [command for command in COMMANDS if simulated(command)])
def test_the_commands_work(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)[1:]) == 0


def test_the_run_of_the_readme_is_replayed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (replay,) = (command for command in COMMANDS if "replay" in command)
    assert main(["run", "protected-memory-paxos"]) == 0
    assert main(shlex.split(replay)[1:]) == 0


@pytest.mark.live
@pytest.mark.parametrize("command", [command for command in COMMANDS if "--engine ray" in command])
def test_the_live_commands_work(command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(shlex.split(command)[1:]) == 0


def test_every_file_that_is_linked_is_there() -> None:
    links = re.findall(r"\]\(([^)#]+)\)", README)
    assert links
    assert [link for link in links if not link.startswith("http") and not (ROOT / link).exists()] == []
