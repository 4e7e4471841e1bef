"""Histories that something explains, and histories that nothing does; and checkers that can not tell the two."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from typing import Any, ClassVar

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from rayrdma.checks import linearizability, specifications
from rayrdma.checks.history import OK, UNKNOWN, History
from rayrdma.checks.linearizability import SHOWN, Verdict, check_linearizability
from rayrdma.checks.specifications import (
    COMPARE_AND_SWAP,
    READ,
    WRITE,
    CompareAndSwapRegister,
    Register,
    Specification,
)
from rayrdma.model.trace import Noted
from rayrdma.mutants.mutant import mutate
from tests.clusters.zoo import ZOO
from tests.protocols.mixed import INVOKED, Script, graph
from tests.protocols.mixed_mutants import at_the_bound

from .orders import drawn, explicable


def told(text: str, specification: Specification | None = None) -> History:
    """A history in short: ``a:w1`` a client writes 1, ``a:r`` reads, ``a:c1,2`` swaps 2 for 1; ``a=1`` it returns 1,
    ``a=`` returns None, ``a!`` fails, ``a?`` unknown. All on one register.
    """
    history = History(specification or CompareAndSwapRegister())
    for event in text.split():
        client, mark, rest = event[0], event[1], event[2:]
        if mark == "=":
            history.ok(client, int(rest) if rest else None)
        elif mark == "!":
            history.fail(client)
        elif mark == "?":
            history.unknown(client)
        elif rest[0] == "c":
            history.invoke(client, "x", COMPARE_AND_SWAP, [int(each) if each else None for each in rest[1:].split(",")])
        else:
            history.invoke(client, "x", WRITE if rest[0] == "w" else READ, int(rest[1:]) if rest[1:] else None)
    return history


EXPLICABLE = {
    "nothing": "",
    "one after the other": "a:w1 a= b:r b=1",
    "a read that overlaps a write sees it": "a:w1 b:r b=1 a=",
    "or does not": "a:w1 b:r b= a=",
    "two reads see it in turn": "a:w1 b:r b= c:r c=1 a=",
    "two writes, either last": "a:w1 b:w2 a= b= c:r c=1",
    "two writes, seen in turn": "a:w1 b:w2 c:r c=2 c:r c=1 a= b=",
    "Herlihy and Wing's H1 of a register": "a:w0 a= b:w1 c:r c=1 b= d:w0 c:r c=0 d=",
    "a read that was never answered": "a:w1 a= b:r",
    "an unknown write is seen": "a:w1 a? b:r b=1",
    "or not": "a:w1 a? b:r b=",
    "or only much later": "a:w1 a? b:w2 b= b:r b=2 b:r b=1",
    "a write that never was answered is seen later": "a:w1 b:w2 b= b:r b=2 b:r b=1",
    "a failed write is not seen": "a:w1 a= b:w2 b! c:r c=1",
    "a swap": "a:c,1 a= b:c1,2 b=1 c:r c=2",
    "a swap that does not take place": "a:w1 a= b:c2,3 b=1 c:r c=1",
    "one of two swaps": "a:c,1 b:c,2 b= a=2 c:r c=2",
    "an unknown swap is what another one found": "a:w1 a= b:c1,2 b? c:c2,3 c=2",
    "an unknown swap comes in time only once": "a:w1 a= b:c1,2 b? a:r a=2 a:w1 a= a:r a=1",
}
INEXPLICABLE = {
    "nobody wrote it": "a:r a=1",
    "a stale read": "a:w1 a= a:w2 a= b:r b=1",
    "a write is lost": "a:w1 a= b:r b=",
    "new and then old": "a:w1 b:r b=1 c:r c= a=",
    "an old one comes back": "a:w1 b:w2 c:r c=2 c:r c=1 c:r c=2 a= b=",
    "from the future": "b:r b=1 a:w1 a=",
    "an unknown write takes effect twice": "a:w1 a? b:r b=1 b:w2 b= b:r b=1",
    "before it was invoked": "b:r b=1 a:w1 a?",
    "a failed write is seen": "a:w1 a! b:r b=1",
    "both swaps took place": "a:c,1 b:c,2 a= b=",
    "a swap that did not take place is seen": "a:w1 a= b:c2,3 b=1 c:r c=3",
    "a swap returns what it put there": "a:c,1 a=1",
    "an unknown swap takes effect without its expected value": "a:w1 a= b:c7,2 b? c:r c=2",
    "a write returns something": "a:w1 a=1",
    "a write comes to nothing though nothing overwrites it": "a:w1 b:c,2 b= a= c:r c=2",
}


@pytest.mark.parametrize("text", EXPLICABLE.values(), ids=EXPLICABLE)
def test_what_can_be_explained(text: str) -> None:
    assert explicable(told(text).operations)
    assert check_linearizability(told(text)).linearizable


@pytest.mark.parametrize("text", INEXPLICABLE.values(), ids=INEXPLICABLE)
def test_what_can_not(text: str) -> None:
    assert not explicable(told(text).operations)
    assert not check_linearizability(told(text)).linearizable


def some(seed: int) -> History:
    """A small history of any kind."""
    rng = random.Random(seed)
    return drawn(
        rng,
        rng.randrange(1, 9),
        clients=rng.choice((2, 3, 4, 6)),
        values=rng.choice((1, 2, 3)),
        keys=rng.choice((1, 1, 1, 2)),
        kinds=rng.choice(((READ, WRITE), (READ, WRITE, COMPARE_AND_SWAP), (COMPARE_AND_SWAP, READ, COMPARE_AND_SWAP))),
        lies=rng.choice((0.0, 0.1, 0.3)),
        failures=rng.choice((0.0, 0.2)),
        doubts=rng.choice((0.0, 0.1, 0.4)),
        fresh=rng.random() < 0.3,
    )


@settings(max_examples=300, deadline=None)
@given(st.integers(min_value=0))
def test_the_verdict_is_that_of_the_definition(seed: int) -> None:
    assert check_linearizability(some(seed)).linearizable == explicable(some(seed).operations)


@pytest.mark.parametrize("width", [linearizability.WIDTH, 1], ids=["width", "width 1"])
def test_both_verdicts_are_those_of_the_definition(width: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also if it takes many searches, each wider than the one before."""
    monkeypatch.setattr(linearizability, "WIDTH", width)
    monkeypatch.setattr(linearizability, "STEPS", 1 if width == 1 else linearizability.STEPS)
    verdicts: Counter[bool] = Counter()
    for seed in range(4000):
        history = some(seed)
        verdict = check_linearizability(history)
        assert verdict.linearizable == explicable(history.operations), seed
        verdicts[verdict.linearizable] += 1
    assert min(verdicts[True], verdicts[False]) > 500


@pytest.mark.parametrize(
    ("kinds", "values", "doubts"),
    [
        ((READ, WRITE), 5, 0.0),
        ((READ, WRITE), None, 0.0),
        ((READ, WRITE), None, 0.004),
        ((READ, WRITE, COMPARE_AND_SWAP), 5, 0.0),
        ((READ, WRITE, COMPARE_AND_SWAP), None, 0.004),
        ((READ, WRITE, COMPARE_AND_SWAP), 5, 0.004),
    ],
    ids=str,
)
def test_ten_thousand_operations_of_ten_clients_on_one_register(
    kinds: tuple[str, ...], values: int | None, doubts: float
) -> None:
    rng = random.Random(1)
    history = drawn(
        rng, 10_000, clients=10, values=values or 2, fresh=values is None, kinds=kinds, failures=0.01, doubts=doubts
    )
    verdict = check_linearizability(history)
    assert verdict.linearizable
    assert (verdict.operations, verdict.keys) == (10_000, 1)
    assert (verdict.unknown >= 24) == (doubts > 0)


def test_one_stale_read_among_ten_thousand() -> None:
    """Of what an acked write had overwritten before it began; every value is written once."""
    honest = drawn(random.Random(2), 10_000, clients=10, kinds=(READ, WRITE), failures=0.0, doubts=0.004, fresh=True)
    writes = [each for each in honest.operations if each.operation == WRITE and each.outcome is OK]
    old, new = writes[0], next(each for each in writes if each.invoked > (writes[0].responded or 0))
    stale = next(
        number
        for number, each in enumerate(honest.operations)
        if each.operation == READ and each.outcome is OK and each.invoked > 10 * (new.responded or 0)
    )
    read = honest.operations[stale]
    honest.operations[stale] = msgspec.structs.replace(read, response=old.argument)
    (counterexample,) = check_linearizability(honest).counterexamples
    assert counterexample.operation == honest.operations[stale]
    assert old.argument not in counterexample.states


def registers(seed: int, name: str = "C_5") -> History:
    """Of atomic registers out of memories and messages, some of whose processes crash."""
    history = History(Register())
    writes: dict[int, bool] = {}
    for event in at_the_bound(Script, graph(name), seed).observation.trace or ():
        if isinstance(event, Noted) and event.what == INVOKED:
            owner, content = event.value
            writes[event.process] = content is not None
            history.invoke(event.process, owner, WRITE if writes[event.process] else READ, content)
        elif isinstance(event, Noted):
            _, content = event.value
            history.ok(event.process, None if writes[event.process] else content or None)  # () was never written
    return history


def test_atomic_registers_of_a_run() -> None:
    assert ZOO["C_5"].n == 5
    outcomes: Counter[Any] = Counter()
    for seed in range(60):
        history = registers(seed)
        assert check_linearizability(history).linearizable, seed
        outcomes.update((each.operation, each.outcome) for each in history.operations)
    assert all(outcomes[operation, outcome] for operation in (READ, WRITE) for outcome in (OK, UNKNOWN)), outcomes


class Queue(Specification):
    name = "queue"
    operations: ClassVar[Mapping[str, Any]] = {"put": int, "take": None}
    initial: ClassVar[Any] = ()

    def apply(self, state: tuple[int, ...], operation: str, argument: Any) -> tuple[tuple[int, ...], Any]:
        if operation == "put":
            return (*state, argument), None
        return state[1:], state[0] if state else None


@pytest.mark.parametrize(("first", "second", "linearizable"), [(1, 2, True), (2, 1, True), (2, 2, False)])
def test_a_queue_of_ones_own(first: int, second: int, linearizable: bool) -> None:
    """Herlihy and Wing's: two that were put at the same time are taken in any order, and each once."""
    history = History(Queue())
    history.invoke("a", "q", "put", 1)
    history.invoke("b", "q", "put", 2)
    history.ok("a")
    history.ok("b")
    for client, value in (("a", first), ("b", second)):
        history.invoke(client, "q", "take")
        history.ok(client, value)
    assert check_linearizability(history).linearizable is linearizable


def test_keys_do_not_know_each_other() -> None:
    history = History(Register())
    for key in ("x", "y", "z"):
        history.invoke("a", key, WRITE, key)
        history.ok("a")
    for key, value in (("x", "x"), ("y", "x"), ("z", "y")):
        history.invoke("b", key, READ)
        history.ok("b", value)
    verdict = check_linearizability(history)
    assert [counterexample.operation.key for counterexample in verdict.counterexamples] == ["y", "z"]
    assert str(verdict).splitlines()[-1] == "and so it is with 1 more of the keys"


def test_a_counterexample_says_which_and_what_was_possible() -> None:
    verdict = check_linearizability(told("a:w1 a= a:w2 a= c:w3 b:r b=1", Register()))
    assert str(verdict).splitlines() == [
        "not linearizable: 4 operations, 1 unknown and 0 failed, clients 3, keys 1",
        'key "x": b read -> 1 (lines 7 to 8) can not be linearized',
        "  states that were possible: 2, 3",
        "  concurrent with it:",
        "    c write 3 (unknown) (from line 6 on)",
    ]


def test_a_counterexample_is_short() -> None:
    history = History(Register())
    for client in range(50):
        history.invoke(client, "x", WRITE, client)
    history.invoke("reader", "x", READ)
    history.ok("reader", 99)
    lines = str(check_linearizability(history)).splitlines()
    assert lines[2].endswith(f", {SHOWN - 2} and {51 - SHOWN} more")
    assert len(lines) == SHOWN + 5
    assert lines[-1] == f"    and {50 - SHOWN} more"


CHECKERS = {
    "ignores what came before what": [
        ("sorted(events, key=lambda event: event[0])", "sorted(events, key=lambda e: (e[0] != e[1].invoked, e[0]))")
    ],
    "what is unknown must take effect before it is given up": [
        (
            "for operation in operations if operation.outcome is OK]",
            "for operation in operations if operation.responded]",
        ),
        ("if settled & due.bit:\n", "if (settled | used) & due.bit:\n"),
    ],
    "what is unknown never takes effect": [("if operation.outcome is not FAIL", "if operation.outcome is OK")],
    "what failed may take effect": [("if operation.outcome is not FAIL", "if True")],
    "what is unknown takes effect as often as it likes": [
        ("used | pending.bit, settled |", "used | pending.bit * pending.known, settled |")
    ],
    "forgets the state": [
        ("for other_used, other_settled in others:", "for other_used, other_settled in chain(*self.of.values()):")
    ],
    "forgets what was used": [("if not other_used & ~used and not", "if not")],
    "forgets what was settled": [("and not settled & ~other_settled:", "and True:")],
    "drops what is not as good": [("if used & ~other[0] or other[1] & ~settled]", "if other[1] & ~settled]")],
    "does not look at responses": [("pending.operation.response == response)", "True)")],
    "lets reads return anything": [
        ("responses.get(self.specification.apply(state, *what)[1], 0)", "sum(responses.values())")
    ],
    "lets writes return anything": [("if response == operation.response:", "if True:")],
    "uses first what responds last": [("self.order < other.order", "self.order > other.order")],
    "hides writes before a swap": [
        ("if pending.overwrites:\n                    now_settled", "if True:\n                    now_settled")
    ],
    "hides no write": [("now_settled |= self.covered", "pass")],
    "hides what was overwritten for ever": [("if due.looks or used & due.bit:", "if True:")],
    "takes all writes for vain": [
        ("vain = pending.overwrites and now_settled == settled", "vain = pending.overwrites")
    ],
    "gives up at once": [
        ("WIDTH = 32", "WIDTH = 1"),
        ("STEPS = 2", "STEPS = 1"),
        ("if counterexample is None or search.complete:", "if True:"),
    ],
    "does not say that it gave up": [
        ("WIDTH = 32", "WIDTH = 1"),
        ("        self.complete = False\n        narrowed", "        narrowed"),
    ],
    "has one object for all keys": [("keys.setdefault(operation.key, [])", 'keys.setdefault("x", [])')],
}


@pytest.mark.parametrize("edits", CHECKERS.values(), ids=CHECKERS)
def test_a_wrong_checker_is_caught(edits: list[tuple[str, str]]) -> None:
    wrong: Callable[[History], Verdict] = mutate(linearizability, "wrong", edits, {})["check_linearizability"]
    assert any(differs(wrong, history, verdict) for history, verdict in telling())


def telling() -> Iterator[tuple[History, bool]]:
    """Histories to tell a wrong checker by: in short, small and random, and longer ones of an honest register."""
    yield from ((told(text), True) for text in EXPLICABLE.values())
    yield from ((told(text), False) for text in INEXPLICABLE.values())
    for seed in range(1500):
        rng = random.Random(seed)
        history = some(seed)
        yield history, explicable(history.operations)
        yield drawn(rng, 60, clients=rng.choice((4, 8)), values=4, doubts=0.2), True


def differs(checker: Callable[[History], Verdict], history: History, verdict: bool) -> bool:
    try:
        return checker(history).linearizable != verdict
    except (KeyError, ValueError):  # it comes to nothing
        return True


@pytest.mark.parametrize(
    "edit",
    [
        ("new if state == expected else state", "new"),
        ("new if state == expected else state), state", "new if state == expected else state), new"),
        ("response != argument[0]", "True"),
        ("return operation == WRITE", "return operation != READ"),
        ("return (argument, None) if operation == WRITE", "return (argument, state) if operation == WRITE"),
    ],
)
def test_a_wrong_register_is_caught(edit: tuple[str, str]) -> None:
    wrong = mutate(specifications, "wrong", [edit], {})["CompareAndSwapRegister"]()

    def with_it(history: History) -> Verdict:
        history.specification = wrong
        return check_linearizability(history)

    assert any(differs(with_it, history, verdict) for history, verdict in telling())
