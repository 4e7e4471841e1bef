"""Cheap Quorum for machines that are busy: it waits for minutes before it panics."""

from __future__ import annotations

from rayrdma.protocols import CheapQuorum, FastAndRobust

PATIENCE = 300_000.0
"""In milliseconds."""


class PatientCheapQuorum(CheapQuorum):
    patience = PATIENCE


class PatientFastAndRobust(FastAndRobust):
    patience = PATIENCE


PATIENT = {CheapQuorum: PatientCheapQuorum, FastAndRobust: PatientFastAndRobust}
