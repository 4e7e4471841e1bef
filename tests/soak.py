"""The long run: ``python -m tests.soak`` puts every bound and every siege through 25,000 schedules, on all cores,
and the sieges that take long through a fifth of them.

It ends with one line, and with exit code 1 if any run went wrong; what went wrong can be run again by its seed.
"""

from __future__ import annotations

import os
import signal
import sys
import threading
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from itertools import repeat
from multiprocessing import get_context, parent_process

from tests.byzantine.sieges import SIEGES, Siege
from tests.protocols.bounds import BOUNDS, Bound

SCHEDULES = 25_000
CHUNK = 250
"""Schedules that a worker runs at a time."""

Row = Bound | Siege
ROWS: tuple[Row, ...] = (*BOUNDS, *SIEGES)
Map = Callable[[Callable[[Row, range], Counter[str]], Iterable[Row], Iterable[range]], Iterator[Counter[str]]]


def examine(row: Row, seeds: range) -> Counter[str]:
    """How many of these schedules ended how; a wrong one is told in full."""
    verdicts: Counter[str] = Counter()
    for seed in seeds:
        outcome = row.run(seed)
        verdict = row.verdict(seed, outcome)
        verdicts[verdict if verdict in ("decided", "blocked") else f"{verdict}: {outcome}"] += 1
    return verdicts


def soak(schedules: int, over: Map = map) -> int:
    """Put every row through so many schedules, and print what came of it.

    Returns:
        how many went wrong.
    """
    all_wrong = 0
    for row in ROWS:
        some = max(1, schedules // row.one_in) if isinstance(row, Siege) else schedules
        chunks = [range(start, min(start + CHUNK, some)) for start in range(0, some, CHUNK)]
        verdicts = sum(over(examine, repeat(row, len(chunks)), chunks), Counter[str]())
        decided, blocked = verdicts.pop("decided", 0), verdicts.pop("blocked", 0)
        wrong = verdicts.total()
        print(f"{row!s:70} {some:7,} schedules: {decided:7,} decided {blocked:7,} blocked {wrong:7,} wrong")
        for line in sorted(verdicts)[:3]:
            print(f"  {line}")
        sys.stdout.flush()
        all_wrong += wrong
    size = f"{len(BOUNDS)} bounds and {len(SIEGES)} sieges, {schedules:,} schedules each or a fifth of that"
    print(f"soak: {size}, {all_wrong or 'none'} wrong")
    return all_wrong


def live_no_longer_than_the_soak() -> None:
    """In a worker: leave Ctrl-C to the soak, and end when it ends, however that is."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    soak = parent_process()
    assert soak is not None

    def watch() -> None:
        soak.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def main() -> int:
    context = get_context("forkserver")  # whatever threads this process has, the workers start clean
    with ProcessPoolExecutor(mp_context=context, initializer=live_no_longer_than_the_soak) as workers:
        try:
            return 1 if soak(SCHEDULES, workers.map) else 0
        except KeyboardInterrupt:
            workers.shutdown(wait=False, cancel_futures=True)
            print("soak: interrupted", file=sys.stderr)
            return 130


if __name__ == "__main__":
    sys.exit(main())
