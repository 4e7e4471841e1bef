"""A protocol of one's own, in one file: consensus by a single compare-and-swap (RDMA's atomic operation).

    rayrdma run examples/own_protocol.py:CompareAndSwap --inputs red,green,blue
    python examples/own_protocol.py

It decides in 2 delays with no leader and no message, and all but one process may crash. The price: it trusts
one memory. A protocol of reads and writes can not be that fast without changing permissions (P19, section 6);
a swap is stronger than both.
"""

from rayrdma import (
    Crash,
    Experiment,
    Observation,
    Protocol,
    Region,
    RunConfig,
    ScalingConfig,
    Value,
    Violation,
    everyone,
)
from rayrdma.model.trace import TookEffect

WORD = "word"


def first_swap_decides(observation: Observation) -> Violation | None:
    """This protocol's own invariant, checked on every simulated run."""
    swaps = [event for event in observation.trace or () if isinstance(event, TookEffect)]
    for decided in observation.decisions:
        _, first = swaps[0].argument
        if decided.value != first:
            return Violation("first swap decides", f"p{decided.process} decided {decided.value!r}, not {first!r}")
    return None


class CompareAndSwap(Protocol):
    """One process: swap the value into an empty word; whatever stands there then is the decision."""

    name = "compare-and-swap"
    checks = (first_swap_decides,)

    @classmethod
    def regions(cls, n: int) -> list[Region]:
        return [Region(WORD, registers=1, permission=everyone(n))]

    async def propose(self, value: Value) -> None:
        old = await self.process.compare_and_swap(0, WORD, 0, None, value)
        self.process.decide(value if old is None else old)


if __name__ == "__main__":
    colours = ["red", "green", "blue"]
    adversary = RunConfig(schedule="adversary", rounds=1000, seed=7)
    for faults in ([], [Crash(process=0), Crash(process=2)], [Crash(memory=0)]):
        result = Experiment(
            CompareAndSwap, colours, scaling=ScalingConfig(memories=1), run=adversary, faults=faults
        ).run()
        crashed = ", ".join(result.faults) or "nothing"
        print(f"{crashed} crashed: {result.verdict} after {result.rounds} rounds; {result.reason}")
