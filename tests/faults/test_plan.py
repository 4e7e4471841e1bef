"""Faults as words: what is understood, and what is refused with a line that says what would be right."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayrdma.faults.plan import (
    OPERATIONS,
    After,
    ClockSkew,
    Crash,
    Fault,
    LostCompletion,
    Pause,
    check_faults,
    parse_crashes,
    parse_pauses,
)
from rayrdma.model.errors import UsageError


def test_crashes_are_parsed() -> None:
    assert parse_crashes("p0@write:2, m2@0,p1@7.5,") == [
        Crash(process=0, at=After("write", 2)),
        Crash(memory=2, at=0),
        Crash(process=1, at=7.5),
    ]
    assert parse_crashes("") == []


def test_pauses_are_parsed() -> None:
    assert parse_pauses("p0@3-9,p1@0.5-1") == [Pause(0, 3, 9), Pause(1, 0.5, 1)]


NUMBERS = st.integers(0, 20)
MOMENTS = st.one_of(st.integers(0, 99).map(float), st.builds(After, st.sampled_from(OPERATIONS), st.integers(1, 9)))


@given(
    st.lists(
        st.one_of(
            st.builds(Crash, process=NUMBERS, at=MOMENTS),
            st.builds(Crash, memory=NUMBERS, at=MOMENTS),
        )
    )
)
def test_what_is_printed_is_what_is_parsed(crashes: list[Crash]) -> None:
    assert parse_crashes(",".join(map(str, crashes))) == crashes


@given(NUMBERS, st.integers(0, 50), st.integers(51, 99))
def test_pauses_print_as_they_are_parsed(process: int, at: int, until: int) -> None:
    assert parse_pauses(str(Pause(process, at, until))) == [Pause(process, at, until)]


@pytest.mark.parametrize(
    "text", ["p0", "q0@1", "p0@", "p@1", "p0@write", "p0@write:", "p0@-1", "p0@1e3", "p0@3-9", "0@1"]
)
def test_what_is_no_crash(text: str) -> None:
    with pytest.raises(UsageError, match=rf"'{text}' is no crash; write p0@write:2 \(after an operation\) or m2@0"):
        parse_crashes(f"p1@1,{text}")


@pytest.mark.parametrize("text", ["p0@3", "m0@3-9", "p0@9", "p0@a-b", "p0"])
def test_what_is_no_pause(text: str) -> None:
    with pytest.raises(UsageError, match=f"'{text}' is no pause; write p0@3-9"):
        parse_pauses(text)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: parse_crashes("p0@jump:2"), "there is no operation 'jump' to crash at; use read, write, permission"),
        (lambda: parse_crashes("p0@write:0"), "operations count from 1, there is no write:0"),
        (lambda: Crash(), "a crash names either a process or a memory"),
        (lambda: Crash(process=0, memory=0), "a crash names either a process or a memory"),
        (lambda: Crash(process=0, at=-1), "a crash can not happen at time -1; times count from 0"),
        (lambda: Crash(process=0, at=math.inf), "a crash can not happen at time inf"),
        (lambda: Crash(process=0, at=math.nan), "a crash can not happen at time nan"),
        (lambda: parse_pauses("p0@9-3"), "a pause goes from a time to a later one, not from 9 to 3"),
        (lambda: parse_pauses("p0@3-3"), "not from 3 to 3"),
        (lambda: Pause(0, -1, 3), "not from -1 to 3"),
        (lambda: Pause(0, 1, math.inf), "not from 1 to inf"),
        (lambda: LostCompletion(0, 1, After("send", 1)), "fault p0-m1@send:1: a message has no completion"),
        (lambda: ClockSkew(0, 0, 9), "a clock can not run at 0 times its rate; give more than 0"),
        (lambda: ClockSkew(0, math.nan, 9), "a clock can not run at nan times"),
        (lambda: ClockSkew(0, math.inf, 9), "a clock can not run at inf times"),
        (lambda: ClockSkew(0, 2, 0), "a clock can not go wrong until time 0; give a time after 0"),
    ],
)
def test_faults_that_can_not_be(make: object, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        make()  # type: ignore[operator]


@pytest.mark.parametrize(
    ("faults", "memories", "message"),
    [
        ([Crash(process=3)], 3, "fault p3@0 names process 3, but the run has p0 to p2"),
        ([Crash(process=-1)], 3, "names process -1, but the run has p0 to p2"),
        ([Crash(memory=3)], 3, "fault m3@0 names memory 3, but the run has m0 to m2"),
        ([Crash(memory=0)], 0, "names memory 0, but the run has none"),
        ([Pause(5, 1, 2)], 3, "fault p5@1-2 names process 5, but the run has p0 to p2"),
        ([Crash(process=1), Crash(process=1, at=After("read", 1))], 3, "process 1 is to crash twice"),
        ([Crash(memory=1, at=After("send", 1))], 3, "fault m1@send:1: a memory sends no messages"),
        ([Pause(1, 3, 9), Pause(1, 5, 12)], 3, "pauses p1@3-9 and p1@5-12 overlap"),
        ([Pause(1, 5, 12), Pause(1, 3, 5)], 3, "pauses p1@5-12 and p1@3-5 overlap"),
        ([LostCompletion(3, 0, After("read", 1))], 3, "fault p3-m0@read:1 names process 3, but the run has p0 to p2"),
        ([LostCompletion(0, 3, After("read", 1))], 3, "fault p0-m3@read:1 names memory 3, but the run has m0 to m2"),
        ([LostCompletion(0, 1, After("swap", k)) for k in (1, 2)], 3, "process 0 is to lose memory 1 twice"),
        ([ClockSkew(7, 2, 9)], 3, r"fault p7\*2@0-9 names process 7, but the run has p0 to p2"),
        ([ClockSkew(1, 2, 9), ClockSkew(1, 4, 9)], 3, "the clock of process 1 is given two rates"),
    ],
)
def test_faults_that_do_not_fit_the_run(faults: list[Fault], memories: int, message: str) -> None:
    with pytest.raises(UsageError, match=message):
        check_faults(faults, 3, memories)


def test_faults_that_fit() -> None:
    check_faults(
        [
            *(Crash(process=1, at=5), Crash(memory=1), Pause(1, 1, 2), Pause(1, 3, 4), Pause(0, 1, 4)),
            *(LostCompletion(process, 2, After("write", 1)) for process in range(3)),
            *(ClockSkew(process, 0.5, 60) for process in range(3)),
        ],
        processes=3,
        memories=3,
    )
