"""Certified tolerance of graphs of any size, from two eigenvalues.

Let L be the Laplacian of the graph, 0 = mu_1 <= mu_2 <= ... <= mu_n its eigenvalues, and
lam = (mu_n - mu_2) / (mu_n + mu_2). If no edge joins C and D, and they are disjoint, then (Haemers)

    |C| |D| <= lam^2 (n - |C|) (n - |D|).

Take D = V - N[C]. Then survivors C that represent n/2 or less are at most n lam^2 / (1 + lam^2); any larger set
represents more than n/2, which is what HBO needs. For d-regular graphs this is Tanner's bound with the best of all
shifts A + tI of the adjacency matrix (Tanner's own is t = 0, and t = 1 counts S itself). It holds for irregular graphs
too.

With Chebyshev's polynomial of degree 2 in L instead of degree 1, two sets at distance 3 or more, as the sides of an
SM-cut are, have |S| |T| <= lam'^2 (n - |S|) (n - |T|), lam' = lam^2 / (2 - lam^2), so that the smaller one has at most
n lam^2 / 2.

And |N[C]| / |C| >= n / (|C| + lam^2 (n - |C|)) gives the vertex expansion: h >= (1 - lam^2) / (1 + lam^2).

Certified means: up to rounding for graphs of up to 1,600 processes, whose whole spectrum is computed. For larger ones
Lanczos' method approaches both ends of the spectrum from inside; started from a random vector, after k steps it misses
them by more than e times the spread with a probability of at most 1.648 sqrt(n) exp(-(2k - 1) sqrt(e)) (Kuczynski and
Wozniakowski 1992, Theorem 4.2). The margin e is chosen for one in 10^9 and added on the safe side. It costs 0.001 n of
tolerance for 100,000 processes of degree 16. (ARPACK, by scipy's `eigsh`, takes two or three times as long to residuals
of that size, and these bound the distance to some eigenvalue, not to the last one.)
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np

from .topology import Topology

DENSE = 1_600
"""Processes up to which the whole spectrum is computed, in a second or two."""
LANCZOS_STEPS = 300
DOUBT = 1e-9
"""The probability that the margin of Lanczos' method is too small."""
ROUNDING = 1e-9
"""Relative margin, far above the rounding errors of the solver and far below what matters."""


@dataclass(frozen=True)
class Spectrum:
    """What the eigenvalues of a graph's Laplacian say.

    Attributes:
        n: how many processes the graph has.
        gap: mu_2, the spectral gap: degree minus the second eigenvalue of the adjacency matrix, if it is regular.
            A certified lower bound; 0 if the graph is not connected or the gap is too small to compute.
        lam: an upper bound of lam; below 1 if the graph expands.
    """

    n: int
    gap: float
    lam: float

    @property
    def largest_blocking(self) -> int:
        """No more survivors than this can represent n/2 processes or less."""
        return _floor(self.n * self.lam**2 / (1 + self.lam**2))

    @property
    def largest_cut(self) -> int:
        """The smaller side of an SM-cut has no more processes than this."""
        return _floor(self.n * self.lam**2 / 2)

    @property
    def expansion(self) -> float:
        """A lower bound of the vertex expansion."""
        return max(0.0, (1 - self.lam**2) / (1 + self.lam**2) - ROUNDING)


def spectrum(topology: Topology) -> Spectrum:
    """The gap and lam of a graph, with error margins on the safe side."""
    if topology.n == 1 or not topology.connected:
        return Spectrum(topology.n, 0.0, 1.0)
    least, greatest = _whole(topology) if topology.n <= DENSE else _lanczos(topology)
    margin = ROUNDING * greatest
    gap, top = max(0.0, least - margin), greatest + margin
    return Spectrum(topology.n, gap, (top - gap) / (top + gap))


def _whole(topology: Topology) -> tuple[float, float]:
    laplacian = np.diag(topology.degrees.astype(float)) - topology.matrix().toarray()
    values = np.linalg.eigvalsh(laplacian)
    return float(values[1]), float(values[-1])


def _lanczos(topology: Topology) -> tuple[float, float]:
    """A lower bound of mu_2 and an upper bound of mu_n; vectors stay orthogonal to the constant one, which has mu_1."""
    from scipy.linalg import eigvalsh_tridiagonal

    n, degrees, adjacency = topology.n, topology.degrees, topology.matrix()
    along: list[float] = []
    beside: list[float] = []
    before, q = np.zeros(n), np.random.default_rng(0).standard_normal(n)
    q -= q.mean()
    norm = np.linalg.norm(q)
    while len(along) < LANCZOS_STEPS and norm > ROUNDING:
        q /= norm
        image = degrees * q - adjacency @ q - (beside[-1] if beside else 0.0) * before
        along.append(float(q @ image))
        image -= along[-1] * q
        image -= image.mean()
        norm = np.linalg.norm(image)
        beside.append(float(norm))
        before, q = q, image
    values = eigvalsh_tridiagonal(np.array(along), np.array(beside[:-1]))
    least, greatest = float(values[0]), float(values[-1])
    missed = (math.log(2 * 1.648 * math.sqrt(n) / DOUBT) / (2 * LANCZOS_STEPS - 1)) ** 2
    margin = missed * (greatest - least) / (1 - 2 * missed)
    return least - margin, greatest + margin


def _floor(value: float) -> int:
    return math.floor(value * (1 + ROUNDING) + ROUNDING)
