"""Broadcast without equivocation by itself: its delays, its order, its limits, and what tells its variants apart."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, ClassVar

import pytest

from rayrdma.checks.broadcast import BROADCAST, COPIES, deliveries, i5_all_deliver_the_same
from rayrdma.faults.behaviour import Behaviour
from rayrdma.faults.plan import Byzantine, Fault, Pause
from rayrdma.model.process import Process
from rayrdma.model.protocol import Protocol
from rayrdma.model.regions import Region, Value
from rayrdma.model.trace import Noted
from rayrdma.protocols.broadcast import MESSAGES, Broadcast, Certified, CopyThenScan, Sent, Slot, books, room
from rayrdma.simulator.schedule import Constant
from tests.byzantine.attacks import attack
from tests.byzantine.lies import (
    CertifiesAlone,
    CollectsAttestations,
    CopiesWhatWasNeverSaid,
    Forger,
    RepeatsItself,
    SaysTwoThings,
    ShowsTwoThings,
)
from tests.fuzz import Run, run

VARIANTS = [CopyThenScan, Certified]


class Saying(Protocol):
    """Some processes say something, and all hear it; nobody decides anything.

    Attributes:
        speakers: how many do; ``says``: what, each of them.
    """

    name = "saying"
    byzantine = True
    variant: ClassVar[type[Broadcast]]
    speakers: ClassVar[int]
    says: ClassVar[Sequence[str]]

    def __init__(self, process: Process) -> None:
        super().__init__(process)
        self.links = self.variant(process, lambda origin, number, content: None)

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        return books(n, str)

    async def propose(self, value: Value) -> None:
        if self.process.id < self.speakers:
            for content in self.says:
                self.links.broadcast(content)
        await self.links.serve()


def saying(variant: type[Broadcast], says: Sequence[str] = ("one",), speakers: int = 1) -> type[Saying]:
    checks = BROADCAST if variant is Certified else COPIES
    return type("Said", (Saying,), {"variant": variant, "says": says, "speakers": speakers, "checks": checks})


def times(outcome: Run) -> list[float]:
    """When each process delivered the first message of process 0."""
    first = {
        event.process: event.time
        for event in outcome.observation.trace or ()
        if isinstance(event, Noted) and event.what == "deliver" and event.value[0] == 0
    }
    return [first[process] for process in range(outcome.observation.n)]


def delivered(outcome: Run) -> dict[tuple[int, int], list[str]]:
    """What each process delivered of each origin, in order."""
    found: dict[tuple[int, int], list[str]] = {}
    for process, origin, sent in deliveries(outcome.observation):
        found.setdefault((process, origin), []).append(sent.content)
    return found


@pytest.mark.parametrize("n", [2, 3, 5, 7])
def test_copy_then_scan_takes_six_delays(n: int) -> None:
    """Read, copy, scan; its origin need not read first."""
    assert times(run(saying(CopyThenScan), n, 3, 0, by=Constant())) == [4, *[6] * (n - 1)]


@pytest.mark.parametrize("n", [5, 7])
def test_certificates_take_twelve_delays(n: int) -> None:
    """Read, copy, scan, attest, collect, publish."""
    assert times(run(saying(Certified), n, 3, 0, by=Constant())) == [12] * n


def test_certificates_of_two_attestations_take_eight_delays() -> None:
    """The origin attests while the others scan, so these find its attestation and publish it beside their own.

    They publish while the origin collects: it misses that by one look.
    """
    assert times(run(saying(Certified), 3, 3, 0, by=Constant())) == [12, 8, 8]


@pytest.mark.parametrize(("variant", "n", "delays"), [(CopyThenScan, 5, 8), (Certified, 3, 14), (Certified, 5, 14)])
def test_who_says_something_itself_reads_two_delays_later(variant: type[Broadcast], n: int, delays: int) -> None:
    assert max(times(run(saying(variant, speakers=n), n, 3, 0, by=Constant()))) == delays


@pytest.mark.parametrize("variant", VARIANTS)
def test_everything_is_delivered_in_order(variant: type[Broadcast]) -> None:
    says = [f"say {number}" for number in range(7)]
    for seed in range(30):
        outcome = attack(saying(variant, says, speakers=2), 3, 3, seed, ())
        assert outcome.violations() == []
        assert delivered(outcome) == {(process, origin): says for process in range(3) for origin in range(2)}


class Spoken(Forger):
    """What a liar says here is text."""

    def sent(self, value: Value, number: int = 1) -> Sent[Any]:
        return Sent(number, str(value))


LIARS: list[type[Behaviour]] = [
    type(f"Spoken{liar.__name__}", (Spoken, liar), {})
    for liar in (
        SaysTwoThings,
        ShowsTwoThings,
        CollectsAttestations,
        CertifiesAlone,
        RepeatsItself,
        CopiesWhatWasNeverSaid,
    )
]


@pytest.mark.parametrize("liar", LIARS, ids=lambda liar: liar.name)
@pytest.mark.parametrize("variant", VARIANTS)
def test_a_liar_is_believed_one_thing_and_silences_nobody(variant: type[Broadcast], liar: type[Behaviour]) -> None:
    for seed in range(100):
        lying = random.Random(seed).randrange(3)
        outcome = attack(saying(variant, ["a", "b"], speakers=3), 3, 3, seed, [Byzantine(lying, liar)])
        assert not outcome.violations(), outcome
        heard, correct = delivered(outcome), [id for id in range(3) if id != lying]
        assert all(heard[process, origin] == ["a", "b"] for process in correct for origin in correct), seed


class ChangesItsMind(Spoken):
    """One thing, until somebody may have delivered it, and then another."""

    name = "changes-its-mind"
    attest: ClassVar[bool]

    async def run(self, value: Value) -> None:
        await self.process.sleep(3)
        for said in ("v", "w"):
            self.show(self.process.id, self.attested(said) if self.attest else Slot(self.message(said)))
            await self.process.sleep(30)


def after_a_change_of_mind(variant: type[Broadcast], attest: bool) -> Run:
    """Process 1 sees the first thing, process 2 only the second one, beside the copy of process 1."""
    liar = type("Changes", (ChangesItsMind,), {"attest": attest})
    faults: list[Fault] = [Byzantine(0, liar), Pause(2, at=2, until=60)]
    outcome = run(saying(variant, speakers=0), 3, 3, 0, faults, by=Constant())
    assert outcome.kernel.quiescent
    assert outcome.violations() == []
    return outcome


@pytest.mark.parametrize("attest", [True, False])
def test_what_one_has_delivered_by_copying_another_may_never_deliver(attest: bool) -> None:
    """Nor can the first prove it: both things are signed, and both have a copy that its holder can not take back."""
    outcome = after_a_change_of_mind(CopyThenScan, attest)
    assert delivered(outcome) == {(1, 0): ["v"]}
    assert str(i5_all_deliver_the_same(outcome.observation)) == (
        "I5: p2 never delivers message 1 of p0, which others delivered"
    )


@pytest.mark.parametrize(("attest", "heard"), [(True, {(1, 0): ["v"], (2, 0): ["v"]}), (False, {})])
def test_what_is_certified_is_delivered_everywhere_or_nowhere(attest: bool, heard: dict[Any, Any]) -> None:
    """With the liar's attestation there are two for the first thing; without it, one for each is not enough."""
    assert delivered(after_a_change_of_mind(Certified, attest)) == heard


class SaysTooMuch(Spoken):
    """A page with more than anybody takes, of everything that fits into its book."""

    name = "says-too-much"
    says: ClassVar[Sequence[str]]

    async def run(self, value: Value) -> None:
        said = [Slot[Any](self.message(content, number)) for number, content in enumerate(self.says, 1)]
        self.show(self.process.id, *said)


@pytest.mark.parametrize(
    ("says", "taken"),
    [
        (["word"] * (MESSAGES + 5), MESSAGES),
        (["x" * 3000] * 6, room(3) // 3006),
        (["x" * room(3), "word"], 0),  # the second is not taken without the first
    ],
    ids=["too many", "too long", "too long at once"],
)
@pytest.mark.parametrize("variant", VARIANTS)
def test_what_is_too_much_was_never_said_and_blocks_nobody(
    variant: type[Broadcast], says: list[str], taken: int
) -> None:
    liar = type("Talks", (SaysTooMuch,), {"says": says})
    for seed in range(3):
        outcome = attack(saying(variant, ["a", "b"], speakers=3), 3, 3, seed, [Byzantine(2, liar)])
        assert not outcome.violations(), outcome
        heard = delivered(outcome)
        for process in range(2):
            assert heard[process, 0] == heard[process, 1] == ["a", "b"]
            assert heard.get((process, 2), []) == says[:taken]


@pytest.mark.parametrize("variant", VARIANTS)
def test_a_correct_process_says_no_more_than_others_take(variant: type[Broadcast]) -> None:
    many = run(saying(variant, ["word"] * (MESSAGES + 5)), 3, 3, 0, by=Constant())
    long = run(saying(variant, ["x" * 3000] * 15), 3, 3, 0, by=Constant())
    for outcome, count in ((many, MESSAGES), (long, room(3) // 3006)):
        assert not outcome.violations(), outcome
        assert [len(delivered(outcome)[process, 0]) for process in range(3)] == [count] * 3
