"""Memories that no Protected Memory Paxos leaves behind."""

from __future__ import annotations

import pytest

from rayrdma.checks.model import MODEL
from rayrdma.checks.protected_memory_paxos import (
    PROTECTED_MEMORY_PAXOS,
    m1_single_writer,
    m2_proposals_never_decrease,
    m3_one_value_a_number,
    m4_chosen_value_stays,
    m5_decisions_were_acked,
    m6_permission_kept_since_taken,
    m7_one_write_a_memory,
)
from rayrdma.model.outcomes import NAK
from rayrdma.model.permissions import everyone, exclusive_writer
from rayrdma.protocols import ProtectedMemoryPaxos
from rayrdma.protocols.protected_memory_paxos import Slot

from .story import Story

FIRST = Slot(1, 1, "v0")
ANNOUNCED = Slot(5, 0, None)
ACCEPTED = Slot(5, 5, "v0")


@pytest.fixture
def story() -> Story:
    """p0 has v0 acked on m0 and m1; p1 takes m1 and m2, finds v0 there and writes it on m1."""
    story = Story(ProtectedMemoryPaxos)
    story.write(0, 0, FIRST)
    story.write(0, 1, FIRST)
    story.decide(0, "v0", depth=2)
    story.elect(1, 1)
    for memory in (1, 2):
        story.change_permission(1, memory, exclusive_writer(1, 3))
        story.write(1, memory, ANNOUNCED)
        story.read_region(1, memory, FIRST if memory == 1 else None, ANNOUNCED, None)
    story.write(0, 2, FIRST, NAK)
    story.write(1, 1, ACCEPTED)
    for check in (*MODEL, *PROTECTED_MEMORY_PAXOS):
        assert story.held_against(check) is None
    return story


def test_m1_two_writers(story: Story) -> None:
    observation = story.observation()
    object.__setattr__(observation.regions[0], "legal_change", lambda *_: True)
    story.change_permission(1, 1, everyone(3))
    assert m1_single_writer(story.observation()) is None  # its policy does not allow that
    assert "M1: m1 has Permission(read=[], write=[], readwrite=[0, 1, 2])" in str(m1_single_writer(observation))


def test_m1_two_writers_from_the_start(story: Story) -> None:
    observation = story.observation()
    object.__setattr__(observation.regions[0], "permission", everyone(3))
    assert "M1: every memory starts with" in str(m1_single_writer(observation))


@pytest.mark.parametrize("slot", [Slot(4, 1, "v0"), Slot(5, 6, "v0")])
def test_m2_a_proposal_decreases(story: Story, slot: Slot) -> None:
    story.write(1, 1, slot)
    assert str(story.held_against(m2_proposals_never_decrease)) == (
        f"M2: p1 wrote {slot!r} on m1, where its minimum was 5"
    )


def test_m3_two_values_with_one_number(story: Story) -> None:
    story.write(1, 2, Slot(5, 5, "v1"))
    assert str(story.held_against(m3_one_value_a_number)) == "M3: number 5 carries 'v1' and another value"


def test_m3_two_processes_with_one_number(story: Story) -> None:
    story.write(2, 2, ANNOUNCED, NAK)
    assert str(story.held_against(m3_one_value_a_number)) == "M3: p1 and p2 both use number 5"


def test_m4_another_value_above_the_chosen_one(story: Story) -> None:
    story.write(2, 2, Slot(6, 6, "v2"), NAK)
    assert str(story.held_against(m4_chosen_value_stays)) == (
        "M4: p2 wrote Slot(minimum_proposal=6, accepted_proposal=6, value='v2'), "
        "but a majority acked 'v0' with number 1"
    )


def test_m4_binds_only_what_a_majority_acked() -> None:
    story = Story(ProtectedMemoryPaxos)
    story.write(0, 0, FIRST)
    story.write(0, 0, FIRST)
    story.write(2, 2, Slot(6, 6, "v2"), NAK)
    assert story.held_against(m4_chosen_value_stays) is None


def test_m5_a_decision_that_was_not_acked(story: Story) -> None:
    story.decide(1, "v1")
    assert str(story.held_against(m5_decisions_were_acked)) == "M5: p1 decided 'v1', which no majority had acked"


def test_m5_a_nak_is_no_ack() -> None:
    story = Story(ProtectedMemoryPaxos)
    story.write(0, 0, FIRST)
    story.write(0, 1, FIRST, NAK)
    story.decide(0, "v0")
    assert story.held_against(m5_decisions_were_acked) is not None


def test_m6_the_permission_was_taken_in_between(story: Story) -> None:
    """The second permission that p1 takes belongs to another attempt than its write does."""
    story.change_permission(1, 2, exclusive_writer(1, 3))
    story.write(1, 2, ACCEPTED)
    assert "whose permission had changed since that attempt took it" in str(
        story.held_against(m6_permission_kept_since_taken)
    )


def test_m6_the_shortcut_after_the_permission_changed(story: Story) -> None:
    story.change_permission(0, 2, exclusive_writer(0, 3))
    story.write(0, 2, FIRST)
    assert "M6: p0 wrote" in str(story.held_against(m6_permission_kept_since_taken))


def common_case() -> Story:
    story = Story(ProtectedMemoryPaxos)
    for memory in range(3):
        story.write(0, memory, FIRST)
    return story


def test_m7_holds_of_the_common_case() -> None:
    story = common_case()
    story.decide(0, "v0", depth=2)
    assert story.held_against(m7_one_write_a_memory) is None


def test_m7_a_late_decision() -> None:
    story = common_case()
    story.decide(0, "v0", depth=4)
    assert str(story.held_against(m7_one_write_a_memory)) == "M7: p0 decided first, 4 delays deep"


def test_m7_a_read_in_the_common_case() -> None:
    story = common_case()
    story.read_region(0, 0, FIRST, None, None)
    story.decide(0, "v0", depth=2)
    assert "M7: there was a read" in str(story.held_against(m7_one_write_a_memory))


def test_m7_a_memory_is_written_twice() -> None:
    story = common_case()
    story.write(0, 2, FIRST)
    story.decide(0, "v0", depth=2)
    assert "M7: 4 writes on 3 memories" in str(story.held_against(m7_one_write_a_memory))


def test_m7_binds_only_the_common_case() -> None:
    crashed, slow = common_case(), Story(ProtectedMemoryPaxos)
    crashed.crash("memory", 2)
    for memory in range(3):
        slow.write(0, memory, FIRST)
        slow.events[-1] = type(slow.events[-1])(slow.time + 1, 0, memory, memory + 1, slow.events[-1].response, 2)
    for story in (crashed, slow):
        story.decide(0, "v0", depth=4)
        assert story.held_against(m7_one_write_a_memory) is None
