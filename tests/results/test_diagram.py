"""Space-time diagrams: what is drawn of a run, and whose answers its decisions counted."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path
from xml.etree import ElementTree

import msgspec
import pytest

from rayrdma import Experiment, RunConfig
from rayrdma.checks.observation import Observation
from rayrdma.faults.plan import parse_crashes, parse_pauses
from rayrdma.model.operations import CHANGE_PERMISSION
from rayrdma.model.outcomes import NAK
from rayrdma.model.trace import Crashed, Decided, Delivered, Event, Issued, Noted, Refused, Responded, Sent, TookEffect
from rayrdma.protocols import PROTOCOLS
from rayrdma.protocols.protected_memory_paxos import SLOTS, ProtectedMemoryPaxos, Slot
from rayrdma.results.diagram import page
from rayrdma.results.diagram.clocks import aligned
from rayrdma.results.diagram.layout import lay_out
from rayrdma.results.diagram.quorums import Trace
from rayrdma.results.diagram.shapes import Layout, Mark
from rayrdma.results.diagram.story import messages_of
from rayrdma.results.diagram.timeline import MOST_EVENTS, window
from tests.fuzz import Run, run
from tests.scripted import Scripted

HELD = {(0, memory, 0): 9 for memory in range(3)}
"""The first write of p0 arrives late."""


def take_over() -> Run:
    """p1 takes over before p0's first write arrives, which is refused; m2 is dead."""
    held = Scripted(HELD, [(3, 1, 1)])
    return run(ProtectedMemoryPaxos, 3, 3, 0, parse_crashes("m2@2"), by=held)


def laid_out(of: Run | Observation) -> Layout:
    observation = of.observation if isinstance(of, Run) else of
    live = observation.trace is None
    trace = Trace(observation.log if observation.trace is None else observation.trace, live)
    return lay_out(observation, trace, trace.deciding())


def live_log(of: Run) -> Observation:
    """What the processes of a run saw, as a live run has it: times in seconds, no effects."""
    seen = [event for event in of.kernel.trace or () if not isinstance(event, TookEffect | Crashed)]
    return live_log_of(seen)


def live_log_of(seen: Sequence[Event]) -> Observation:
    return Observation(ProtectedMemoryPaxos, 3, 3, ProtectedMemoryPaxos.regions(3), ("v0", "v1", "v2"), [], log=seen)


def marks_of(layout: Layout, kind: str) -> list[Mark]:
    return [mark for stroke in layout.strokes for mark in stroke.marks if mark.kind == kind] + [
        mark for mark in layout.marks if mark.kind == kind
    ]


def count(trace: Sequence[Event] | None, *kinds: type[Event]) -> int:
    return sum(isinstance(event, kinds) for event in trace or ())


def svgs(text: str) -> Iterator[ElementTree.Element]:
    for found in re.findall(r"<svg xmlns.*?</svg>", text, re.DOTALL):
        yield ElementTree.fromstring(found)


def test_every_operation_and_message_has_its_arrows() -> None:
    for name, seed in (("protected-memory-paxos", 3), ("paxos", 2), ("disk-paxos", 5)):
        played = run(PROTOCOLS[name], 3, 3 if PROTOCOLS[name].needs_memories else 0, seed)
        trace = played.kernel.trace
        assert len(trace or ()) <= MOST_EVENTS, "else not all of it is drawn"
        arrows = [arrow for stroke in laid_out(played).strokes for arrow in stroke.arrows]
        arrived = [arrow.kind for arrow in arrows if not arrow.open]
        to_others = [
            event
            for event in trace or ()
            if isinstance(event, Delivered | Sent)
            and event.process != (event.to if isinstance(event, Sent) else event.sender)
        ]
        assert arrived.count("request") == count(trace, TookEffect)
        assert arrived.count("response") == count(trace, Responded)
        assert arrived.count("message") == count(to_others, Delivered)
        assert sum(arrow.kind == "request" for arrow in arrows) == count(trace, Issued)
        assert sum(arrow.kind == "message" for arrow in arrows) == count(to_others, Sent)


def test_time_goes_to_the_right() -> None:
    layout = laid_out(take_over())
    for stroke in layout.strokes:
        for arrow in stroke.arrows:
            assert arrow.x1 < arrow.x2
    starts = [tick.x for tick in layout.ticks]
    assert starts == sorted(starts)


def test_naks_are_marked_where_they_were_given() -> None:
    played = take_over()
    naks = [event for event in played.kernel.trace or () if isinstance(event, TookEffect) and event.response is NAK]
    layout = laid_out(played)
    y = {lane.party: lane.y for lane in layout.lanes}
    assert len(naks) == 2
    assert [mark.y for mark in marks_of(layout, "nak")] == [y[f"m{event.memory}"] for event in naks]
    assert all(arrow.nak for stroke in layout.strokes if any(mark.kind == "nak" for mark in stroke.marks)
               for arrow in stroke.arrows if arrow.kind == "response")  # fmt: skip


def test_a_band_changes_hands_where_the_revocation_takes_effect() -> None:
    played = take_over()
    layout = laid_out(played)
    takes = [mark for mark in marks_of(layout, "permission") if mark.process == 1]
    assert count(played.kernel.trace, TookEffect) > len(takes) == 2
    for memory, mark in zip((0, 1), takes, strict=True):
        first, second, *_ = [band for band in layout.bands if band.memory == memory]
        assert (first.writers, second.writers) == ((0,), (1,))
        assert (first.region, first.label) == (SLOTS, "p0 may write")
        assert first.right == second.left == mark.x
    (untouched,) = (band for band in layout.bands if band.memory == 2)
    assert untouched.writers == (0,)


def test_what_a_dead_memory_never_answers_ends_open_and_so_does_its_lane() -> None:
    layout = laid_out(take_over())
    dead = next(lane for lane in layout.lanes if lane.party == "m2")
    open_arrows = [arrow for stroke in layout.strokes for arrow in stroke.arrows if arrow.open]
    assert dead.ended
    assert dead.right == marks_of(layout, "crash")[0].x < layout.width / 2
    assert open_arrows
    assert {arrow.kind for arrow in open_arrows} == {"request"}
    assert all(arrow.y2 < dead.y for arrow in open_arrows)
    assert all(band.right <= dead.right for band in layout.bands if band.memory == 2)


def test_events_of_one_party_at_one_instant_stand_beside_each_other() -> None:
    layout = laid_out(run(ProtectedMemoryPaxos, 3, 3, 0, by=Scripted(stabilises=0)))
    answers = [arrow.x2 for stroke in layout.strokes for arrow in stroke.arrows if arrow.kind == "response"]
    assert len(answers) == len(set(answers)) == 3
    decision = next(mark for mark in layout.marks if mark.kind == "decision" and mark.process == 0)
    assert sorted(answers)[1] == decision.x, "it decides with the second answer"


def test_pauses_are_shaded_and_leaders_and_byzantine_processes_are_named() -> None:
    paused = laid_out(run(ProtectedMemoryPaxos, 3, 3, 0, parse_pauses("p0@1-9"), by=Scripted(stabilises=0)))
    assert [(shade.process, shade.left < shade.right) for shade in paused.shades] == [(0, True)]
    assert any(label.text.startswith("Ω") for label in paused.labels)
    observation = Observation(ProtectedMemoryPaxos, 3, 3, [], ("a", "b", "c"), [], trace=[], byzantine=frozenset({2}))
    assert [lane.remarks for lane in laid_out(observation).lanes[:3]] == [(), (), ("Byzantine",)]


def test_labels_do_not_overlap() -> None:
    for seed in range(12):
        layout = laid_out(run(ProtectedMemoryPaxos, 3, 3, seed))
        rows: dict[float, float] = {}
        for label in sorted(layout.labels, key=lambda label: label.x):
            assert label.x >= rows.get(label.y, 0), f"seed {seed}: {label}"
            assert label.right <= layout.width, f"seed {seed}: {label}"
            rows[label.y] = label.right
        assert layout.labels


# Pages


HOSTILE = "<script>alert('x')</script> & \x00 \ud800 ]]> \u202e \N{SNOWMAN}"


def hostile(text: str = HOSTILE) -> Observation:
    """A run of which all that can be text is this one."""
    events: list[Event] = [
        Sent(0, 0, 1, text),
        Delivered(1, 1, 0, text),
        Noted(1, 1, text, text),
        Refused(2, 1, 0, text),
        Decided(3, 1, text, 1),
    ]
    return Observation(ProtectedMemoryPaxos, 2, 0, [], (text, text), [], trace=events)


def test_nothing_in_a_trace_becomes_markup() -> None:
    text = page(hostile(), "violated", HOSTILE, [HOSTILE])
    text.encode()
    assert text.count("<script>") == 1
    assert "alert('x')" not in text.partition("<script>")[0]
    names, drawn = svgs(text)
    assert len(list(drawn)) > len(list(names)) > 0
    assert not re.search("[\x00-\x08\x0e-\x1f]", text)


def test_values_nested_deep_or_long_are_cut() -> None:
    deep: object = "core"
    for _ in range(60):
        deep = (deep,)
    observation = Observation(
        ProtectedMemoryPaxos, 2, 0, [], ("a" * 9999, "b"), [], trace=[Sent(0, 0, 1, deep), Sent(0, 0, 1, "c" * 9999)]
    )
    text = page(observation)
    assert "core" not in text
    assert "a" * 500 not in text
    assert "c" * 500 not in text


def test_the_page_refers_to_nothing_outside() -> None:
    text = page(take_over().observation, "decided", "as it should")
    assert re.findall(r'(?:src|href)=|url\(|@import|https?://(?!www\.w3\.org/2000/svg")', text) == []


def test_the_same_trace_gives_the_same_bytes() -> None:
    assert page(take_over().observation, "decided") == page(take_over().observation, "decided")


@pytest.mark.parametrize("name", PROTOCOLS)
def test_every_protocol_is_drawn(name: str) -> None:
    of = PROTOCOLS[name]
    played = run(of, of.usual_processes, 3 if of.needs_memories else 0, 1, by=Scripted(stabilises=0))
    text = page(played.observation, "decided")
    for drawn in svgs(text):
        assert drawn.attrib["viewBox"]
    assert f"p{of.usual_processes - 1} decided" in text


def test_of_a_long_trace_the_part_around_the_decisions_is_drawn() -> None:
    slot = Slot(1, 1, "v")
    events: list[Event] = []
    for number in range(1, 1001):
        common = (0, number % 3, number, CHANGE_PERMISSION, SLOTS, 0, ProtectedMemoryPaxos.regions(2)[0].permission)
        events += [Issued(number, *common), TookEffect(number + 1, *common, None), Sent(number, 0, 1, slot)]
    events.insert(1500, Decided(500, 0, "v", 2))
    observation = Observation(ProtectedMemoryPaxos, 2, 3, ProtectedMemoryPaxos.regions(2), ("v", "w"), [], trace=events)
    first, last = window(events)
    assert last - first == MOST_EVENTS
    assert first < 1500 < last < 1600
    text = page(observation)
    assert f"The trace has 3,001 events; drawn are {MOST_EVENTS} of them, {first + 1:,} to {last:,}" in text
    assert len(text) < 500_000
    assert window(events[:MOST_EVENTS]) == (0, MOST_EVENTS)
    assert window(events, focus=700) == (741 - MOST_EVENTS, 741), "what is to be seen"
    assert window(events, focus=3) == (0, MOST_EVENTS)
    assert window(events[1501:]) == (1500 - MOST_EVENTS, 1500), "nobody decided: the end"


def test_of_many_parties_those_that_do_something_have_lanes() -> None:
    events: list[Event] = [Sent(0, 40, 41, "a"), Delivered(1, 41, 40, "a")]
    observation = Observation(ProtectedMemoryPaxos, 100, 3, [], ("a",) * 100, [], trace=events)
    assert [lane.party for lane in laid_out(observation).lanes] == ["p40", "p41"]
    assert "101 parties" in page(observation)


def test_an_empty_trace_is_a_page_too() -> None:
    observation = Observation(ProtectedMemoryPaxos, 3, 3, ProtectedMemoryPaxos.regions(3), ("a",) * 3, [], trace=[])
    text = page(observation, "unknown", "stopped")
    assert "Nobody decided." in text
    assert len(list(svgs(text))) == 2


def test_of_a_live_run_no_effects_are_made_up() -> None:
    seen = live_log(take_over())
    layout = laid_out(seen)
    assert layout.unit.startswith("µs")
    assert layout.bands == []
    assert marks_of(layout, "unseen")
    assert len(marks_of(layout, "nak")) == 2
    assert not marks_of(layout, "write") + marks_of(layout, "permission")
    assert "this is what the processes saw" in page(seen)
    assert "p1 decided &#x27;v1&#x27; after m0 and m1 had answered its write of slots[1]." in page(seen)


def test_clocks_that_differ_are_set_right() -> None:
    slow = [
        msgspec.structs.replace(event, time=event.time - 40) if getattr(event, "process", 0) == 1 else event
        for event in live_log(take_over()).log
    ]
    log, corrected = aligned(sorted(slow, key=lambda event: event.time))
    assert list(corrected) == [1]
    assert 0 < corrected[1] <= 40.1
    for message in messages_of(log):
        assert message.sent is not None
        assert message.delivered is None or message.sent < message.delivered
    text = page(live_log_of(slow))
    assert f"p1 by {corrected[1]:.3g} s" in text
    right = live_log(take_over()).log
    assert aligned(right) == (list(right), {})


def test_a_process_that_left_no_trace_is_named() -> None:
    seen = [event for event in live_log(take_over()).log if getattr(event, "process", 0) != 2]
    assert [lane.remarks for lane in laid_out(live_log_of(seen)).lanes[:3]] == [(), (), ("left no trace",)]


# Run folders


def test_a_traced_run_has_a_diagram_in_its_folder(tmp_path: Path) -> None:
    result = Experiment("paxos", run=RunConfig(storage=tmp_path, trace=True, rounds=2)).run()
    assert result.diagram is not None
    text = Path(result.diagram).read_text(encoding="utf-8")
    assert Path(result.diagram).parent == Path(result.folder or "")
    assert "of the last of 2 rounds" in text
    assert "decided: 3 of 3 processes" in text


def test_without_a_trace_there_is_none(tmp_path: Path) -> None:
    result = Experiment("paxos", run=RunConfig(storage=tmp_path)).run()
    assert result.diagram is None
    assert not list(tmp_path.rglob("diagram.html"))


@pytest.mark.live
def test_a_live_run_is_drawn_with_causes_before_effects(tmp_path: Path) -> None:
    config = RunConfig(engine="ray", transport="shm", storage=tmp_path, trace=True, rounds=3)
    result = Experiment("protected-memory-paxos", run=config).run()
    assert result.diagram is not None
    text = Path(result.diagram).read_text(encoding="utf-8")
    assert "this is what the processes saw" in text
    assert "had answered its write of slots[0]" in text
    assert "The clocks of its processes do not agree" not in text
