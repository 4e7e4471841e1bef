"""Regions: named arrays of registers that share one permission, and how their values go over a wire."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from .errors import NoSuchRegister, UsageError, ValueTooLarge
from .permissions import LegalChange, Permission, static

T = TypeVar("T")
Value = Any
"""What processes propose and decide: text, bytes or a number. (msgspec has no name for just these.)"""

DEFAULT_REGISTER_BYTES = 256

UNREADABLE = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
"""What decoding bytes of no sense raises."""
HEADROOM = 100
"""Levels of the stack that must be left over when a value is decoded."""
_skip = msgspec.msgpack.Decoder(msgspec.Raw).decode
_LEVELS = b"\x91" * HEADROOM  # lists of one element, one in another


class Record(msgspec.Struct, frozen=True, tag=True, array_like=True, gc=False):
    """Base of the values of registers and of messages: immutable, and decoded by declared type only.

    What can be encoded is in no cycle: there is nothing in it for the garbage collector, which does not look at it.
    """


@dataclass(frozen=True)
class Region:
    """A region of every memory of a run.

    Args:
        name: its name within the memory.
        registers: how many registers it has.
        permission: who may do what at the start.
        of: the type of a register's value: anything msgspec can decode.
        legal_change: the policy for changing the permission, evaluated on the memory's side.
        register_bytes: the most bytes that an encoded value may take.
        covers: of a region that lies over others (`view`), their names; it has no registers of its own.
    Raises:
        UsageError: no register, or no room in one.
    """

    name: str
    registers: int
    permission: Permission
    of: Any = Value
    legal_change: LegalChange = static
    register_bytes: int = DEFAULT_REGISTER_BYTES
    covers: tuple[str, ...] = ()
    decode: Any = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.registers < 1 or self.register_bytes < 1:
            raise UsageError(f"region {self.name!r} needs at least one register of at least one byte")
        object.__setattr__(self, "decode", msgspec.msgpack.Decoder(self.of).decode)

    @property
    def one_writer(self) -> bool:
        """Whether its permission lets at most one process write, whatever changes of it are made."""
        return len(self.permission.writers) < 2 and getattr(self.legal_change, "one_writer", False)

    def encode(self, value: Any) -> bytes:
        """``value`` as the bytes of a register.

        Raises:
            ValueTooLarge: it takes more than ``register_bytes``.
        """
        data = ENCODE(value)
        if len(data) > self.register_bytes:
            raise ValueTooLarge(self.name, len(data), self.register_bytes)
        return data

    def value_of(self, answer: Any) -> Any:
        """The value that was read. What no correct process can have written there counts as never written."""
        if not isinstance(answer, bytes):
            return answer
        try:
            return read(self.decode, answer)
        except UNREADABLE:
            return None

    def check_register(self, register: int) -> None:
        """Raise NoSuchRegister unless ``register`` is one of this region's."""
        if not 0 <= register < self.registers:
            raise NoSuchRegister(
                f"region {self.name!r} has registers 0 to {self.registers - 1}, there is no register {register}"
            )

    def __reduce__(self) -> tuple[Any, ...]:
        # The decoder is rebuilt where the region arrives; it does not travel.
        return Region, (
            self.name,
            self.registers,
            self.permission,
            self.of,
            self.legal_change,
            self.register_bytes,
            self.covers,
        )


def view(name: str, regions: Sequence[Region]) -> Region:
    """A region that lies over others, so that one operation reads all of them (P19, section 3: regions overlap).

    Reading it as a block gives the registers of all ``regions``, in their order, if the reader may read each of
    them. Nothing else can be done with it. Like any block read it is one operation, and atomic register by register.
    """
    return Region(
        name,
        registers=sum(region.registers for region in regions),
        permission=Permission(),
        register_bytes=max(region.register_bytes for region in regions),
        covers=tuple(region.name for region in regions),
    )


ENCODE = msgspec.msgpack.Encoder().encode


def read(decode: Callable[[bytes], T], data: bytes) -> T:
    """What ``decode`` makes of these bytes.

    Raises:
        UNREADABLE: they make no sense, or are nested so deep that what could just be decoded here could not be encoded
            or compared where the stack is a little deeper.
    """
    if len(data) > HEADROOM:
        _skip(_LEVELS + data)
    return decode(data)
