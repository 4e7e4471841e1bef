"""Disks that no Disk Paxos leaves behind."""

from __future__ import annotations

import pytest

from rayrdma.checks.disk_paxos import (
    DISK_PAXOS,
    d1_ballots_never_decrease,
    d2_one_input_a_ballot,
    d3_chosen_input_stays,
    d4_decisions_were_chosen,
    d5_write_before_read,
)
from rayrdma.protocols import DiskPaxos
from rayrdma.protocols.disk_paxos import Block

from .story import Story

FIRST = Block(1, 1, "v0")
PREPARED = Block(5, 0, None)
PROPOSED = Block(5, 5, "v0")


@pytest.fixture
def story() -> Story:
    """p0 has v0 chosen with ballot 1 on disks 0 and 1; p1 finds it there with ballot 5 and writes it on disk 1."""
    story = Story(DiskPaxos)
    for disk in (0, 1):
        story.write(0, disk, FIRST)
        story.read_region(0, disk, FIRST, None, None)
    story.decide(0, "v0")
    story.write(1, 1, PREPARED)
    story.read_region(1, 1, FIRST, PREPARED, None)
    story.write(1, 2, PREPARED)
    story.read_region(1, 2, None, PREPARED, None)
    story.write(1, 1, PROPOSED)
    story.read_region(1, 1, FIRST, PROPOSED, None)
    for check in DISK_PAXOS:
        assert story.held_against(check) is None
    return story


@pytest.mark.parametrize("block", [Block(4, 1, "v0"), Block(8, 1, "v0"), Block(8, 9, "v0")])
def test_d1_a_ballot_decreases(story: Story, block: Block) -> None:
    """The last mbal and bal of p1 on disk 1 are 5."""
    story.write(1, 1, block)
    assert str(story.held_against(d1_ballots_never_decrease)).startswith(f"D1: p1 wrote {block!r} over {PROPOSED!r}")


def test_d2_two_inputs_with_one_ballot(story: Story) -> None:
    story.write(1, 2, Block(5, 5, "v1"))
    assert str(story.held_against(d2_one_input_a_ballot)) == "D2: ballot 5 carries 'v1' and another input"


def test_d2_two_processes_with_one_ballot(story: Story) -> None:
    story.write(2, 2, PREPARED)
    assert str(story.held_against(d2_one_input_a_ballot)) == "D2: p1 and p2 both use ballot 5"


def test_d3_another_input_above_the_chosen_one(story: Story) -> None:
    story.write(2, 2, Block(6, 6, "v2"))
    assert str(story.held_against(d3_chosen_input_stays)) == (
        "D3: p2 wrote Block(mbal=6, bal=6, inp='v2'), but 'v0' is chosen with ballot 1"
    )


def test_d3_standing_on_a_majority_is_not_being_chosen() -> None:
    """p1 read the disks just before p0 wrote there, and may write its own input: p0 meets it when it reads."""
    story = Story(DiskPaxos)
    for disk in (0, 1):
        story.write(1, disk, PREPARED)
        story.read_region(1, disk, None, PREPARED, None)
    for disk in (0, 1):
        story.write(0, disk, FIRST)
        story.read_region(0, disk, FIRST, PREPARED, None)
    story.write(1, 0, Block(5, 5, "v1"))
    for check in DISK_PAXOS:
        assert story.held_against(check) is None


def test_d4_a_decision_that_was_not_chosen(story: Story) -> None:
    story.decide(1, "v1")
    assert str(story.held_against(d4_decisions_were_chosen)) == "D4: p1 decided 'v1', which had not been chosen"


def test_d4_written_on_a_majority_but_not_read_back() -> None:
    story = Story(DiskPaxos)
    for disk in (0, 1):
        story.write(0, disk, FIRST)
    story.read_region(0, 0, FIRST, None, None)
    story.decide(0, "v0")
    assert story.held_against(d4_decisions_were_chosen) is not None


def test_d4_one_disk_is_no_majority() -> None:
    story = Story(DiskPaxos)
    for _ in range(2):
        story.write(0, 0, FIRST)
        story.read_region(0, 0, FIRST, None, None)
    story.decide(0, "v0")
    assert story.held_against(d4_decisions_were_chosen) is not None


def test_d5_a_read_before_the_own_write(story: Story) -> None:
    story.read_region(2, 0, FIRST, None, None)
    assert str(story.held_against(d5_write_before_read)) == "D5: p2 read disk 0 before it wrote there"


def test_d5_a_read_for_the_next_phase_without_a_write(story: Story) -> None:
    story.read_region(1, 1, FIRST, PROPOSED, None)
    assert str(story.held_against(d5_write_before_read)) == "D5: p1 read disk 1 before it wrote there"
