"""Values and operations of a trace in words, short enough for a drawing."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from rayrdma.model.operations import CHANGE_PERMISSION, COMPARE_AND_SWAP, NAMES, READ_REGION, Kind
from rayrdma.model.outcomes import Outcome
from rayrdma.model.permissions import Permission
from rayrdma.model.regions import Record
from rayrdma.model.signatures import Signed

BYTES_TOLD = 6
NESTED = 8
"""Levels of a value that are told: a liar may nest it as deep as it pleases."""


def tell(value: Any, most: int = 400, levels: int = NESTED) -> str:
    """A value for a person, in at most ``most`` characters; no character in it is a control character."""
    return shorten(_tell(value, levels), most)


def _tell(value: Any, levels: int) -> str:
    if value is None:
        return "-"
    if isinstance(value, Outcome):
        return value.value
    if isinstance(value, Permission):
        return f"{tell_parties(f'p{writer}' for writer in sorted(value.writers)) or 'nobody'} may write"
    if isinstance(value, bytes):
        return f"0x{value[:BYTES_TOLD].hex()}{'...' if len(value) > BYTES_TOLD else ''}"
    if isinstance(value, Record | tuple | list) and levels == 0:
        return "..."
    if isinstance(value, Signed):
        return f"{_tell(value.value, levels - 1)} signed by p{value.signer}"
    if isinstance(value, Record):
        parts = ", ".join(_tell(part, levels - 1) for part in msgspec.structs.astuple(value))
        return f"{type(value).__name__}({parts})"
    if isinstance(value, tuple | list):
        return f"[{', '.join(_tell(part, levels - 1) for part in value)}]"
    return repr(value)


def shorten(text: str, most: int) -> str:
    """``text``, or what fits of it."""
    return text if len(text) <= most else f"{text[: most - 1]}…"


def tell_parties(parties: Iterable[str]) -> str:
    """``m0, m1 and m2``."""
    listed = list(parties)
    return " and ".join(filter(None, (", ".join(listed[:-1]), *listed[-1:])))


def tell_place(operation: Kind, region: str, register: int) -> str:
    """What an operation works on: ``slots[2]``, or all of ``slots``."""
    return region if operation in (READ_REGION, CHANGE_PERMISSION) else f"{region}[{register}]"


def tell_operation(operation: Kind, region: str, register: int, argument: Any) -> list[str]:
    """An operation in words, from the longest to the shortest way to say it."""
    name = NAMES[operation]
    place = f"{name} {tell_place(operation, region, register)}"
    if operation is CHANGE_PERMISSION:
        return [f"{name} of {region}: {tell(argument, 40)}", f"{name} of {region}", name]
    if operation is COMPARE_AND_SWAP:
        return [f"{place} {tell(argument[0], 16)} → {tell(argument[1], 16)}", place, name]
    return [f"{place}: {tell(argument, 40)}", place, name] if argument is not None else [place, name]
