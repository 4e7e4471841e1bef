"""What a memory is put behind, wherever the parties are."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from rayrdma.actors.carriers import carrier_of
from rayrdma.model.errors import EnvironmentProblem, UsageError

HERE = "here"


@dataclass(frozen=True)
class Place:
    host: str = HERE
    no_device: str = ""


DEVICE, NONE = Place(), Place(no_device="no RDMA device")
FAR_DEVICE, FAR = Place("there"), Place("there", "no RDMA device")


def choose(wanted: str, memory: Place, *processes: Place, counts: bool = False) -> str:
    return carrier_of(wanted, memory, processes, HERE, counts)


@pytest.mark.parametrize(
    ("memory", "processes", "carrier"),
    [
        (DEVICE, [DEVICE, DEVICE], "verbs"),
        (DEVICE, [NONE, DEVICE], "verbs"),  # the other one asks the memory's host
        (FAR_DEVICE, [DEVICE, FAR_DEVICE], "verbs"),
        (DEVICE, [NONE, NONE], "shm"),
        (NONE, [DEVICE, DEVICE], "shm"),
        (NONE, [NONE, NONE], "shm"),
        (NONE, [NONE, FAR], "ray-channel"),
        (FAR, [NONE, NONE], "ray-channel"),
        (FAR, [FAR, FAR], "ray-channel"),  # the coordinator maps segments too
    ],
)
def test_auto_prefers_devices_and_then_one_hosts_memory(memory: Place, processes: list[Place], carrier: str) -> None:
    assert choose("auto", memory, *processes) == carrier


@pytest.mark.parametrize("place", [DEVICE, NONE])
@pytest.mark.parametrize("wanted", ["shm", "ray-channel"])
def test_what_is_asked_for_is_had(wanted: str, place: Place) -> None:
    assert choose(wanted, place, place) == wanted


@pytest.mark.parametrize(("memory", "processes"), [(NONE, [DEVICE]), (DEVICE, [DEVICE, NONE]), (DEVICE, [FAR])])
def test_verbs_need_a_device_at_every_party(memory: Place, processes: list[Place]) -> None:
    with pytest.raises(EnvironmentProblem) as caught:
        choose("verbs", memory, *processes)
    assert str(caught.value) == "the transport verbs needs a device at every party: no RDMA device"
    assert choose("verbs", DEVICE, DEVICE, FAR_DEVICE) == "verbs"


@pytest.mark.parametrize(("memory", "processes"), [(FAR, [NONE]), (NONE, [NONE, FAR])])
def test_shared_memory_is_that_of_one_host(memory: Place, processes: list[Place]) -> None:
    with pytest.raises(UsageError, match=r"^the transport shm needs all parties on one host; use --transport auto or"):
        choose("shm", memory, *processes)


@pytest.mark.parametrize(("wanted", "place"), [("auto", DEVICE), ("auto", NONE), ("verbs", DEVICE), ("shm", NONE)])
def test_only_a_memory_that_answers_by_itself_counts_its_operations(wanted: str, place: Place) -> None:
    with pytest.raises(UsageError, match=r"nobody sees a memory's operations, .* use --transport ray-channel$"):
        choose(wanted, place, place, counts=True)
    assert choose("ray-channel", place, place, counts=True) == "ray-channel"
