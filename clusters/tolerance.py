"""How many crashes a shared-memory graph lets Hybrid Ben-Or, and any algorithm at all, survive (P18, section 4).

*HBO* makes progress when the survivors C represent more than half of all processes: |N[C]| > n/2, N[C] being C and its
neighbours. Its exact tolerance is the largest f such that every C of n - f processes does. The paper's bound follows
from the vertex expansion h = min |dS| / |S| over 1 <= |S| <= n/2, dS the neighbours of S outside of it:

    f < (1 - 1 / (2 (1 + h))) n

The talk's slide says f < (1 - 1 / (2 h)) n. With h over N[S] instead of dS, which is 1 + h, this is the same. With h
over dS it is still true, but promises less: nothing where h = 0, and less than nothing where h < 1/2.

*No algorithm* survives f crashes if there is an SM-cut with sides of n - f: disjoint S and T whose members can reach
no common memory, N[S] and N[T] disjoint. The partition bound is the largest f without one, and the register
of Attiya, Kumari and Schiller (OPODIS 2020) reaches it.

Every answer says what it is. *exact*: proved, and its witness shows one failure more to be too many. *certified*: so
many are survived for sure, more perhaps. *attack*: a set was found with which one failure more is too many, so no
more than this are survived.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Callable
from fractions import Fraction
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from . import attack, exact
from .spectral import Spectrum, spectrum
from .topology import Topology

EXACT, CERTIFIED, ATTACK = "exact", "certified", "attack"

SOLVED_ENTRIES = 20_000
"""Entries of closed neighbourhoods up to which the solver is asked; beyond, the eigenvalues say more than it does."""
NODES = 2_000
"""Of the solver's search where its answer must not depend on the machine: some ten seconds for 64 processes."""
FOREVER = 1e6
"""Seconds."""


class Bound(msgspec.Struct, frozen=True):
    """A number of crashes.

    Attributes:
        value: how many are survived: exactly, at least (certified) or at most (attack).
        kind: exact, certified or attack.
        witness: n - value - 1 or more survivors that are too few, if there are any.
    """

    value: int
    kind: str
    witness: list[int] = []


class Cut(msgspec.Struct, frozen=True):
    """An SM-cut: no edge joins s with t, s with b2, or t with b1; so s and t can reach no common memory."""

    s: list[int]
    t: list[int]
    b1: list[int]
    b2: list[int]


class CutBound(msgspec.Struct, frozen=True):
    """A number of crashes, and a cut with two sides of n - value - 1 or more that shows one more to be too many."""

    value: int
    kind: str
    witness: Cut | None = None


class Expansion(msgspec.Struct, frozen=True):
    """The vertex expansion: a number, its fraction if it is that of a set, and the set that has it."""

    value: float
    kind: str
    fraction: str | None = None
    witness: list[int] = []


class Tolerance(msgspec.Struct, frozen=True):
    """All that is known of a graph's tolerance. Where a bound is not exact an attack bounds it from the other side.

    Attributes:
        topology: the graph's name.
        spectral_gap: a lower bound of the second eigenvalue of the Laplacian, which is the degree minus the second
            eigenvalue of the adjacency matrix if the graph is regular.
        message_passing: what is survived without shared memory: (n - 1) // 2.
        expansion: none for a single process.
        paper_bound: the largest f < (1 - 1/(2 (1 + h))) n; as good as the expansion's kind.
        slide_bound_closed: the slide's formula with h over N[S]: the same number.
        slide_bound_open: with h over dS; none if h is 0.
        hbo_tolerance: of Hybrid Ben-Or.
        partition_bound: of any algorithm.
    """

    topology: str
    n: int
    edges: int
    degree_min: int
    degree_max: int
    connected: bool
    spectral_gap: float
    message_passing: int
    expansion: Expansion | None
    expansion_attack: Expansion | None
    paper_bound: Bound | None
    slide_bound_closed: Bound | None
    slide_bound_open: Bound | None
    hbo_tolerance: Bound
    hbo_attack: Bound | None
    partition_bound: CutBound
    partition_attack: CutBound | None


def analyse(topology: Topology, *, seconds: float = 60.0, seed: int = 0) -> Tolerance:
    """What a graph tolerates: exactly if a solver can say it in time, else between a certificate and an attack.

    Args:
        seconds: for the solver, which works on its three questions at once.
        seed: of the attacks.
    """
    eigen = spectrum(topology)
    (expansion, expansion_attack), (hbo, hbo_attack), (partition, partition_attack) = _together(
        lambda: _expansion(topology, eigen, seconds, seed),
        lambda: _hbo(topology, eigen, seconds, None, seed),
        lambda: _partition(topology, eigen, seconds, None, seed),
    )
    paper = closed = opened = None
    if expansion is not None:
        h = Fraction(expansion.fraction or expansion.value)
        paper = Bound(paper_formula(topology.n, h), expansion.kind)
        closed = Bound(slide_formula(topology.n, 1 + h), expansion.kind)
        opened = Bound(slide_formula(topology.n, h), expansion.kind) if h else None
    return Tolerance(
        topology=topology.name,
        n=topology.n,
        edges=topology.edges,
        degree_min=topology.degree_min,
        degree_max=topology.degree_max,
        connected=topology.connected,
        spectral_gap=eigen.gap,
        message_passing=(topology.n - 1) // 2,
        expansion=expansion,
        expansion_attack=expansion_attack,
        paper_bound=paper,
        slide_bound_closed=closed,
        slide_bound_open=opened,
        hbo_tolerance=hbo,
        hbo_attack=hbo_attack,
        partition_bound=partition,
        partition_attack=partition_attack,
    )


def hbo_tolerance(topology: Topology, *, seed: int = 0) -> Bound:
    """How many crashes HBO survives: exact or certified, the same on every machine, some seconds for n = 64."""
    return _hbo(topology, spectrum(topology), FOREVER, NODES, seed)[0]


def partition_bound(topology: Topology, *, seed: int = 0) -> CutBound:
    """How many crashes leave no SM-cut: exact or certified, the same on every machine, some seconds for n = 64."""
    return _partition(topology, spectrum(topology), FOREVER, NODES, seed)[0]


def paper_formula(n: int, h: Fraction) -> int:
    """The largest f < (1 - 1/(2 (1 + h))) n, h over the neighbours outside a set."""
    return slide_formula(n, 1 + h)


def slide_formula(n: int, h: Fraction) -> int:
    """The largest f < (1 - 1/(2 h)) n; negative where the formula promises nothing. ``h`` is above 0."""
    return math.ceil((1 - 1 / (2 * h)) * n) - 1


def _hbo(
    topology: Topology, eigen: Spectrum, seconds: float, nodes: int | None, seed: int
) -> tuple[Bound, Bound | None]:
    n = topology.n
    most = 0 if topology.degree_min + 1 > n // 2 else min(eigen.largest_blocking, _largest_part(topology))
    found = attack.blocking_set(topology, most=most, seed=seed)
    if len(found) < most and _solvable(topology, seconds):
        solved, at_most = exact.largest_blocking_set(topology, seconds, nodes)
        found, most = max(found, solved, key=len), min(most, at_most)
    refuted = Bound(n - len(found) - 1, ATTACK, found.tolist())
    if len(found) == most:
        return msgspec.structs.replace(refuted, kind=EXACT), None
    return Bound(n - most - 1, CERTIFIED), refuted


def _partition(
    topology: Topology, eigen: Spectrum, seconds: float, nodes: int | None, seed: int
) -> tuple[CutBound, CutBound | None]:
    n = topology.n
    most = 0 if attack.all_within_two(topology) else min(eigen.largest_cut, _largest_part(topology))
    cut = _cut(topology, attack.cut_side(topology, most=most, seed=seed))
    if _smaller(cut) < most and _solvable(topology, seconds):
        side, at_most = exact.largest_cut(topology, seconds, nodes)
        cut, most = max(cut, _cut(topology, side), key=_smaller), min(most, at_most)
    found = _smaller(cut)
    refuted = CutBound(n - found - 1, ATTACK, cut if found else None)
    if found == most:
        return msgspec.structs.replace(refuted, kind=EXACT), None
    return CutBound(n - most - 1, CERTIFIED), refuted


def _expansion(
    topology: Topology, eigen: Spectrum, seconds: float, seed: int
) -> tuple[Expansion | None, Expansion | None]:
    n = topology.n
    if n == 1:
        return None, None
    # N[S] has at least degree + 1 members, in a connected graph one more than S, and what the eigenvalues say.
    outside = max(topology.degree_min + 1 - n // 2, int(topology.connected))
    least = max(Fraction(outside, n // 2), Fraction(eigen.expansion))
    found = attack.least_expanding(topology, least=least, seed=seed)
    proved = exact.expansion_of(topology, found) == least
    if not proved and _solvable(topology, seconds):
        found, proved = exact.least_expanding(topology, found, seconds)
    h = exact.expansion_of(topology, found)
    refuted = Expansion(float(h), EXACT if proved else ATTACK, str(h), found.tolist())
    return (refuted, None) if proved else (Expansion(_below(least), CERTIFIED), refuted)


def _below(exactly: Fraction) -> float:
    """The nearest number that is not above."""
    value = float(exactly)
    return value if value <= exactly else math.nextafter(value, 0)


def _cut(topology: Topology, side: npt.NDArray[np.int64]) -> Cut:
    """The cut with this side: everybody who can reach no memory in common is on the other."""
    matrix = topology.matrix()
    s = np.zeros(topology.n, bool)
    s[side] = True
    reached = s | (matrix @ s > 0)
    t = ~(reached | (matrix @ reached > 0))
    return Cut(*(np.flatnonzero(part).tolist() for part in (s, t, reached & ~s, ~reached & ~t)))


def _largest_part(topology: Topology) -> int:
    """A blocking set has no more members, nor has one side of a cut: a connected graph has others between."""
    return topology.n // 2 - int(topology.connected)


def _smaller(cut: Cut) -> int:
    return min(len(cut.s), len(cut.t))


def _solvable(topology: Topology, seconds: float) -> bool:
    return seconds > 0 and len(topology.indices) + topology.n <= SOLVED_ENTRIES


def _together(*questions: Callable[[], Any]) -> list[Any]:
    """The answers, worked out at once. Ctrl-C does not wait for the solver, which would not heed it."""
    answers: dict[int, Any] = {}
    failures: list[BaseException] = []

    def answer(number: int) -> None:
        try:
            answers[number] = questions[number]()
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=answer, args=(number,), daemon=True) for number in range(len(questions))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failures:
        raise failures[0]
    return [answers[number] for number in range(len(questions))]
