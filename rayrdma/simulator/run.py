"""A finished kernel as an observation for the checks."""

from __future__ import annotations

from rayrdma.checks.observation import Observation

from .kernel import Kernel


def observe(kernel: Kernel) -> Observation:
    """What one run of a kernel left."""
    at_rest = kernel.quiescent and 2 * len(kernel.world.dead_memories) < len(kernel.memories)
    up = [process.id for process in kernel.processes if not (process.crashed or process.byzantine)]
    blocked = {process.id: process.current.waiting_for() for process in kernel.undecided()}
    return Observation(
        protocol=kernel.protocol,
        n=len(kernel.processes),
        memories=len(kernel.memories),
        regions=kernel.layout,
        graph=kernel.graph,
        inputs=kernel.inputs,
        decisions=kernel.decisions,
        undecided=blocked if kernel.quiescent else {},
        trace=kernel.trace,
        byzantine=frozenset(process.id for process in kernel.processes if process.byzantine),
        survivors=frozenset(up if at_rest else ()),
        signatures=kernel.signatures(),
        rounds_taken=kernel.rounds_taken(),
    )
