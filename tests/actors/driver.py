"""A driver to be interrupted: ``python -m tests.actors.driver TRANSPORT`` runs rounds for ever, a line each."""

import sys

from rayrdma.actors.coordinator import Coordinator
from rayrdma.protocols import ProtectedMemoryPaxos
from rayrdma.scenario import Scenario

scenario = Scenario(ProtectedMemoryPaxos, ("a", "b", "c"), 3, rounds=10**9, transport=sys.argv[1])
with Coordinator.start(scenario) as coordinator:
    for observation in coordinator.rounds():
        print(len(observation.decisions), flush=True)
