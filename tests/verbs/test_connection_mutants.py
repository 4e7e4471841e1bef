"""Connections with one mistake in them: the tests over verbs have to find each out."""

from __future__ import annotations

import pytest

from rayrdma.model.outcomes import ACK, NAK
from rayrdma.transports.verbs.committed import CommittedOperations
from rayrdma.transports.verbs.device import GET
from rayrdma.transports.verbs.exchange import Exchange
from rayrdma.transports.verbs.handshake import Caller
from rayrdma.transports.verbs.in_place import InPlaceOperations, settle
from rayrdma.transports.verbs.layout import Committed
from rayrdma.transports.verbs.lines import Port, Side
from tests.parity.party import swap, write
from tests.verbs import test_doubt as doubt
from tests.verbs import test_keys as keys
from tests.verbs import test_moments as moments
from tests.verbs.mistakes import Mistake, hold
from tests.verbs.test_doubt import AND_BACK, LONG, LOST, OVERWRITE, STAYS, TAKE_AWAY

pytestmark = pytest.mark.verbs

FIRST = "first, long"
OUTCOME = "_OUTCOMES.get(found.status, UNKNOWN)"
WAS_OURS = "(doubtful and (yield from self._left(register, key)) == data)"
SWAP_WAS_OURS = "(doubtful and held == expected and (yield from self._left(register, key)) == data)"
LIST = "(request(PUT, local, signalled=False, then=swap), swap)"
BY_ITSELF = ' and (which is not None or (right == "write" and side.keys.write == unknown.key))'
UNTOLD = "if held != expected or inline_value(expected) not in (None, TORN):"

returns = moments.test_with_a_permission_that_went_and_came_back_one_writes_on
valid = moments.test_the_slot_that_is_valid_is_never_filled
halfway = moments.test_of_a_list_that_ends_halfway_nothing_is_seen
untold = moments.test_what_can_not_be_read_is_not_told_to_who_may_not_read_it
written, swapped, commit = doubt.test_a_write_in_place, doubt.test_a_swap_in_place, doubt.test_a_commit

# fmt: off
MISTAKES = [
    # What a completion means
    Mistake("a refusal is an ACK",
            [(Port.collect, OUTCOME, "_OUTCOMES.get(found.status, UNKNOWN) % 2 * 0")],
            keys.test_a_refusal_is_a_nak_and_is_counted),
    Mistake("an unknown end is an ACK",
            [(Port.collect, OUTCOME, "_OUTCOMES.get(found.status, DONE)")],
            written, "STAYS", False, ACK, "mine"),
    Mistake("an unknown end is a refusal",
            [(Port.collect, OUTCOME, "_OUTCOMES.get(found.status, REFUSED)")],
            written, "GOES", True, ACK, "mine"),
    Mistake("a refusal is a NAK, whatever the agent says",
            [(Exchange.carry_out, "if getattr(side.keys, right) == key:", "if True:")],
            returns, "in place"),
    Mistake("a refusal is not counted",
            [(Exchange.carry_out, "self.refused += 1", "pass")],
            keys.test_a_refusal_is_a_nak_and_is_counted),
    Mistake("a read that is refused has read something",
            [(Exchange, "return done == DONE", "return True")],
            keys.test_keys_of_an_earlier_instance_are_refused, "slots", GET),
    # What the agent says
    Mistake("whoever has no permission never asks again",
            [(Exchange.ready, "if not getattr(side.keys, right) or not self.current:", "if not self.current:")],
            returns, "in place"),
    Mistake("a late reply is taken for the next one",
            [(Caller.take, "if reply.number == self._number:", "if True:")],
            moments.test_a_reply_that_comes_twice_counts_once),
    Mistake("an answer from another instance counts",
            [(Exchange.current.fget, "return self._known == self._instance", "return True")],
            untold, "in place", "the instance"),
    Mistake("a register is settled for who may not read it any more",
            [(settle, "if exchange.current and side.keys.read else NAK", "if exchange.current else NAK")],
            untold, "committed", "the right to read"),
    Mistake("a register that can not be read was never written",
            [(InPlaceOperations, "return (yield from settle(exchange, side, register))", "return None")],
            moments.test_what_landed_before_a_register_is_settled_stays),
    # Instances
    Mistake("a new instance begins with the old keys",
            [(Side.empty, "self.take(NO_KEYS)", "pass")],
            moments.test_whoever_is_ahead_of_the_memory_does_nothing_there, "in place"),
    Mistake("an end from the last instance counts",
            [(Exchange.abandon, "self.port.forget(self)", "pass")],
            moments.test_an_end_from_the_last_instance_is_none_in_this_one),
    Mistake("a new instance begins with the old words",
            [(Side.empty, "self.words.clear()", "pass")],
            moments.test_a_new_instance_begins_without_doubt),
    Mistake("what was under way in the last instance goes on",
            [(Exchange.abandon, "self._line.end()", "self._line.broken = True")],
            moments.test_what_was_under_way_has_ended_with_its_instance),
    # In doubt, in place
    Mistake("what is in doubt is done once more, whatever the key",
            [(Exchange.carry_out, "raise Unknown(self.port.why, key)", "pass")],
            written, "OVERWRITTEN_RETURNS", True, ACK, "theirs"),
    Mistake("a write in doubt is done once more under a new key",
            [(InPlaceOperations._put, "if side.keys.write != key:", "if False:")],
            written, "OVERWRITTEN_RETURNS", True, ACK, "theirs"),
    Mistake("a write in doubt was done",
            [(InPlaceOperations, WAS_OURS, "doubtful")],
            written, "GOES", False, NAK, "first"),
    Mistake("a write in doubt was not done",
            [(InPlaceOperations, WAS_OURS, "False")],
            written, "GOES", True, ACK, "mine"),
    Mistake("a swap in doubt was done",
            [(InPlaceOperations, SWAP_WAS_OURS, "doubtful")],
            swapped, "GOES", False, NAK, "first"),
    Mistake("a swap in doubt was not done",
            [(InPlaceOperations, SWAP_WAS_OURS, "False")],
            swapped, "GOES", True, "first", "mine"),
    Mistake("a swap reads under one key and writes under another",
            [(Exchange.carry_out, "if pinned and first not in (0, key):", "if False:")],
            moments.test_a_swap_in_place_is_done_under_one_key),
    Mistake("a swap in doubt is told by the key that it had before it read",
            [(InPlaceOperations._compare_and_swap, "if side.keys.write != key:", "if False:")],
            moments.test_a_swap_in_doubt_is_told_by_the_key_that_it_was_posted_with),
    Mistake("a swap that fails does not ask whether it may",
            [(InPlaceOperations, "record, offset = bytes(WORD_BYTES), layout.spare", "return held")],
            doubt.test_a_swap_in_place_that_fails, True),
    # In doubt, committed
    Mistake("a swap in doubt is done once more without a look",
            [(CommittedOperations, "if expected == self._no_word:", "if True:")],
            doubt.test_a_swap_that_had_to_look_first, STAYS, FIRST, LONG),
    Mistake("a swap that changes nothing is in doubt",
            [(CommittedOperations, "if expected == self._no_word:", "if False:")],
            commit, FIRST, swap("committed", 0, "other, long", LONG), STAYS, True, FIRST, FIRST),
    Mistake("a small value that is there is ours",
            [(CommittedOperations, BY_ITSELF, "")],
            commit, None, swap("committed", 0, None, 2), STAYS, True, LOST, 2),
    Mistake("a small value that is there is ours, even if we may not write",
            [(CommittedOperations, " and side.keys.write == unknown.key", "")],
            commit, FIRST, write("committed", 0, 2), TAKE_AWAY, True, LOST, 2),
    Mistake("a small value that is there was always there",
            [(CommittedOperations, UNTOLD, "if held != expected:")],
            commit, 1, swap("committed", 0, 1, LONG), AND_BACK, True, LOST, 1),
    Mistake("a swap of small values that is in doubt is done once more",
            [(CommittedOperations, "None if outcome == DONE else outcome", "None")],
            commit, None, swap("committed", 0, None, 2), STAYS, True, LOST, 2),
    Mistake("what another wrote was there before",
            [(CommittedOperations, UNTOLD, "if False:")],
            commit, FIRST, write("committed", 0, LONG), OVERWRITE, True, LOST, "theirs, and long"),
    Mistake("what nobody touched is in doubt",
            [(CommittedOperations, UNTOLD, "if True:")],
            commit, None, write("committed", 0, LONG), STAYS, False, ACK, LONG),
    # Slots and words
    Mistake("the slot that is valid is filled",
            [(CommittedOperations, "1 - self._side.slots.get(register, 1)", "self._side.slots.get(register, 0)")],
            valid, 1, lambda two: None),
    Mistake("which slot was committed is forgotten",
            [(Side.committed, "if which is not None:", "if False:")],
            valid, 1, lambda two: None),
    Mistake("what the agent says of the slots is not heard",
            [(Side.take, "self.slots = dict(keys.slots)", "pass")],
            valid, 1, moments.renewed),
    Mistake("a word is swapped before its slot is filled",
            [(Side.put_and_swap, "swap = request(SWAP, found)", "put = request(PUT, local)"),
             (Side.put_and_swap, LIST, "(request(SWAP, found, signalled=False, then=put), put)"),
             (Side.put_and_swap, "set_target(made[0]", "set_target(made[1]"),
             (Side.put_and_swap, "set_swap(made[1]", "set_swap(made[0]")],
            halfway, write("committed", 0, LONG)),
    Mistake("a list is done with the first of its requests",
            [(Side.put_and_swap, "signalled=False, ", "")],
            halfway, swap("committed", 0, FIRST, LONG)),
    Mistake("a swap that found another word has swapped",
            [(CommittedOperations, "if held == expected:", "if True:")],
            keys.test_what_was_not_revoked_goes_on),
    Mistake("an equal value of other bytes is not swapped",
            [(CommittedOperations, " and value != expected", "")],
            moments.test_a_swap_of_small_values_meets_another_than_it_guessed),
    Mistake("a word that points to a slot is a value",
            [(CommittedOperations, "found is not TORN and ", "")],
            moments.test_a_swap_of_small_values_meets_another_than_it_guessed),
    Mistake("a slot is read whatever the word",
            [(Committed.slot_value, "return data if _sums(word, data) == (one, other) else TORN", "return data")],
            moments.test_what_is_not_committed_is_not_read),
]
HARMLESS = [
    # Its idle slot is nobody's but its own, and a swap that expects a word that there is not changes nothing.
    Mistake("a swap that only looks fills its slot",
            [(CommittedOperations, "None if guess == self._no_word else which", "which")],
            doubt.test_a_swap_that_had_to_look_first, STAYS, FIRST, LONG),
]
# fmt: on


@pytest.mark.parametrize("mistake", MISTAKES, ids=str)
def test_a_mistake_is_found(mistake: Mistake) -> None:
    with pytest.raises(AssertionError):
        mistake.find()


def test_without_a_mistake_nothing_is_found() -> None:
    hold((mistake.hunt for mistake in MISTAKES), None)


@pytest.mark.parametrize("mistake", HARMLESS, ids=str)
def test_a_harmless_one_does_no_harm(mistake: Mistake) -> None:
    with mistake.made():
        hold((each.hunt for each in [mistake, *MISTAKES] if not each.slow), mistake.how)
