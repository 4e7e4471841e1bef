"""A leader that equivocates through memory, caught: python examples/byzantine_leader.py

Process 0 leads. It signs two values and writes one to half of the memories and the other to the rest. Over plain shared
memory two followers could now decide differently. Under Cheap Quorum nobody does: a follower decides only once it has
seen that all have copied the same value, and who loses patience aborts with what it holds. Under Fast & Robust it then
goes on with the backup, where both values come with the leader's signature, and all correct processes decide on one.
"""

from collections import Counter

from rayrdma import Byzantine, Experiment, RunConfig, ScalingConfig

SCHEDULES = 200

for protocol in ("cheap-quorum", "fast-and-robust"):
    outcomes: Counter[str] = Counter()
    for seed in range(SCHEDULES):
        result = Experiment(
            protocol,
            ["red", "green", "blue"],
            scaling=ScalingConfig(memories=5),
            run=RunConfig(schedule="adversary", seed=seed),
            faults=[Byzantine(process=0, behaviour="leader-splits")],
        ).run()
        assert not result.violations, result.violations
        values = set(result.decisions.values())
        assert len(values) <= 1, "two correct processes decided differently"
        if result.verdict == "decided":
            outcomes[f"p1 and p2 decided {values.pop()}"] += 1
        else:
            outcomes["somebody aborted, and nobody disagreed"] += 1
    print(f"{protocol}:")
    for outcome, count in outcomes.most_common():
        print(f"  {outcome}: {count} of {SCHEDULES} schedules")
