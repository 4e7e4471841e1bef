"""A fingerprint of every trace of some runs, to be compared between processes.

``python -m tests.simulator.fingerprints`` prints one line a run.
"""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterator

from rayrdma.faults.plan import Pause
from rayrdma.model.trace import encode_trace
from rayrdma.protocols import PROTOCOLS
from tests.fuzz import random_crashes, run

SEEDS = range(40)


def fingerprints() -> Iterator[str]:
    """All protocols under the adversary, with crashes and pauses."""
    for protocol in PROTOCOLS.values():
        for seed in SEEDS:
            m = 3 if protocol.needs_memories else 0
            faults = random_crashes(random.Random(seed), 4, m, 1, m // 3)
            outcome = run(protocol, 4, m, seed, [*faults, Pause(seed % 4, 3, 30)])
            trace = encode_trace(outcome.kernel.trace or [])
            yield f"{protocol.name} {seed} {len(trace)} {hashlib.sha256(trace).hexdigest()}"


if __name__ == "__main__":
    for line in fingerprints():
        print(line)
