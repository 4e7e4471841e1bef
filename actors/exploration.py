"""A search as tasks on Ray: each runs a stretch of schedules on whatever node of the cluster has a CPU to spare."""

from __future__ import annotations

import contextlib
import io
import pickle
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from functools import cache
from typing import Any

import ray
from ray.exceptions import RayError, RayTaskError

from rayrdma.actors.by_value import dump_class, load_class
from rayrdma.actors.cluster import ray_session
from rayrdma.model.errors import EnvironmentProblem, RayrdmaError
from rayrdma.model.protocol import Protocol

_load = cache(load_class)
"""A worker runs one stretch of a search after the other."""


class RayWorkers:
    """The CPUs of a cluster: what ``rayrdma.simulator.explore.workers`` calls workers.

    Attributes:
        count: how many tasks are under way at a time.
    """

    def __init__(self, count: int) -> None:
        self.count = count
        self._begun: dict[Future[Any], tuple[ray.ObjectRef, type[Protocol]]] = {}

    def begin(self, call: Callable[..., Any], protocol: type[Protocol], *arguments: Any) -> Future[Any]:
        """Have one of them call ``call(protocol, *arguments)``. A class of the user's own travels by value."""
        reference = _task.remote(call, dump_class(protocol), arguments)
        begun: Future[Any] = reference.future()
        self._begun[begun] = reference, protocol
        return begun

    def result(self, begun: Future[Any]) -> Any:
        """What that call returned; in it the protocol is the same class as here.

        Raises:
            RayrdmaError: what the call raised.
            EnvironmentProblem: Ray lost it, again and again.
        """
        _, protocol = self._begun.pop(begun)
        try:
            data = begun.result()
        except RayTaskError as error:
            if isinstance(error.cause, RayrdmaError):  # what the search has to say of the protocol, and not where
                raise error.cause from None
            raise  # a mistake in the search's own code
        except RayError as error:
            raise EnvironmentProblem(f"Ray lost a part of the search: {str(error).strip().splitlines()[-1]}") from error
        return _Unpickler(io.BytesIO(data), protocol).load()

    def close(self) -> None:
        """End what is under way."""
        for reference, _ in self._begun.values():
            with contextlib.suppress(RayError):
                ray.cancel(reference)


@contextlib.contextmanager
def workers_on_ray(count: int | None, address: str | None) -> Iterator[RayWorkers]:
    """Workers on the Ray that is there, or on one of our own for as long.

    Args:
        count: how many tasks are under way at a time; None: as many as the cluster has CPUs.
        address: of a Ray cluster.
    Raises:
        EnvironmentProblem: there is no Ray.
    """
    with ray_session(address):
        workers = RayWorkers(count or int(ray.cluster_resources().get("CPU", 0)) or 1)
        try:
            yield workers
        finally:
            workers.close()


def _run(call: Callable[..., Any], sent: bytes, arguments: tuple[Any, ...]) -> bytes:
    """In a worker."""
    protocol = _load(sent)
    file = io.BytesIO()
    _Pickler(file, protocol).dump(call(protocol, *arguments))
    return file.getvalue()


_task = ray.remote(num_cpus=1)(_run)


class _Pickler(pickle.Pickler):
    """Leaves out the protocol, which the other end has: sent back by value, it would arrive as another class."""

    def __init__(self, file: io.BytesIO, protocol: type[Protocol]) -> None:
        super().__init__(file)
        self._protocol = protocol

    def persistent_id(self, obj: Any) -> str | None:
        return "protocol" if obj is self._protocol else None


class _Unpickler(pickle.Unpickler):
    def __init__(self, file: io.BytesIO, protocol: type[Protocol]) -> None:
        super().__init__(file)
        self._protocol = protocol

    def persistent_load(self, _: Any) -> type[Protocol]:
        return self._protocol
