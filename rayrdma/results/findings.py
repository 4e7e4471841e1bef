"""What was found for each cell of the table, in words: the same measurements always make the same findings."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from rayrdma.model.protocol import Protocol
from rayrdma.protocols.aligned_paxos import AlignedPaxos
from rayrdma.protocols.fast_and_robust import FastAndRobust
from rayrdma.protocols.hybrid_ben_or import HybridBenOr
from rayrdma.protocols.mixed_consensus import MixedConsensus

from .bounds import AT, PAST, BoundMeasured, DisksAlone, ForcedPaxos
from .cells import BYZANTINE, MESSAGE_PASSING, RDMA_FULL, RDMA_SCALE, Finding, Measurements, System
from .graph_bounds import ForcedHybridBenOr
from .live import Kill, Latency
from .quantities import round_trips, seconds
from .result import BLOCKED, DECIDED


def crash(found: Measurements, system: System) -> Iterable[Finding]:
    """Both sides of a bound on crashed processes, and a real crash."""
    measured = [bound for bound in found.bounds if bound.protocol == system.protocol]
    at = [bound for bound in measured if bound.side == AT]
    if not at:
        return
    shape = "n = 2f+1" if system is MESSAGE_PASSING else "n = f+1"
    yield Finding(f"at the bound, {shape}", _count(at, DECIDED), all(bound.holds for bound in at))
    past = [bound for bound in measured if bound.side == PAST and bound.crashed_processes]
    if past:
        shape = "n = 2f" if system is MESSAGE_PASSING else "n = f"
        why = explain(past[-1])
        yield Finding(f"one past it, {shape}", f"{_count(past, BLOCKED)}: {why}", all(bound.holds for bound in past))
    forced = [bound for bound in found.bounds if bound.protocol == ForcedPaxos.name]
    if system is MESSAGE_PASSING and forced:
        disagreements, of = sum(bound.disagreements for bound in forced), sum(bound.schedules for bound in forced)
        yield Finding(
            "with quorums of n-f",
            f"two decisions in {disagreements:,} of {of:,} schedules",
            all(bound.holds for bound in forced),
        )
    yield from _kills(found, system)


def _kills(found: Measurements, system: System) -> Iterable[Finding]:
    for kill in found.kills:
        if kill.protocol == system.protocol:
            yield Finding("leader killed with -9 on Ray", tell_kill(kill), kill.holds)


def without_permissions(found: Measurements) -> Iterable[Finding]:
    """The plain disk model: one Byzantine process may write every block."""
    broken = [bound for bound in found.bounds if bound.protocol == DisksAlone.name]
    if broken:
        why = f"two decisions in {sum(bound.disagreements for bound in broken):,} of "
        why += f"{sum(bound.schedules for bound in broken):,} schedules: {broken[0].why}"
        yield Finding("one process that overwrites blocks", why, all(bound.holds for bound in broken))


def byzantine(
    found: Measurements,
    protocol: type[Protocol],
    past_its_bound: type[Protocol],
    forced: type[Protocol],
    bound: str,
    with_quorums: str,
) -> Iterable[Finding]:
    """Every attack at the bound; past it the block, and with smaller quorums two decisions."""
    at = [measured for measured in found.bounds if (measured.protocol, measured.side) == (protocol.name, AT)]
    past = [measured for measured in found.bounds if measured.protocol == past_its_bound.name]
    if at:
        holds = all(measured.holds for measured in at)
        yield Finding(f"{protocol.name} at the bound, {bound}+1", _count(at, DECIDED), holds)
    if past:
        why = f"{_count(past, BLOCKED)}: {explain(past[0])}"
        yield Finding(f"one past it, {bound}", why, all(measured.holds for measured in past))
    for measured in found.bounds:
        if measured.protocol == forced.name:
            why = f"two decisions in {measured.disagreements:,} of {measured.schedules:,} schedules: {measured.why}"
            yield Finding(with_quorums, why, measured.holds)


def crash_on_graphs(found: Measurements) -> Iterable[Finding]:
    """HBO at the exact bound of each graph and past it, and what comes of asking for less than a majority."""
    on_graphs = [bound for bound in found.bounds if bound.topology]
    for protocol, what in ((HybridBenOr, ""), (MixedConsensus, ", beyond the talk")):
        for at, past in _pairs([bound for bound in on_graphs if bound.protocol == protocol.name]):
            x = at.processes - 1 - at.crashed_processes
            shape = f"{at.topology}{what}: {at.crashed_processes} of {at.processes} crashed, x = {x}"
            yield Finding(shape, _count([at], DECIDED), at.holds)
            if past is not None:
                yield Finding("one more", f"{_count([past], BLOCKED)}: {explain(past)}", past.holds)
    for bound in on_graphs:
        if bound.protocol == ForcedHybridBenOr.name:
            disagreements = f"two decisions in {bound.disagreements:,} of {bound.schedules:,} schedules"
            yield Finding(f"{bound.topology}, cut in two, if half is enough", disagreements, bound.holds)
    yield from _kills(found, RDMA_SCALE)


def _pairs(bounds: list[BoundMeasured]) -> Iterator[tuple[BoundMeasured, BoundMeasured | None]]:
    """Each graph's run at the bound, with the one past it where one more crash leaves somebody."""
    for at in bounds:
        if at.side == AT:
            yield at, next((past for past in bounds if (past.side, past.topology) == (PAST, at.topology)), None)


def scalability(found: Measurements, system: System) -> Iterable[Finding]:
    """What a NIC has to hold, and what that costs by a model; of RDMA Scale, HBO itself."""
    scales = found.scales
    if not scales:
        return
    for what, counts in (
        ("connections of a memory's NIC", [scale.connections for scale in scales]),
        ("permission entries in it", [scale.permissions for scale in scales]),
    ):
        held = [(count[system.protocol], scale.processes) for count, scale in zip(counts, scales, strict=True)]
        yield Finding(what, ", ".join(f"{count:,} at n = {n:,}" for count, n in held), True)
    first, last = scales[0], scales[-1]
    small, large = (scale.operation_ns[system.protocol] * 1e-9 for scale in (first, last))
    modelled = f"{seconds(small)} at n = {first.processes:,}, {seconds(large)} at n = {last.processes:,}"
    yield Finding("an operation, by a model of the NIC's cache", modelled, True)
    if system is RDMA_SCALE:
        for scale in scales:
            yield Finding(
                f"n = {scale.processes:,}, degree {scale.degree}, {scale.survivors:,} survive",
                f"{scale.verdict}; a round takes {seconds(scale.seconds)} here, {scale.rounds} were needed",
                scale.holds,
            )


def memories(found: Measurements, system: System) -> Iterable[Finding]:
    """Both sides of the bound on crashed memories."""
    measured = [bound for bound in found.bounds if bound.protocol == system.protocol]
    at = [bound for bound in measured if bound.side == AT]
    past = [bound for bound in measured if bound.side == PAST and bound.crashed_memories]
    if at:
        yield Finding("at the bound, f of 2f+1", _count(at, DECIDED), all(bound.holds for bound in at))
    if past:
        why = explain(past[0])
        yield Finding("one past it, f+1 of 2f+1", f"{_count(past, BLOCKED)}: {why}", all(bound.holds for bound in past))


def together(found: Measurements) -> Iterable[Finding]:
    """Aligned Paxos without so many of all agents, and Protected Memory Paxos without the same ones."""
    shapes: dict[tuple[int, int, str], list[BoundMeasured]] = {}
    for bound in found.bounds:
        if bound.protocol == AlignedPaxos.name:
            shapes.setdefault((bound.processes, bound.memories, bound.side), []).append(bound)
    for (n, m, _), bounds in shapes.items():
        crashed = bounds[0].crashed_processes + bounds[0].crashed_memories
        yield _without(f"Aligned Paxos, n = {n}, m = {m}, {crashed} of {n + m} crashed", bounds)
        same = [other for other in found.bounds if other.protocol == RDMA_FULL.protocol and _places(other, bounds)]
        if same:
            lost = ((same[0].crashed_processes, "processes"), (same[0].crashed_memories, "memories"))
            gone = " and ".join(f"{count} {what}" for count, what in lost if count)
            yield _without(f"Protected Memory Paxos instead, without {gone}", same)


def _places(other: BoundMeasured, bounds: list[BoundMeasured]) -> bool:
    """Whether the same parties are there, and crash, as in one of these."""
    shape = (other.processes, other.memories, other.crashed_processes, other.crashed_memories)
    return shape in [(b.processes, b.memories, b.crashed_processes, b.crashed_memories) for b in bounds]


def _without(what: str, bounds: list[BoundMeasured]) -> Finding:
    """That they all decided, or why they blocked."""
    past = bounds[0].side == PAST
    found = f"{_count(bounds, BLOCKED)}: {explain(bounds[0])}" if past else _count(bounds, DECIDED)
    return Finding(what, found, all(bound.holds for bound in bounds))


def best_case(found: Measurements, system: System) -> Iterable[Finding]:
    """Round trips to the first decision, counted, and what they take on Ray."""
    for measured in found.delays:
        if measured.protocol == system.protocol:
            as_claimed = measured.common_case == measured.claimed
            yield Finding("common case", _trips(measured.common_case), as_claimed)
            as_claimed = measured.take_over == measured.claimed_take_over
            yield Finding("after a take-over", _trips(measured.take_over), as_claimed)
    for measured in found.delays:
        if system is MESSAGE_PASSING and measured.protocol in BYZANTINE:
            what = f"{BYZANTINE[measured.protocol]}, Byzantine"
            yield Finding(what, _trips(measured.common_case), measured.common_case == measured.claimed)
        if system is RDMA_FULL and measured.protocol == FastAndRobust.name:
            what = f"{measured.protocol}, Byzantine"
            yield Finding(what, _trips(measured.common_case), measured.common_case == measured.claimed)
            as_claimed = measured.take_over == measured.claimed_take_over
            yield Finding(f"{measured.protocol} after a panic", _trips(measured.take_over), as_claimed)
    for latency in found.latencies:
        if latency.protocol == system.protocol:
            yield Finding("on Ray", tell_latency(latency), latency.holds)


def _count(bounds: list[BoundMeasured], verdict: str) -> str:
    count = sum(bound.verdicts.get(verdict, 0) for bound in bounds)
    return f"{verdict} in {count:,} of {sum(bound.schedules for bound in bounds):,} schedules"


def _trips(delays: int | None) -> str:
    return f"{round_trips(delays)} ({delays} delays)" if delays is not None else "no decision"


def explain(bound: BoundMeasured) -> str:
    """What went wrong past a bound, in a few words; ``bound.why`` has the run's own."""
    lacking = re.search(r"needs \d+ of \d+ \w+, \d+ alive|(represented|answers) [\w ]+, needs [> ]*\d+", bound.why)
    return lacking[0] if lacking else bound.why


def tell_latency(latency: Latency) -> str:
    """One protocol's latency on Ray, in a few words."""
    if latency.p50 is None or latency.p99 is None:
        return f"{latency.verdict}: {latency.reason}"
    counted = " or ".join(sorted(latency.delays, key=int))
    return f"{counted} delays, p50 {seconds(latency.p50)}, p99 {seconds(latency.p99)} over {latency.rounds} rounds"


def tell_kill(kill: Kill) -> str:
    """What the survivors of one kill did, in a few words."""
    if kill.first_decider is None or kill.seconds is None:
        return f"{kill.verdict}: {kill.reason}"
    value = next(iter(kill.decisions.values()))
    return f"{' and '.join(kill.decisions)} decided {value}, p{kill.first_decider} first, after {seconds(kill.seconds)}"
