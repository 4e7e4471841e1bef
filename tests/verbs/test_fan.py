"""One call that writes to several memories."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rayrdma.model.errors import ValueTooLarge
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.regions import ENCODE
from rayrdma.transports.connection import PENDING
from rayrdma.transports.verbs.fan import Fan
from tests.parity.party import read, take
from tests.verbs.together import Together, lose_acknowledgement, wait_until

pytestmark = pytest.mark.verbs


@pytest.fixture
def memories() -> Iterator[list[Together]]:
    with Together() as one, Together() as other, Together() as third:
        for memory in (one, other, third):
            assert memory.operate(0, take("slots", 0)) is None
        yield [one, other, third]


@pytest.fixture
def fan(memories: list[Together]) -> Fan:
    return Fan([memory.connections[0] for memory in memories], "slots")


def held(memories: list[Together]) -> list[object]:
    return [memory.operate(1, read("slots")) for memory in memories]


def answers(fan: Fan, outcomes: int) -> list[object]:
    """What a fan says at once, and what its connections say later."""
    found: list[object] = list(fan.answers(outcomes))
    for memory, connection in enumerate(fan._connections):

        def answered(memory: int = memory) -> bool:
            if found[memory] is PENDING:
                found[memory] = fan._connections[memory].poll()
            return found[memory] is not PENDING

        if connection.lost is None:
            wait_until(answered, "an answer")
    return found


def test_all_are_written(memories: list[Together], fan: Fan) -> None:
    for value in ("first", "second"):
        outcomes = fan.write(0, ENCODE(value))
        assert set(answers(fan, outcomes)) == {ACK}
        assert held(memories) == [value] * 3


def test_one_that_refuses_is_told(memories: list[Together], fan: Fan) -> None:
    assert memories[1].operate(1, take("slots", 1)) is None
    outcomes = fan.write(0, ENCODE("mine"))
    assert outcomes
    assert answers(fan, outcomes) == [ACK, NAK, ACK]
    assert held(memories) == ["mine", None, "mine"]


def test_one_that_does_not_answer_holds_up_none(memories: list[Together], fan: Fan) -> None:
    memories[2].memory.crash()
    outcomes = fan.write(0, ENCODE("mine"))
    assert outcomes
    assert fan.answers(outcomes)[2] is PENDING
    for memory in range(2):
        assert memories[memory].answer(0, fan.answers(outcomes)[memory]) is ACK
    assert held(memories[:2]) == ["mine"] * 2


def test_an_end_that_is_unknown_is_repaired_by_the_connection(memories: list[Together], fan: Fan) -> None:
    connection = memories[0].connections[0]
    lose_acknowledgement(connection.port, connection.side("slots").line)
    assert answers(fan, fan.write(0, ENCODE("mine"))) == [ACK] * 3
    assert connection.reconnected == 1
    assert held(memories) == ["mine"] * 3


def test_what_does_not_fit_is_written_nowhere(memories: list[Together], fan: Fan) -> None:
    with pytest.raises(ValueTooLarge):
        fan.write(0, bytes(fan.region.register_bytes + 1))
    assert held(memories) == [None] * 3
