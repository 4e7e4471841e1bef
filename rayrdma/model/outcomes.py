"""What a memory answers: a value, ``ACK`` or ``NAK`` (P19, section 3)."""

from __future__ import annotations

import enum
from typing import Final, Literal


class Outcome(enum.Enum):
    """The answer of a memory to a write, or its refusal of any operation."""

    ACK = "ack"
    NAK = "nak"

    def __repr__(self) -> str:
        return self.name


ACK: Final = Outcome.ACK
NAK: Final = Outcome.NAK
Nak = Literal[Outcome.NAK]
