"""A leader that equivocates through memory, caught: python examples/byzantine_leader.py

Process 0 leads Cheap Quorum. It signs two values and writes one to half of the memories and the other to the rest.
Over plain shared memory two followers could now decide differently. Here nobody does: a follower decides only once it
has seen that all have copied the same value, and who loses patience aborts with what it holds.
"""

from collections import Counter

from rayrdma import Byzantine, Experiment, RunConfig, ScalingConfig

outcomes: Counter[str] = Counter()
for seed in range(200):
    result = Experiment(
        "cheap-quorum",
        ["red", "green", "blue"],
        scaling=ScalingConfig(memories=5),
        run=RunConfig(schedule="adversary", seed=seed),
        faults=[Byzantine(process=0, behaviour="leader-splits")],
    ).run()
    assert not result.violations, result.violations
    assert len(set(result.decisions.values())) <= 1
    outcomes["all decided the same" if result.verdict == "decided" else "somebody aborted, and nobody disagreed"] += 1
for outcome, count in outcomes.most_common():
    print(f"{outcome}: {count} of 200 schedules")
