"""A process's connection to a memory on the same host: every operation completes within the call."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from rayrdma.model.operations import CHANGE_PERMISSION, READ, READ_REGION, WRITE
from rayrdma.model.outcomes import NAK
from rayrdma.model.regions import Region
from rayrdma.transports.connection import PENDING, Call, Pending

from .endpoint import Endpoint
from .segment import Segment


class ShmConnection:
    """One process towards one memory, in one instance after the other; a `rayrdma.transports.connection.Connection`.

    Shared memory is never lost: an operation completes, or the memory has crashed and it is pending for ever.
    """

    transport = "shm"
    lost: str | None = None
    refused = queue_pairs = 0

    def __init__(self, segment: Segment, regions: Sequence[Region], process: int, instance: int) -> None:
        self._endpoints = {
            region.name: Endpoint(segment, region, process, instance) for region in regions if not region.covers
        }
        self._views = {region.name: region for region in regions if region.covers}

    def start(self, instance: int) -> None:
        """Operations belong to ``instance`` from now on."""
        for endpoint in self._endpoints.values():
            endpoint.start(instance)

    def post(self, operation: Call) -> Any | Pending:
        """Carry out an operation: its response, or ``PENDING`` if the memory has crashed."""
        if operation.region in self._views:
            return self._read_view(operation)
        endpoint = self._endpoints[operation.region]
        region = endpoint.region
        kind = operation.kind
        if kind == WRITE:
            return endpoint.write(operation.register, region.encode(operation.argument))
        if kind == READ:
            return region.value_of(endpoint.read(operation.register))
        if kind == READ_REGION:
            answers = endpoint.read_region()
            if not isinstance(answers, list):
                return answers
            return tuple(region.value_of(answer) for answer in answers)
        if kind == CHANGE_PERMISSION:
            return endpoint.change_permission(operation.argument)
        return self._compare_and_swap(endpoint, operation)

    def _read_view(self, operation: Call) -> Any | Pending:
        """A region that lies over others can be read, by who may read all of them, and nothing else."""
        region = self._views[operation.region]
        region.check_register(operation.register)
        values: list[Any] = []
        for name in region.covers:
            endpoint = self._endpoints[name]
            answers = endpoint.read_region()
            if not isinstance(answers, list):  # refused, or crashed: then it answers nothing, whatever was asked
                if answers is PENDING or operation.kind != CHANGE_PERMISSION:
                    return answers
                continue
            values += (endpoint.region.value_of(answer) for answer in answers)
        if operation.kind == CHANGE_PERMISSION:
            return None
        return tuple(values) if operation.kind == READ_REGION else NAK

    def _compare_and_swap(self, endpoint: Endpoint, operation: Call) -> Any | Pending:
        """Compare values, where the memory compares bytes: an equal value of other bytes is tried as those bytes."""
        region = endpoint.region
        expected, new = operation.argument
        data = region.encode(new)
        tried = None if expected is None else region.encode(expected)
        while True:
            held = endpoint.compare_and_swap(operation.register, tried, data)
            value = region.value_of(held)
            if not isinstance(held, bytes) or held == tried or value != expected:
                return value
            tried = held

    def poll(self) -> Pending:
        """A crashed memory never answers, and nothing else is ever under way."""
        return PENDING

    def close(self) -> None:
        """Let the mapping go."""
        self._endpoints.clear()
