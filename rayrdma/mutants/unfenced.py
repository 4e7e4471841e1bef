"""A nursery that forgets what it is for; used by several mutants."""

from __future__ import annotations

from rayrdma.model.tasks import Nursery


class Unfenced(Nursery):
    """A nursery whose tasks go on after the block was left."""

    def _fence(self) -> None:
        pass
