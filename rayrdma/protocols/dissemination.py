"""How a decision reaches everybody: a message, relayed once by whoever learns it.

Links lose nothing, so if any process that stays alive has decided, all that stay alive decide.
"""

from __future__ import annotations

from rayrdma.model.process import Process
from rayrdma.model.regions import Record, Value


class Decision(Record, frozen=True):
    """``value`` has been decided."""

    value: Value


def decide_and_tell(process: Process, value: Value) -> None:
    """Decide, then send the decision to all others."""
    process.decide(value)
    for other in range(process.n):
        if other != process.id:
            process.send(other, Decision(value))


async def learn(process: Process) -> None:
    """Wait for somebody's decision and make it this process's own."""
    _, decision = await process.receive(Decision)
    decide_and_tell(process, decision.value)
