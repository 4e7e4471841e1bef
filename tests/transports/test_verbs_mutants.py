"""Layouts with one mistake in them: the tests of the layout have to find each out."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from rayrdma.model.permissions import everyone, exclusive_writer
from rayrdma.model.regions import Region
from rayrdma.mutants.mutant import mutate
from rayrdma.transports.verbs import layout

from . import test_verbs_layout as tests

RECORD = "        data = record[self.header : self.header + length - 1]\n"
SLOT = "        data = slot[self.header : self.header + length - 1]\n"
SUMS = "        return data if _sum(data) == one and _other_sum(data) == other else TORN"
SLOT_SUMS = "        return data if _sums(word, data) == (one, other) else TORN"
ALL = "        return data"

MUTANTS: list[tuple[str, str, str, Callable[..., Any]]] = [
    ("a record needs no sums", RECORD + SUMS, RECORD + ALL, tests.test_a_mix_of_two_records_is_one_of_them_or_torn),
    (
        "a slot needs no sums",
        SLOT + SLOT_SUMS,
        SLOT + ALL,
        tests.test_a_mix_of_two_slots_is_torn_or_what_its_word_stands_for,
    ),
    (
        "a length may lead anywhere",
        "        if not 0 < length <= self.limit + 1:\n            return TORN\n" + RECORD + SUMS,
        RECORD + ALL,
        tests.test_no_length_leads_beyond_a_record,
    ),
    (
        "an empty value is none",
        "return _HEADER.pack(len(data) + 1, _sum(data), _other_sum(data))\n\n    def value(",
        "return bytes(16) if not data else _HEADER.pack(len(data) + 1, _sum(data), _other_sum(data))\n\n    def value(",
        tests.test_what_was_never_written_is_told_from_an_empty_value,
    ),
    (
        "a slot serves any word",
        "return _sum(data, word & 0xFFFF_FFFF), _other_sum(data, word >> 32)",
        "return _sum(data), _other_sum(data)",
        tests.test_a_slot_is_read_by_the_word_that_points_to_it,
    ),
    (
        "a process has one slot",
        "* 2 + which) * self.stride",
        "* 2 + which * 0) * self.stride",
        tests.test_slots_lie_side_by_side_and_fill_the_region,
    ),
    (
        "processes share their slots",
        "((register * self._n + process) * 2",
        "((register * self._n + 0) * 2",
        tests.test_slots_lie_side_by_side_and_fill_the_region,
    ),
    (
        "a word may name a process that there is not",
        "points = kind & ~1 == _SLOT and process < self._n and whole_word(word)",
        "points = kind & ~1 == _SLOT and whole_word(word)",
        tests.test_a_mix_of_two_words_is_mostly_seen_and_never_leads_outside,
    ),
    (
        "a word needs no sum",
        'return not word or _check((word & 0xFFFF_FFFF_FFFF).to_bytes(6, "little"), 0) == word >> 48',
        "return True",
        tests.test_a_flipped_bit_is_seen,
    ),
    (
        "what others committed is one's own",
        "if kind & ~1 == _SLOT and owner == process:",
        "if kind & ~1 == _SLOT:",
        tests.test_each_process_is_told_which_of_its_slots_are_committed,
    ),
    (
        "which of the slots is committed, is told the wrong way round",
        "found[register] = kind & 1",
        "found[register] = 1 - (kind & 1)",
        tests.test_each_process_is_told_which_of_its_slots_are_committed,
    ),
    (
        "nothing is cleared of a record",
        "memory[start : start + self.header] = bytes(self.header)",
        "pass",
        tests.test_the_memory_itself_looks_at_the_same_records_and_can_clear_one,
    ),
]


def use(monkeypatch: pytest.MonkeyPatch, name: str, *edits: tuple[str, str]) -> dict[str, Any]:
    """Let the tests hold a layout with these edits to what they ask for."""
    mutant = mutate(layout, name, edits, {})
    for known in ("TORN", "inline_word", "inline_value", "slot_word", "whole_word", "layout_of"):
        monkeypatch.setattr(tests, known, mutant[known])
    in_place = Region("slots", 3, exclusive_writer(0, tests.N), register_bytes=tests.LIMIT)
    committed = Region("open", 3, everyone(tests.N), register_bytes=tests.LIMIT)
    monkeypatch.setattr(tests, "IN_PLACE", mutant["InPlace"](in_place))
    monkeypatch.setattr(tests, "COMMITTED", mutant["Committed"](committed, tests.N))
    monkeypatch.setattr(tests, "Committed", mutant["Committed"])
    return mutant


@pytest.mark.parametrize(("name", "snippet", "replacement", "test"), MUTANTS, ids=[mutant[0] for mutant in MUTANTS])
def test_a_mistake_is_found(
    monkeypatch: pytest.MonkeyPatch, name: str, snippet: str, replacement: str, test: Callable[..., Any]
) -> None:
    use(monkeypatch, name, (snippet, replacement))
    with pytest.raises(AssertionError):
        test()


@pytest.mark.parametrize("test", sorted({mutant[3] for mutant in MUTANTS}, key=lambda test: test.__name__))
def test_without_a_mistake_nothing_is_found(monkeypatch: pytest.MonkeyPatch, test: Callable[..., Any]) -> None:
    use(monkeypatch, "honest")
    test()


def choose(mutant: dict[str, Any]) -> None:
    """Hold the choice between the layouts to all that is asked of it."""
    choice = tests.test_in_place_where_one_writes_at_a_time_and_a_record_fits_a_packet
    for *case, expected in choice.pytestmark[0].args[1]:
        choice(*case, mutant[expected.__name__])


def test_a_choice_without_a_mistake_is_right(monkeypatch: pytest.MonkeyPatch) -> None:
    choose(use(monkeypatch, "honest"))


@pytest.mark.parametrize(
    ("snippet", "replacement"),
    [
        ("in_place = region.one_writer and InPlace.header", "in_place = InPlace.header"),
        (" and InPlace.header + region.register_bytes <= PACKET", ""),
    ],
)
def test_a_wrong_choice_of_layout_is_found(monkeypatch: pytest.MonkeyPatch, snippet: str, replacement: str) -> None:
    mutant = use(monkeypatch, "choice", (snippet, replacement))
    with pytest.raises(AssertionError):
        choose(mutant)
