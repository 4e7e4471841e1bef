"""The compiled part of a batch run: what is random in it, who comes first at an object, and the hearing of messages.

*Randomness* is a hash of what is drawn: of the seed, the purpose, the phase and the process. So a draw is the same
wherever and whenever it is made, by any shard, here or from Python, and nothing has to be kept or sent.

*Hearing* is where the time goes: of n = 100,000 processes 30,000 survivors each take some 4,000 messages on behalf of
17 processes, 2 x 10^9 votes a phase. What a receiver has heard is three sets of bits, one a value, of 12.5 KB each: a
vote is a code, the number of its bit. Marking does not count. As long as the messages since the last count could not
have brought all that was missing then, none of them was the one to stop at; after that the bits are counted anew.
Only the last few messages are counted vote by vote. Messages lie at random in some megabytes, and are fetched ahead.

Numba's cache watches this file only, so every constant that the compiled code uses is defined here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numpy as np
from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

UNSURE = 2
"""The paper's '?', as in `protocols.ben_or`: votes are 0, 1 or this."""
NOBODY = 3
"""Instead of a vote: none of those who may use the object is alive, and it was never touched."""

FIRST, ARRIVAL, COIN, COMMON_COIN, INPUT, SURVIVOR = range(6)
"""What a draw is for."""

AHEAD = 16
"""Messages that are drawn, and fetched, at a time."""
NEAR = 8
"""Messages that could bring what is missing: from there on, votes are counted one by one."""

# Of 64 bits without a sign, as everything that is mixed: with a signed number Numba would make a fraction of them.
_STEP: Any = np.uint64(0x9E3779B97F4A7C15)
_ONE: Any = np.uint64(1)
_WORD: Any = np.uint64(6)
_IN_WORD: Any = np.uint64(63)
_UPPER: Any = np.uint64(32)
F = TypeVar("F", bound=Callable[..., Any])


def _kernel(signature: str) -> Callable[[F], F]:
    """Compile at import, from the cache if possible."""

    def decorate(function: F) -> F:
        try:
            return cast(F, njit(signature, cache=True, nogil=True)(function))
        except (RuntimeError, OSError):  # there is nowhere to write the cache: a read-only installation without a home
            return cast(F, njit(signature, nogil=True)(function))

    return decorate


def _helper(function: F) -> F:
    """Compile as part of the kernels that call it."""
    return cast(F, njit(function))


@cast(Callable[[Any], Callable[[Any], int]], intrinsic)
def _ones(typing: Any, word: Any) -> Any:
    """How many bits of a word are set."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.ctpop(arguments[0])

    return types.int64(types.uint64), generate


@cast(Callable[[Any], Callable[[Any, int], None]], intrinsic)
def _fetch(typing: Any, array: Any, position: Any) -> Any:
    """Bring an element of an array into the cache, and do not wait for it."""

    def generate(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        data = context.make_array(signature.args[0])(context, builder, arguments[0]).data
        address = builder.bitcast(builder.gep(data, [arguments[1]]), ir.IntType(8).as_pointer())
        number = ir.IntType(32)
        kind = ir.FunctionType(ir.VoidType(), [address.type, number, number, number])
        prefetch = cgutils.get_or_insert_function(builder.module, kind, "llvm.prefetch.p0i8")
        builder.call(prefetch, [address, number(0), number(3), number(1)])  # to read, keep it, data
        return context.get_dummy_value()

    return types.void(array, types.int64), generate


@_helper
def _mix(word: Any) -> Any:
    """The finaliser of splitmix64."""
    word = (word ^ (word >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    word = (word ^ (word >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return word ^ (word >> np.uint64(31))


@_helper
def _below(word: Any, bound: Any) -> Any:
    """A draw as a number from 0 to ``bound`` - 1, each as likely but for ``bound`` in 2^32."""
    return np.int64(((word >> _UPPER) * np.uint64(bound)) >> _UPPER)


@_kernel("uint64(int64, int64, int64, int64)")
def draw(seed: int, purpose: int, phase: int, process: int) -> int:
    """64 random bits, of this seed, for this purpose, in this phase or round, at this process."""
    word = _mix(np.uint64(seed) + _STEP)
    word = _mix((word ^ np.uint64(purpose)) + _STEP)
    word = _mix((word ^ np.uint64(phase)) + _STEP)
    drawn: int = _mix((word ^ np.uint64(process)) + _STEP)
    return drawn


@_kernel("int64(int64, int64, int64, int64)")
def first_of(seed: int, phase: int, object: int, members: int) -> int:
    """Which one of the live members of an object's neighbourhood comes first there: 0 to ``members`` - 1."""
    first: int = _below(draw(seed, FIRST, phase, object), members)
    return first


@_kernel("uint64[::1](int64, int64, int64, int32[::1])")
def draws(seed: int, purpose: int, phase: int, processes: Any) -> Any:
    """What `draw` gives for each of these processes."""
    words = np.empty(len(processes), np.uint64)
    for position in range(len(processes)):
        words[position] = draw(seed, purpose, phase, processes[position])
    return words


@_helper
def _swap(order: Any, position: int, word: Any) -> Any:
    """One step of a shuffle by Fisher and Yates, and which position the step took."""
    other = position + _below(word, len(order) - position)
    order[position], order[other] = order[other], order[position]
    return other


@_kernel("int32[::1](int64, int64, int64, int64)")
def arrivals(seed: int, phase: int, process: int, senders: int) -> Any:
    """The order in which ``senders`` messages of a phase arrive at a process."""
    order = np.arange(senders).astype(np.int32)
    state = draw(seed, ARRIVAL, phase, process)
    for position in range(senders):
        state += _STEP
        _swap(order, position, _mix(state))
    return order


@_kernel("int8[::1](int64, int64, int64, int64[::1], int32[::1], int8[::1])")
def agree(seed: int, phase: int, first: int, pointers: Any, members: Any, votes: Any) -> Any:
    """What becomes of the objects of processes ``first`` and following: the vote of whoever comes first at each.

    Args:
        pointers: where the live members of each object's neighbourhood start in ``members``.
        members: by their number among the senders.
        votes: of all senders.
    """
    agreed = np.empty(len(pointers) - 1, np.int8)
    for number in range(len(agreed)):
        live = pointers[number + 1] - pointers[number]
        if live == 0:
            agreed[number] = NOBODY
        else:
            agreed[number] = votes[members[pointers[number] + first_of(seed, phase, first + number, live)]]
    return agreed


@_helper
def _count(bits: Any) -> int:
    count = 0
    for word in bits:
        count += _ones(word)
    return count


@_kernel("void(int64, int64, int32[::1], int64[::1], int32[::1], int64, int64, int32[::1], int32[::1], int32[:,::1])")
def hear(
    seed: int,
    phase: int,
    receivers: Any,
    pointers: Any,
    codes: Any,
    words: int,
    need: int,
    taken: Any,
    represented: Any,
    counts: Any,
) -> None:
    """Let each receiver take messages in its own order, until ``need`` processes are represented or there is no more.

    Args:
        receivers: their numbers.
        pointers: where each sender's message starts in ``codes``.
        codes: the votes of all messages: on behalf of q, v is q + 64 ``words`` v.
        words: of 64 bits, to hold one for every process.
        taken: out: how many messages each receiver took.
        represented: out: how many processes they represent.
        counts: out: how many of these vote 0, 1 and `UNSURE`.
    """
    senders = len(pointers) - 1
    widest = 0
    for sender in range(senders):
        widest = max(widest, pointers[sender + 1] - pointers[sender])
    bits = np.empty(3 * words, np.uint64)
    order = np.arange(senders).astype(np.int32)
    swapped = np.empty(senders, np.int32)
    starts, ends = np.empty(AHEAD, np.int64), np.empty(AHEAD, np.int64)
    for receiver in range(len(receivers)):
        state = draw(seed, ARRIVAL, phase, receivers[receiver])
        bits[:] = 0
        count = 0
        missing = need if need > NEAR * widest else 0  # at least so many; 0: count every vote
        position = drawn = 0
        while position < senders and count < need:
            if position == drawn:
                drawn = min(senders, drawn + AHEAD)
                for ahead in range(position, drawn):
                    state += _STEP
                    swapped[ahead] = _swap(order, ahead, _mix(state))
                    start, end = pointers[order[ahead]], pointers[order[ahead] + 1]
                    starts[ahead % AHEAD], ends[ahead % AHEAD] = start, end
                    _fetch(codes, start)
                    _fetch(codes, end - 1)
            start, end = starts[position % AHEAD], ends[position % AHEAD]
            position += 1
            if missing > 0:
                for vote in range(start, end):
                    code = np.uint64(codes[vote])
                    bits[code >> _WORD] |= _ONE << (code & _IN_WORD)
                missing -= end - start
                if missing <= 0:
                    count = _count(bits)
                    missing = need - count if need - count > NEAR * widest else 0
            else:
                for vote in range(start, end):
                    code = np.uint64(codes[vote])
                    word, bit = bits[code >> _WORD], _ONE << (code & _IN_WORD)
                    count += 1 if word & bit == 0 else 0
                    bits[code >> _WORD] = word | bit
        if missing > 0:
            count = _count(bits)
        taken[receiver] = position
        union = 0
        for word in range(words):
            union += _ones(bits[word] | bits[words + word] | bits[2 * words + word])
        represented[receiver] = union
        for value in range(3):
            counts[receiver, value] = _count(bits[value * words : (value + 1) * words])
        for ahead in range(drawn - 1, -1, -1):  # the next receiver starts from the same order
            order[swapped[ahead]] = swapped[ahead]
            order[ahead] = ahead
