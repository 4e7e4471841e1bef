"""Byzantine processes over verbs: what the agent denies them, the device refuses, and counts."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import msgspec
import pytest

from rayrdma.checks import check
from rayrdma.faults.behaviour import Behaviour, Facade
from rayrdma.faults.byzantine import BEHAVIOURS
from rayrdma.faults.plan import Byzantine
from rayrdma.model.outcomes import NAK
from rayrdma.model.regions import Value
from rayrdma.protocols import RobustBackupPaxos
from rayrdma.protocols.cheap_quorum import LEADERS, VAL, Panic, own_region
from rayrdma.scenario import Scenario
from rayrdma.transports.connection import PENDING
from rayrdma.transports.verbs.connection import VerbsConnection
from rayrdma.transports.verbs.device import DENIED, PUT, SUCCESS, request, set_target
from rayrdma.transports.verbs.handshake import Keys
from rayrdma.transports.verbs.lines import Side
from tests.protocols.patient import PatientCheapQuorum
from tests.verbs.fleet import Fleet

pytestmark = pytest.mark.verbs

SCRAP = 16
THIEF = 2
VICTIMS = {LEADERS: 0, own_region(1): 1}
"""The regions, and whose they are."""


class Thief(Behaviour):
    """Writes with keys that were stolen where the memories run, and with its own of an earlier instance; then it obeys.

    Attributes:
        loot: the file in which the present keys of its victims are, memory by memory.
        old: the keys to its own region in the last instance.
    """

    name = "thief"
    loot = Path()
    old: ClassVar[dict[int, Keys]] = {}

    async def run(self, value: Value) -> None:
        process, own = self.process, own_region(self.process.id)
        loot = msgspec.msgpack.decode(self.loot.read_bytes(), type=list[dict[str, Keys]])
        for memory in process.memories:
            connection = process._connections[memory]
            assert await process.read(memory, own, 0) is None
            ours = connection.side(own)
            keys = ours.keys
            assert around(connection, ours, Keys(keys.base, 0, keys.read)) in DENIED, "it is for reading"
            if memory in self.old:
                assert around(connection, ours, self.old[memory]) in DENIED, "it had its time"
            self.old[memory] = keys
            for region, stolen in loot[memory].items():
                theirs = connection.side(region)
                forged = process.sign(VAL, "stolen") if region == LEADERS else Panic()
                assert await process.write(memory, region, 0, forged) is NAK, "the agent gives it no key"
                refused = connection.refused
                connect(connection, theirs)
                theirs.take(stolen)
                assert await process.write(memory, region, 0, forged) is NAK, "and the device takes no other's"
                assert connection.refused == refused + 1
                for through in (theirs, ours):
                    assert around(connection, through, stolen) in DENIED
            assert around(connection, ours, keys) == SUCCESS, "the attempts themselves are well-formed"
        self.act(Facade(process), value)
        await self.go_on()


def connect(connection: VerbsConnection, through: Side) -> None:
    """Have a fresh queue pair for writes to a region; the agent refuses that to nobody."""
    answer = connection.begin(connection.connect(through.line))
    while answer is PENDING:
        answer = connection.poll()


def around(connection: VerbsConnection, through: Side, keys: Keys) -> int:
    """Write without asking the connection, over its queue pair for writes to a region; how that ended."""
    connect(connection, through)
    connection.bytes[:SCRAP] = bytes(SCRAP)
    made = request(PUT, connection.local(0, SCRAP))
    set_target(made, keys.base, keys.write)
    through.line.pair.post(made)
    found = 0, ()
    while not found[0]:
        found = connection.port.completions.queue.poll(1)
    through.line.broken = True
    return int(found[1][0].status)


def test_stolen_and_stale_keys_are_of_no_use(tmp_path: Path) -> None:
    class ThiefHere(Thief):
        loot = tmp_path / "loot"

    scenario = Scenario(
        PatientCheapQuorum, ("v0", "v1", "v2"), 3, (Byzantine(THIEF, ThiefHere),), timeout=90, trace=True
    )
    with Fleet(scenario) as fleet:
        for instance in (1, 2, 3):
            fleet.reset(instance)
            keys = [
                {region: memory.call("keys", owner, region) for region, owner in VICTIMS.items()}
                for memory in fleet.memories.values()
            ]
            ThiefHere.loot.write_bytes(msgspec.msgpack.encode(keys))
            fleet.begin_round(instance)
            observation = fleet.end_round(instance)
            assert check(observation) == []
            assert [(decided.process, decided.value) for decided in observation.decisions] == [(0, "v0"), (1, "v0")]
            assert observation.decisions[0].depth == 2
            assert observation.refused_by_devices == {THIEF: len(VICTIMS) * scenario.memories}


@pytest.mark.parametrize("behaviour", ["grab", "garbage", "flood"])
def test_whoever_grabs_or_shouts_gets_nothing(behaviour: str) -> None:
    """Every permission is asked for, and every region is written to; the others decide all the same."""
    scenario = Scenario(
        RobustBackupPaxos, ("v0", "v1", "v2"), 3, (Byzantine(THIEF, BEHAVIOURS[behaviour]),), timeout=90
    )
    with Fleet(scenario) as fleet:
        observation = fleet.run_round(1)
    assert check(observation) == []
    assert not observation.undecided, observation.undecided
    assert {decided.process for decided in observation.decisions} == {0, 1}
    assert len({decided.value for decided in observation.decisions}) == 1
