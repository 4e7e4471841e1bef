"""How many rounds HBO takes, against the number of processes: why 100,000 of them need a common coin.

Inputs are mixed, nobody crashes, and messages arrive in any order. A process goes on as soon as it has heard of more
than half, so that all of these must have tossed the same: with coins of everybody's own that gets rarer exponentially.
On a ring, where each speaks for two others too, it takes more processes until that shows. A coin that all see alike
ends it at any size.
"""

from __future__ import annotations

import statistics

from rayrdma.clusters.topology import make_topology
from rayrdma.scale import ScaleConfig, run_scale

SIZES = (4, 8, 12, 16)
SEEDS = 50


def mean_rounds(graph: str, n: int, coin: str) -> float:
    topology = make_topology(graph, processes=n)
    runs = [run_scale(ScaleConfig(topology, coin=coin, engine="sim", seed=seed)) for seed in range(SEEDS)]
    return statistics.mean(run.rounds for run in runs)


def main() -> None:
    print("".join(f"{head:>12}" for head in ("n", "no edges", "ring", "common coin")))
    for n in SIZES:
        means = mean_rounds("none", n, "local"), mean_rounds("ring", n, "local"), mean_rounds("none", n, "common")
        print(f"{n:12}" + "".join(f"{mean:12.1f}" for mean in means))


if __name__ == "__main__":
    main()
