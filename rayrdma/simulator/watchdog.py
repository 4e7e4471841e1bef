"""Ends a step that does not give way: a loop without end, a sleep by the wall clock, a wait for the world outside.

Whatever a simulated process waits for is an event of its kernel, so that no step takes time. While a run is under way
an alarm looks now and then which step that is, and once it has been the same one too often it raises in it. Nothing is
counted between the looks, so a run costs no more than the setting of the alarm. They are counted, not timed: a machine
that stood still is no fault of the protocol's.
"""

from __future__ import annotations

import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable
from contextlib import ExitStack
from types import FrameType, TracebackType
from typing import ParamSpec, TypeVar

from rayrdma.model.errors import NotGivingWay
from rayrdma.model.place import Line, is_protocols, place
from rayrdma.model.tasks import Task

from .kernel import Kernel
from .stepper import Stepper

P = ParamSpec("P")
R = TypeVar("R")

SECONDS, LOOKS = 5.0, 10
"""How long one step may take, and how often it is looked at meanwhile."""
FLOOD = 500_000
"""Events that one step may ask for: each takes room."""
_ENGINE = {method.__code__ for method in (Kernel.run, Stepper.run_by, Kernel._begin, Kernel.close)}
_TASK = {method.__code__ for method in (Task.step, Task.fence)}


def steps(engine: Callable[P, R]) -> Callable[P, R]:
    """Mark a method of an engine: what it calls is a step of a protocol."""
    _ENGINE.add(engine.__code__)
    return engine


class _Stuck(BaseException):
    """Raised in the step: no error that a protocol may catch, as it catches its own."""


class Watchdog:
    """A context for one run or many, of which the protocol's steps are watched; within another one it costs nothing.

    There are alarms in the main thread only: in another one nothing is watched. Somebody else's alarm is put off until
    they are over.

    Raises:
        NotGivingWay: a step took too long.
    """

    _under_way = False

    def __init__(self) -> None:
        self._step: FrameType | None = None
        self._looks = self._asked = 0
        self._quiet = ExitStack()

    def __enter__(self) -> None:
        self._watches = not Watchdog._under_way and threading.current_thread() is threading.main_thread()
        if self._watches:
            Watchdog._under_way = True
            self._began = time.monotonic()
            self._handler = signal.signal(signal.SIGALRM, self._look)
            every = SECONDS / LOOKS
            self._unraisable = sys.unraisablehook
            sys.unraisablehook = self._unheard
            self._alarm = signal.setitimer(signal.ITIMER_REAL, every, every)

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if isinstance(error, _Stuck):
            traceback.clear_frames(trace)
        if self._watches:
            Watchdog._under_way = False
            self._quiet.close()
            left, interval = self._alarm
            signal.setitimer(signal.ITIMER_REAL, 0)
            signal.signal(signal.SIGALRM, self._handler)
            sys.unraisablehook = self._unraisable
            if left:
                signal.setitimer(signal.ITIMER_REAL, max(left - time.monotonic() + self._began, 1e-3), interval)
        if isinstance(error, _Stuck):
            raise NotGivingWay(str(error)) from None

    def _look(self, number: int, frame: FrameType | None) -> None:
        lines = _within(frame)
        if not lines or any(line[0].f_globals.get("__name__") == "bdb" for line in lines):
            self._step = None  # between steps; or in a debugger, where it is a person who takes the time
            return
        step = lines[0][0]
        assert step.f_back is not None
        asked = getattr(step.f_back.f_locals["self"], "_sequence", 0)
        if step is not self._step:
            self._step, self._looks, self._asked = step, 0, asked
            return
        self._looks += 1
        task = next((line[0].f_locals["self"] for line in reversed(lines) if line[0].f_code in _TASK), None)
        if task is None or not any(map(is_protocols, lines)):  # between two tasks, which there may be without end
            return
        if self._looks >= LOOKS or asked - self._asked > FLOOD:
            seconds = self._looks * SECONDS / LOOKS
            # A task that was about to start then never does, and nobody needs to know.
            self._quiet.enter_context(warnings.catch_warnings())
            warnings.filterwarnings("ignore", r"coroutine .* was never awaited", RuntimeWarning)
            raise _Stuck(
                f"p{task.process.id} has not given way for {seconds:.3g} s ({place(lines)}): no step of a protocol "
                "takes time; end the loop, or await what a Process gives, such as process.sleep"
            )

    def _unheard(self, what: sys.UnraisableHookArgs, /) -> None:
        """The step was in a finalizer or a callback of the collector, which no error leaves: the next look raises."""
        if not isinstance(what.exc_value, _Stuck):
            self._unraisable(what)


def _within(frame: FrameType | None) -> list[Line]:
    """The lines under way inside of the engine's present step, the outermost first; none between two steps."""
    lines: list[Line] = []
    while frame is not None:
        lines.append((frame, frame.f_lineno))
        frame = frame.f_back
        if frame is not None and frame.f_code in _ENGINE:
            return lines[::-1]
    return []
