"""Votes and messages that no Fast Paxos sends."""

from __future__ import annotations

import pytest

from rayrdma.checks.fast_paxos import (
    FAST_PAXOS,
    f1_one_vote_a_round,
    f2_one_value_a_classic_round,
    f3_one_choice_a_round,
    f4_coordinators_pick_what_is_chosen,
    f5_decisions_were_chosen,
)
from rayrdma.protocols import FastPaxos
from rayrdma.protocols.fast_paxos import FAST_ROUND, Proposal, Voted, classic_quorum, fast_quorum, tolerated
from rayrdma.protocols.paxos import Accept, Prepare, Promise

from .story import Story

ALL = (0, 1, 2)


@pytest.fixture
def story() -> Story:
    """All vote for v0 in the fast round, then p1 coordinates round 5 and picks it."""
    story = Story(FastPaxos, m=0)
    story.send(0, Proposal("v0"), *ALL)
    for acceptor in ALL:
        story.send(acceptor, Voted(FAST_ROUND, "v0"), *ALL)
    story.decide(0, "v0")
    story.send(1, Prepare(5), *ALL)
    story.send(1, Promise(5, FAST_ROUND, "v0"), 1)
    story.send(2, Promise(5, FAST_ROUND, "v0"), 1)
    story.send(1, Accept(5, "v0"), *ALL)
    story.send(1, Voted(5, "v0"), *ALL)
    for check in FAST_PAXOS:
        assert story.held_against(check) is None
    return story


def test_f1_two_votes_in_the_fast_round(story: Story) -> None:
    story.send(0, Voted(FAST_ROUND, "v1"), *ALL)
    assert str(story.held_against(f1_one_vote_a_round)) == "F1: p0 voted twice in round 1, now for 'v1'"


def test_f1_a_vote_below_a_promise() -> None:
    story = Story(FastPaxos, m=0)
    story.send(2, Promise(5, 0, None), 1)
    story.send(2, Voted(FAST_ROUND, "v0"), *ALL)
    assert str(story.held_against(f1_one_vote_a_round)) == "F1: p2, which had promised 5, voted in round 1"


@pytest.mark.parametrize(
    ("message", "what"),
    [
        (Promise(5, FAST_ROUND, "v0"), "p2, which had promised 5, promised 5"),
        (Promise(8, 0, None), "p2 reported (0, None), but its last vote was (1, 'v0')"),
        (Promise(8, FAST_ROUND, "v1"), "p2 reported (1, 'v1'), but its last vote was (1, 'v0')"),
    ],
)
def test_f1_a_promise_that_is_none(story: Story, message: Promise, what: str) -> None:
    story.send(2, message, 0)
    assert str(story.held_against(f1_one_vote_a_round)) == f"F1: {what}"


def test_f2_two_coordinators_of_one_round(story: Story) -> None:
    story.send(2, Prepare(5), 0)
    assert str(story.held_against(f2_one_value_a_classic_round)) == "F2: p2 coordinates round 5, which is not its own"


def test_f2_the_fast_round_has_no_coordinator(story: Story) -> None:
    story.send(0, Accept(FAST_ROUND, "v0"), 0)
    assert str(story.held_against(f2_one_value_a_classic_round)) == "F2: p0 coordinates round 1, which is not its own"


def test_f2_two_values_in_a_classic_round(story: Story) -> None:
    story.send(1, Accept(5, "v1"), 0)
    assert str(story.held_against(f2_one_value_a_classic_round)) == "F2: round 5 carries 'v1' and another value"


def test_f3_two_choices_in_a_round(story: Story) -> None:
    for acceptor in ALL:
        story.send(acceptor, Voted(FAST_ROUND, "v1"), *ALL)
    assert str(story.held_against(f3_one_choice_a_round)) == "F3: 'v0' and 'v1' are both chosen in round 1"


def test_f4_a_coordinator_that_picks_another_value(story: Story) -> None:
    story.send(2, Accept(6, "v2"), *ALL)
    assert str(story.held_against(f4_coordinators_pick_what_is_chosen)) == (
        "F4: p2 picked 'v2' in round 6, but 'v0' is chosen in round 1"
    )


def test_f4_two_of_three_votes_choose_nothing_in_the_fast_round() -> None:
    story = Story(FastPaxos, m=0)
    story.send(0, Voted(FAST_ROUND, "v0"), *ALL)
    story.send(1, Voted(FAST_ROUND, "v0"), *ALL)
    story.send(2, Accept(6, "v2"), *ALL)
    assert story.held_against(f4_coordinators_pick_what_is_chosen) is None
    story.decide(0, "v0")
    assert str(story.held_against(f5_decisions_were_chosen)) == "F5: p0 decided 'v0', which no quorum had voted for"


def test_f5_two_of_three_votes_are_enough_in_a_classic_round(story: Story) -> None:
    story.decide(1, "v0")
    story.send(0, Voted(8, "v1"), *ALL)
    story.send(2, Voted(8, "v1"), *ALL)
    story.decide(2, "v1")
    assert story.held_against(f5_decisions_were_chosen) is None


@pytest.mark.parametrize("n", range(1, 40))
def test_quorums_meet_as_they_must(n: int) -> None:
    """n > 2F and n > 2E + F; two classic quorums meet, and two fast ones meet inside every classic one."""
    for e in range((n + 1) // 2):
        f = tolerated(n, e)
        if f < e:  # more would have to be fast than may crash at all
            continue
        classic, fast = classic_quorum(n, e), fast_quorum(n, e)
        assert n > 2 * f
        assert n > 2 * e + f
        assert (classic, fast) == (n - f, n - e)
        assert 2 * classic > n
        assert 2 * fast + classic > 2 * n
    assert tolerated(n) == (n - 1) // 2
    assert fast_quorum(n) == n
