"""Who runs the stretches of a search: processes on this machine's cores, or whoever else can."""

from __future__ import annotations

import os
import signal
import threading
import typing
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ProcessPoolExecutor
from contextlib import contextmanager
from multiprocessing import get_context, parent_process
from typing import Any

from rayrdma.model.protocol import Protocol
from rayrdma.reference import refer, resolve

T = typing.TypeVar("T")


class Workers(typing.Protocol):
    """Some that each run one call at a time.

    Attributes:
        count: how many.
    """

    count: int

    def begin(self, call: Callable[..., Any], protocol: type[Protocol], *arguments: Any) -> Future[Any]:
        """Have one of them call ``call(protocol, *arguments)``."""

    def result(self, begun: Future[Any]) -> Any:
        """What that call returned, once it has; in it the protocol is the same class as here."""


class Cores:
    """Processes of this machine."""

    def __init__(self, pool: ProcessPoolExecutor, count: int) -> None:
        self.count = count
        self._pool = pool

    def begin(self, call: Callable[..., Any], protocol: type[Protocol], *arguments: Any) -> Future[Any]:
        """As `Workers` says."""
        return self._pool.submit(_call, call, refer(protocol), arguments)

    def result(self, begun: Future[Any]) -> Any:
        """As `Workers` says."""
        return begun.result()


@contextmanager
def cores(count: int) -> Iterator[Cores]:
    """So many processes, as long as the context is open."""
    context = get_context("forkserver")  # whatever threads this process has, the workers start clean
    with ProcessPoolExecutor(count, context, live_no_longer_than_the_search) as pool:
        yield Cores(pool, count)


def _call(call: Callable[..., T], reference: str, arguments: tuple[Any, ...]) -> T:
    """In a worker."""
    return call(resolve(reference), *arguments)


def live_no_longer_than_the_search() -> None:
    """In a worker: leave Ctrl-C to the search, and end when it ends, however that is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    search = parent_process()
    assert search is not None

    def watch() -> None:
        search.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
