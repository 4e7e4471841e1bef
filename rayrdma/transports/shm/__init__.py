"""The shm transport: memories as segments of shared memory, operated on one-sidedly by the processes of one host.

`kernels` has the theory of operation; read it first.
"""

from .connection import ShmConnection
from .endpoint import Endpoint, Fan
from .kernels import MAX_BATCH
from .segment import BadSegment, NoRoom, Segment

__all__ = ["MAX_BATCH", "BadSegment", "Endpoint", "Fan", "NoRoom", "Segment", "ShmConnection"]
