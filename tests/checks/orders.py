"""Linearizability by its definition: tries every order; and histories to be tried, drawn at random."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from rayrdma.checks.history import FAIL, OK, UNKNOWN, History, Operation
from rayrdma.checks.specifications import COMPARE_AND_SWAP, READ, WRITE, CompareAndSwapRegister

NEVER = float("inf")


def explicable(operations: Sequence[Operation]) -> bool:
    """Whether some order of some of the operations on each register is an explanation.

    All that are ok are in it, none that failed, and of those whose outcome is unknown any. Whatever responded before
    another one was invoked comes before it.
    """
    present = [operation for operation in operations if operation.outcome is not FAIL]
    keys = {operation.key for operation in present}
    return all(_continues([operation for operation in present if operation.key == key], None) for key in keys)


def _continues(left: list[Operation], value: Any) -> bool:
    if all(operation.outcome is UNKNOWN for operation in left):
        return True
    for operation in left:
        others = [other for other in left if other is not operation]
        if any(other.outcome is OK and (other.responded or 0) < operation.invoked for other in others):
            continue
        after, response = carried_out(value, operation.operation, operation.argument)
        if operation.outcome is OK and operation.response != response:
            continue
        if _continues(others, after):
            return True
    return False


def carried_out(value: Any, operation: str, argument: Any) -> tuple[Any, Any]:
    """The register's value after an operation, and the response."""
    if operation == READ:
        return value, value
    if operation == WRITE:
        return argument, None
    expected, new = argument
    return (new if value == expected else value), value


def drawn(
    rng: random.Random,
    operations: int,
    *,
    clients: int = 4,
    values: int = 3,
    keys: int = 1,
    kinds: Sequence[str] = (READ, WRITE, COMPARE_AND_SWAP),
    lies: float = 0.0,
    failures: float = 0.1,
    doubts: float = 0.1,
    fresh: bool = False,
) -> History:
    """What clients see who work on registers at the same time.

    Args:
        values: how many there are; with ``fresh`` every write has one of its own.
        lies: the probability that a response is any value, whatever it should be.
        failures, doubts: the probabilities that an operation fails, or that its outcome is unknown. Half of the
            unknown ones take effect, some of them much later.
    """
    history = History(CompareAndSwapRegister())
    registers: list[Any] = [None] * keys
    under_way: dict[int, tuple[int, str, Any]] = {}
    done: dict[int, Any] = {}
    late: list[tuple[int, str, Any]] = []

    def take_effect(key: int, kind: str, argument: Any) -> Any:
        registers[key], response = carried_out(registers[key], kind, argument)
        return response

    begun = 0
    present = list(range(clients))
    while begun < operations or under_way:
        if late and rng.random() < 0.2:
            take_effect(*late.pop(rng.randrange(len(late))))
        client = rng.choice(present)
        if client not in under_way:
            if begun < operations:
                begun += 1
                kind, key = rng.choice(kinds), rng.randrange(keys)
                value, other = begun if fresh else rng.randrange(values), rng.randrange(values)
                expected = registers[key] if rng.random() < 0.5 else other
                argument: Any = {READ: None, WRITE: value, COMPARE_AND_SWAP: (expected, value)}[kind]
                history.invoke(client, key, kind, argument)
                under_way[client] = key, kind, argument
        elif client in done:
            response = done.pop(client)
            del under_way[client]
            history.ok(client, rng.choice([None, *range(values)]) if rng.random() < lies else response)
        elif rng.random() < failures:
            del under_way[client]
            history.fail(client)
        elif rng.random() < doubts:
            what = under_way.pop(client)
            if rng.random() < 0.5:
                late.append(what)
            if rng.random() < 0.5:
                history.unknown(client)
            else:  # it is never heard of again, and another one takes its place
                present[present.index(client)] = clients
                clients += 1
        else:
            done[client] = take_effect(*under_way[client])
    return history
