"""The table of the known mistakes: whole, and in terms of what there is."""

from __future__ import annotations

import inspect
import pkgutil
from importlib import import_module
from types import ModuleType

import pytest

import rayrdma.mutants
from rayrdma.mutants import MUTANTS
from rayrdma.mutants.mutant import Mutant
from rayrdma.mutation_score import HARMLESS, MISSED, REFUTED, Score, Verdict, select
from rayrdma.protocols import PROTOCOLS
from rayrdma.simulator.explore.case import PROTOCOL

MODULES = [import_module(f"rayrdma.mutants.{module.name}") for module in pkgutil.iter_modules(rayrdma.mutants.__path__)]
TABLES = [module for module in MODULES if hasattr(module, "MUTANTS")]


def names_of_checks() -> set[str]:
    """Those that stand in the text of the checks, and that of what the explorer adds."""
    import rayrdma.checks

    folder = [
        import_module(f"rayrdma.checks.{module.name}") for module in pkgutil.iter_modules(rayrdma.checks.__path__)
    ]
    texts = [inspect.getsource(module) for module in folder]
    shown = {name for mutant in MUTANTS for name in mutant.shows}
    return {name for name in shown if any(f'"{name}"' in text for text in texts)} | {PROTOCOL}


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.__name__.rpartition(".")[2])
def test_every_table_is_part_of_the_whole(table: ModuleType) -> None:
    assert set(table.MUTANTS) <= set(MUTANTS)
    assert set(getattr(table, "HARMLESS", ())) <= set(MUTANTS)
    assert not any(mutant.harmless for mutant in table.MUTANTS)
    assert all(mutant.harmless for mutant in getattr(table, "HARMLESS", ()))


def test_names_differ() -> None:
    assert len({str(mutant) for mutant in MUTANTS}) == len(MUTANTS)


@pytest.mark.parametrize("mutant", MUTANTS, ids=str)
def test_a_mutant_is_another_protocol_held_against_the_same_checks(mutant: Mutant) -> None:
    assert PROTOCOLS[mutant.protocol.name] is mutant.protocol
    wrong = mutant.build()
    assert wrong is not mutant.protocol
    assert issubclass(wrong, mutant.protocol)
    assert wrong.name == mutant.protocol.name
    assert mutant.shows or mutant.harmless
    assert set(mutant.shows) <= names_of_checks()


def test_the_protocols_that_can_be_explored_have_mutants() -> None:
    table = {mutant.protocol.name for mutant in MUTANTS}
    assert table == {
        "paxos",
        "fast-paxos",
        "disk-paxos",
        "protected-memory-paxos",
        "aligned-paxos",
        "pbft",
        "fab",
        "cheap-quorum",
        "robust-backup-paxos",
        "preferential-paxos",
        "fast-and-robust",
    }


def test_mutants_are_chosen_by_their_protocol() -> None:
    assert select(()) == list(range(len(MUTANTS)))
    chosen = [MUTANTS[number] for number in select(("fab", "paxos"))]
    assert {mutant.protocol.name for mutant in chosen} == {"fab", "paxos"}


@pytest.mark.parametrize(("verdict", "holds"), [(HARMLESS, True), (MISSED, False), (REFUTED, False)])
def test_a_score_holds_unless_something_is_missed_or_an_argument_is_wrong(verdict: str, holds: bool) -> None:
    each = Verdict("paxos", "mutant", verdict, 1, 0.0, (), [], None)
    assert Score("1", 1, 0.0, [each]).holds == holds
