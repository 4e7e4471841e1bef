"""Who may read and write a region, and who may change that (P19, section 3).

A permission is three disjoint sets of processes: readers, writers, and those who may do both. A region's
*legal-change policy* is fixed when the region is created and is evaluated on the memory's side, so that a
Byzantine process can not bypass it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import TypeVar

from .errors import UsageError


class Permission:
    """The triple (R, W, RW) of a region. Immutable; the three sets are disjoint.

    Args:
        read: processes that may only read.
        write: processes that may only write.
        readwrite: processes that may do both.
    Raises:
        UsageError: the sets overlap, or a process has a number below 0.
    """

    __slots__ = ("highest", "read", "readers", "readwrite", "write", "writers")

    def __init__(self, read: Iterable[int] = (), write: Iterable[int] = (), readwrite: Iterable[int] = ()) -> None:
        self.read = frozenset(read)
        self.write = frozenset(write)
        self.readwrite = frozenset(readwrite)
        self.readers = self.read | self.readwrite
        self.writers = self.write | self.readwrite
        if len(self.readers | self.write) != len(self.read) + len(self.write) + len(self.readwrite):
            raise UsageError(f"the sets of a permission must be disjoint, not {self!r}")
        named = self.readers | self.write
        self.highest = max(named, default=-1)
        if min(named, default=0) < 0:
            raise UsageError(f"processes count from 0, {self!r} names another one")

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Permission):
            return NotImplemented
        return (self.read, self.write, self.readwrite) == (other.read, other.write, other.readwrite)

    def __hash__(self) -> int:
        return hash((self.read, self.write, self.readwrite))

    def __repr__(self) -> str:
        sets = (f"{name}={sorted(getattr(self, name))}" for name in ("read", "write", "readwrite"))
        return f"Permission({', '.join(sets)})"


@lru_cache(maxsize=4096)
def exclusive_writer(process: int, n: int) -> Permission:
    """R = all but ``process``, RW = {``process``}: a single-writer multi-reader region."""
    return Permission(read=(q for q in range(n) if q != process), readwrite=(process,))


@lru_cache(maxsize=256)
def everyone(n: int) -> Permission:
    """RW = all processes: the disk model."""
    return Permission(readwrite=range(n))


LegalChange = Callable[[int, str, Permission, Permission], bool]
"""``legal_change(process, region, old, new)``: may ``process`` change this region's permission so?"""


Policy = TypeVar("Policy", bound=Callable[..., bool])


def one_writer(policy: Policy) -> Policy:
    """Mark a policy that never lets more than one process write where at most one did.

    Transports then need not reckon with writes to one register that overtake each other.
    """
    policy.one_writer = True  # type: ignore[attr-defined]
    return policy


@one_writer
def static(process: int, region: str, old: Permission, new: Permission) -> bool:
    """No change is legal: *static permissions*."""
    return False


@one_writer
def exclusive_write_to_caller(process: int, region: str, old: Permission, new: Permission) -> bool:
    """Whoever asks may take the exclusive write permission for itself (Protected Memory Paxos)."""
    return new == exclusive_writer(process, len(old.readers | old.write))
