"""What no Aligned Paxos says to processes, or does to memories."""

from __future__ import annotations

import pytest

from rayrdma.checks.aligned_paxos import (
    ALIGNED_PAXOS,
    l1_one_value_a_number,
    l2_memories_keep_promises,
    l3_quorums_meet,
    l4_chosen_value_stays,
    l5_decisions_were_chosen,
    l6_one_round_trip,
)
from rayrdma.model.outcomes import NAK
from rayrdma.model.permissions import exclusive_writer
from rayrdma.protocols import AlignedPaxos
from rayrdma.protocols.dissemination import Decision
from rayrdma.protocols.paxos import Accept, Accepted, Prepare, Promise
from rayrdma.protocols.protected_memory_paxos import Slot

from .story import Story

N, M = 3, 2


def take_over(story: Story, process: int, memory: int, number: int, *slots: Slot | None) -> None:
    """Phase 1 at a memory, which then shows these slots."""
    story.change_permission(process, memory, exclusive_writer(process, N))
    story.write(process, memory, Slot(number, 0, None))
    story.read_region(process, memory, *slots)


def accept(story: Story, process: int, leader: int, number: int) -> None:
    story.send(process, Accepted(number), leader)
    story.deliver(leader, process, Accepted(number))


def promise(story: Story, process: int, leader: int, number: int, accepted: int, value: str | None) -> None:
    story.send(process, Promise(number, accepted, value), leader)
    story.deliver(leader, process, Promise(number, accepted, value))


@pytest.fixture
def story() -> Story:
    """p0 has v0 accepted with number 1 by p0, p1 and m0, and decides; p1 asks p1, p2 and m0, and proposes v0 again."""
    story = Story(AlignedPaxos, N, M)
    story.send(0, Accept(1, "v0"), 0, 1, 2)
    story.write(0, 0, Slot(1, 1, "v0"))
    accept(story, 0, 0, 1)
    accept(story, 1, 0, 1)
    story.decide(0, "v0", depth=2)
    story.elect(1, 1)
    story.send(1, Prepare(5), 0, 1, 2)
    promise(story, 1, 1, 5, 1, "v0")
    promise(story, 2, 1, 5, 0, None)
    take_over(story, 1, 0, 5, Slot(1, 1, "v0"), Slot(5, 0, None), None)
    story.send(1, Accept(5, "v0"), 0, 1, 2)
    story.write(1, 0, Slot(5, 5, "v0"))
    for check in ALIGNED_PAXOS:
        assert story.held_against(check) is None
    return story


def test_l1_a_memory_and_a_process_are_told_two_values(story: Story) -> None:
    story.write(1, 0, Slot(5, 5, "v1"))
    assert str(story.held_against(l1_one_value_a_number)) == "L1: number 5 carries 'v1' and another value"


def test_l1_two_processes_with_one_number(story: Story) -> None:
    story.send(2, Prepare(5), 0)
    assert str(story.held_against(l1_one_value_a_number)) == "L1: p1 and p2 both use number 5"


def test_l2_a_memory_accepts_less_than_was_announced(story: Story) -> None:
    story.write(0, 0, Slot(4, 4, "v0"), NAK)
    assert story.held_against(l2_memories_keep_promises) is None
    story.write(0, 0, Slot(4, 4, "v0"))
    assert "L2: m0, where 5 was announced, accepted Slot(" in str(story.held_against(l2_memories_keep_promises))


def test_l3_a_minority_promised(story: Story) -> None:
    promise(story, 0, 2, 6, 1, "v0")
    promise(story, 1, 2, 6, 1, "v0")
    story.send(2, Accept(6, "v0"), 0)
    assert str(story.held_against(l3_quorums_meet)) == (
        "L3: p2 went on with {p0, p1} for number 6, which is no majority of 5 agents"
    )


def test_l3_two_sets_that_share_no_agent(story: Story) -> None:
    """One has the number of a process, the other of a memory: these are two agents."""
    take_over(story, 2, 1, 6, None, None, Slot(6, 0, None))
    story.send(2, Accept(6, "v0"), 0)
    assert str(story.held_against(l3_quorums_meet)) == (
        "L3: p1 went on with {m0, p1, p2} for number 5, p2 with {m1} for number 6"
    )


def test_l3_slots_that_were_read_before_the_announcement_promise_nothing(story: Story) -> None:
    promise(story, 1, 2, 6, 1, "v0")
    promise(story, 2, 2, 6, 0, None)
    story.read_region(2, 0, Slot(1, 1, "v0"), Slot(5, 5, "v0"), None)
    story.write(2, 0, Slot(6, 0, None))
    story.send(2, Accept(6, "v0"), 0)
    assert "{p1, p2} for number 6, which is no majority" in str(story.held_against(l3_quorums_meet))


def test_l3_who_was_told_the_decision_needs_no_quorum(story: Story) -> None:
    story.deliver(1, 0, Decision("v0"))
    story.decide(1, "v0")
    assert story.held_against(l3_quorums_meet) is None


@pytest.mark.parametrize("to", ["process", "memory"])
def test_l4_another_value_above_a_chosen_one(story: Story, to: str) -> None:
    if to == "process":
        story.send(2, Accept(6, "v2"), 0)
    else:
        story.write(2, 1, Slot(6, 6, "v2"))
    assert str(story.held_against(l4_chosen_value_stays)) == (
        "L4: p2 proposed 'v2' with number 6, but a majority of the agents accepted 'v0' with number 1"
    )


def test_l4_two_memories_are_no_majority_of_five_agents() -> None:
    story = Story(AlignedPaxos, N, M)
    story.write(0, 0, Slot(1, 1, "v0"))
    story.write(0, 1, Slot(1, 1, "v0"))
    story.send(1, Accept(5, "v1"), 1)
    assert story.held_against(l4_chosen_value_stays) is None


def test_l5_a_decision_without_a_majority(story: Story) -> None:
    story.send(2, Accept(6, "v2"), 1, 2)
    story.write(2, 0, Slot(6, 6, "v2"), NAK)
    accept(story, 1, 2, 6)
    accept(story, 2, 2, 6)
    story.decide(2, "v2")
    assert str(story.held_against(l5_decisions_were_chosen)) == (
        "L5: p2 decided 'v2', which no majority of the agents had accepted"
    )


@pytest.mark.parametrize("wrong", ["deep", "read", "twice"])
def test_l6_the_common_case_is_one_round_trip(wrong: str) -> None:
    story = Story(AlignedPaxos, N, M)
    story.write(0, 0, Slot(1, 1, "v0"))
    story.write(0, 1, Slot(1, 1, "v0"))
    if wrong == "read":
        story.read_region(0, 0, Slot(1, 1, "v0"), None, None)
    if wrong == "twice":
        story.write(0, 0, Slot(1, 1, "v0"))
    story.decide(0, "v0", depth=4 if wrong == "deep" else 2)
    assert str(story.held_against(l6_one_round_trip)) in (
        "L6: p0 decided first, 4 delays deep",
        "L6: there was a read or a change of permission in the common case",
        "L6: 3 writes on 2 memories, not one each",
    )
    story.crash("memory", 1)
    assert story.held_against(l6_one_round_trip) is None
