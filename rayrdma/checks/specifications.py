"""What an object does if one operation is carried out after the other: a register, and one with compare-and-swap.

A specification is deterministic: a state and an operation give the next state and the response. States, arguments and
responses are compared as Python does it, and can be hashed. One's own is a few lines:

    class Counter(Specification):
        name = "counter"
        operations = {"add": int, "read": None}
        initial = 0

        def apply(self, state, operation, argument):
            return (state + argument, None) if operation == "add" else (state, state)

        def looks(self, operation, argument, response):
            return operation == "read"
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping
from typing import Any, ClassVar

READ, WRITE, COMPARE_AND_SWAP = "read", "write", "compare_and_swap"


class Specification(ABC):
    """A sequential object.

    Attributes:
        name: as a history file's header has it.
        operations: the type of each operation's argument, as `msgspec.convert` takes it; None: it has none.
        initial: the state of an object that nobody has touched.
    """

    name: ClassVar[str]
    operations: ClassVar[Mapping[str, Any]]
    initial: ClassVar[Any]

    @abstractmethod
    def apply(self, state: Any, operation: str, argument: Any) -> tuple[Any, Any]:
        """The state after an operation, and its response."""

    def looks(self, operation: str, argument: Any, response: Any) -> bool:
        """Whether an operation with this response changes nothing, in whatever state it gives it.

        To say so is never necessary; the checker need then not ask itself when not to carry it out yet.
        """
        return False

    def overwrites(self, operation: str, argument: Any) -> bool:
        """Whether an operation gives the same state and the same response after any state.

        To say so is never necessary; the checker need then not ask itself in which order to overwrite what nobody saw.
        """
        return False


class Register(Specification):
    """``read`` returns what the last ``write`` wrote, or None; ``write`` returns None."""

    name = "register"
    operations: ClassVar[Mapping[str, Any]] = {READ: None, WRITE: Any}
    initial = None

    def apply(self, state: Any, operation: str, argument: Any) -> tuple[Any, Any]:
        return (argument, None) if operation == WRITE else (state, state)

    def looks(self, operation: str, argument: Any, response: Any) -> bool:
        return operation == READ

    def overwrites(self, operation: str, argument: Any) -> bool:
        return operation == WRITE


class CompareAndSwapRegister(Register):
    """A register with ``compare_and_swap``, of the pair (expected, new): it returns the old value, as RDMA's does.

    It took place if the old value is the expected one.
    """

    name = "compare-and-swap-register"
    operations: ClassVar[Mapping[str, Any]] = {**Register.operations, COMPARE_AND_SWAP: tuple[Any, Any]}

    def apply(self, state: Any, operation: str, argument: Any) -> tuple[Any, Any]:
        if operation == COMPARE_AND_SWAP:
            expected, new = argument
            return (new if state == expected else state), state
        return super().apply(state, operation, argument)

    def looks(self, operation: str, argument: Any, response: Any) -> bool:
        return operation == READ or (operation == COMPARE_AND_SWAP and response != argument[0])


SPECIFICATIONS: tuple[Specification, ...] = (Register(), CompareAndSwapRegister())
