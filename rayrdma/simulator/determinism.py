"""Whether a run goes the same way again: a protocol has no clock, no randomness and no memory but what it is given."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import zip_longest

from rayrdma.model.errors import ProtocolError
from rayrdma.model.protocol import Protocol

Lines = Sequence[bytes]
"""A trace, line by line, as `rayrdma.model.trace.encode_trace` writes it; and what was wrong with the run."""
WIDTH = 120
"""What is told of an event, in characters."""


def expect_same(protocol: type[Protocol], seed: int, one: Lines, other: Lines) -> None:
    """Hold two runs of one seed against each other.

    Raises:
        ProtocolError: they went different ways; the text says from which event on.
    """
    for number, (event, instead) in enumerate(zip_longest(one, other, fillvalue=b"the end"), 1):
        if event != instead:
            raise ProtocolError(
                f"{protocol.name} does not go the same way twice: event {number} of seed {seed} was "
                f"{_short(event)} and then {_short(instead)}; it uses a clock or randomness of its own, the order of a "
                "set, or something kept from run to run; use process.rng, process.sleep and what self holds"
            )


def _short(event: bytes) -> str:
    text = event.decode()
    return text if len(text) <= WIDTH else f"{text[:WIDTH]}..."
