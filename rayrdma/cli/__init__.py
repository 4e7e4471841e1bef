"""The ``rayrdma`` command: a thin skin over `rayrdma.experiment`.

Standard output carries the result and nothing else; progress and errors go to standard error. An error is one
line that names what was wrong and what would be right. Exit codes: 0 decided, 1 violated, 2 blocked, unknown or
something that this machine lacks, 64 wrong usage, 130 interrupted.
"""

from __future__ import annotations

import gc
import sys
import warnings

import typer

from rayrdma.model.errors import EnvironmentProblem, RayrdmaError, UsageError

from .codes import ENVIRONMENT, ERROR, INTERRUPTED, USAGE
from .graphs import scale, topology, tradeoff
from .machine import bench, doctor
from .runs import replay, run, table
from .searches import explore, impossibility, linearizable, mutants
from .working import Interrupted

COMMANDS = (
    *(run, replay, explore, mutants, impossibility, linearizable),
    *(table, topology, scale, tradeoff, bench, doctor),
)
"""In the order in which the help shows them."""

_TyperUsageError: type[Exception] = typer.BadParameter.__bases__[0]  # typer carries its own click, unexported

app = typer.Typer(
    name="rayrdma",
    help="Agreement over RDMA: one protocol source, run in a deterministic simulator and on Ray actors.",
    add_completion=False,
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
)
for command in COMMANDS:
    app.command()(command)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line and return the exit code."""
    # A trace has many events and no cycles: to look at them all every 700 objects takes a quarter of the time.
    gc.set_threshold(50_000, 20, 50)
    try:
        code = app(arguments, prog_name="rayrdma", standalone_mode=False)
        if code == INTERRUPTED:  # outside of anything that may take long
            return _fail(INTERRUPTED, "interrupted")
        return code if isinstance(code, int) else 0
    except (Interrupted, KeyboardInterrupt) as error:
        # What was about to start when it came never does; nobody needs to be told of each such coroutine.
        warnings.filterwarnings("ignore", message="coroutine .* was never awaited")
        return _fail(INTERRUPTED, f"interrupted{_notes(error.__cause__ or error)}")
    except UsageError as error:
        return _fail(USAGE, error)
    except _TyperUsageError as error:
        return _fail(USAGE, _explain(error))
    except EnvironmentProblem as error:
        return _fail(ENVIRONMENT, error)
    except RayrdmaError as error:
        return _fail(ERROR, error)


def _fail(code: int, error: object) -> int:
    line = " ".join(str(error).split())
    sys.stderr.write(f"rayrdma: {line}{_notes(error)}\n")
    return code


def _notes(error: object) -> str:
    return "".join(f"; {note}" for note in getattr(error, "__notes__", ()))


def _explain(error: Exception) -> str:
    message: str = error.format_message() if hasattr(error, "format_message") else str(error)
    context = getattr(error, "ctx", None)
    return f"{message.rstrip('.')}; see {context.command_path if context else 'rayrdma'} --help"
