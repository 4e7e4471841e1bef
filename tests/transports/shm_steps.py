"""The kernels of the shm transport, one atomic step at a time, in any order that a scheduler likes.

The source of `kernels` is read, every function of it is turned into a generator that stops before each access to
bytes that others may change, and the atomics are replaced by plain ones on a byte array. So what is explored is
the shipped text, not a copy of it; a *mutant* is that text with one mistake put in. Reordering by the processor
is not modelled: the accesses happen in program order, copies word by word.
"""

from __future__ import annotations

import ast
import inspect
import random
import struct
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from types import CodeType
from typing import Any

from rayrdma.model.memory import Memory
from rayrdma.model.operations import CHANGE_PERMISSION, COMPARE_AND_SWAP, READ, WRITE, Kind
from rayrdma.model.outcomes import ACK, NAK
from rayrdma.model.permissions import Permission
from rayrdma.model.regions import Region
from rayrdma.transports.shm import kernels
from rayrdma.transports.shm.context import decode_rights, encode_record
from rayrdma.transports.shm.layout import CRASH_WORD, SegmentLayout

Steps = Generator[None, None, Any]
SOURCE = inspect.getsource(kernels)
ATOMICS = ("_load", "_peek", "_peek_byte", "_poke", "_swap", "_fence", "_copy")


class _ToGenerators(ast.NodeTransformer):
    """``f(x)`` becomes ``(yield from f(x))`` for every function of the kernels."""

    def __init__(self, names: set[str]) -> None:
        self.names = names

    def visit_Call(self, node: ast.Call) -> ast.AST:
        self.generic_visit(node)
        if isinstance(node.func, ast.Name) and node.func.id in self.names:
            return ast.YieldFrom(value=node)
        return node

    def visit_BinOp(self, node: ast.BinOp) -> ast.AST:
        """Epochs wrap around, as machine words do and Python's integers do not."""
        self.generic_visit(node)
        if isinstance(node.right, ast.Name) and node.right.id == "EPOCH_ONE":
            return ast.Call(func=ast.Name("signed", ast.Load()), args=[node], keywords=[])
        return node


@lru_cache(maxsize=64)
def compiled(source: str) -> CodeType:
    """The constants and functions of ``source``, the functions as generator functions."""
    functions, constants = [], []
    for node in ast.parse(source).body:
        if isinstance(node, ast.FunctionDef):
            names = {getattr(d, "id", getattr(getattr(d, "func", None), "id", "")) for d in node.decorator_list}
            if names & {"_helper", "_kernel"}:
                node.decorator_list = []
                node.body.append(ast.Expr(ast.Yield()))  # a generator, even if it calls nothing
                functions.append(node)
        elif isinstance(node, ast.Assign) and not any(isinstance(part, ast.Call) for part in ast.walk(node)):
            constants.append(node)
    transformer = _ToGenerators({function.name for function in functions} | set(ATOMICS))
    body: list[ast.stmt] = [*constants, *(transformer.visit(function) for function in functions)]
    module = ast.fix_missing_locations(ast.Module(body=body, type_ignores=[]))
    return compile(module, "kernels as generators", "exec")


def signed(word: int) -> int:
    return (word + (1 << 63)) % (1 << 64) - (1 << 63)


@dataclass(slots=True)
class Call:
    """One operation of a history: model operation, what came back, and when it ran (in steps)."""

    process: int
    kind: Kind | str  # or "reset", "crash", which are the owner's
    register: int = 0
    argument: Any = None
    instance: int = 0
    response: Any = None
    start: int = 0
    end: int | None = None  # None: it has not come back


class World:
    """A segment of one region, in a byte array, and the parties that run on it."""

    def __init__(self, region: Region, processes: int, source: str | None = None) -> None:
        self.region = region
        self.processes = processes
        layout = SegmentLayout.of(processes, [region])
        self.layout = layout.regions[region.name]
        self.base = layout.offsets[region.name]
        self.shared = layout.size
        self.ram = bytearray(layout.size)
        self.clock = 0
        self.history: list[Call] = []
        self.set(CRASH_WORD, -1)
        for field, value in self.layout.header(self.base).items():
            self.set(self.base + field, value)
        record = encode_record(0, region.permission, processes)
        start = self.base + kernels.REGION_HEADER
        self.ram[start : start + len(record)] = record
        self.code = self._atomics() | {"signed": signed}
        exec(compiled(source or SOURCE), self.code)

    def get(self, address: int) -> int:
        return int.from_bytes(self.ram[address : address + 8], "little", signed=True)

    def set(self, address: int, word: int) -> None:
        self.ram[address : address + 8] = word.to_bytes(8, "little", signed=True)

    def register(self, register: int) -> int:
        """The address of a register's control word."""
        return self.base + self.layout.first_register + register * self.layout.register_stride

    def _changing(self, address: int) -> bool:
        """Whether others may change what is at ``address``: only there an interleaving makes a difference."""
        return address < self.shared and not self.base + kernels.REGISTERS <= address < self.base + 128

    def _atomics(self) -> dict[str, Any]:
        def load(address: int) -> Steps:
            yield
            return self.get(address)

        def peek(address: int) -> Steps:
            if self._changing(address):
                yield
            return self.get(address)

        def peek_byte(address: int) -> Steps:
            if self._changing(address):
                yield
            return self.ram[address]

        def poke(address: int, word: int) -> Steps:
            if self._changing(address):
                yield
            self.set(address, signed(word))

        def swap(address: int, expected: int, new: int) -> Steps:
            yield
            if self.get(address) != signed(expected):
                return False
            self.set(address, signed(new))
            return True

        def fence() -> Steps:
            return
            yield

        def copy(to: int, source: int, length: int) -> Steps:
            for offset in range(0, length, 8):
                yield
                end = min(offset + 8, length)
                self.ram[to + offset : to + end] = self.ram[source + offset : source + end]

        return dict(zip(ATOMICS, (load, peek, peek_byte, poke, swap, fence, copy), strict=True))

    def context(self, process: int, instance: int = 0) -> int:
        """The context of one process; the argument is 128 bytes after it, then what is expected, then the result."""
        address = len(self.ram)
        self.ram.extend(bytes(128 * 3 + 128 * (self.layout.registers + 2)))
        fields = (
            process,
            instance,
            address + 128,
            address + 256,
            address + 384,
            self.layout.buffer_stride,
            1,
            self.base,
        )
        struct.pack_into("<8q", self.ram, address, *fields)
        return address

    # Parties: generators that record what they do.

    def party(self, calls: Sequence[Call]) -> Steps:
        """Run these calls, one after the other."""
        contexts: dict[tuple[int, int], int] = {}
        for call in calls:
            key = call.process, call.instance
            if key not in contexts:
                contexts[key] = self.context(*key)
            call.start = self.clock
            self.history.append(call)
            call.response = yield from self._run(call, contexts[key])
            if call.response == -kernels.CRASHED:
                return  # never answered, and so nothing follows
            call.end = self.clock

    def _run(self, call: Call, context: int) -> Steps:
        code, ram = self.code, self.ram
        argument = context + 128
        if call.kind == "crash":
            yield from code["crash"](CRASH_WORD, call.instance)
            return None
        if call.kind == "reset":
            ram[argument : argument + self.layout.record_stride] = encode_record(
                call.instance, self.region.permission, self.processes
            ).ljust(self.layout.record_stride, b"\0")
            while True:
                yield from code["read_permission"](context)
                if self.get(context + 384 + 8) >= call.instance:
                    return None
                yield from code["change_permission"](context, kernels.EMPTYING)
        if call.kind == WRITE:
            ram[argument : argument + len(call.argument)] = call.argument
            outcome = yield from code["write"](context, call.register, len(call.argument))
            return {kernels.DONE: ACK, kernels.REFUSED: NAK, kernels.CRASHED: -kernels.CRASHED}[outcome]
        if call.kind == READ:
            length = yield from code["read"](context, call.register)
            return self._value(length, context)
        if call.kind == COMPARE_AND_SWAP:
            expected, new = call.argument
            ram[argument : argument + len(new)] = new
            ram[context + 256 : context + 256 + len(expected or b"")] = expected or b""
            expected_length = -kernels.NEVER_WRITTEN if expected is None else len(expected)
            length = yield from code["compare_and_swap"](context, call.register, expected_length, len(new))
            return self._value(length, context)
        while True:
            outcome = yield from code["read_permission"](context)
            if outcome != kernels.DONE:
                break
            start = context + 384 + 8 + kernels.RIGHTS
            old = decode_rights(bytes(ram[start : start + self.processes]))
            if not self.region.legal_change(call.process, self.region.name, old, call.argument):
                break
            ram[argument : argument + self.layout.record_stride] = encode_record(
                call.instance, call.argument, self.processes
            ).ljust(self.layout.record_stride, b"\0")
            outcome = yield from code["change_permission"](context, kernels.MOVING)
            if outcome != kernels.OVERTAKEN:
                break
        return -kernels.CRASHED if outcome == kernels.CRASHED else None

    def _value(self, length: int, context: int) -> Any:
        if length < 0:
            return {-kernels.NEVER_WRITTEN: None, -kernels.REFUSED: NAK, -kernels.CRASHED: -kernels.CRASHED}[length]
        return bytes(self.ram[context + 384 : context + 384 + length])

    # Schedules

    def run(self, parties: Sequence[Steps], schedule: Iterator[int], limit: int = 20_000) -> None:
        """Let the scheduler choose who takes the next step, until all who still may are through.

        ``schedule`` gives indices into the parties that are left, or -1 - i: kill party i here.

        Raises:
            AssertionError: no end after ``limit`` steps.
        """
        alive = list(parties)
        while alive:
            choice = next(schedule)
            self.clock += 1
            assert self.clock < limit, f"no end after {limit} steps: somebody waits for somebody"
            if choice < 0:
                del alive[(-1 - choice) % len(alive)]
                continue
            position = choice % len(alive)
            try:
                next(alive[position])
            except StopIteration:
                del alive[position]


def random_schedule(rng: random.Random, kill: float) -> Iterator[int]:
    """Bursts of random length, now and then a kill."""
    while True:
        who = rng.randrange(1_000)
        for _ in range(rng.choice((1, 1, 2, 3, 5, 8, 13, 40, 100))):
            yield who
        if rng.random() < kill:
            yield -1 - who


# Judgement: is there an order of effects that the model's own memory would have answered in the same way?


class _State:
    """The model's memory, with the instance and the crash of this transport around it."""

    def __init__(self, region: Region) -> None:
        self.region = region
        self.instance = 0
        self.crashed = -1
        self.memory = Memory([region])

    def copy(self) -> _State:
        other = _State(self.region)
        other.instance, other.crashed = self.instance, self.crashed
        mine, its = self.memory.regions[self.region.name], other.memory.regions[self.region.name]
        its.permission, its.registers = mine.permission, list(mine.registers)
        return other

    def key(self) -> tuple[Any, ...]:
        state = self.memory.regions[self.region.name]
        return self.instance, self.crashed, state.permission, tuple(state.registers)

    def apply(self, call: Call) -> Any:
        if call.kind == "reset":
            if call.instance > self.instance:
                self.instance = call.instance
                self.memory = Memory([self.region])
            return None
        if call.kind == "crash":
            self.crashed = call.instance
            return None
        assert isinstance(call.kind, Kind)
        if call.instance <= self.crashed:
            return -kernels.CRASHED
        if call.instance != self.instance:
            return None if call.kind == CHANGE_PERMISSION else NAK
        return self.memory.apply(call.process, call.kind, self.region.name, call.register, call.argument)


def linearizable(region: Region, history: Sequence[Call]) -> bool:
    """Whether some order of effects, each between its call's start and end, explains every response.

    A call that has not come back may have taken effect at any time after its start, or never.
    """
    seen: set[tuple[Any, ...]] = set()

    def search(state: _State, left: frozenset[int]) -> bool:
        pending = [i for i in left if history[i].end is None]
        if len(pending) == len(left):
            return True
        key = (state.key(), left)
        if key in seen:
            return False
        seen.add(key)
        first_end = min(end for i in left if (end := history[i].end) is not None)
        for i in sorted(left):
            call = history[i]
            if call.start >= first_end:
                continue
            after = state.copy()
            response = after.apply(call)
            if (call.end is None or response == call.response) and search(after, left - {i}):
                return True
        return False

    return search(_State(region), frozenset(range(len(history))))


def permission_of(writers: Sequence[int], processes: int) -> Permission:
    """Everybody reads, these also write."""
    return Permission(read=(p for p in range(processes) if p not in writers), readwrite=writers)
