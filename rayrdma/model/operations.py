"""The operations that a process may invoke on one memory (P19, section 3; RDMA adds compare-and-swap)."""

from __future__ import annotations

import enum
from typing import TYPE_CHECKING, Any

from .tasks import Completion, Task

if TYPE_CHECKING:
    from .process import Process


class Kind(enum.IntEnum):
    """What an operation does."""

    READ = 0
    WRITE = 1
    READ_REGION = 2
    CHANGE_PERMISSION = 3
    COMPARE_AND_SWAP = 4


READ, WRITE, READ_REGION, CHANGE_PERMISSION, COMPARE_AND_SWAP = Kind

NAMES = {
    READ: "read",
    WRITE: "write",
    READ_REGION: "read",
    CHANGE_PERMISSION: "permission",
    COMPARE_AND_SWAP: "swap",
}
"""The words for operations in fault plans and traces; a block read is a read."""

OPERATION_DELAYS = 2
MESSAGE_DELAYS = 1


class Operation(Completion[Any]):
    """One operation, from its posting to its response.

    ``argument`` is the value to write, the new permission, or the pair (expected, new).
    ``number`` counts the operations of its process from 1, in the order of posting.
    """

    __slots__ = ("argument", "kind", "memory", "number", "region", "register", "task")

    def __init__(
        self,
        process: Process,
        kind: Kind,
        memory: int,
        region: str,
        register: int,
        argument: Any,
        task: Task[Any],
    ) -> None:
        self.process = process
        self.done = False
        self.waiter = None
        self.kind = kind
        self.memory = memory
        self.region = region
        self.register = register
        self.argument = argument
        self.task = task
        self.depth = task.depth
        self.number = 0

    def waiting_for(self) -> str:
        return self.process.describe_wait(1, [self])

    def operation(self) -> Operation:
        return self
