"""Nothing leaks: what the kernel has of queue pairs, regions, domains and completion queues, and open files."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Iterator

import pytest

from rayrdma.model.outcomes import ACK, NAK
from rayrdma.transports.verbs.agent import Revocation, VerbsMemory
from rayrdma.transports.verbs.device import MAY_READ, Memory, Registration
from tests.parity import forked, scripts
from tests.parity.live import until
from tests.parity.party import MEMORIES, Party, Script, read, take, write
from tests.parity.verbs_arm import FlagsArm, VerbsArm
from tests.verbs.together import Together

pytestmark = pytest.mark.verbs

LEADERS = 3
CHANGES = {VerbsArm: 500, FlagsArm: 50}
"""Where permission is revoked as a software device needs it, and where as it need not be."""
TIMES = 20
KILLS = 5


def kernel() -> dict[str, int]:
    """How many things of each kind the kernel has, of all processes."""
    shown = subprocess.run(["rdma", "-j", "resource", "show"], capture_output=True, text=True, check=True)
    (device,) = json.loads(shown.stdout)
    return {kind: int(device[kind]) for kind in ("qp", "mr", "pd", "cq", "ctx")}


def descriptors(_: object = None) -> int:
    """How many files this process has open."""
    return len(os.listdir("/proc/self/fd"))


def counted() -> dict[str, int]:
    """All of these."""
    return kernel() | {"fd": descriptors()}


def test_a_leak_would_be_seen() -> None:
    with Together(n=2) as two:
        before = counted()
        domain, completions = two.device.domain(), two.device.completions()
        pair = two.device.queue_pair(domain, completions)
        region = Registration(domain, Memory(1), MAY_READ)
        after = {kind: number + (kind != "ctx") for kind, number in before.items()}
        assert counted() == after
        pair.close()
        region.close()
        completions.close()
        domain.close()
        assert counted() == before


@pytest.mark.parametrize("revocation", Revocation, ids=lambda how: how.name)
def test_connections_that_are_opened_and_closed_leave_nothing(revocation: Revocation) -> None:
    with Together(revocation) as four:
        before, pairs = counted(), four.memory.queue_pairs
        for number in range(TIMES):
            process = number % 4
            four.connect(process)
            assert four.operate(process, take("slots", process)) is None
            assert four.operate(process, write("slots", process, number)) is ACK
            assert four.operate(3, read("slots", process)) == number
            assert four.memory.queue_pairs == pairs
            assert counted() == before


def test_memories_that_are_opened_and_closed_leave_nothing() -> None:
    with Together(n=2):  # what is made once for all: ZeroMQ's thread, with its files
        pass
    before = counted()
    for _ in range(5):
        with Together(n=2) as two:
            assert two.operate(0, write("open", 0, "longer than a word")) is ACK
            assert counted() != before
        assert counted() == before


@pytest.fixture(params=CHANGES, ids=lambda kind: kind.revocation.name)
def arm(request: pytest.FixtureRequest) -> Iterator[VerbsArm]:
    """Two memories and up to four processes; each is a process of its own."""
    forked.preload([__name__])
    arm = request.param()
    arm.refresh()
    yield arm
    arm.close()


def lead(party: Party, term: int) -> Script:
    """Take over all memories, and write to them until all have refused; how often it has connected anew."""
    for memory in range(MEMORIES):
        yield take("slots", party.id, memory)
    party.ledger.taken[party.id] = term
    held = [*range(MEMORIES)]
    while held:
        for memory in tuple(held):
            if (yield write("slots", party.id, term, memory)) is NAK:
                held.remove(memory)
    assert all(connection.refused == connection.reconnected for connection in party.connections)
    return sum(connection.reconnected for connection in party.connections)


def change_leaders(arm: VerbsArm, first: int, last: int) -> int:
    """Let them take over from each other in so many terms; how often they have connected anew so far."""
    leaders, another = arm.workers(LEADERS), arm.worker(LEADERS)
    anew = dict.fromkeys(leaders, 0)
    for term in range(first, last + 1):
        new, old = term % LEADERS, leaders[(term - 1) % LEADERS]
        leaders[new].begin(lead, term)
        until(lambda new=new, term=term: arm.ledger.taken[new] == term, "the change")
        if term > first:  # it was at it when it lost the memories
            anew[old] = old.result()
    for memory in range(MEMORIES):
        assert another.operate(take("slots", LEADERS, memory)) is None
    anew[leaders[last % LEADERS]] = leaders[last % LEADERS].result()
    return sum(anew.values())


def all_counted(arm: VerbsArm) -> tuple[dict[str, int], list[int], list[int]]:
    """The kernel's, the files of all memories, the files of all processes."""
    memories = [memory.call(descriptors) for memory in arm.memories]
    return kernel(), memories, [leader.call(descriptors) for leader in arm.workers(LEADERS)]


def test_leader_changes_in_a_row_leave_nothing(arm: VerbsArm) -> None:
    """Each leader is refused in the middle of its writes, by the devices of all memories, and connects anew."""
    changes = CHANGES[type(arm)]
    first = change_leaders(arm, 1, LEADERS)
    assert first == MEMORIES * LEADERS
    before = all_counted(arm)
    anew = change_leaders(arm, LEADERS + 1, LEADERS + changes) - first
    assert all_counted(arm) == before
    assert anew == MEMORIES * changes
    print(
        f"{arm.name}: {changes} leader changes, {anew} refused writes, each connected anew; before and after {before}"
    )


def queue_pairs(party: Party) -> int:
    """How many a process has."""
    return sum(connection.queue_pairs for connection in party.connections)


@pytest.mark.parametrize("arm", [VerbsArm], indirect=True, ids=["REGISTRATION"])
def test_who_is_killed_leaves_nothing_but_the_other_ends_for_whoever_comes_next(arm: VerbsArm) -> None:
    """SIGKILL in the middle of writes, swaps and changes. The agents reuse their ends of its queue pairs."""
    other = arm.worker(1)
    before: list[tuple[dict[str, int], list[int]]] = []
    for _ in range(KILLS + 1):
        victim = arm.worker(0)
        own = victim.call(queue_pairs)
        for region in ("slots", "big"):
            assert other.operate(take(region, 1)) is None
        before.append((kernel(), [memory.call(_ends) for memory in arm.memories]))
        victim.begin(scripts.be_busy)
        arm.reach(arm.ledger.tried, 0, arm.ledger.tried[0] + 3)
        victim.kill()
        left = before[0][0]["qp"] - own
        until(lambda left=left: kernel()["qp"] == left, "the end of its queue pairs")
        assert kernel()["ctx"] == before[0][0]["ctx"] - 1
        assert [memory.call(_ends) for memory in arm.memories] == before[0][1]
    assert before == [before[0]] * len(before)


def _ends(memory: VerbsMemory) -> int:
    return memory.queue_pairs
