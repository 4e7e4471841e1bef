"""Agreement, validity, integrity and termination, each on a run that lacks it."""

from __future__ import annotations

import pytest

from rayrdma.checks.outcome import agreement, integrity, termination, validity

from .story import Plain, Story


def test_two_values_break_agreement() -> None:
    story = Story(Plain)
    story.decide(0, "v0")
    story.decide(1, "v0")
    assert story.held_against(agreement) is None
    story.decide(2, "v2")
    assert str(story.held_against(agreement)) == "agreement: p0 decided 'v0' at 0, p2 decided 'v2' at 0"


def test_agreement_is_uniform() -> None:
    """Who decides and then crashes counts."""
    story = Story(Plain)
    story.decide(0, "v0")
    story.crash("process", 0)
    story.decide(1, "v1")
    assert story.held_against(agreement) is not None


@pytest.mark.parametrize(("one", "other"), [(1, True), (1, 1.0), ("1", 1), (b"x", "x")])
def test_values_that_are_alike_in_python_differ_on_a_wire(one: object, other: object) -> None:
    story = Story(Plain)
    story.decide(0, one)
    story.decide(1, other)
    assert story.held_against(agreement) is not None
    assert validity(story.observation(inputs=[one] * 3)) is not None


def test_a_value_that_nobody_proposed_breaks_validity() -> None:
    story = Story(Plain)
    story.decide(0, "v1")
    assert story.held_against(validity) is None
    story.decide(1, "v3")
    assert str(story.held_against(validity)) == "validity: p1 decided 'v3', which nobody proposed"


def test_deciding_twice_breaks_integrity() -> None:
    story = Story(Plain)
    story.decide(0, "v0")
    assert story.held_against(integrity) is None
    story.decide(0, "v0")
    assert str(story.held_against(integrity)) == "integrity: p0 decided twice, the second time 'v0'"


def test_a_process_that_is_not_there_breaks_integrity() -> None:
    story = Story(Plain, n=2)
    story.decide(2, "v0")
    assert str(story.held_against(integrity)) == "integrity: p2 decided, but there are p0 to p1"


def test_a_live_process_without_a_decision_breaks_termination() -> None:
    story = Story(Plain)
    assert termination(story.observation()) is None
    blocked = story.observation(undecided={1: "needs 2 of 3 memories, 1 alive"})
    assert str(termination(blocked)) == (
        "termination: p1 never decides: it waits for ever (needs 2 of 3 memories, 1 alive)"
    )
