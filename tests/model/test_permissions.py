from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rayrdma.model.errors import UsageError
from rayrdma.model.permissions import (
    Permission,
    everyone,
    exclusive_write_to_caller,
    exclusive_writer,
    static,
)

PROCESSES = st.sets(st.integers(0, 4))


@given(PROCESSES, PROCESSES, PROCESSES)
def test_the_three_sets_are_disjoint(read: set[int], write: set[int], readwrite: set[int]) -> None:
    if read & write or read & readwrite or write & readwrite:
        with pytest.raises(UsageError, match="must be disjoint"):
            Permission(read, write, readwrite)
    else:
        permission = Permission(read, write, readwrite)
        assert permission.readers == read | readwrite
        assert permission.writers == write | readwrite


def test_granting_reading_to_all_and_both_to_one_is_refused() -> None:
    """The classical slip: R = everybody, RW = {p}."""
    with pytest.raises(UsageError, match=r"not Permission\(read=\[0, 1, 2\], write=\[\], readwrite=\[1\]\)"):
        Permission(read=range(3), readwrite=[1])


def test_processes_count_from_0() -> None:
    with pytest.raises(UsageError, match="processes count from 0"):
        Permission(read=[0, -1])


def test_permissions_are_values() -> None:
    assert Permission(read=[1, 0]) == Permission(read=(0, 1))
    assert hash(Permission(read=[1, 0])) == hash(Permission(read=(0, 1)))
    assert Permission(read=[0]) != Permission(write=[0])
    assert Permission(read=[0]) != {0}


@pytest.mark.parametrize("n", [1, 2, 5])
def test_an_exclusive_writer_reads_too_and_the_others_only_read(n: int) -> None:
    for process in range(n):
        permission = exclusive_writer(process, n)
        assert permission.writers == {process}
        assert permission.readers == set(range(n))
    assert everyone(n).writers == everyone(n).readers == set(range(n))


def test_static_permissions_never_change() -> None:
    assert not static(0, "r", everyone(2), everyone(2))


def test_the_policy_of_exclusive_writing() -> None:
    now = exclusive_writer(0, 3)
    assert exclusive_write_to_caller(1, "r", now, exclusive_writer(1, 3))
    assert exclusive_write_to_caller(0, "r", now, now)
    assert not exclusive_write_to_caller(1, "r", now, exclusive_writer(2, 3)), "it is for the caller"
    assert not exclusive_write_to_caller(1, "r", now, everyone(3)), "it is exclusive"
    assert not exclusive_write_to_caller(1, "r", now, exclusive_writer(1, 2)), "the others go on reading"
    assert not exclusive_write_to_caller(0, "r", now, Permission(readwrite=[0])), "the others go on reading"
