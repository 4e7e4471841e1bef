"""How long what is proposed may be where others have to repeat it: a liar's long value would use up their room."""

from __future__ import annotations

from typing import Any

from rayrdma.model.errors import UsageError
from rayrdma.model.regions import ENCODE

VALUE_BYTES = 256
"""The most bytes that a proposed value may take, encoded, where processes may be Byzantine and write to memory."""


def fits(value: Any, most: int = VALUE_BYTES) -> bool:
    """Whether ``value`` takes no more than ``most`` bytes."""
    return len(ENCODE(value)) <= most


def check_fits(value: Any) -> None:
    """Raise UsageError unless this may be proposed."""
    if not fits(value):
        raise UsageError(f"a proposed value of {len(ENCODE(value))} bytes is too long, {VALUE_BYTES} are the most")
