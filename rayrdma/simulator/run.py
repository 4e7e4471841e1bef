"""A finished kernel as an observation for the checks."""

from __future__ import annotations

from rayrdma.checks.observation import Observation

from .kernel import Kernel


def observe(kernel: Kernel) -> Observation:
    """What one run of a kernel left."""
    blocked = {process.id: process.current.waiting_for() for process in kernel.undecided()}
    return Observation(
        protocol=kernel.protocol,
        n=len(kernel.processes),
        memories=len(kernel.memories),
        regions=kernel.layout,
        inputs=kernel.inputs,
        decisions=kernel.decisions,
        undecided=blocked if kernel.quiescent else {},
        trace=kernel.trace,
        byzantine=frozenset(process.id for process in kernel.processes if process.byzantine),
        signatures=kernel.signatures(),
    )
