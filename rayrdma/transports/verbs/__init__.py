"""The verbs transport: memories that processes operate on through an RDMA device, hardware or software.

`agent` has how queue pairs are split and what revokes a permission, `layout` how registers stay whole, `lines` what a
completion means.
"""

from .agent import Revocation, VerbsMemory
from .connection import VerbsConnection
from .device import Choice, Device, device_names
from .lines import Port

__all__ = ["Choice", "Device", "Port", "Revocation", "VerbsConnection", "VerbsMemory", "device_names"]
