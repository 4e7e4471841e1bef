"""Whose answers a decision counted, told from a trace."""

from __future__ import annotations

import re
from collections.abc import Sequence

import pytest

from rayrdma.model.operations import CHANGE_PERMISSION
from rayrdma.model.outcomes import ACK
from rayrdma.model.trace import Decided, Delivered, Event, Issued, Responded
from rayrdma.mutants.disk_paxos import MUTANTS as DISK_PAXOS
from rayrdma.mutants.mutant import Mutant
from rayrdma.mutants.paxos import MUTANTS as MESSAGE_PAXOS
from rayrdma.mutants.protected_memory_paxos import MUTANTS as PROTECTED_MEMORY_PAXOS
from rayrdma.protocols import PROTOCOLS
from rayrdma.results.diagram import page
from rayrdma.results.diagram.quorums import Trace, disagreement
from tests.fuzz import Run, run
from tests.results.test_diagram import laid_out
from tests.scripted import Scripted


def sentences(of: Run) -> list[str]:
    return [str(each) for each in Trace(of.kernel.trace or (), live=False).deciding()]


@pytest.mark.parametrize(
    ("protocol", "first", "second"),
    [
        ("protected-memory-paxos", "m0 and m1 had answered its write of slots[0].", "told it."),
        ("disk-paxos", "m0 and m1 had answered its read of blocks.", "told it."),
        ("paxos", "p0 and p1 had sent it Accepted(1).", "told it."),
        ("cheap-quorum", "m0 and m1 had answered its write of leaders-value[0].", "answered its read of everything."),
        ("pbft", "p0, p1 and p2 had sent it a Vote of the same phase.", "Vote of the same phase."),
    ],
)
def test_the_quorum_of_each_decision_is_told(protocol: str, first: str, second: str) -> None:
    of = PROTOCOLS[protocol]
    played = run(of, of.usual_processes, 3 if of.needs_memories else 0, 0, by=Scripted(stabilises=0))
    told = sentences(played)
    assert len(told) == of.usual_processes
    assert told[0].startswith("p0 decided 'v0' after ")
    assert told[0].endswith(first)
    assert told[1].endswith(second)


@pytest.mark.parametrize(
    ("protocol", "quorum"),
    [
        ("protected-memory-paxos", 2),
        ("disk-paxos", 2),
        ("paxos", 2),
        ("aligned-paxos", 4),
        ("cheap-quorum", 2),
        ("pbft", 3),
    ],
)
def test_whatever_the_schedule_exactly_a_quorum_is_counted(protocol: str, quorum: int) -> None:
    of = PROTOCOLS[protocol]
    for seed in range(30):
        played = run(of, of.usual_processes, 3 if of.needs_memories else 0, seed)
        for each in Trace(played.kernel.trace or (), live=False).deciding():
            answered = [exchange.responded for exchange in each.exchanges]
            answered += [message.delivered for message in each.messages]
            assert each.told_by is not None or len(each.parties) == quorum, f"seed {seed}: {each}"
            assert not each.refusals, f"seed {seed}: {each}"
            assert all(at is not None and at < each.position for at in answered), f"seed {seed}: {each}"


def disagreeing(mutants: Sequence[Mutant], name: str, seeds: int = 400) -> Run:
    mutant = next(mutant for mutant in mutants if name in str(mutant))
    for seed in range(seeds):
        played = run(mutant.build(), 3, 3 if mutant.protocol.needs_memories else 0, seed)
        if len({each.value for each in played.observation.decisions}) > 1:
            return played
    raise AssertionError(f"{name} never disagreed with itself")


def test_of_two_that_disagree_both_quorums_and_what_they_share_are_told() -> None:
    played = disagreeing(DISK_PAXOS, "a disk is read before it is written")
    trace = Trace(played.kernel.trace or (), live=False)
    differing = disagreement(trace.deciding())
    assert differing is not None
    one, other = differing
    (shared,) = set(one.parties) & set(other.parties)
    text = page(played.observation, "violated", "agreement")
    assert f"both counted {shared}." in text
    assert f"{shared} ●" in text
    counted = [stroke.counted_by for stroke in laid_out(played).strokes if stroke.counted_by is not None]
    assert set(counted) == {one.decided.process, other.decided.process}
    assert len(counted) == len(one.exchanges) + len(other.exchanges)


def test_a_quorum_of_processes_that_disagreed_is_told_too() -> None:
    text = page(disagreeing(MESSAGE_PAXOS, "everybody uses the shortcut").observation, "violated", "agreement")
    assert re.search(r"decided &#x27;v\d&#x27; after p\d, p\d; p\d decided .* after p\d, p\d; both counted p\d", text)


def test_a_nak_that_was_counted_is_told() -> None:
    played = disagreeing(PROTECTED_MEMORY_PAXOS, "a nak of step h counts as an ack")
    assert any("with a nak" in sentence for sentence in sentences(played))


def test_what_a_trace_does_not_tell_is_not_guessed() -> None:
    alone: list[Event] = [Decided(0, 0, "a", 0)]
    (of_itself,) = Trace(alone, live=False).deciding()
    assert of_itself.unknown == "it had got no answer and no message"
    assert "the trace does not tell" in str(of_itself)
    later: list[Event] = [Delivered(1, 0, 1, "hello"), Decided(3, 0, "a", 0)]
    assert Trace(later, live=False).deciding()[0].unknown
    deeper: list[Event] = [
        Issued(0, 0, 0, 1, CHANGE_PERMISSION, "r", 0, None),
        Responded(2, 0, 0, 1, ACK, 2),
        Decided(2, 0, "a", 5),
    ]
    assert "5 delays deep" in Trace(deeper, live=False).deciding()[0].unknown
