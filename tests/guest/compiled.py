"""What a guest would compile each time anew is compiled here, where a processor is not emulated."""

from __future__ import annotations

import compileall
import functools
import os
import subprocess
import sys
from pathlib import Path

from tests.guest import GuestError, cache

CHECKOUT = Path(__file__).parents[2]
FOR_ALL = {"NUMBA_CPU_NAME": "generic", "NUMBA_CPU_FEATURES": ""}
"""Machine code for this processor is none for an emulated one."""


@functools.cache
def kernels() -> Path:
    """The folder with the kernels of memories in shared memory; beside the sources there is their byte code then.

    Raises:
        GuestError: they can not be compiled.
    """
    for part in ("rayrdma", "actors", "clusters", "tests"):
        compileall.compile_dir(CHECKOUT / part, quiet=2)
    folder = cache.home() / "kernels"
    made = subprocess.run(
        [sys.executable, "-c", "import rayrdma.transports.shm.kernels"],
        cwd=CHECKOUT,
        env=os.environ | FOR_ALL | {"NUMBA_CACHE_DIR": str(folder)},
        stderr=subprocess.PIPE,
        text=True,
    )
    if made.returncode:
        raise GuestError(f"the kernels can not be compiled: {made.stderr.strip()}")
    return folder
