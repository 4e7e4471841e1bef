"""A process's connection to a memory over verbs."""

from __future__ import annotations

import time
from collections.abc import Generator, Sequence
from typing import Any

from rayrdma.model.errors import EnvironmentProblem
from rayrdma.model.operations import CHANGE_PERMISSION, READ, READ_REGION, WRITE
from rayrdma.model.outcomes import NAK
from rayrdma.model.regions import Region
from rayrdma.transports.connection import PENDING, Call, Pending

from .committed import CommittedOperations
from .exchange import Exchange, Steps
from .handshake import Change, Learn
from .in_place import InPlaceOperations
from .layout import InPlace
from .lines import Port, Side


class VerbsConnection(Exchange):
    """One process towards one memory, in one instance after the other; a `rayrdma.transports.connection.Connection`.

    Args:
        port: the process's own.
        endpoint: where the memory's agent is asked.
        secret: by which the agent knows the process.
        n: how many processes the memory was made for.
    """

    transport = "verbs"

    def __init__(
        self, port: Port, endpoint: str, secret: str, regions: Sequence[Region], process: int, n: int, instance: int = 0
    ) -> None:
        sides = [Side(region, n) for region in regions if not region.covers]
        super().__init__(port, endpoint, secret, sides, instance)
        self._process = process
        self._views = {region.name: region for region in regions if region.covers}
        self._operations: dict[str, InPlaceOperations | CommittedOperations] = {
            side.region.name: InPlaceOperations(self, side, side.layout)
            if isinstance(side.layout, InPlace)
            else CommittedOperations(self, side, side.layout, process)
            for side in sides
        }

    def open(self, seconds: float) -> None:
        """Connect the queue pairs that will surely be used.

        Raises:
            EnvironmentProblem: the memory's agent refused, or does not answer for so long.
        """
        deadline = time.monotonic() + seconds
        answer = self.begin(self._open())
        while answer is PENDING and self.lost is None:
            if time.monotonic() > deadline:
                raise EnvironmentProblem(
                    f"the agent of a memory did not answer within {seconds:g} s; is its port open?"
                )
            answer = self.poll()
        if self.lost is not None:
            raise EnvironmentProblem(self.lost)

    def _open(self) -> Steps:
        for line in self._lines:
            if line.region is None or self._sides[line.region].may_ever_write(self._process):
                yield from self.connect(line)

    def operations(self, region: str) -> InPlaceOperations | CommittedOperations:
        """What can be done with the registers of a region that lies over no others."""
        return self._operations[region]

    def start(self, instance: int) -> None:
        """Operations belong to ``instance`` from now on. `poll` until there is an answer, and they need no agent."""
        self.abandon(instance)
        self.begin(self._prepare())

    def _prepare(self) -> Steps:
        """Have the keys, and connect anew what failed or was abandoned. An operation may come at any time."""
        yield from self.ask(Learn())
        for line in self._lines:
            if line.broken and line.pair is not None:
                yield from self.connect(line)

    def post(self, operation: Call) -> Any | Pending:
        """Begin an operation: its response, or ``PENDING`` while it is under way."""
        kind, register = operation.kind, operation.register
        operations = self._operations.get(operation.region)
        if operations is None:
            return self.begin(self._read_view(self._views[operation.region], kind))
        region = self._sides[operation.region].region
        region.check_register(register)
        if kind == WRITE:
            return operations.write(register, region.encode(operation.argument))
        if kind == READ:
            return operations.read(register)
        if kind == READ_REGION:
            return self.begin(self._read_region(operations, region))
        if kind == CHANGE_PERMISSION:
            return self.begin(self._change(operation))
        return operations.compare_and_swap(register, *operation.argument)

    def _read_region(self, operations: InPlaceOperations | CommittedOperations, region: Region) -> Steps:
        values = yield from operations.read_region()
        return tuple(map(region.value_of, values)) if isinstance(values, list) else values

    def _read_view(self, view: Region, kind: int) -> Steps:
        """A region that lies over others can be read, by who may read all of them, and nothing else."""
        if kind != READ_REGION:
            yield from self.ask(Learn())  # a memory that has crashed answers nothing
            return None if kind == CHANGE_PERMISSION else NAK
        values: list[Any] = []
        for name in view.covers:
            found = yield from self._read_region(self._operations[name], self._sides[name].region)
            if found is NAK:
                return NAK
            values += found
        return tuple(values)

    def _change(self, operation: Call) -> Generator[None, Any, None]:
        new = operation.argument
        yield from self.ask(Change(operation.region, sorted(new.read), sorted(new.write), sorted(new.readwrite)))
