"""Agents with one mistake in them: the tests over verbs have to find each out."""

from __future__ import annotations

import pytest

from rayrdma.model.outcomes import ACK
from rayrdma.transports.verbs.agent import Revocation, VerbsMemory
from rayrdma.transports.verbs.device import GET, PUT
from rayrdma.transports.verbs.handshake import Change, Counter
from tests.verbs import test_agent as agent
from tests.verbs import test_doubt as doubt
from tests.verbs import test_keys as keys
from tests.verbs import test_moments as moments
from tests.verbs import test_overtaken as overtaken
from tests.verbs.mistakes import Mistake, hold

pytestmark = pytest.mark.verbs

Memory = VerbsMemory
FLAGS, REGISTRATION = Revocation.FLAGS, Revocation.REGISTRATION
KEEP = "self.__dict__.setdefault('kept', []).append"
"""pyverbs gives back what nobody holds any more, so a leak has to hold it."""
GAINS_FIRST = """old, part.permission = part.permission, new
    for process in new.writers:
        if not self._writing[process, name].allowed:
            self._allow(self._writing[process, name], part.memory)"""
OF_READS, OF_WRITES = "Reading(device.domain())", "Writing(device.domain())"
ONE = "device.__dict__.setdefault('one', device.domain())"
LOOKED_TWICE = """self._revoke(writing, part)
    value = part.layout.look(memory, what.register)"""

revoked = moments.test_when_the_one_gains_the_other_has_lost
stale = keys.test_a_write_with_a_key_from_before_the_revocation_is_refused
over = keys.test_keys_of_an_earlier_instance_are_refused
stolen = keys.test_a_key_of_another_process_is_of_no_use
in_doubt = doubt.test_a_write_in_place
cleared = moments.test_nobody_writes_while_a_register_is_cleared
crashed = agent.test_after_its_crash_it_answers_nobody
other_instance = agent.test_in_an_instance_that_is_over_or_to_come_nothing_is_given
not_legal = agent.test_a_change_that_is_not_legal_changes_nothing

# fmt: off
MISTAKES = [
    # Revocation
    Mistake("the flags of who loses stay",
            [(Memory._revoke, "self._set_flags(writing, NOTHING)", "pass")],
            revoked, "in place", how=FLAGS),
    Mistake("the registration of who loses stays",
            [(Memory._revoke, "writing.registration.close()", f"{KEEP}(writing.registration)")],
            stale, PUT, how=REGISTRATION),
    Mistake("the one gains before the other has lost",
            [(Memory._give, "old, part.permission = part.permission, new", GAINS_FIRST)],
            revoked, "in place"),
    Mistake("who loses the right to read alone keeps the key for swaps",
            [(Memory._give, "(process not in new.writers or reads != (process in old.readers))",
              "process not in new.writers")],
            moments.test_who_may_not_read_any_more_may_not_swap),
    Mistake("the registration for reads stays",
            [(Memory._give, "reading.registrations.pop(name).close()", f"{KEEP}(reading.registrations.pop(name))")],
            keys.test_whoever_loses_the_right_to_read_is_refused_by_the_device),
    Mistake("the key that was lost comes back with the permission",
            [(Memory._renew, "if writing.registration is not None:", "if False:")],
            stale, PUT, how=FLAGS),
    Mistake("who was stopped for a moment has its old key, until that goes",
            [(Memory._allow, "self._renew()", "pass")],
            cleared, "in place", how=FLAGS),
    # Protection domains and flags
    Mistake("all reads are in one protection domain",
            [(Memory.__init__, OF_READS, f"Reading({ONE})")],
            stolen, "open", GET),
    Mistake("all writes are in one protection domain",
            [(Memory.__init__, OF_WRITES, f"Writing({ONE})")],
            stolen, "open", PUT),
    Mistake("the writes of a process are in one protection domain",
            [(Memory.__init__, OF_WRITES, "Writing(self._reading[process].domain)")],
            revoked, "committed", how=FLAGS),
    Mistake("what is for reading can be written",
            [(Memory._connect, "access = MAY_READ", "access = MAY_READ | MAY_WRITE"),
             (Memory._give, "part.memory, MAY_READ", "part.memory, MAY_READ | MAY_WRITE")],
            keys.test_nothing_is_written_through_the_queue_pair_for_reads, PUT),
    Mistake("what is for writing can be read",
            [(Memory._connect, "access = held.access", "access = MAY_READ | held.access"),
             (Memory._allow, "memory, writing.access", "memory, MAY_READ | writing.access"),
             (Memory._allow, "(writing, writing.access", "(writing, MAY_READ | writing.access")],
            keys.test_nothing_is_read_through_the_queue_pair_for_writes),
    Mistake("a queue pair is connected once and for all",
            [(Memory._connect, "held.pair.reset()", "return held.pair.address()")],
            moments.test_with_a_permission_that_went_and_came_back_one_writes_on, "in place"),
    # Instances
    Mistake("a new instance has the old keys",
            [(Memory.reset, "self._give(name, Permission())", "pass")],
            over, "open", PUT),
    Mistake("a new instance has the old values",
            [(Memory.reset, "part.memory.bytes[:] = bytes(part.memory.size)", "pass")],
            over, "open", GET),
    Mistake("whoever asks in another instance is served",
            [(Memory._reply, "if request.instance != self._instance:", "if False:")],
            other_instance),
    Mistake("whoever asks in another instance gets the keys of this one",
            [(Memory._tell, "if request.instance == self._instance:", "if True:")],
            other_instance),
    # Requests
    Mistake("any change is legal",
            [(Memory._change, "if legal and new", "if new")],
            not_legal, Change("slots", [0, 1], [], [3])),
    Mistake("who is to gain counts as who asks",
            [(Memory._change, "legal_change(\n        process,", "legal_change(\n        *new.writers,")],
            not_legal, Change("slots", [0, 2, 3], [], [1])),
    Mistake("a permission may name whom there is not",
            [(Memory._change, "new.highest <= self._processes[-1] and ", "")],
            not_legal, Change("big", [], [], [0, 1, 2, 3, 9])),
    Mistake("whoever has no secret is p0",
            [(Counter.next, "self._secrets.get(request.secret)", "self._secrets.get(request.secret, 0)")],
            agent.test_whoever_has_no_secret_of_the_run_gets_nothing, ""),
    Mistake("whoever asks is told what a register holds",
            [(Memory._reply, " if process in self._parts[what.region].permission.readers else None", "")],
            agent.test_nobody_learns_what_it_may_not_read),
    Mistake("a request that comes twice is carried out twice",
            [(Memory._serve, "0 <= (late :=", "0 < (late :=")],
            agent.test_a_request_that_comes_twice_is_carried_out_once),
    Mistake("a request that was overtaken is carried out",
            [(Memory._serve, "- request.number) < _LIFE", "- request.number) < 1")],
            overtaken.test_a_request_that_was_overtaken_is_not_carried_out_again),
    Mistake("its agent outlives it",
            [(Memory._serve, "if self._crashed:", "if False:")],
            crashed, slow=True),
    Mistake("its device outlives it",
            [(Memory.crash, "self._drop_pairs()", "pass")],
            crashed, slow=True),
    Mistake("nobody is told which of its slots are valid",
            [(Memory._tell, "if isinstance(layout, Committed) else", "if False else")],
            moments.test_the_slot_that_is_valid_is_never_filled, 1, moments.retold),
    # What a register held
    Mistake("what a register held at a revocation is forgotten",
            [(Memory._revoke, "writing.left = key, bytes(part.memory.bytes)", "pass")],
            in_doubt, "GOES", True, ACK, "mine"),
    Mistake("what a register held is kept before the revocation is done",
            [(Memory._revoke, "writing.allowed = False", "writing.allowed, then = False, bytes(part.memory.bytes)"),
             (Memory._revoke, "key, bytes(part.memory.bytes)", "key, then")],
            moments.test_what_landed_before_the_revocation_is_remembered),
    Mistake("what a register holds now is told for what it held",
            [(Memory._recall, "memoryview(left)", "memoryview(self._parts[what.region].memory.bytes)")],
            in_doubt, "OVERWRITTEN", True, ACK, "theirs"),
    Mistake("what a register held at another time is told",
            [(Memory._recall, "key != what.key or ", "")],
            in_doubt, "RETURNS_TWICE", True, doubt.LOST, "theirs"),
    # What a register holds
    Mistake("a register is cleared while others write",
            [(Memory._settle, "self._revoke(writing, part)", "pass")],
            cleared, "in place"),
    Mistake("a register is cleared without another look",
            [(Memory._settle, LOOKED_TWICE, LOOKED_TWICE.replace("part.layout.look(memory, what.register)", "TORN"))],
            moments.test_what_landed_before_a_register_is_settled_stays),
    Mistake("who was stopped for a moment stays stopped",
            [(Memory._settle, "self._allow(writing, part.memory)", "pass")],
            cleared, "committed"),
]
HARMLESS = [
    # A device asks both, the flags of the queue pair and those of the registration.
    Mistake("the queue pair for reads lets one write, the registrations do not",
            [(Memory._connect, "access = MAY_READ", "access = MAY_READ | MAY_WRITE")],
            keys.test_nothing_is_written_through_the_queue_pair_for_reads, PUT),
    Mistake("the registrations for reads let one write, the queue pair does not",
            [(Memory._give, "part.memory, MAY_READ", "part.memory, MAY_READ | MAY_WRITE")],
            keys.test_nothing_is_written_through_the_queue_pair_for_reads, PUT),
    # Who asks to be connected is answered when the request before is done, and with it the keys of all who lost.
    Mistake("who may not write is connected as if it might",
            [(Memory._connect, "access = NOTHING", "pass")],
            stale, PUT, how=FLAGS),
]
# fmt: on


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_found(mistake: Mistake) -> None:
    with pytest.raises(AssertionError):
        mistake.find()


@pytest.mark.parametrize("how", Revocation, ids=lambda how: how.name)
def test_without_a_mistake_nothing_is_found(how: Revocation) -> None:
    hold([mistake.hunt for mistake in MISTAKES if mistake.how in (None, how)], how)


@pytest.mark.parametrize("mistake", HARMLESS, ids=str)
def test_a_harmless_one_does_no_harm(mistake: Mistake) -> None:
    with mistake.made():
        hold(
            (each.hunt for each in [mistake, *MISTAKES] if each.how in (None, mistake.how) and not each.slow),
            mistake.how,
        )
