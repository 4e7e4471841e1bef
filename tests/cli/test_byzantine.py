"""``--byzantine``: behaviours of the library and of one's own, and what is said to wrong ones."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.cli.command import Command

OWN = '''
from rayrdma import Behaviour, Facade

class Shouting(Facade):
    def outgoing(self, to, message):
        yield to, message
        yield to, message

class Shout(Behaviour):
    """Says everything twice."""
    name = "shout"
    async def run(self, value):
        self.act(Shouting(self.process), value)
        await self.go_on()

class Nameless(Behaviour):
    async def run(self, value): ...
class Unfinished(Behaviour):
    name = "unfinished"
'''


@pytest.fixture(autouse=True)
def files(tmp_path: Path) -> None:
    (tmp_path / "own.py").write_text(OWN)


@pytest.mark.parametrize("behaviour", ["equivocate", "two-proposals", "own.py:Shout"])
def test_a_decision_in_spite_of_it(rayrdma: Command, behaviour: str) -> None:
    ran = rayrdma("run", "pbft", "--byzantine", f"p0:{behaviour}", "--schedule", "jitter", "--json")
    result = ran.json
    assert (ran.code, result["verdict"]) == (0, "decided")
    assert result["faults"] == [f"p0:{behaviour.removeprefix('own.py:').lower()}"]
    assert sorted(result["decisions"]) == ["p1", "p2", "p3"]
    assert result["promises"] == ""
    assert all(result["signatures"][p]["made"] >= 1 for p in result["decisions"])


def test_it_is_replayed_byte_for_byte(rayrdma: Command) -> None:
    ran = rayrdma("run", "pbft", "--byzantine", "p0:mutate,p3:own.py:Shout", "--processes", "7", "--json")
    again = rayrdma("replay", Path(ran.json["folder"]) / "replay.json", "--json")
    assert again.code == 0
    assert again.json["decisions"] == ran.json["decisions"]
    assert again.json["signatures"] == ran.json["signatures"]


def test_a_protocol_that_promises_nothing_says_so(rayrdma: Command) -> None:
    ran = rayrdma("run", "disk-paxos", "--byzantine", "p2:silent")
    assert ran.code == 0
    assert "disk-paxos promises nothing if processes are Byzantine" in ran.output


@pytest.mark.parametrize(
    ("byzantine", "names"),
    [
        ("p2:nonsense", ["no behaviour 'nonsense'", "silent, selective-silence, equivocate"]),
        ("p9:silent", ["p9:silent", "p0 to p3"]),
        ("m1:silent", ["a memory is never Byzantine", "--crash m1@0"]),
        ("p0:silent,p0:flood", ["process 0 is given two behaviours"]),
        ("p1", ["'p1'", "p2:equivocate"]),
        ("own.py:Shout", ["'own.py:Shout'", "p2:equivocate"]),
        ("p1:own.py:Whisper", ["'Whisper'", "own.py", "rayrdma.Behaviour"]),
        ("p1:own.py:Unfinished", ["'Unfinished'", "async def run"]),
        ("p1:own.py:Nameless", ["Nameless needs a name"]),
        ("p1:gone.py:Shout", ["there is no file", "gone.py"]),
    ],
)
def test_wrong_usage_is_one_line_and_64(rayrdma: Command, byzantine: str, names: list[str]) -> None:
    finished = rayrdma("run", "pbft", "--byzantine", byzantine)
    assert finished.code == 64
    line = finished.said()
    for name in names:
        assert name in line


def test_an_attack_on_another_protocol(rayrdma: Command) -> None:
    finished = rayrdma("run", "paxos", "--byzantine", "p1:two-proposals")
    assert finished.code == 64
    assert "'two-proposals' is an attack on pbft, fab, not on paxos" in finished.said()
