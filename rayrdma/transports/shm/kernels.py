"""Memory operations on shared memory: atomic, revocable, and without locks.

Theory of operation. A *segment* (one file, mapped by every process of a host) is one memory of the model. No
code runs "at the memory": every party runs the functions below on the same bytes, and they agree through two
kinds of 64-bit words that change by compare-and-swap alone (all atomics are sequentially consistent).

    control word, one a register:     epoch (40 bits) | sequence (12) | slot (12)
    permission word, one a region:    epoch (40 bits) | state    (12) | slot (12)

*Registers.* Every process owns two buffers of every register, numbered by slots: process p has 2p+1 and 2p+2,
and slot 0 is "never written". The control word names the buffer that holds the register's value. To write, p
fills the one of its two buffers that is not named (it can not become named meanwhile, for only p names p's
buffers) and then swaps the control word, which is the instant of effect. To read, copy the named buffer, then
look at the control word again: unchanged means that the buffer was not touched, for its owner refills it only
after the control word has moved on. So a register is never torn, and whoever is stopped or killed while it
copies holds nobody up: its half-filled buffer is named by nothing.

*Permissions.* A permission record holds the number of the protocol instance and one byte of rights a process.
Each process owns two records as it owns two buffers; slot 0 is the permission at the start, and the memory's
owner, who opens new instances, has the slots after those of the last process. The permission word names the
record in force. It is *settled* or it is *moving* to a new epoch:

    1. The changer evaluates the legal-change policy on the record in force and fills its idle record.
    2. It swaps the permission word from (e, settled, old) to (e+1, moving, new). If somebody else was faster, it
       starts again, with the policy as well.
    3. It swaps every control word of the region from epoch e to e+1, slot kept, sequence 0.
    4. It swaps the permission word from (e+1, moving, new) to (e+1, settled, new). Here the change takes effect.

An operation first brings the permission word to rest: **whoever** meets a moving word does steps 3 and 4 itself,
so that a changer who is killed or stopped blocks nobody. Then it checks its rights in the record, reads the
permission word again (the record was the one in force, and whole), and works on a control word *of that epoch*;
any other epoch sends it back to the start.

*Why revocation is a barrier.* An operation of epoch e takes effect on a control word of epoch e: a write by
swapping it, a read by finding it unchanged after its copy. The settling of e+1 (step 4) comes after every
control word of the region has left e, and none comes back. So all effects of epoch e precede it. An operation of
e+1 has seen e+1 settled, so all its effects follow it. Permission changes only there; therefore it is checked at
the instant of effect, and a stale writer, whenever it wakes up, fails its swap, looks at the permission again
and returns NAK with no effect. Between steps 2 and 4 the old permission is in force.
A block read takes each register at its own instant, all in one epoch, hence all under one permission.

*Why a late helper does no harm.* In step 3 it swaps (e, ...) for (e+1, ...), in step 4 (e+1, moving, s) for
(e+1, settled, s). Once those are past they never come back, so its swaps fail.

*Instances.* A new instance of a protocol on the same segment is a permission change by the memory's owner, with
the new number in the record and the state *emptying*: step 3 then also sets the slot to "never written". So it
is one atomic, helped, kill-safe step, and an operation of an earlier (or later) instance finds another number
than its own in the record: NAK, no effect. Regions go over one after the other; start the new instance after.

*Crashes of a memory.* The crash word holds the last instance in which this memory crashed (-1: never). Every
operation looks at it after its effect and before it answers. So an answer was given for an effect before the crash,
and a write that slips in later is seen by nobody: no read that could see it answers. The word is never reset: the
next instance has a higher number.

*Progress.* A swap fails only because another party's succeeded, and nobody ever waits. A process can delay a
permission change by one write at most (its next operation meets the moving word, and helps); writers of different
registers do not delay each other at all. A reader starts again only when the register was written meanwhile.

*Wrap-around.* No word may come back to an earlier value while somebody sleeps between reading and swapping it.
Sequences do not wrap: a writer that meets the last of the 4,096 of an epoch first moves the region to a new
epoch, with the permission record unchanged. The epochs wrap after 2**40, about 10**12, changes: a process would have
to be stopped between two given instructions for exactly that many, more than 15 hours of nothing but permission
changes at 50 ns each. 12 bits of slot allow 2,046 processes and the owner.

*What is assumed.* A process number is used by one operating-system process at a time (the kernels hold the GIL, so
its threads may share it). Any party can scribble over the bytes if it wants to: this isolates crashes, bugs
and injected Byzantine behaviour, not hostile native code of the same user.

Numba's cache watches this file only, so every constant that the compiled code uses is defined here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar, cast

from llvmlite import ir
from numba import njit, types
from numba.core import cgutils
from numba.extending import intrinsic

# Control and permission words.
SLOT_MASK = 0xFFF
SEQUENCE_MASK = 0xFFF000
SEQUENCE_ONE = 0x1000
STATE_MASK = 0xFFF000  # 0: settled
MOVING = 0x1000
EMPTYING = 0x2000
EPOCH_MASK = -0x1000000
EPOCH_ONE = 0x1000000

# Fields of a region, in bytes from its start. The permission word has a cache line of its own.
PERMISSION = 0
REGISTERS = 64
BUFFER_STRIDE = 72
REGISTER_STRIDE = 80
FIRST_REGISTER = 88
RECORD_STRIDE = 96
FIRST_RECORD = 104
CRASH_WORD = 112  # these three: where it is, from the start of the region
REGION_HEADER = 128

# A register is its control word, in a cache line of its own, and then its buffers; a buffer is a length and a payload.
FIRST_BUFFER = 64
BUFFER_HEADER = 8

# A permission record is the number of the instance and then one byte of rights a process.
RIGHTS = 8
READ = 1
WRITE = 2
READ_WRITE = READ | WRITE

# Fields of a context: who operates, and on what. It lies in memory of the process that operates.
PROCESS = 0
INSTANCE = 8
ARGUMENT = 16  # the address of the bytes to write
EXPECTED = 24  # the address of the bytes that a compare-and-swap expects
RESULT = 32  # the address where what was read goes
RESULT_STRIDE = 40
MEMORIES = 48
REGIONS = 56  # the address of the region in each of the memories
CONTEXT_HEADER = 56

# Outcomes. Functions that return a length return these negated.
DONE = 0
NEVER_WRITTEN = 1
REFUSED = 2
CRASHED = 3
OUTCOME_BITS = 2
MAX_BATCH = 31
OVERTAKEN = 1  # of a permission change: somebody else's came first
_STALE = -4

_WORD = ir.IntType(64)
_BYTE = ir.IntType(8)
F = TypeVar("F", bound=Callable[..., Any])


def _kernel(signature: str) -> Callable[[F], F]:
    """Compile at import, from the cache if possible: no call in a protocol ever waits for the compiler."""

    def decorate(function: F) -> F:
        try:
            return cast(F, njit(signature, cache=True)(function))
        except (RuntimeError, OSError):  # there is nowhere to write the cache: a read-only installation without a home
            return cast(F, njit(signature)(function))

    return decorate


def _helper(function: F) -> F:
    """Compile as part of the kernels that call it."""
    return cast(F, njit(function))


def _atomic(generator: Callable[..., Any]) -> Callable[..., int]:
    """An instruction that Python has no word for."""
    return cast(Callable[..., int], intrinsic(generator))


@_atomic
def _load(typing: Any, address: Any) -> Any:
    """The word at ``address``, in the one order of all atomics."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(arguments[0], _WORD.as_pointer()), "seq_cst", 8)

    return types.int64(types.int64), generate


@_atomic
def _peek(typing: Any, address: Any) -> Any:
    """The word at ``address``, whole, in no particular order."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        return builder.load_atomic(builder.inttoptr(arguments[0], _WORD.as_pointer()), "monotonic", 8)

    return types.int64(types.int64), generate


@_atomic
def _peek_byte(typing: Any, address: Any) -> Any:
    """The byte at ``address``, in no particular order."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        byte = builder.load_atomic(builder.inttoptr(arguments[0], _BYTE.as_pointer()), "monotonic", 1)
        return builder.zext(byte, _WORD)

    return types.int64(types.int64), generate


@_atomic
def _poke(typing: Any, address: Any, word: Any) -> Any:
    """Set the word at ``address``, whole, in no particular order."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], _WORD.as_pointer())
        builder.store_atomic(arguments[1], pointer, "monotonic", 8)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate


@_atomic
def _swap(typing: Any, address: Any, expected: Any, new: Any) -> Any:
    """Compare-and-swap of the word at ``address``, in the one order of all atomics: whether it took place."""

    def generate(_context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        pointer = builder.inttoptr(arguments[0], _WORD.as_pointer())
        outcome = builder.cmpxchg(pointer, arguments[1], arguments[2], "seq_cst", "seq_cst")
        return builder.extract_value(outcome, 1)

    return types.boolean(types.int64, types.int64, types.int64), generate


@_atomic
def _fence(typing: Any) -> Any:
    """What stands before it happens before what stands after it (costs nothing on x86, ``dmb ish`` on ARM)."""

    def generate(context: Any, builder: Any, _signature: Any, _arguments: Any) -> Any:
        builder.fence("acq_rel")
        return context.get_dummy_value()

    return types.void(), generate


@_atomic
def _copy(typing: Any, to: Any, source: Any, length: Any) -> Any:
    """Copy bytes. The source may change meanwhile; the caller finds out."""

    def generate(context: Any, builder: Any, _signature: Any, arguments: Any) -> Any:
        to, source = (builder.inttoptr(address, _BYTE.as_pointer()) for address in arguments[:2])
        cgutils.raw_memcpy(builder, to, source, arguments[2], 1)
        return context.get_dummy_value()

    return types.void(types.int64, types.int64, types.int64), generate


@_helper
def _settle(region: int, moving: int) -> None:
    """Finish the change of permission that the word ``moving`` announces: steps 3 and 4."""
    target = moving & EPOCH_MASK
    left = target - EPOCH_ONE
    keep = 0 if moving & STATE_MASK == EMPTYING else SLOT_MASK
    stride = _peek(region + REGISTER_STRIDE)
    register = region + _peek(region + FIRST_REGISTER)
    for _ in range(_peek(region + REGISTERS)):
        control = _load(register)
        while control & EPOCH_MASK == left and not _swap(register, control, target | (control & keep)):
            control = _load(register)
        register += stride
    _swap(region + PERMISSION, moving, moving & ~STATE_MASK)


@_helper
def _authority(region: int, process: int, instance: int) -> tuple[int, int]:
    """The permission word, settled, and the rights that the record it names gives to this process."""
    while True:
        permission = _load(region + PERMISSION)
        if permission & STATE_MASK != 0:
            _settle(region, permission)
            continue
        record = region + _peek(region + FIRST_RECORD) + (permission & SLOT_MASK) * _peek(region + RECORD_STRIDE)
        rights = 0
        if _peek(record) == instance:
            rights = _peek_byte(record + RIGHTS + process)
        _fence()
        if _load(region + PERMISSION) == permission:
            return permission, rights


@_helper
def _locate(region: int, register: int) -> int:
    """The address of a register."""
    return region + _peek(region + FIRST_REGISTER) + register * _peek(region + REGISTER_STRIDE)


@_helper
def _buffer(region: int, register: int, slot: int) -> int:
    """The address of a buffer of the register at address ``register``."""
    return register + FIRST_BUFFER + (slot - 1) * _peek(region + BUFFER_STRIDE)


@_helper
def _idle(process: int, word: int) -> int:
    """The one of this process's two slots that ``word`` does not name."""
    slot = 2 * process + 1
    if word & SLOT_MASK == slot:
        slot += 1
    return slot


@_helper
def _commit(region: int, permission: int, register: int, control: int, process: int, source: int, length: int) -> bool:
    """Write if the control word is still ``control``: whether it was."""
    if control & SEQUENCE_MASK == SEQUENCE_MASK:
        renewed = ((permission & EPOCH_MASK) + EPOCH_ONE) | MOVING | (permission & SLOT_MASK)
        _swap(region + PERMISSION, permission, renewed)
        return False
    slot = _idle(process, control)
    buffer = _buffer(region, register, slot)
    _fence()  # what names another buffer was seen before this one is overwritten
    _poke(buffer, length)
    _copy(buffer + BUFFER_HEADER, source, length)
    return bool(_swap(register, control, ((control & ~SLOT_MASK) + SEQUENCE_ONE) | slot))


@_helper
def _fetch(region: int, register: int, control: int, to: int) -> int:
    """Copy out the value that ``control`` names: its length, or -NEVER_WRITTEN, or _STALE if it names no longer."""
    slot = control & SLOT_MASK
    if slot == 0:
        return -NEVER_WRITTEN
    buffer = _buffer(region, register, slot)
    length = _peek(buffer)
    _copy(to, buffer + BUFFER_HEADER, length)
    _fence()  # the copy was complete before the control word is looked at again
    if _load(register) != control:
        return _STALE
    return length


@_helper
def _alive(region: int, instance: int) -> bool:
    """Whether this memory may still answer. To be asked after the effect."""
    return bool(_load(region + _peek(region + CRASH_WORD)) < instance)


@_helper
def _write_one(region: int, process: int, instance: int, register: int, source: int, length: int) -> int:
    if register < 0 or register >= _peek(region + REGISTERS):
        return REFUSED
    address = _locate(region, register)
    while True:
        permission, rights = _authority(region, process, instance)
        if rights & WRITE == 0:
            return REFUSED
        control = _load(address)
        if (control ^ permission) & EPOCH_MASK != 0:
            continue
        if _commit(region, permission, address, control, process, source, length):
            return DONE


@_kernel("int64(int64, int64, int64)")
def write(context: int, register: int, length: int) -> int:
    """Write the argument's first ``length`` bytes to one register of every memory of the context.

    Returns:
        The outcomes (DONE, REFUSED or CRASHED), OUTCOME_BITS each, memory 0 lowest: 0 if all were done.
    """
    process = _peek(context + PROCESS)
    instance = _peek(context + INSTANCE)
    source = _peek(context + ARGUMENT)
    outcomes = 0
    for memory in range(_peek(context + MEMORIES)):
        region = _peek(context + REGIONS + 8 * memory)
        outcome = _write_one(region, process, instance, register, source, length)
        if not _alive(region, instance):
            outcome = CRASHED
        outcomes |= outcome << (OUTCOME_BITS * memory)
    return outcomes


@_helper
def _read_one(region: int, process: int, instance: int, register: int, to: int) -> int:
    if register < 0 or register >= _peek(region + REGISTERS):
        return -REFUSED
    address = _locate(region, register)
    while True:
        permission, rights = _authority(region, process, instance)
        if rights & READ == 0:
            return -REFUSED
        control = _load(address)
        if (control ^ permission) & EPOCH_MASK != 0:
            continue
        length = _fetch(region, address, control, to)
        if length != _STALE:
            return length


@_kernel("int64(int64, int64)")
def read(context: int, register: int) -> int:
    """Read one register of the context's first memory into the result.

    Returns:
        The length of its value, or -NEVER_WRITTEN, -REFUSED, -CRASHED.
    """
    region = _peek(context + REGIONS)
    instance = _peek(context + INSTANCE)
    length = _read_one(region, _peek(context + PROCESS), instance, register, _peek(context + RESULT))
    if not _alive(region, instance):
        return -CRASHED
    return length


@_helper
def _read_all(region: int, process: int, instance: int, result: int, stride: int) -> int:
    registers = _peek(region + REGISTERS)
    while True:
        permission, rights = _authority(region, process, instance)
        if rights & READ == 0:
            return -REFUSED
        register = 0
        while register < registers:
            address = _locate(region, register)
            control = _load(address)
            if (control ^ permission) & EPOCH_MASK != 0:
                break
            length = _fetch(region, address, control, result + 8 * registers + register * stride)
            if length != _STALE:
                _poke(result + 8 * register, length)
                register += 1
        if register == registers:
            return DONE


@_kernel("int64(int64)")
def read_region(context: int) -> int:
    """Read all registers of the context's first memory into the result: their lengths, then their values.

    Returns:
        DONE, -REFUSED or -CRASHED. A length is as `read` returns it.
    """
    region = _peek(context + REGIONS)
    instance = _peek(context + INSTANCE)
    result = _peek(context + RESULT)
    outcome = _read_all(region, _peek(context + PROCESS), instance, result, _peek(context + RESULT_STRIDE))
    if not _alive(region, instance):
        return -CRASHED
    return outcome


@_helper
def _same(one: int, other: int, length: int) -> bool:
    for offset in range(length):  # noqa: SIM110 (what Numba can compile)
        if _peek_byte(one + offset) != _peek_byte(other + offset):
            return False
    return True


@_helper
def _swap_one(context: int, region: int, instance: int, register: int, expected_length: int, length: int) -> int:
    if register < 0 or register >= _peek(region + REGISTERS):
        return -REFUSED
    address = _locate(region, register)
    process = _peek(context + PROCESS)
    result = _peek(context + RESULT)
    while True:
        permission, rights = _authority(region, process, instance)
        if rights != READ_WRITE:
            return -REFUSED
        control = _load(address)
        if (control ^ permission) & EPOCH_MASK != 0:
            continue
        old_length = _fetch(region, address, control, result)
        if old_length == _STALE:
            continue
        if old_length != expected_length or not _same(result, _peek(context + EXPECTED), old_length):
            return old_length
        if _commit(region, permission, address, control, process, _peek(context + ARGUMENT), length):
            return old_length


@_kernel("int64(int64, int64, int64, int64)")
def compare_and_swap(context: int, register: int, expected_length: int, length: int) -> int:
    """Write the argument if the register holds the expected bytes (-NEVER_WRITTEN: nothing); old value in the result.

    Returns:
        The length of the old value, or -NEVER_WRITTEN, -REFUSED, -CRASHED. It took place if old equals expected.
    """
    region = _peek(context + REGIONS)
    instance = _peek(context + INSTANCE)
    old_length = _swap_one(context, region, instance, register, expected_length, length)
    if not _alive(region, instance):
        return -CRASHED
    return old_length


@_kernel("int64(int64)")
def read_permission(context: int) -> int:
    """Read the permission word, settled, and the record that it names into the result: for step 1 of a change.

    Returns:
        DONE, REFUSED (the record is of another instance; it is in the result all the same) or CRASHED.
    """
    region = _peek(context + REGIONS)
    result = _peek(context + RESULT)
    instance = _peek(context + INSTANCE)
    stride = _peek(region + RECORD_STRIDE)
    while True:
        permission = _authority(region, 0, instance)[0]
        _copy(result + 8, region + _peek(region + FIRST_RECORD) + (permission & SLOT_MASK) * stride, stride)
        _fence()
        if _load(region + PERMISSION) == permission:
            break
    _poke(result, permission)
    if not _alive(region, instance):
        return CRASHED
    return DONE if _peek(result + 8) == instance else REFUSED


@_kernel("int64(int64, int64)")
def change_permission(context: int, state: int) -> int:
    """Put the record in the argument in force if the permission word is still the one in the result: steps 2 to 4.

    ``state`` is MOVING, or EMPTYING to empty all registers as well.

    Returns:
        DONE, OVERTAKEN or CRASHED.
    """
    region = _peek(context + REGIONS)
    permission = _peek(_peek(context + RESULT))
    outcome = OVERTAKEN
    if _load(region + PERMISSION) == permission:  # else our record that looks idle may be the one in force
        slot = _idle(_peek(context + PROCESS), permission)
        stride = _peek(region + RECORD_STRIDE)
        _fence()
        _copy(region + _peek(region + FIRST_RECORD) + slot * stride, _peek(context + ARGUMENT), stride)
        moving = ((permission & EPOCH_MASK) + EPOCH_ONE) | state | slot
        if _swap(region + PERMISSION, permission, moving):
            _settle(region, moving)
            outcome = DONE
    return outcome if _alive(region, _peek(context + INSTANCE)) else CRASHED


@_kernel("void(int64, int64)")
def crash(crash_word: int, instance: int) -> None:
    """From now on no operation of this instance or an earlier one is answered."""
    last = _load(crash_word)
    while last < instance and not _swap(crash_word, last, instance):
        last = _load(crash_word)
