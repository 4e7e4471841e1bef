"""What a behaviour can do and what it can not: it lies, but what it decides binds nobody, and it forges nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayrdma import Experiment
from rayrdma.faults.behaviour import Behaviour, Facade, Plan
from rayrdma.faults.byzantine import BEHAVIOURS
from rayrdma.faults.byzantine.generic import mutate, nonsense
from rayrdma.faults.plan import Byzantine
from rayrdma.model.errors import ProtocolError, UsageError
from rayrdma.model.protocol import read_message
from rayrdma.model.regions import ENCODE, Record, Value
from rayrdma.protocols import PBFT, FaB, Paxos, ProtectedMemoryPaxos
from rayrdma.protocols.cheap_quorum import CheapQuorum
from rayrdma.protocols.preferential_paxos import PreferentialPaxos
from rayrdma.protocols.robust_backup import RobustBackupPaxos
from rayrdma.simulator.schedule import Constant
from tests.fuzz import run

from .attacks import attack


class Decides(Behaviour):
    name = "decides"

    async def run(self, value: Value) -> None:
        self.process.decide("mine")


class Breaks(Behaviour):
    name = "breaks"

    async def run(self, value: Value) -> None:
        raise LookupError("a mistake in the behaviour")


def test_what_a_byzantine_process_decides_binds_nobody() -> None:
    outcome = attack(PBFT, 4, 0, 1, [Byzantine(0, Decides)])
    assert outcome.violations() == []
    assert {event.process for event in outcome.observation.decisions} == {1, 2, 3}
    assert {event.value for event in outcome.observation.decisions} != {"mine"}


def test_a_behaviour_by_its_name() -> None:
    assert Byzantine(0, "silent").does is BEHAVIOURS["silent"]
    assert str(Byzantine(0, "silent")) == "p0:silent"
    with pytest.raises(UsageError, match="no behaviour 'quiet'; choose one of silent"):
        Byzantine(0, "quiet")
    with pytest.raises(UsageError, match="PBFT is no behaviour"):
        Byzantine(0, PBFT)  # type: ignore[arg-type]
    result = Experiment("pbft", faults=[Byzantine(0, "equivocate")]).run()
    assert (result.verdict, result.faults) == ("decided", ["p0:equivocate"])


def test_a_mistake_in_a_behaviour_does_not_look_like_an_attack() -> None:
    with pytest.raises(ProtocolError, match="LookupError: a mistake in the behaviour"):
        attack(PBFT, 4, 0, 1, [Byzantine(0, Breaks)])


def test_an_honest_execution_behind_a_facade_is_as_good_as_one_without() -> None:
    class Honest(Behaviour):
        name = "honest"

        async def run(self, value: Value) -> None:
            self.act(Facade(self.process), value)
            await self.go_on()

    for protocol, n, m in ((PBFT, 4, 0), (FaB, 6, 0), (ProtectedMemoryPaxos, 3, 3), (CheapQuorum, 3, 3)):
        for seed in range(50):
            outcome = attack(protocol, n, m, seed, [Byzantine(0, Honest)])
            assert outcome.violations() == []
            values = {event.value for event in outcome.observation.decisions}
            assert len(values) == 1 or protocol is CheapQuorum, outcome


def test_colluders_draw_the_same() -> None:
    one, other = Plan([0, 1], "7"), Plan([0, 1], "7")
    assert one.half(5) == other.half(5)
    assert len(one.half(5)) == 2
    assert Plan([0], "8").draw("x").random() != one.draw("x").random()


def test_a_plan_keeps_no_more_than_it_may() -> None:
    plan = Plan([0], "0")
    for _ in range(2 * Plan.KEPT):
        plan.keep(Record())
    assert len(plan.kept) == Plan.KEPT


def test_every_behaviour_is_documented() -> None:
    for name, behaviour in BEHAVIOURS.items():
        assert behaviour.__doc__, name


WIRED = (PBFT, FaB, Paxos)  # the messages of the others are among these
JUNK = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**63), 2**64 - 1)
    | st.floats()
    | st.text(max_size=9)
    | st.binary(max_size=9),
    lambda inner: st.lists(inner, max_size=5) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)


@pytest.mark.parametrize("protocol", WIRED, ids=lambda protocol: protocol.name)
@settings(max_examples=10_000, deadline=None, derandomize=True)
@given(data=st.one_of(st.binary(max_size=200), JUNK.map(ENCODE)))
def test_no_bytes_break_the_reading_of_a_message(protocol: Any, data: bytes) -> None:
    """Garbage is no message, and raises nothing."""
    message = read_message(protocol, data)
    assert message is None or isinstance(message, protocol.messages)


def test_truncated_and_mutated_messages_are_read_or_are_none() -> None:
    sent: list[Record] = []

    class Listening(Facade):
        def outgoing(self, to: int, message: Record) -> Any:
            sent.append(message)
            yield to, message

    class Listen(Behaviour):
        name = "listen"

        async def run(self, value: Value) -> None:
            self.act(Listening(self.process), value)
            await self.go_on()

    for seed in range(6):
        attack(PBFT, 4, 0, seed, [Byzantine(1, Listen)])
    rng = random.Random(0)
    read = 0
    for _ in range(10_000):
        message = rng.choice(sent)
        data = ENCODE(mutate(message, rng)) if rng.random() < 0.5 else ENCODE(message)[: rng.randrange(400)]
        found = read_message(PBFT, data)
        assert found is None or isinstance(found, PBFT.messages)
        read += found is not None
    assert 100 < read < 9_900


REGISTERS = [
    *CheapQuorum.regions(3)[:2],
    RobustBackupPaxos.regions(3)[0],
    PreferentialPaxos.regions(3)[1],
]  # those of Fast & Robust are among these


@pytest.mark.parametrize("region", REGISTERS, ids=lambda region: region.name)
@settings(max_examples=10_000, deadline=None, derandomize=True)
@given(data=st.one_of(st.binary(max_size=200), JUNK.map(ENCODE)))
def test_no_bytes_break_the_reading_of_a_register(region: Any, data: bytes) -> None:
    """What no correct process can have written counts as never written."""
    value = region.value_of(data)
    assert value is None or isinstance(value, Record | tuple)


def test_nonsense_fits_a_register_and_a_wire() -> None:
    rng = random.Random(0)
    for _ in range(500):
        assert len(ENCODE(nonsense(rng))) <= 256


def test_the_common_case_needs_no_refusal() -> None:
    for protocol, n, m in ((PBFT, 4, 0), (FaB, 6, 0), (CheapQuorum, 3, 3)):
        assert run(protocol, n, m, 0, by=Constant()).kernel.refusals == 0
