"""Messages that no Paxos sends."""

from __future__ import annotations

import pytest

from rayrdma.checks.paxos import (
    PAXOS,
    a1_one_value_a_ballot,
    a2_accepted_value_stays,
    a3_acceptors_keep_promises,
    a4_decisions_were_accepted,
)
from rayrdma.protocols import Paxos
from rayrdma.protocols.paxos import Accept, Accepted, Prepare, Promise, Refused

from .story import Story


@pytest.fixture
def story() -> Story:
    """p0 has v0 accepted with ballot 1 by a majority, then p1 prepares ballot 5."""
    story = Story(Paxos, m=0)
    story.send(0, Accept(1, "v0"), 0, 1, 2)
    story.send(0, Accepted(1), 0)
    story.send(1, Accepted(1), 0)
    story.decide(0, "v0")
    story.send(1, Prepare(5), 0, 1, 2)
    story.send(1, Promise(5, 1, "v0"), 1)
    story.send(2, Promise(5, 0, None), 1)
    story.send(2, Refused(1, 5), 0)
    story.send(1, Accept(5, "v0"), 0, 1, 2)
    for check in PAXOS:
        assert story.held_against(check) is None
    return story


def test_a1_two_values_with_one_ballot(story: Story) -> None:
    story.send(1, Accept(5, "v1"), 2)
    assert "A1: ballot 5 carries 'v1' and another value" in str(story.held_against(a1_one_value_a_ballot))


@pytest.mark.parametrize("message", [Prepare(5), Accept(5, "v0")])
def test_a1_two_processes_with_one_ballot(story: Story, message: Prepare | Accept) -> None:
    story.send(2, message, 0)
    assert str(story.held_against(a1_one_value_a_ballot)) == "A1: p1 and p2 both use ballot 5"


def test_a2_another_value_above_an_accepted_one(story: Story) -> None:
    story.send(2, Accept(6, "v2"), 0)
    assert str(story.held_against(a2_accepted_value_stays)) == (
        "A2: ballot 6 carries 'v2', but a majority accepted 'v0' at ballot 1"
    )


def test_a2_binds_only_what_a_majority_accepted() -> None:
    story = Story(Paxos, m=0)
    story.send(0, Accept(1, "v0"), 0, 1, 2)
    story.send(0, Accepted(1), 0)
    story.send(0, Accepted(1), 0)
    story.send(1, Accept(5, "v1"), 1)
    assert story.held_against(a2_accepted_value_stays) is None


@pytest.mark.parametrize(
    ("process", "message", "what"),
    [
        (2, Promise(4, 0, None), "promised 4"),
        (2, Promise(5, 0, None), "promised 5"),
        (1, Promise(8, 0, None), "reported (0, None)"),
        (1, Promise(8, 1, "v1"), "reported (1, 'v1')"),
        (2, Accepted(1), "accepted 1"),
        (2, Refused(4, 4), "refused 4 for 4"),
    ],
)
def test_a3_an_acceptor_breaks_its_word(story: Story, process: int, message: Promise | Accepted, what: str) -> None:
    story.send(process, message, 0)
    assert str(story.held_against(a3_acceptors_keep_promises)).endswith(what)


def test_a3_an_acceptance_is_a_promise() -> None:
    story = Story(Paxos, m=0)
    story.send(1, Accept(5, "v1"), 2)
    story.send(2, Accepted(5), 1)
    story.send(2, Promise(4, 5, "v1"), 0)
    assert story.held_against(a3_acceptors_keep_promises) is not None


def test_a4_a_decision_without_a_majority(story: Story) -> None:
    story.send(2, Accepted(5), 1)
    story.decide(2, "v2")
    assert str(story.held_against(a4_decisions_were_accepted)) == (
        "A4: p2 decided 'v2', which no majority had accepted"
    )


def test_a4_a_decision_before_the_majority() -> None:
    story = Story(Paxos, m=0)
    story.send(0, Accept(1, "v0"), 0, 1, 2)
    story.send(0, Accepted(1), 0)
    story.decide(0, "v0")
    story.send(1, Accepted(1), 0)
    assert story.held_against(a4_decisions_were_accepted) is not None
