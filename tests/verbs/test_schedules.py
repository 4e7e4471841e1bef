"""Any schedule of processes, with answers that are late or lost, is explained by the definition of a memory."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterable, Iterator
from functools import partial
from typing import Any, NamedTuple

import pytest
from pyverbs import enums as e

from rayrdma.model.operations import CHANGE_PERMISSION
from rayrdma.model.permissions import Permission, everyone, exclusive_writer
from rayrdma.model.regions import Region
from rayrdma.model.trace import Issued
from rayrdma.transports.connection import PENDING
from rayrdma.transports.verbs.agent import Revocation
from rayrdma.transports.verbs.lines import Port
from tests.effects import NEVER, Inexplicable, Piece, State, explain, pieces_of
from tests.parity.party import Op, anything, change, read, read_region, swap, write
from tests.verbs.mistakes import Mistake
from tests.verbs.test_connection_mutants import MISTAKES
from tests.verbs.test_doubt import to_anybody
from tests.verbs.together import Together

pytestmark = pytest.mark.verbs

N = 3
REGIONS = (
    Region("in place", 2, exclusive_writer(0, N), legal_change=to_anybody),
    Region("committed", 2, everyone(N), legal_change=anything),
)
OPERATIONS = 40
LATE = (0, 0, 0, 1, 3, 9, 30)
"""Polls of its process for which a request or an answer is under way."""
UNKNOWN = (e.IBV_WC_RETRY_EXC_ERR, e.IBV_WC_WR_FLUSH_ERR)
VALUES = (1, 2, "long enough to need a slot", "also long enough", b"the third one that is so long")


class Ended(NamedTuple):
    """A completion, as the port looks at it."""

    wr_id: int
    status: int


class Weather:
    """Between a port and its device: requests are under way for a while, or lost, or half of a list is; so are answers.

    Whatever is lost, the device would report after its retries: so that is what the port sees.
    """

    def __init__(self, rng: random.Random, port: Port, lost: float) -> None:
        self._rng, self._lost = rng, lost
        self._post, self._poll = port.post, port._poll
        self._polls = 0
        self._requests: deque[tuple[int, Any, Any]] = deque()
        self._answers: deque[tuple[int, Ended]] = deque()
        self._unanswered: set[int] = set()
        port.post, port._poll = self.post, self.poll  # type: ignore[method-assign]

    def post(self, owner: Any, post: Any, requests: Any) -> None:
        self._post(owner, partial(self._send, post, requests), requests)

    def _send(self, post: Any, requests: Any, first: Any) -> None:
        fate = self._rng.random()
        if fate < self._lost:
            self._unanswered.add(first.wr_id)
        if fate < self._lost / 2:
            self._answer(Ended(first.wr_id, e.IBV_WC_SUCCESS))
            return
        if fate < self._lost * 0.75 and len(requests) == 2:
            requests[-1].set_wr_rdma(0, 8)  # nowhere
        self._requests.append((self._polls + self._rng.choice(LATE), post, first))

    def _answer(self, ended: Ended) -> None:
        if ended.wr_id in self._unanswered:
            ended = Ended(ended.wr_id, self._rng.choice(UNKNOWN))
        self._answers.append((self._polls + self._rng.choice(LATE), ended))

    def poll(self, most: int) -> tuple[int, list[Ended]]:
        self._polls += 1
        while self._requests and self._requests[0][0] <= self._polls:
            _, post, first = self._requests.popleft()
            post(first)
        for found in self._poll(most)[1]:
            self._answer(Ended(found.wr_id, found.status))
        answers = []
        while self._answers and self._answers[0][0] <= self._polls:
            answers.append(self._answers.popleft()[1])
        return len(answers), answers


class Schedule:
    """Three processes for one instance. What is under way at its end has no answer."""

    def __init__(self, three: Together, seed: int) -> None:
        self._three = three
        self._rng = rng = random.Random(seed)
        self._lost = rng.choice((0.0, 0.2, 0.5))
        self._distinct = rng.random() < 0.5
        self._changes = rng.choice((0.0, 0.1, 0.3))
        self._now = 0
        self._issued: list[Issued] = []
        self._ends: dict[int, tuple[int, Any]] = {}
        self._under_way: dict[int, int] = {}
        for process in range(N):
            self._spoil(process)

    def _spoil(self, process: int) -> None:
        """A port of its own for each instance: what is under way has ended with the last one."""
        self._three.connect(process)
        Weather(self._rng, self._three.ports[process], self._lost)

    def _value(self) -> Any:
        return f"value {len(self._issued)}" if self._distinct else self._rng.choice(VALUES)

    def _seen(self, region: str, register: int) -> Any:
        """What the register may hold: mostly what was written last."""
        values = [
            event.argument[1] if isinstance(event.argument, tuple) else event.argument
            for event in self._issued
            if (event.region, event.register) == (region, register) and event.operation != CHANGE_PERMISSION
        ]
        return self._rng.choice([None, *values[-3:], *values[-1:] * 4])

    def _permission(self, process: int, region: str) -> Permission:
        rng = self._rng
        if region == "in place":
            return exclusive_writer(rng.choice([process, rng.randrange(N)]), N)
        rights = [rng.randrange(5) for _ in range(N)]
        return Permission(
            *([process for process in range(N) if min(rights[process], 2) == right] for right in range(3))
        )

    def _operation(self, process: int) -> Op:
        rng = self._rng
        region, register = rng.choice(REGIONS).name, int(rng.random() < 0.1)
        if rng.random() < self._changes:
            return change(region, self._permission(process, region))
        return rng.choice(
            [
                read(region, register),
                read_region(region),
                write(region, register, self._value()),
                swap(region, register, self._seen(region, register), self._value()),
            ]
        )

    def run(self) -> None:
        """Raises Inexplicable if no memory would answer so."""
        while len(self._issued) < OPERATIONS:
            process = self._rng.randrange(N)
            if process in self._under_way:
                self._poll(process)
            else:
                self._issue(process, self._operation(process))
        for region in REGIONS:
            explain(region, State(region.permission, (None,) * region.registers), list(self._pieces(region.name)))

    def _issue(self, process: int, operation: Op) -> None:
        number = len(self._issued)
        self._now += 1
        self._issued.append(
            Issued(
                self._now, process, 0, number, operation.kind, operation.region, operation.register, operation.argument
            )
        )
        self._under_way[process] = number
        self._answered(process, self._three.connections[process].post(operation))

    def _poll(self, process: int) -> None:
        connection = self._three.connections[process]
        self._answered(process, connection.poll())
        if connection.lost is not None:
            assert "unknown" in connection.lost or "can not be told" in connection.lost
            del self._under_way[process]
            self._spoil(process)

    def _answered(self, process: int, response: Any) -> None:
        if response is not PENDING:
            self._now += 1
            self._ends[self._under_way.pop(process)] = self._now, response

    def _pieces(self, region: str) -> Iterator[Piece]:
        regions = {region.name: region for region in REGIONS}
        for event in self._issued:
            if event.region == region:
                end, response = self._ends.get(event.number, (NEVER, None))
                for _, piece in pieces_of(event, int(event.time), end, response, regions):
                    yield piece


@pytest.fixture(scope="module", params=Revocation, ids=lambda how: how.name)
def three(request: pytest.FixtureRequest) -> Iterator[Together]:
    with Together(request.param, regions=REGIONS, n=N) as together:
        yield together


def run(three: Together, seeds: Iterable[int]) -> None:
    """Each in a new instance. Raises Inexplicable for the first that shows a mistake."""
    for seed in seeds:
        three.reset()
        Schedule(three, seed).run()


@pytest.mark.parametrize("seed", range(12))
def test_any_schedule_is_explained(three: Together, seed: int) -> None:
    run(three, [seed])


FOUND = {
    "a refusal is an ACK",
    "a swap in doubt is done once more without a look",
    "a word is swapped before its slot is filled",
    "a swap that found another word has swapped",
}


@pytest.mark.parametrize("mistake", [mistake for mistake in MISTAKES if mistake.name in FOUND], ids=str)
def test_a_mistake_is_found(mistake: Mistake) -> None:
    with mistake.made(), pytest.raises(Inexplicable), Together(regions=REGIONS, n=N) as three:
        run(three, range(2_000))  # mostly some tens; when a device answers is not ours to choose
