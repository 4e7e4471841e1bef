"""Errors, by whose fault it is: the user's words, the protocol's code, or the place it runs in."""

from __future__ import annotations

from typing import Any


class RayrdmaError(Exception):
    """Base of every error that this library raises on purpose. Its text is one line for a person."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Between actors an error travels by its text, whatever its constructor takes.
        return _remake, (type(self), str(self)), self.__dict__


def _remake(kind: type[RayrdmaError], text: str) -> RayrdmaError:
    return kind.__new__(kind, text)


class UsageError(RayrdmaError, ValueError):
    """What was asked for makes no sense: an unknown name, a wrong count. Exit code 64."""


class EnvironmentProblem(RayrdmaError, RuntimeError):
    """The place lacks something: Ray, room in /dev/shm, a device. Exit code 2."""


class NoSuchRegister(UsageError):
    """A protocol names a region or a register that it did not declare."""


class ProtocolError(RayrdmaError, RuntimeError):
    """The protocol's code did what no protocol may do (decide twice, name a region that is not there)."""


class NotGivingWay(RayrdmaError, RuntimeError):
    """A step of the protocol's code took so long that it was ended: it would have stopped the whole simulation."""


class ValueTooLarge(UsageError):
    """A value does not fit its register."""

    def __init__(self, region: str, size: int, limit: int) -> None:
        super().__init__(
            f"a value of {size} bytes does not fit a register of region {region!r}, which holds {limit}; "
            f"use a smaller value or raise register_bytes (--register-bytes) to {size} or more"
        )
