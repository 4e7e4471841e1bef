"""Kill the leader's process in the middle of a round, and see the others decide: python examples/kill_the_leader.py

Process 0 leads. It is killed with SIGKILL right after its second write, so that its value may already stand on a
majority of the memories, although nobody was told. Its heartbeats stop, another process is elected, takes the write
permission away from the dead one, finds the value, and has to decide it.
"""

from rayrdma import After, Crash, Experiment, RunConfig

result = Experiment(
    "protected-memory-paxos",
    ["red", "green", "blue"],
    run=RunConfig(engine="ray"),
    faults=[Crash(process=0, at=After("write", 2))],
).run()
print(f"{result.verdict}: {result.reason}")
print(f"survivors: {result.decisions}, the first after {result.first_decision_seconds * 1e3:.0f} ms")
