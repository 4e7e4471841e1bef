"""Quorums: two majorities of one set share a member."""

from __future__ import annotations


def majority(count: int) -> int:
    """The least number of members so that two such sets intersect: ``floor(count / 2) + 1``."""
    return count // 2 + 1
