"""Two guests with an Ethernet cable between them, which can be pulled out and put back."""

from __future__ import annotations

import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import BinaryIO

from tests.guest import build, machine
from tests.guest.run import Guest, device, prologue

ADDRESSES = ("10.0.3.1", "10.0.3.2")


class Wired(Guest):
    """A guest at one end of a cable."""

    def unplug(self) -> None:
        """Pull the cable out: no frame passes any more, and this guest sees no carrier; the other one does still."""
        self._set_link(up=False)

    def plug(self) -> None:
        """Put the cable back."""
        self._set_link(up=True)

    def _set_link(self, *, up: bool) -> None:
        assert self._machine.monitor is not None
        self._machine.monitor("set_link", name="plug", up=up)


@contextmanager
def two_guests(*, cpus: int = 1, memory: int = 2048, echo: BinaryIO | None = None) -> Iterator[tuple[Wired, Wired]]:
    """Two QEMU guests at the two addresses, each with a device ``rxe0`` on the cable.

    Args:
        cpus: Of each.
        memory: Of each, in MiB.
        echo: Where the output of both goes as it comes.

    Raises:
        GuestError: they cannot be made, or one does not come up.
    """
    # A frame is a datagram: what nobody takes any more is lost, as on a network, and the other end stays up.
    ends = socket.socketpair(socket.AF_UNIX, socket.SOCK_DGRAM)
    with ExitStack() as running:
        machines = []
        for number, end in enumerate(ends, start=1):
            mac = f"52:54:00:00:00:{number:02x}"
            machines.append(machine.qemu(build.image(), cpus=cpus, memory=memory, cable=end, mac=mac))
            running.callback(machines[-1].kill)
        first, second = (
            running.enter_context(Wired(started, [*prologue(), *device(address)], echo))
            for started, address in zip(machines, ADDRESSES, strict=True)
        )
        yield first, second
