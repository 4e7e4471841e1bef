"""The classical mistakes of Preferential Paxos. Those in what it prefers show where evidence is: in Fast & Robust."""

from __future__ import annotations

from rayrdma.protocols.preferential_paxos import (
    BOTTOM,
    MIDDLE,
    TOP,
    Preference,
    PreferentialPaxos,
    PriorityPaxos,
    priority,
)

from .mutant import derived
from .robust_backup import AcceptsTwoInputs, judged_by


class BelievesAnyEvidence(PriorityPaxos):
    """It believes any evidence."""

    def rank(self, preference: Preference) -> int:
        evidence = preference.evidence
        return TOP if evidence.proof is not None else MIDDLE if evidence.leaders is not None else BOTTOM


class WaitsForFewer(PriorityPaxos):
    """It waits for one input less than n - f."""

    def inputs_needed(self) -> int:
        return super().inputs_needed() - 1


class PrefersTheLeastProcess(PriorityPaxos):
    """It looks at no evidence."""

    def rank(self, preference: Preference) -> int:
        return BOTTOM


class OverlooksSignaturesInCopies(PriorityPaxos):
    """It overlooks the leader's signature inside a copy."""

    def rank(self, preference: Preference) -> int:
        return BOTTOM if preference.evidence.leaders is None else priority(self.process, preference)


MUTANTS = [derived(PreferentialPaxos, judged_by(AcceptsTwoInputs, PreferentialPaxos), "P1")]
