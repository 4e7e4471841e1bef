"""No reader ever sees a torn register, whatever its size, while the device of a writer is at it.

Writer and reader are processes of their own, so that on two processors a READ meets a WRITE that is half done.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from rayrdma.model.regions import Region
from rayrdma.transports.verbs.agent import VerbsMemory
from rayrdma.transports.verbs.device import Device
from rayrdma.transports.verbs.layout import Committed, InPlace, layout_of
from tests.parity.forked import ForkedWorker
from tests.verbs.together import secret, wait_until
from tests.verbs.whole import REGIONS, End, N

pytestmark = pytest.mark.verbs


@pytest.fixture
def memory() -> Iterator[VerbsMemory]:
    device = Device()
    made = VerbsMemory(device, "127.0.0.1", REGIONS, {secret(process): process for process in range(N)})
    made.reset(1)
    yield made
    made.close()
    device.close()


@pytest.mark.parametrize("region", REGIONS, ids=lambda region: region.name)
def test_a_value_is_read_as_it_was_written(memory: VerbsMemory, region: Region) -> None:
    assert isinstance(layout_of(region, N), InPlace if region.name == "a packet" else Committed)
    writer, reader = (ForkedWorker(End, process, memory.endpoint) for process in range(N))
    try:
        writer.begin(End.write, region.name, region.register_bytes)
        reader.begin(End.read, region.name, region.register_bytes)

        def read() -> bool:
            writer.check()
            return reader._pipe.poll(0.1)

        wait_until(read, "the last new value")
        reads, torn = reader.result()
    finally:
        for worker in (writer, reader):
            worker.kill()
    print(f"{region.name}: {reads} reads, {torn} times the bytes were not whole")
