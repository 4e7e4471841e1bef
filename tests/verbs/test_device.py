"""The test bed itself: a device that carries one-sided operations, in a machine that moves whole words."""

from __future__ import annotations

import os
import sysconfig
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import pyverbs.enums as e
from pyverbs.addr import GID, AHAttr, GlobalRoute
from pyverbs.cq import CQ
from pyverbs.device import Context, get_device_list
from pyverbs.mr import MR
from pyverbs.pd import PD
from pyverbs.qp import QP, QPAttr, QPCap, QPInitAttr
from pyverbs.wr import SGE, SendWR

from rayrdma.pyverbs_link import DEBIAN, link
from rayrdma.transports.verbs.device import Device

pytestmark = pytest.mark.verbs

ACCESS = e.IBV_ACCESS_LOCAL_WRITE | e.IBV_ACCESS_REMOTE_WRITE | e.IBV_ACCESS_REMOTE_READ
SIZE = 4096
VALUE = b"a value of a register".ljust(64, b".")


class End:
    """One end of a connection, with its memory."""

    def __init__(self, device: Context) -> None:
        domain = PD(device)
        self.gid = device.query_gid(1, 1)
        self.completions = CQ(device, 16)
        self.region = MR(domain, SIZE, ACCESS)
        kind = QPInitAttr(
            qp_type=e.IBV_QPT_RC,
            scq=self.completions,
            rcq=self.completions,
            cap=QPCap(max_send_wr=16, max_recv_wr=1),
            sq_sig_all=1,
        )
        self.queue_pair = QP(domain, kind, self.attributes())

    def attributes(self) -> QPAttr:
        attributes = QPAttr(port_num=1)
        attributes.qp_access_flags = ACCESS
        return attributes

    def connect(self, other: End) -> None:
        attributes = self.attributes()
        attributes.dest_qp_num = other.queue_pair.qp_num
        attributes.path_mtu = e.IBV_MTU_1024
        attributes.rq_psn = attributes.sq_psn = 0
        attributes.max_rd_atomic = attributes.max_dest_rd_atomic = 1
        attributes.min_rnr_timer = 12
        attributes.timeout, attributes.retry_cnt, attributes.rnr_retry = 14, 3, 7
        route = GlobalRoute(dgid=GID(other.gid.gid), sgid_index=1)
        attributes.ah_attr = AHAttr(gr=route, is_global=1, port_num=1)
        self.queue_pair.to_rts(attributes)

    def operate(self, operation: int, own: int, other: End, theirs: int) -> int:
        """Post one operation of 64 bytes between two offsets, wait for its completion; the status."""
        request = SendWR(opcode=operation, num_sge=1, sg=[SGE(self.region.buf + own, len(VALUE), self.region.lkey)])
        request.set_wr_rdma(other.region.rkey, other.region.buf + theirs)
        self.queue_pair.post_send(request)
        while True:
            count, completions = self.completions.poll()
            if count:
                return int(completions[0].status)


def test_a_queue_pair_writes_and_reads_what_the_other_end_registered() -> None:
    (device,) = get_device_list()
    with Context(name=device.name.decode()) as context:
        process, memory = End(context), End(context)
        process.connect(memory)
        memory.connect(process)

        process.region.write(VALUE, len(VALUE))
        assert process.operate(e.IBV_WR_RDMA_WRITE, 0, memory, 128) == e.IBV_WC_SUCCESS
        assert memory.region.read(len(VALUE), 128) == VALUE
        assert process.operate(e.IBV_WR_RDMA_READ, 1024, memory, 128) == e.IBV_WC_SUCCESS
        assert process.region.read(len(VALUE), 1024) == VALUE


def test_the_link_to_pyverbs_is_what_make_verbs_makes() -> None:
    place = Path(sysconfig.get_path("purelib"), "pyverbs")
    there = place.readlink()
    assert link(place.parent, DEBIAN).readlink() == there


def test_no_cpu_sees_half_of_a_word_that_the_device_writes() -> None:
    """A device on a bus shows none; a kernel that copies byte by byte does, to another CPU."""
    processor = Path("/proc/cpuinfo").read_text().split()
    assert os.cpu_count() == 1 or not {"erms", "fsrm"} & set(processor)


LOCAL, MAPPED = "fe80:0000:0000:0000:5054:00ff:fe12:3456", "0000:0000:0000:0000:0000:ffff:0a00:0301"
NONE = "0000:0000:0000:0000:0000:0000:0000:0000"
OLD, NEW = "IB/RoCE v1", "RoCE v2"


@pytest.mark.parametrize(
    ("gids", "taken"),
    [
        ([(LOCAL, OLD), (LOCAL, NEW), (MAPPED, OLD), (MAPPED, NEW), (NONE, "")], 3),
        ([(LOCAL, OLD), (LOCAL, NEW), (NONE, "")], 1),
        ([(LOCAL, OLD), (MAPPED, OLD)], 1),
        ([(NONE, ""), (LOCAL, "")], 1),
    ],
)
def test_of_the_gids_of_a_card_one_is_taken_that_is_routed(gids: list[tuple[str, str]], taken: int) -> None:
    class Card(Device):
        def __init__(self) -> None:
            self.port, self._context = 1, self

        def query_gid(self, port: int, index: int) -> Any:
            return SimpleNamespace(gid=gids[index][0])

        def _gid_type(self, index: int) -> str:
            return gids[index][1]

    assert Card()._find_gid(len(gids), None) == taken


def test_the_kernel_tells_what_a_gid_is() -> None:
    device = Device()
    try:
        assert device.gid.startswith("0000:0000:0000:0000:0000:ffff:")
        assert device._gid_type(device._gid_index) == NEW
    finally:
        device.close()
