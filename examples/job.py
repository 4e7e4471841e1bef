"""A run as a Ray job: nothing in it says so. On a cluster, from this folder's parent:

    ray job submit --working-dir . -- python examples/job.py

The job finds the Ray that it runs in, joins it, and leaves it as it was. Its output is the job's log.
"""

from rayrdma import Experiment, RunConfig

result = Experiment(
    "protected-memory-paxos",
    ["red", "green", "blue"],
    run=RunConfig(engine="ray", rounds=20),
).run()
print(f"{result.verdict}: {result.reason}")
print(f"decisions {result.decisions}, {result.first_decision_delays} delays, transports {result.transports}")
raise SystemExit(result.exit_code)
