"""Where in the log of a live run its operations took effect: nobody saw it, but what was answered tells.

The processes' clocks are one clock, and an operation takes effect once, between its issue and its answer; one that was
not answered, after its issue or never. If no order of effects explains the answers by the definition of a memory, the
memory was none. Registers of a region that is read as a block are read each at an instant of its own, as on a
transport; so a block read stands where the last of them was read.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

from rayrdma.checks import checks_for
from rayrdma.checks.model import delays, registers_hold_what_was_written
from rayrdma.checks.observation import Observation, Violation
from rayrdma.model.operations import CHANGE_PERMISSION, COMPARE_AND_SWAP, NAMES, READ, READ_REGION, WRITE, Kind
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import Permission
from rayrdma.model.regions import ENCODE, Region
from rayrdma.model.trace import Event, Issued, Responded, TookEffect

NEVER = float("inf")


class State(NamedTuple):
    """Of a region, or of one register of it."""

    permission: Permission
    registers: tuple[bytes | None, ...]


@dataclass(frozen=True)
class Piece:
    """What an operation does to one region, or to one register of it.

    Attributes:
        start, end: positions in the log of its issue and of its answer.
        response: encoded; of one that was not answered it counts for nothing.
    """

    event: Issued
    start: int
    end: float
    kind: Kind
    register: int
    response: Any

    @property
    def answered(self) -> bool:
        return self.end != NEVER

    @property
    def only_looks(self) -> bool:
        """Whether, going by its answer, it changed nothing: a read, what was refused, a swap that failed."""
        if not self.answered:
            return False
        if self.kind is COMPARE_AND_SWAP and self.response != encoded(self.event.argument[0]):
            return True
        return self.response is NAK or self.kind in (READ, READ_REGION)

    def apply(self, region: Region, state: State) -> tuple[State, Any]:
        """What follows, and what the answer must be."""
        permission, registers = state
        process, argument = self.event.process, self.event.argument
        if self.kind is CHANGE_PERMISSION:
            legal = region.legal_change(process, region.name, permission, argument)
            return (State(argument, registers) if legal else state), None
        may_read, may_write = process in permission.readers, process in permission.writers
        if self.kind is READ_REGION:  # of which no register was read: that is why it is in one piece
            return state, None if may_read else NAK
        held = registers[self.register]
        if self.kind is READ:
            return state, held if may_read else NAK
        if not may_write or (self.kind is COMPARE_AND_SWAP and not may_read):
            return state, NAK
        new = argument
        if self.kind is COMPARE_AND_SWAP:
            expected, new = argument
            if held != encoded(expected):
                return state, held
        after = (*registers[: self.register], ENCODE(new), *registers[self.register + 1 :])
        return State(permission, after), ACK if self.kind is WRITE else held


def encoded(value: Any) -> Any:
    """A value as a register has it."""
    return value if value is None or value is NAK or value is ACK else ENCODE(value)


class Inexplicable(AssertionError):
    """No order of effects gives these answers."""


def explain(region: Region, state: State, pieces: Sequence[Piece]) -> list[Piece]:
    """The pieces that took effect or were refused, in an order that gives their answers.

    Wing and Gong's search (1993): whatever was answered before another one was issued comes before it. What only looks
    is never held back.

    Raises:
        Inexplicable: there is none.
    """
    hopeless: set[tuple[frozenset[int], State]] = set()

    def search(left: list[Piece], state: State) -> list[Piece] | None:
        order: list[Piece] = []
        while True:
            free = _free(left)
            quiet = [piece for piece in free if piece.only_looks and piece.apply(region, state)[1] == piece.response]
            order += quiet
            left = [piece for piece in left if piece not in quiet] if quiet else left
            if not quiet:
                break
        if not any(piece.answered for piece in left):
            return order
        key = frozenset(map(id, left)), state
        if key in hopeless:
            return None
        for piece in free:
            after, response = piece.apply(region, state)
            if response == piece.response if piece.answered else after != state:
                rest = search([other for other in left if other is not piece], after)
                if rest is not None:
                    return [*order, piece, *rest]
        hopeless.add(key)
        return None

    found = search(sorted(pieces, key=lambda piece: piece.start), state)
    if found is None:
        told = "\n".join(
            f"  {piece.start}-{piece.end}: p{piece.event.process} {NAMES[piece.kind]} [{piece.register}] "
            f"{piece.event.argument!r} -> {piece.response!r}"
            for piece in sorted(pieces, key=lambda piece: piece.start)
        )
        raise Inexplicable(f"nothing explains these answers of region {region.name!r}, {state.permission}:\n{told}")
    return found


def _free(left: list[Piece]) -> list[Piece]:
    """Which of them, in the order of their issue, may come next."""
    horizon = NEVER
    free = []
    for piece in left:
        if piece.start > horizon:
            break
        horizon = min(horizon, piece.end)
        free.append(piece)
    return [piece for piece in free if piece.start < horizon]


def with_effects(observation: Observation, regions_of: Callable[[int], Sequence[Region]]) -> Observation:
    """The observation of a live run with a trace: its log, and the effects where they may have been.

    Args:
        regions_of: of a memory, as it has them.
    Raises:
        Inexplicable: the memories did not do what memories do.
    """
    log = list(observation.log)
    answers = {
        (event.process, event.number): (position, event.response)
        for position, event in enumerate(log)
        if type(event) is Responded
    }
    places: dict[tuple[int, int], tuple[int, int]] = {}
    issued: dict[tuple[int, int], Issued] = {}
    for memory in range(observation.memories):
        regions = {region.name: region for region in regions_of(memory)}
        pieces: list[tuple[str, Piece]] = []
        for position, event in enumerate(log):
            if type(event) is Issued and event.memory == memory:
                key = event.process, event.number
                issued[key] = event
                end, response = answers.get(key, (NEVER, None))
                if regions[event.region].covers:
                    assert event.operation is READ_REGION
                    assert response is not NAK, "a view that is refused does not say by which of its regions"
                pieces += pieces_of(event, position, end, response, regions)
        for region in regions.values():
            for own in objects_of([piece for name, piece in pieces if name == region.name]):
                state = State(region.permission, (None,) * region.registers)
                now = 0
                for turn, piece in enumerate(explain(region, state, own)):
                    now = max(now, piece.start)
                    key = piece.event.process, piece.event.number
                    places[key] = max((now, turn), places.get(key, (0, 0)))
    return dataclasses.replace(observation, trace=list(_merged(log, issued, answers, places)))


def pieces_of(
    event: Issued, start: int, end: float, response: Any, regions: Mapping[str, Region]
) -> Iterator[tuple[str, Piece]]:
    """An operation by regions, a block read by registers."""
    if event.operation is not READ_REGION or response is NAK:
        yield event.region, Piece(event, start, end, event.operation, event.register, encoded(response))
    elif end != NEVER:
        values = iter(response)
        for name in regions[event.region].covers or (event.region,):
            for register in range(regions[name].registers):
                yield name, Piece(event, start, end, READ, register, encoded(next(values)))


def objects_of(pieces: list[Piece]) -> Iterator[list[Piece]]:
    """What concerns each register, if nothing concerns the permission of all."""
    if any(piece.kind is CHANGE_PERMISSION for piece in pieces):
        yield pieces
        return
    for register in {piece.register for piece in pieces}:
        yield [piece for piece in pieces if piece.register == register]


def _merged(
    log: Sequence[Event],
    issued: Mapping[tuple[int, int], Issued],
    answers: Mapping[tuple[int, int], tuple[int, Any]],
    places: Mapping[tuple[int, int], tuple[int, int]],
) -> Iterator[Event]:
    waiting = sorted(places, key=lambda key: places[key], reverse=True)
    for position, event in enumerate(log):
        yield event
        while waiting and places[waiting[-1]][0] <= position:
            key = waiting.pop()
            what = issued[key]
            response = answers[key][1] if key in answers else None if what.operation is CHANGE_PERMISSION else ACK
            yield TookEffect(
                event.time,
                what.process,
                what.memory,
                what.number,
                what.operation,
                what.region,
                what.register,
                what.argument,
                response,
            )


def violations(observation: Observation) -> list[Violation]:
    """What is wrong with a run whose effects were found, by all checks that count in no unit of the simulator's.

    That registers hold what was written is what `with_effects` found, register by register.
    """
    checks = [
        check for check in checks_for(observation.protocol) if check not in (delays, registers_hold_what_was_written)
    ]
    return [violation for check in checks if (violation := check(observation)) is not None]
