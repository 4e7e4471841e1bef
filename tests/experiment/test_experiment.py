"""``Experiment(...).run()``: the Python interface."""

from __future__ import annotations

import gc
import inspect
import re
from pathlib import Path

import pytest

from rayrdma import (
    After,
    ClockSkew,
    Crash,
    Experiment,
    LostCompletion,
    Pause,
    Protocol,
    ProtocolError,
    RunConfig,
    ScalingConfig,
    UsageError,
    Value,
    replay,
)
from rayrdma.protocols.paxos import Paxos
from rayrdma.reference import refer, resolve


class Echo(Protocol):
    """Decides what the others agree on by luck: everybody proposes the same."""

    name = "echo"
    needs_memories = False

    async def propose(self, value: Value) -> None:
        self.process.decide(value)


def test_a_name_or_a_class() -> None:
    by_name = Experiment("paxos", ["a", "b", "c"]).run()
    by_class = Experiment(Paxos, ["a", "b", "c"]).run()
    assert by_name == by_class
    assert by_name.verdict == "decided"
    assert by_name.exit_code == 0


def test_defaults_follow_the_protocol() -> None:
    assert Experiment("paxos").scenario().memories == 0
    assert Experiment("disk-paxos").scenario().memories == 3
    assert Experiment("disk-paxos").scenario().inputs == ("v0", "v1", "v2")
    assert Experiment("paxos", ["a", "b"]).scenario().n == 2
    assert Experiment("paxos", scaling=ScalingConfig(processes=7, memories=2)).scenario().memories == 2


def test_without_storage_nothing_is_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert Experiment("paxos").run().folder is None
    assert list(tmp_path.iterdir()) == []


def test_values_of_every_kind_come_back_and_replay(tmp_path: Path) -> None:
    values = [b"\x00\xff", 1.5, 7]
    result = Experiment(
        "protected-memory-paxos",
        values,
        run=RunConfig(schedule="adversary", seed=3, storage=tmp_path),
        faults=[
            *(Crash(process=1, at=3.25), Pause(process=0, at=1, until=6.5), Crash(memory=2, at=After("write", 2))),
            *(LostCompletion(process=0, memory=2, at=After("operation", 1)), ClockSkew(process=2, rate=0.25, until=60)),
        ],
    ).run()
    assert result.inputs == values
    assert set(result.decisions) == {"p0", "p2"}
    assert result.folder is not None
    again = replay(Path(result.folder) / "replay.json")
    assert again.decisions == result.decisions
    assert again.inputs == values
    assert again.faults == result.faults


@pytest.mark.parametrize("fault", [LostCompletion(0, 1, After("write", 1)), ClockSkew(0, 2, 60)], ids=str)
def test_what_only_the_simulator_can_do_is_refused_before_ray_starts(fault: LostCompletion | ClockSkew) -> None:
    experiment = Experiment("disk-paxos", run=RunConfig(engine="ray"), faults=[fault])
    with pytest.raises(UsageError, match=f"fault {re.escape(str(fault))} can only be had in the simulator"):
        experiment.run()


def test_rounds_stop_at_the_first_that_does_not_decide() -> None:
    faults = [Crash(memory=0, at=After("write", 4)), Crash(memory=1, at=After("write", 6))]
    result = Experiment("protected-memory-paxos", run=RunConfig(rounds=50), faults=faults).run()
    assert result.verdict == "blocked"
    assert 1 < result.rounds == len(result.round_log) < 50
    assert result.decisions == {}
    assert result.first_decision_delays == 2  # of the last round that decided
    assert result.exit_code == 2


def test_processes_that_wait_for_ever_are_ended_with_their_round() -> None:
    ended: list[int] = []

    class Patient(Echo):
        name = "patient"

        async def propose(self, value: Value) -> None:
            try:
                await self.process.event()
            finally:
                ended.append(self.process.id)

    gc.disable()  # in a finalizer a Ctrl-C would be lost
    try:
        assert Experiment(Patient).run().verdict == "blocked"
        assert ended == [0, 1, 2] * 2  # the first round is run twice, to see whether it goes the same way
    finally:
        gc.enable()


def test_progress_is_told_after_each_round() -> None:
    told: list[tuple[int, int]] = []
    Experiment("paxos", run=RunConfig(rounds=4)).run(lambda done, rounds: told.append((done, rounds)))
    assert told == [(1, 4), (2, 4), (3, 4), (4, 4)]


def test_a_class_of_ones_own_is_recorded_by_its_file(tmp_path: Path) -> None:
    result = Experiment(Echo, ["same", "same"], run=RunConfig(storage=tmp_path)).run()
    assert result.verdict == "decided"
    assert refer(Echo) == f"{inspect.getfile(Echo)}:Echo"
    assert resolve(refer(Echo)).name == "echo"
    assert result.folder is not None
    assert replay(f"{result.folder}/replay.json").decisions == {"p0": "same", "p1": "same"}


def test_a_class_within_a_function_runs_but_can_not_be_found_again(tmp_path: Path) -> None:
    class Local(Echo):
        name = "local"

    result = Experiment(Local, ["same"], run=RunConfig(storage=tmp_path)).run()
    assert result.verdict == "decided"
    with pytest.raises(UsageError, match="there is no class"):
        replay(f"{result.folder}/replay.json")


@pytest.mark.parametrize(
    ("experiment", "message"),
    [
        (lambda: Experiment("paxos", [{"a": 1}]), "an input is text, bytes or a number"),
        (lambda: Experiment("paxos", []), "at least one process"),
        (lambda: Experiment(int), "int is no protocol"),  # type: ignore[arg-type]
        (lambda: Experiment(Protocol), "lacks 'async def propose"),
        (lambda: Experiment("paxos", run=RunConfig(engine="dask")), "choose one of sim, ray"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(experiment: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        experiment().scenario()  # type: ignore[operator]


def test_what_a_protocol_raises_names_process_exception_and_line(tmp_path: Path) -> None:
    class Failing(Echo):
        name = "failing"

        async def propose(self, value: Value) -> None:
            await self.process.sleep(self.process.id)
            if self.process.id == 2:
                raise LookupError("no such colour")
            self.process.decide(value)

    with pytest.raises(
        ProtocolError, match=r"p2's protocol raised LookupError: no such colour \(.*, in propose: raise LookupError"
    ) as raised:
        Experiment(Failing, ["same"] * 3, run=RunConfig(rounds=3, storage=tmp_path)).run()
    assert isinstance(raised.value.__cause__, LookupError)


def test_an_error_in_a_later_round_leaves_the_earlier_ones(tmp_path: Path) -> None:
    rounds = iter(range(3))  # the first one is run twice, to see whether it goes the same way

    class Tiring(Echo):
        name = "tiring"

        async def propose(self, value: Value) -> None:
            if next(rounds, None) is None:
                raise RuntimeError("tired")
            self.process.decide(value)

    with pytest.raises(ProtocolError, match="tired") as raised:
        Experiment(Tiring, ["same"], run=RunConfig(rounds=9, storage=tmp_path)).run()
    [note] = raised.value.__notes__
    result = (Path(note.removeprefix("what it had is in ")) / "result.json").read_text()
    assert '"verdict":"unknown"' in result
    assert "stopped by ProtocolError after 2 of 9 rounds" in result
