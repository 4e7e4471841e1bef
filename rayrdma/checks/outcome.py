"""What consensus promises, whatever the protocol (P19, section 3).

If some processes are Byzantine, agreement and termination are those of the others, and validity is weak: only
if nobody is Byzantine, what is decided was proposed.

Values are compared as they are encoded, so that 1, 1.0 and True are three values, as they are on a wire.
"""

from __future__ import annotations

from rayrdma.model.regions import ENCODE

from .observation import Check, Observation, Violation


def agreement(observation: Observation) -> Violation | None:
    """Uniform agreement: no two processes decide differently, those that crash later included."""
    decisions = observation.decisions
    for other in decisions[1:]:
        first = decisions[0]
        if ENCODE(other.value) != ENCODE(first.value):
            return Violation(
                "agreement",
                f"p{first.process} decided {first.value!r} at {first.time:g}, "
                f"p{other.process} decided {other.value!r} at {other.time:g}",
            )
    return None


def validity(observation: Observation) -> Violation | None:
    """What is decided, some process proposed; if there are Byzantine ones, nothing is promised."""
    if observation.byzantine:
        return None
    proposed = {ENCODE(value) for value in observation.inputs}
    for decided in observation.decisions:
        if ENCODE(decided.value) not in proposed:
            return Violation("validity", f"p{decided.process} decided {decided.value!r}, which nobody proposed")
    return None


def integrity(observation: Observation) -> Violation | None:
    """Each process decides once, and only processes of the run decide."""
    seen = set()
    for decided in observation.decisions:
        if not 0 <= decided.process < observation.n:
            return Violation("integrity", f"p{decided.process} decided, but there are p0 to p{observation.n - 1}")
        if decided.process in seen:
            return Violation("integrity", f"p{decided.process} decided twice, the second time {decided.value!r}")
        seen.add(decided.process)
    return None


def termination(observation: Observation) -> Violation | None:
    """Every live process decides. Not among `OUTCOME`: past a protocol's bound a run blocks, and may."""
    for process, wait in observation.undecided.items():
        return Violation("termination", f"p{process} never decides: it waits for ever ({wait})")
    return None


OUTCOME: tuple[Check, ...] = (agreement, validity, integrity)
