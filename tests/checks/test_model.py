"""Traces that are no runs of the model."""

from __future__ import annotations

import pytest

from rayrdma.checks.model import (
    MODEL,
    delays,
    disjoint_permissions,
    links_neither_make_nor_repeat,
    one_outstanding_operation,
    permission_at_effect,
    registers_hold_what_was_written,
    silent_after_crash,
)
from rayrdma.model.operations import CHANGE_PERMISSION, COMPARE_AND_SWAP, READ, READ_REGION, WRITE, Kind
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import Permission
from rayrdma.model.trace import Decided, Issued, Paused, Responded, Resumed, Sent, TookEffect

from .story import Note, Plain, Story

OPEN = Permission(readwrite=(0, 1, 2))


@pytest.fixture
def story() -> Story:
    """A run in which all is well so far: p0 wrote, p1 read, p2 was refused."""
    story = Story(Plain)
    story.write(0, 0, "x")
    story.read(1, 0, 0, "x")
    story.read(2, 0, 0, NAK)
    story.write(1, 0, "y", NAK, register=0)
    story.read_region(1, 0, "x", None)
    story.operate(0, 0, COMPARE_AND_SWAP, ("x", "z"), "x")
    story.operate(0, 0, COMPARE_AND_SWAP, ("x", "w"), "z")
    story.operate(1, 0, COMPARE_AND_SWAP, ("z", "w"), NAK)
    story.read(0, 0, 0, "z")
    story.change_permission(1, 0, OPEN)  # not legal
    story.write(1, 0, "y", NAK, register=0)
    story.change_permission(0, 0, OPEN)
    story.write(1, 0, "y", register=0)
    story.read(2, 0, 0, "y")
    for check in MODEL:
        assert story.held_against(check) is None
    return story


def overlapping() -> Permission:
    """A permission that the class does not let one make."""
    permission = Permission(readwrite=(0,), read=(1,))
    permission.read = frozenset((0, 1))
    return permission


def test_overlapping_permission(story: Story) -> None:
    story.change_permission(0, 0, overlapping())
    assert "readwrite=[0]" in str(story.held_against(disjoint_permissions))


def test_overlapping_permission_from_the_start() -> None:
    story = Story(Plain)
    observation = story.observation()
    object.__setattr__(observation.regions[0], "permission", overlapping())
    assert "region 'r' starts with" in str(disjoint_permissions(observation))


@pytest.mark.parametrize(
    ("process", "kind", "argument", "response"),
    [
        (1, WRITE, "y", ACK),
        (0, WRITE, "y", NAK),
        (2, READ, None, "x"),
        (1, READ, None, NAK),
        (2, READ_REGION, None, ("x", None)),
        (0, READ_REGION, None, NAK),
        (1, COMPARE_AND_SWAP, ("x", "y"), "x"),
        (0, COMPARE_AND_SWAP, ("x", "y"), NAK),
    ],
)
def test_effect_against_the_permission(process: int, kind: Kind, argument: object, response: object) -> None:
    story = Story(Plain)
    story.write(0, 0, "x")
    assert story.held_against(permission_at_effect) is None
    story.operate(process, 0, kind, argument, response)
    violation = story.held_against(permission_at_effect)
    assert violation is not None
    assert ("was refused" if response is NAK else "was done") in violation.what


def test_an_illegal_change_of_permission_has_no_effect(story: Story) -> None:
    story.change_permission(0, 1, Permission(readwrite=(0, 1)))
    story.change_permission(2, 1, OPEN)
    story.write(2, 1, "y")
    assert "write 4 of p2 on m1" in str(story.held_against(permission_at_effect))


def test_a_change_of_permission_is_of_one_memory(story: Story) -> None:
    story.write(1, 1, "y", register=0)
    assert "write 8 of p1 on m1" in str(story.held_against(permission_at_effect))


@pytest.mark.parametrize(
    ("kind", "argument", "response"),
    [
        (READ, None, "another"),
        (READ, None, None),
        (READ_REGION, None, ("y", "another")),
        (READ_REGION, None, ("y",)),
        (COMPARE_AND_SWAP, ("y", "z"), None),
        (CHANGE_PERMISSION, OPEN, ACK),
        (WRITE, "z", None),
    ],
)
def test_response_that_the_registers_do_not_give(story: Story, kind: Kind, argument: object, response: object) -> None:
    story.operate(0, 0, kind, argument, response)
    violation = story.held_against(registers_hold_what_was_written)
    assert violation is not None
    assert f"gave {response!r}" in violation.what


def test_a_refused_write_has_no_effect() -> None:
    story = Story(Plain)
    story.write(1, 0, "y", NAK, register=0)
    story.read(0, 0, 0, "y")
    assert "gave 'y', but what stands there gives None" in str(story.held_against(registers_hold_what_was_written))


def test_two_outstanding_operations(story: Story) -> None:
    story.events += [
        Issued(50, 0, 0, 90, READ, "r", 0, None),
        Issued(50, 0, 1, 91, READ, "r", 0, None),  # on another memory it may
    ]
    assert story.held_against(one_outstanding_operation) is None
    story.events.append(Issued(50, 0, 0, 92, READ, "r", 0, None))
    assert "read 92 of p0 on m0 at 50 was issued before operation 90" in str(
        story.held_against(one_outstanding_operation)
    )


ISSUED = Issued(50, 0, 0, 90, READ, "r", 0, None)
EFFECT = TookEffect(51, 0, 0, 90, READ, "r", 0, None, "y")
ANSWER = Responded(52, 0, 0, 90, "y", 2)


@pytest.mark.parametrize(
    "events",
    [
        (EFFECT,),
        (ISSUED, EFFECT, EFFECT),
        (ISSUED, TookEffect(51, 0, 0, 90, READ, "r", 1, None, None)),
        (ISSUED, TookEffect(51, 0, 0, 91, READ, "r", 0, None, "y")),
        (ISSUED, EFFECT, ANSWER, EFFECT),
    ],
    ids=["never issued", "twice", "another register", "another operation", "once more"],
)
def test_effect_that_was_not_due(story: Story, events: tuple[Issued | TookEffect | Responded, ...]) -> None:
    story.events += events
    assert "was not due" in str(story.held_against(one_outstanding_operation))


@pytest.mark.parametrize(
    "events",
    [
        (ISSUED, ANSWER),
        (ISSUED, EFFECT, ANSWER, ANSWER),
        (ISSUED, EFFECT, Responded(52, 0, 0, 90, "another", 2)),
        (ISSUED, EFFECT, Responded(52, 0, 0, 89, "y", 2)),
    ],
    ids=["without effect", "twice", "another answer", "to another operation"],
)
def test_answer_that_was_not_given(story: Story, events: tuple[Issued | TookEffect | Responded, ...]) -> None:
    story.events += events
    assert "which m0 did not give" in str(story.held_against(one_outstanding_operation))


def test_an_operation_may_stay_unanswered(story: Story) -> None:
    story.events += [ISSUED, EFFECT]
    assert story.held_against(one_outstanding_operation) is None


def test_a_crashed_memory_does_nothing(story: Story) -> None:
    story.crash("memory", 1)
    story.write(0, 0, "x")
    assert story.held_against(silent_after_crash) is None
    story.write(0, 1, "x")
    assert "took effect after m1 crashed" in str(story.held_against(silent_after_crash))


def test_an_effect_may_come_after_its_issuers_crash(story: Story) -> None:
    story.events.append(ISSUED)
    story.crash("process", 0)
    story.events.append(EFFECT)
    assert story.held_against(silent_after_crash) is None


@pytest.mark.parametrize(
    "event",
    [ISSUED, ANSWER, Sent(50, 0, 1, Note("a")), Decided(50, 0, "v0", 2)],
    ids=lambda event: type(event).__name__,
)
def test_a_crashed_process_does_nothing(story: Story, event: Issued | Responded | Sent | Decided) -> None:
    story.crash("process", 0)
    story.events.append(event)
    assert f"p0 took a step at {event.time:g}" in str(story.held_against(silent_after_crash))


def test_a_crashed_process_receives_nothing(story: Story) -> None:
    story.send(1, Note("a"), 0)
    story.crash("process", 0)
    story.deliver(0, 1, Note("a"))
    assert "(Delivered), but it had stopped" in str(story.held_against(silent_after_crash))


def test_a_paused_process_does_nothing_until_it_goes_on(story: Story) -> None:
    story.events += [Paused(50, 0), Resumed(60, 0), Issued(60, 0, 0, 90, READ, "r", 0, None)]
    assert story.held_against(silent_after_crash) is None
    story.events += [Paused(61, 0), Sent(62, 0, 1, Note("a"))]
    assert "p0 took a step at 62 (Sent)" in str(story.held_against(silent_after_crash))


def test_a_message_that_nobody_sent(story: Story) -> None:
    story.send(0, Note("a"), 1, 2)
    story.deliver(1, 0, Note("a"))
    story.deliver(2, 0, Note("a"))
    assert story.held_against(links_neither_make_nor_repeat) is None
    story.deliver(1, 2, Note("a"))
    assert "p1 received Note(text='a'), not sent by p2" in str(story.held_against(links_neither_make_nor_repeat))


def test_a_message_received_twice(story: Story) -> None:
    story.send(0, Note("a"), 1)
    story.deliver(1, 0, Note("a"))
    story.deliver(1, 0, Note("a"))
    assert story.held_against(links_neither_make_nor_repeat) is not None


@pytest.mark.parametrize(
    ("events", "what"),
    [
        ((ISSUED, TookEffect(50, 0, 0, 90, READ, "r", 0, None, "y")), "took effect as soon as it was issued"),
        ((ISSUED, EFFECT, Responded(51, 0, 0, 90, "y", 2)), "reached p0 as it was given"),
        ((ISSUED, EFFECT, Responded(52, 0, 0, 90, "y", 1)), "came 1 delays deep"),
        ((ISSUED, EFFECT, Responded(52, 0, 0, 90, "y", 53)), "came 53 delays deep, 52 after the start"),
        ((Decided(50, 0, "v0", 51),), "p0 decided 51 delays deep, 50 after the start"),
    ],
)
def test_what_is_too_fast(
    story: Story, events: tuple[Issued | TookEffect | Responded | Decided, ...], what: str
) -> None:
    story.events += events
    assert what in str(story.held_against(delays))
