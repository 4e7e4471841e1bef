"""A device that speaks verbs: what of pyverbs we use, in the field's words. No other file imports pyverbs.

Hardware, or Soft-RoCE (rdma_rxe) over any network card. rdma-core 44 (Debian 12) and later.
"""

from __future__ import annotations

import ctypes
import mmap
import os
import re
import resource
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

import pyverbs.device as _device
from pyverbs.addr import GID, AHAttr, GlobalRoute
from pyverbs.cq import CQ, CompChannel
from pyverbs.mr import MR
from pyverbs.pd import PD
from pyverbs.pyverbs_error import PyverbsError
from pyverbs.qp import QP, QPAttr, QPCap, QPInitAttr
from pyverbs.wr import SGE, SendWR

from rayrdma.model.errors import EnvironmentProblem

from .handshake import Address
from .layout import PACKET

try:
    import pyverbs.enums as _e
except ImportError:  # from rdma-core 59 on
    import pyverbs.libibverbs_enums as _e

T = TypeVar("T")

GET, PUT, SWAP = _e.IBV_WR_RDMA_READ, _e.IBV_WR_RDMA_WRITE, _e.IBV_WR_ATOMIC_CMP_AND_SWP
LOCAL = _e.IBV_ACCESS_LOCAL_WRITE
MAY_READ = _e.IBV_ACCESS_REMOTE_READ
MAY_WRITE: int = _e.IBV_ACCESS_REMOTE_WRITE
MAY_SWAP: int = MAY_WRITE | _e.IBV_ACCESS_REMOTE_ATOMIC
NOTHING = 0

SUCCESS = _e.IBV_WC_SUCCESS
DENIED = frozenset((_e.IBV_WC_REM_ACCESS_ERR, _e.IBV_WC_REM_INV_REQ_ERR))
"""The other side's device did not allow it: by a region's key, or by the queue pair's flags. It had no effect."""
STATUS = {
    getattr(_e, name): name for name in dir(_e) if name.startswith("IBV_WC_") and name.endswith(("_ERR", "SUCCESS"))
}

_MTU = {getattr(_e, f"IBV_MTU_{size}"): size for size in (256, 512, 1024, 2048, 4096)}
_SEND_QUEUE = 128
_TIMEOUT, _RETRIES = 15, 6
"""An unanswered packet is sent anew after 4.096 us x 2^15 = 134 ms, six times; then the peer's fate is unknown.

Not seven times: rxe takes that for 'always', as it stands for in the number of retries of receivers that are not ready.
"""
_GIDS = 16
_IPV4 = "0000:0000:0000:0000:0000:ffff:"
_ROCE_V2 = "RoCE v2"
_SOFT = ("rxe", "siw")
_CHOICE = re.compile(r"([^:]*)(?::(\d{0,9})(?::(\d{0,9}))?)?", re.ASCII)


@dataclass(frozen=True)
class Choice:
    """Which device: ``name[:port[:gid]]``; what is left out is chosen."""

    name: str = ""
    port: int | None = None
    gid: int | None = None

    @classmethod
    def parse(cls, text: str) -> Choice:
        """Raises EnvironmentProblem if it is none."""
        found = _CHOICE.fullmatch(text)
        if found is None:
            raise EnvironmentProblem(
                f"{text!r} names no device; give its name, and then, if need be, port and GID: rxe0, or rxe0:1:1"
            )
        name, port, gid = found.groups()
        return cls(name, int(port) if port else None, int(gid) if gid else None)


def device_names() -> list[str]:
    """All devices of this host, also those that are down."""
    try:
        return sorted(device.name.decode() for device in _device.get_device_list())
    except PyverbsError:  # a kernel without RDMA
        return []


def _said(error: Exception) -> str:
    return str(error).strip().splitlines()[0].removesuffix(".")


def _try(what: str, function: Callable[..., T], *arguments: Any, **more: Any) -> T:
    """``function(...)``; the device's refusals as one line."""
    try:
        return function(*arguments, **more)
    except PyverbsError as error:
        raise EnvironmentProblem(f"{what} failed: {_said(error)}") from error


class Device:
    """One open port of a device.

    Attributes:
        name, driver: as the kernel calls them.
        soft: whether it is emulated by the kernel.
    Raises:
        EnvironmentProblem: there is no such device, port or GID, or it is down.
    """

    def __init__(self, choice: Choice | None = None) -> None:
        choice = choice or Choice()
        names = device_names()
        if not names:
            raise EnvironmentProblem(
                "there is no RDMA device here; with any network card a software one can be had: "
                "modprobe rdma_rxe && rdma link add rxe0 type rxe netdev eth0"
            )
        if choice.name and choice.name not in names:
            raise EnvironmentProblem(f"there is no RDMA device {choice.name!r}; here are {', '.join(names)}")
        problem = ""
        for name in [choice.name] if choice.name else names:
            try:
                self._open(name, choice)
            except EnvironmentProblem as error:
                problem = problem or str(error)
            else:
                return
        raise EnvironmentProblem(problem)

    def _open(self, name: str, choice: Choice) -> None:
        self._context = _try(f"opening the RDMA device {name}", _device.Context, name=name)
        try:
            self._look(name, choice)
        except EnvironmentProblem:
            self._context.close()
            raise

    def _look(self, name: str, choice: Choice) -> None:
        """Whether it can be used, and what of it."""
        self.name = name
        self.driver = _driver(name)
        self.soft = self.driver in _SOFT
        capabilities = self._context.query_device()
        if not capabilities.atomic_caps:
            raise EnvironmentProblem(
                f"the RDMA device {name} has no atomic operations, and compare-and-swap needs them"
            )
        self.port = self._find_port(capabilities.phys_port_cnt, choice.port)
        port = self._context.query_port(self.port)
        self._lid = port.lid
        self._global = port.link_layer == _e.IBV_LINK_LAYER_ETHERNET
        if _MTU[port.active_mtu] < PACKET:
            raise EnvironmentProblem(
                f"port {self.port} of {name} sends {_MTU[port.active_mtu]} bytes a packet, {PACKET} are needed; "
                "raise its MTU"
            )
        self._mtu = getattr(_e, f"IBV_MTU_{PACKET}")
        self._gid_index = self._find_gid(port.gid_tbl_len, choice.gid)
        self.gid: str = self._context.query_gid(self.port, self._gid_index).gid
        self._reads = max(1, min(16, capabilities.max_qp_rd_atom, capabilities.max_qp_init_rd_atom))
        self._completions = min(4096, capabilities.max_cqe)

    def _find_port(self, count: int, wanted: int | None) -> int:
        if wanted is not None and not 1 <= wanted <= count:
            raise EnvironmentProblem(f"{self.name} has ports 1 to {count}, there is no port {wanted}")
        for port in [wanted] if wanted else range(1, count + 1):
            if self._context.query_port(port).state == _e.IBV_PORT_ACTIVE:
                return port
        which = f"port {wanted}" if wanted else "no port"
        raise EnvironmentProblem(
            f"the RDMA device {self.name} is down ({which} is {'not ' if wanted else ''}active); "
            "bring its network interface up: ip link set DEV up"
        )

    def _find_gid(self, count: int, wanted: int | None) -> int:
        """The GID that was asked for, else one made of an IPv4 address, and of RoCE v2, if there is one."""
        gids: dict[int, str] = {}
        for index in range(min(count, max(_GIDS, (wanted or 0) + 1))):
            try:
                gid = self._context.query_gid(self.port, index).gid
            except PyverbsError:
                continue
            if gid.strip("0:"):
                gids[index] = gid
        if wanted is not None:
            if wanted not in gids:
                raise EnvironmentProblem(
                    f"port {self.port} of {self.name} has no GID {wanted}; it has {', '.join(map(str, gids)) or 'none'}"
                )
            return wanted
        if not gids:
            raise EnvironmentProblem(
                f"port {self.port} of {self.name} has no GID; give its network interface an address"
            )
        return min(gids, key=lambda index: (not gids[index].startswith(_IPV4), self._gid_type(index) != _ROCE_V2))

    def _gid_type(self, index: int) -> str:
        """A network card lists an address twice, for both versions of RoCE; only the second is routed."""
        try:
            folder = Path("/sys/class/infiniband") / self.name / "ports" / str(self.port) / "gid_attrs/types"
            return (folder / str(index)).read_text().strip()
        except OSError:
            return ""

    def __str__(self) -> str:
        return f"{self.name}:{self.port}:{self._gid_index} ({self.driver})"

    def domain(self) -> Any:
        """A protection domain: its queue pairs reach its registrations and no others."""
        return _try("allocating a protection domain", PD, self._context)

    def completions(self) -> Completions:
        """A completion queue of one's own."""
        return Completions(self._context, self._completions)

    def queue_pair(self, domain: Any, completions: Completions, access: int = NOTHING) -> QueuePair:
        """A reliable-connected queue pair, not yet connected; ``access`` is what its peer may do through it."""
        return QueuePair(self, domain, completions, access)

    def close(self) -> None:
        """Close it, and with it everything made of it that is still open."""
        self._context.close()

    # For QueuePair

    def _attributes(self, access: int, peer: Address | None = None, first_packet: int = 0) -> Any:
        attributes = QPAttr(port_num=self.port)
        attributes.qp_access_flags = access
        if peer is not None:
            attributes.dest_qp_num = peer.number
            attributes.path_mtu = self._mtu
            attributes.rq_psn, attributes.sq_psn = peer.first_packet, first_packet
            attributes.max_dest_rd_atomic = attributes.max_rd_atomic = self._reads
            attributes.min_rnr_timer = 12
            attributes.timeout, attributes.retry_cnt, attributes.rnr_retry = _TIMEOUT, _RETRIES, 7
            if self._global:
                route = GlobalRoute(dgid=GID(peer.gid), sgid_index=self._gid_index)
                attributes.ah_attr = AHAttr(gr=route, is_global=1, port_num=self.port)
            else:
                attributes.ah_attr = AHAttr(dlid=peer.lid, is_global=0, port_num=self.port)
        return attributes


def _driver(name: str) -> str:
    """rxe has no parent device whose driver the kernel would name."""
    try:
        return os.path.basename(os.readlink(f"/sys/class/infiniband/{name}/device/driver"))
    except OSError:
        return "rxe" if Path(f"/sys/class/infiniband/{name}/parent").exists() else "siw"


class Memory:
    """Bytes that devices may reach, page by page, where they are registered. Never moved; private."""

    def __init__(self, size: int) -> None:
        self.bytes = mmap.mmap(-1, max(1, size), flags=mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS)
        self._export = (ctypes.c_char * len(self.bytes)).from_buffer(self.bytes)
        self.address = ctypes.addressof(self._export)
        self.size = len(self.bytes)


class Registration:
    """A memory that was registered in a protection domain, with what peers may do there: a *memory region* of verbs.

    Attributes:
        key: what a peer must know to use it (rkey).
        local_key: what a work request of our own names it by (lkey).
    Raises:
        EnvironmentProblem: most often, more memory would be locked than may be.
    """

    def __init__(self, domain: Any, memory: Memory, access: int) -> None:
        try:
            self._registration = MR(domain, memory.size, LOCAL | access, address=memory.address)
        except PyverbsError as error:
            soft, _ = resource.getrlimit(resource.RLIMIT_MEMLOCK)
            limit = "unlimited" if soft == resource.RLIM_INFINITY else f"{soft >> 10} KiB"
            raise EnvironmentProblem(
                f"registering {memory.size} bytes failed ({_said(error)}); {limit} may be locked: "
                "ulimit -l unlimited, or memlock in /etc/security/limits.conf, allows more"
            ) from error
        self.key: int = self._registration.rkey
        self.local_key: int = self._registration.lkey

    def close(self) -> None:
        """Nobody reaches the memory by this key any more, and what was under way has ended: a barrier.

        A device may not report the end of a deregistration while it still works with the region (IBTA 1.4, 10.6.6).
        """
        _try("deregistering a memory region", self._registration.close)


class Completions:
    """A completion queue: polled, or slept on.

    Attributes:
        queue: pyverbs' own.
        descriptor: readable when something has completed, once it was `arm`ed.
    """

    def __init__(self, context: Any, depth: int) -> None:
        before = _event_files()
        self._channel = _try("making a completion channel", CompChannel, context)
        (self.descriptor,) = _event_files() - before
        self.queue = _try("making a completion queue", CQ, context, depth, None, self._channel, 0)
        self._armed = False

    def arm(self) -> None:
        """Have the descriptor become readable at the next completion. Poll once more before sleeping."""
        if not self._armed:
            self.queue.req_notify()
            self._armed = True

    def awake(self) -> None:
        """The descriptor was readable."""
        self._channel.get_cq_event(self.queue)
        self.queue.ack_events(1)
        self._armed = False

    def close(self) -> None:
        """Give it back; its queue pairs must have gone before."""
        self.queue.close()
        self._channel.close()


def _event_files() -> set[int]:
    """pyverbs keeps the descriptor of a completion channel to itself."""
    found = set()
    for entry in os.listdir("/proc/self/fd"):
        try:
            if "infinibandevent" in os.readlink(f"/proc/self/fd/{entry}"):
                found.add(int(entry))
        except OSError:
            continue
    return found


class QueuePair:
    """One end of a reliable connection.

    Attributes:
        peer: the other end's address, once it is connected.
    """

    def __init__(self, device: Device, domain: Any, completions: Completions, access: int) -> None:
        self._device = device
        self.access = access
        capabilities = QPCap(max_send_wr=_SEND_QUEUE, max_recv_wr=1, max_send_sge=1, max_recv_sge=1)
        wanted = QPInitAttr(
            qp_type=_e.IBV_QPT_RC, scq=completions.queue, rcq=completions.queue, cap=capabilities, sq_sig_all=0
        )
        self._pair = _try("making a queue pair", QP, domain, wanted, device._attributes(access))
        self._first_packet = secrets.randbits(24)
        self.post: Callable[[Any], None] = self._pair.post_send
        """Hand over a work request, and those chained to it."""

    @property
    def number(self) -> int:
        """Unique on its device."""
        return int(self._pair.qp_num)

    def address(self) -> Address:
        """Where the other end finds it. A new sequence of packets each time: old ones can not be taken for new."""
        return Address(self._device.gid, self._device._lid, self.number, self._first_packet)

    def reset(self) -> None:
        """Forget the connection. What came through it and was not done yet never will be: a barrier."""
        _try("resetting a queue pair", self._pair.modify, QPAttr(qp_state=_e.IBV_QPS_RESET), _e.IBV_QP_STATE)
        self._first_packet = secrets.randbits(24)

    def connect(self, peer: Address) -> None:
        """Through RESET, INIT and RTR to RTS, towards a peer that may do what `access` says."""
        attributes = self._device._attributes(self.access, peer, self._first_packet)
        _try("connecting a queue pair", self._pair.to_rts, attributes)

    def allow(self, access: int) -> None:
        """Change what the peer may do through it, while it works on (Mu, section 5.2)."""
        self.access = access
        attributes = QPAttr()
        attributes.qp_access_flags = access
        _try("changing a queue pair's access flags", self._pair.modify, attributes, _e.IBV_QP_ACCESS_FLAGS)

    @property
    def working(self) -> bool:
        """Whether it is connected and nothing was refused on it."""
        state, _ = self._pair.query(_e.IBV_QP_STATE)
        return bool(state.qp_state == _e.IBV_QPS_RTS)

    def close(self) -> None:
        """Give it back."""
        self._pair.close()


def request(opcode: int, local: tuple[int, int, int], signalled: bool = True, then: Any = None) -> Any:
    """A work request, to be posted as often as one likes; `set_target` or `set_swap` says where to.

    Args:
        opcode: `GET`, `PUT` or `SWAP`.
        local: address, bytes and local key of what is sent, or of where the answer goes.
        signalled: whether its success is to be reported.
        then: the work request that follows in the same list.
    """
    return SendWR(
        opcode=opcode,
        num_sge=1,
        sg=[SGE(*local)],
        send_flags=_e.IBV_SEND_SIGNALED if signalled else 0,
        next_wr=then,
    )


def set_target(made: Any, address: int, key: int) -> None:
    """Where at the peer a `GET` or a `PUT` is to go."""
    made.set_wr_rdma(key, address)


def set_swap(made: Any, address: int, key: int, expected: int, new: int) -> None:
    """Where a `SWAP` is to go, what it compares with, and what it puts there."""
    made.set_wr_atomic(key, address, expected, new)
