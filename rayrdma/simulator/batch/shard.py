"""Some of the processes of a batch run, and the memories that they own: a contiguous range of both.

A phase is four steps of every shard, and what a step returns goes to all shards in the next one:

    propose   the votes of its live processes
    agree     what becomes of the objects in its memories: the vote of the member of S_q that comes first
    speak     the messages of its live processes: what was agreed on behalf of everybody that each reaches
    hear      nothing; each of its live processes takes messages in its own order, and knows its next vote

Live processes are *senders*, and are numbered as such too, in ascending order. Votes and agreed values travel as one
byte each, messages as the votes in them: on whose behalf they are is known from the graph.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from . import kernels
from .kernels import NOBODY, UNSURE
from .population import Population, Votes

LOCAL, COMMON = COINS = "local", "common"
ASYNCHRONOUS, SYNCHRONOUS = ARRIVALS = "asynchronous", "synchronous"


@dataclass(frozen=True)
class Setting:
    """What all shards of a run know.

    Args:
        seed: of everything that is drawn.
        coin: ``local``, everybody's own; or ``common``, one for all, shared beforehand: an extension of the paper.
        arrival: ``asynchronous``, in an order of every receiver's own, and a receiver goes on as soon as it may; or
            ``synchronous``: it takes all messages first.
    """

    seed: int
    coin: str = LOCAL
    arrival: str = ASYNCHRONOUS


@dataclass(frozen=True)
class Summary:
    """What a shard tells after a phase; every field but the first two counts values or processes.

    Attributes:
        represented: the most processes that any of its receivers heard of; 0 without receivers.
        violations: of invariants that one can see from here.
        stuck: its receivers that heard of too few processes to go on.
        agreed: its objects that came to 0, to 1 and to '?'.
        decided: its processes that decide 0 and 1 in this phase.
        estimates: its processes that go into the next round with 0 and 1; of phase P, before anybody is told.
    """

    represented: int
    violations: list[str]
    stuck: int
    agreed: tuple[int, ...]
    decided: tuple[int, ...] = (0, 0)
    estimates: tuple[int, ...] = (0, 0)


class Shard:
    """Processes ``first`` to ``last`` - 1, those of them that live, and the memories of all of them."""

    def __init__(self, setting: Setting, population: Population, first: int, last: int) -> None:
        self.setting = setting
        self.first = first
        self.n = population.n
        self.need = self.n // 2 + 1
        senders, indptr, indices = population.senders, population.indptr, population.indices
        own = slice(*np.searchsorted(senders, (first, last)))
        self.processes = senders[own].copy()  # what comes from Ray's store is read-only; kernels take nothing such
        self.votes = population.inputs[self.processes]
        self._taken = np.zeros(len(senders) + 1, np.int64)
        # What everybody's message speaks of, and where those of our own processes stand among them.
        self._pointers, self._spoken = rows_of(senders, indptr, indices)
        self._own = slice(*self._pointers[[own.start, own.stop]])
        # Who may use our own objects, of those that live, by their number as senders.
        members = indices[indptr[first] : indptr[last]]
        live = population.alive[members]
        before = np.concatenate([[0], np.cumsum(live)])
        self._member_pointers = before[indptr[first : last + 1] - indptr[first]]
        self._members = np.searchsorted(senders, members[live]).astype(np.int32)
        self._agreed: tuple[int, ...] = ()

    def propose(self, phase: int) -> Votes:
        """The votes of its live processes."""
        return self.votes

    def agree(self, phase: int, *votes: Votes) -> Votes:
        """What its objects come to, of which that of a process without a live neighbour, or self, is not touched."""
        agreed: Votes = kernels.agree(
            self.setting.seed, phase, self.first, self._member_pointers, self._members, np.concatenate(votes)
        )
        self._agreed = _tally(agreed, NOBODY + 1)[:NOBODY]
        return agreed

    def speak(self, phase: int, *agreed: Votes) -> Votes:
        """The messages of its live processes, one after the other."""
        said: Votes = np.concatenate(agreed)[self._spoken[self._own]]
        return said

    def hear(self, phase: int, *said: Votes) -> Summary:
        """Let its live processes hear, and do what HBO does with it (algorithms 10.3)."""
        messages = np.concatenate(said)
        violations = [] if self._consistent(messages) else ["H1: two values are said on behalf of one process"]
        taken, represented, counts = self._listen(phase, messages)
        self._taken += np.bincount(taken, minlength=len(self._taken))
        if (counts.sum(axis=1) != represented).any():
            violations.append("H4: somebody hears two values of one process")
        stuck = int((represented < self.need).sum())
        most = int(represented.max(initial=0))
        if stuck:
            return Summary(most, violations, stuck, self._agreed)
        majority = np.select([counts[:, 0] >= self.need, counts[:, 1] >= self.need], [0, 1], UNSURE).astype(np.int8)
        if phase % 2 == 0:
            self.votes = majority
            return Summary(most, violations, stuck, self._agreed)
        self.votes = self._estimates(phase // 2 + 1, counts)
        return Summary(most, violations, stuck, self._agreed, _tally(majority, 3)[:UNSURE], _tally(self.votes, 2))

    def messages_taken(self) -> npt.NDArray[np.int64]:
        """How many times a receiver took 0 messages in a phase, 1 message, and so on."""
        return self._taken

    def _consistent(self, messages: Votes) -> bool:
        """Whether all that is said on behalf of a process is one value."""
        values = np.full(self.n, NOBODY, np.int8)
        values[self._spoken] = messages
        return bool((values[self._spoken] == messages).all())

    def _listen(self, phase: int, messages: Votes) -> tuple[npt.NDArray[np.int32], ...]:
        """Of each receiver: messages taken, processes represented in them, and how many of these vote 0, 1 and '?'."""
        words = -(-self.n // 64)
        codes = self._spoken + messages.astype(np.int32) * np.int32(64 * words)
        receivers = len(self.processes)
        if self.setting.arrival == SYNCHRONOUS:  # who takes everything, in whatever order, hears what all others hear
            heard = np.zeros((3, 64 * words), bool)
            heard.reshape(-1)[codes] = True
            taken = np.full(receivers, len(self._pointers) - 1, np.int32)
            represented = np.full(receivers, heard.any(axis=0).sum(), np.int32)
            return taken, represented, np.tile(heard.sum(axis=1).astype(np.int32), (receivers, 1))
        taken, represented = np.empty((2, receivers), np.int32)
        counts = np.empty((receivers, 3), np.int32)
        kernels.hear(
            self.setting.seed,
            phase,
            self.processes,
            self._pointers,
            codes,
            words,
            self.need,
            taken,
            represented,
            counts,
        )
        return taken, represented, counts

    def _estimates(self, round: int, counts: npt.NDArray[np.int32]) -> Votes:
        """What its processes believe after phase P: a value that they saw, or else a coin."""
        if self.setting.coin == COMMON:
            coins = toss(self.setting.seed, kernels.COMMON_COIN, round, np.zeros(1, np.int32))
        else:
            coins = toss(self.setting.seed, kernels.COIN, round, self.processes)
        return np.select([counts[:, 0] > 0, counts[:, 1] > 0], [0, 1], coins).astype(np.int8)


def toss(seed: int, purpose: int, round: int, processes: npt.NDArray[np.int32]) -> Votes:
    """A fair coin for each of these processes."""
    words: npt.NDArray[np.uint64] = kernels.draws(seed, purpose, round, processes)
    return (words >> np.uint64(63)).astype(np.int8)


def rows_of(
    rows: npt.NDArray[np.int32], indptr: npt.NDArray[np.int64], indices: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.int32]]:
    """Some rows of a sparse matrix, one after the other: where each starts, and what is in them."""
    lengths = indptr[rows + 1] - indptr[rows]
    pointers = np.concatenate([np.zeros(1, np.int64), np.cumsum(lengths)])
    return pointers, indices[np.repeat(indptr[rows] - pointers[:-1], lengths) + np.arange(pointers[-1])]


def _tally(votes: npt.NDArray[Any], values: int) -> tuple[int, ...]:
    return tuple(np.bincount(votes, minlength=values).tolist())


def total(tallies: Sequence[tuple[int, ...]]) -> tuple[int, ...]:
    """The sums, value by value."""
    return tuple(map(sum, zip(*tallies, strict=True)))
