"""A process asks a memory's agent again over a link that is cut, goes on over a new one, and then the old one heals."""

from __future__ import annotations

from contextlib import closing

import pytest

from rayrdma.model.outcomes import ACK
from rayrdma.transports.verbs.handshake import Caller, Change, Learn, Question, Reply
from tests.parity.party import take, write
from tests.verbs.together import Together, secret, wait_until

pytestmark = pytest.mark.verbs


def calling(four: Together) -> closing[Caller]:
    """p3, over a link of its own."""
    return closing(Caller(four.memory.endpoint, secret(3)))


def reply(caller: Caller) -> Reply:
    """To what it asked last."""
    found: Reply | None = None

    def came() -> bool:
        nonlocal found
        found = caller.take()
        return found is not None

    wait_until(came, "a reply")
    assert found is not None
    return found


def test_a_request_that_was_overtaken_is_not_carried_out_again() -> None:
    with Together() as four, calling(four) as old, calling(four) as new:

        def ask(caller: Caller, what: Question) -> Reply:
            caller.ask(four.instance, what)
            return reply(caller)

        taken = ask(old, Change("slots", [0, 1, 2], [], [3]))
        assert taken.keys["slots"].write
        new._number = old._number
        assert ask(new, Learn()).keys["slots"] == taken.keys["slots"]
        assert four.operate(2, take("slots", 2)) is None
        old.repeat()
        old._number = new._number
        assert ask(old, Learn()).keys["slots"].write == 0, "p3 has taken it once, and lost it since"
        assert four.operate(2, write("slots", 0, "mine")) is ACK
