"""Leader election over shared memory, and what a stable leader costs: python examples/leader_election.py

Four processes, of which two are timely; the others are stopped ever longer, and messages take ever longer, too. At some
time the leader crashes. Once its successor is stable no message is sent, the leader writes one register in its own
memory, and the others read it. Where links lose messages, the processes tell each other through counters in memory;
then everybody, the leader too, polls those in its own memory.
"""

from rayrdma import Crash
from rayrdma.checks.omega import Traffic, last_third, leaders, traffic
from rayrdma.model.graph import complete
from rayrdma.protocols.omega import Omega, OmegaOverLossyLinks
from rayrdma.simulator.kernel import Kernel
from rayrdma.simulator.run import observe
from rayrdma.simulator.schedule import Timely

N, TIMELY, EVENTS = 4, (1, 3), 60_000


def elect(omega: type[Omega], *crashes: Crash) -> tuple[int, Traffic, Traffic]:
    """Who leads in the end; the traffic of the whole run, and that of its last third."""
    schedule = Timely(7, N, TIMELY, loss=0.0 if omega is Omega else 0.5)
    kernel = Kernel(omega, [None] * N, N, schedule, crashes, graph=complete(N), trace=True)
    kernel.run(EVENTS)
    kernel.close()
    run = observe(kernel)
    (leader,) = set(leaders(run).values())
    return leader, traffic(run.trace or ()), traffic(last_third(run))


for omega in (Omega, OmegaOverLossyLinks):
    first, _, _ = elect(omega)
    leader, whole, late = elect(omega, Crash(process=first, at=30_000))
    print(f"{omega.name}: p{first} led until it crashed, then p{leader}")
    print(f"  messages: {whole.messages.total()}, of these in the last third {late.messages.total()}")
    for what, operations in (("writes", late.writes), ("reads", late.reads)):
        by = ", ".join(f"{count} by p{process} on m{memory}" for (process, memory), count in sorted(operations.items()))
        print(f"  {what} in the last third: {by}")
