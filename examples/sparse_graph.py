"""Who may crash where nobody shares memory with more than three others: the Petersen graph, ten processes.

Messages alone tolerate 4 crashes of 10. HBO tolerates 8, whichever they are. With the ninth it waits for ever; another
protocol does not, and no graph on which memories outlive their owners could do better.
"""

from __future__ import annotations

from rayrdma import Crash, Experiment, ScalingConfig, make_topology

SCALING = ScalingConfig(topology=make_topology("petersen"))


def main() -> None:
    for protocol, crashed in (("hybrid-ben-or", 8), ("hybrid-ben-or", 9), ("mixed-consensus", 9)):
        faults = [Crash(process=process) for process in range(10 - crashed, 10)]
        result = Experiment(protocol, scaling=SCALING, faults=faults).run()
        print(f"{protocol}, {crashed} of 10 crashed: {result.verdict}: {result.reason}")


if __name__ == "__main__":
    main()
