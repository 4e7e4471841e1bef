"""The same protocol in the simulator and on Ray: python examples/quickstart.py"""

from rayrdma import Crash, Experiment, RunConfig

INPUTS = ["red", "green", "blue"]

# In the simulator: one thread, virtual time, every schedule replayable from its seed.
result = Experiment("protected-memory-paxos", INPUTS).run()
print(f"simulator: {result.decisions} after {result.first_decision_delays} delays")

# Two of three processes and one of three memories crash, and an adversary chooses when everything happens.
result = Experiment(
    "protected-memory-paxos",
    INPUTS,
    run=RunConfig(schedule="adversary", seed=7),
    faults=[Crash(process=0, at=3), Crash(process=2), Crash(memory=1, at=5)],
).run()
print(f"adversary: {result.verdict}, {result.decisions}")

# On Ray: processes and memories are actors, memory operations travel over shared memory. A Ray that is already
# initialised is used; otherwise one is started here and stopped again.
result = Experiment("protected-memory-paxos", INPUTS, run=RunConfig(engine="ray", rounds=20)).run()
seconds = result.first_decision_seconds
print(f"Ray: {result.decisions} after {result.first_decision_delays} delays, over {result.transports}")
print(f"     {seconds * 1e6:.0f} microseconds in the last of {result.rounds} rounds")
