"""Makes Debian's pyverbs importable from a virtual environment, and nothing else of Debian's: ``make verbs``.

pyverbs is built with rdma-core, so it comes with the system's libraries and not from a package index: Debian puts it
where a virtual environment does not look. A link in its ``site-packages`` to that one package is enough.
"""

from __future__ import annotations

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

from rayrdma.model.errors import EnvironmentProblem

DEBIAN = Path("/usr/lib/python3/dist-packages/pyverbs")
"""Where Debian's ``python3-pyverbs`` puts the package."""

INSTALL = "apt install python3-pyverbs ibverbs-providers rdma-core"


def link(site_packages: Path, debian: Path) -> Path:
    """Link the package ``debian`` into ``site_packages`` and import it, in a Python of its own; the link.

    Raises:
        EnvironmentProblem: it is not installed, is for another Python, or does not load; or another pyverbs is there.
    """
    check(debian)
    place = site_packages / "pyverbs"
    if place.is_symlink() and place.readlink() == debian:
        place.unlink()
    elif place.is_symlink() or place.exists():
        raise EnvironmentProblem(f"another pyverbs is there: {place}; use that, or remove it")
    place.symlink_to(debian)
    if complaint := _complaint(site_packages):
        place.unlink()
        raise EnvironmentProblem(f"pyverbs does not load ({complaint}): {INSTALL}")
    return place


def check(debian: Path) -> None:
    """That pyverbs is there, and compiled for this Python.

    Raises:
        EnvironmentProblem: it is not.
    """
    if not debian.is_dir():
        raise EnvironmentProblem(f"pyverbs is not installed ({debian}): {INSTALL}")
    pythons = {f"{found[1]}.{found[2]}" for path in debian.glob("device.*.so") if (found := _compiled_for(path))}
    this = f"{sys.version_info.major}.{sys.version_info.minor}"
    if this not in pythons:
        theirs = " and ".join(sorted(pythons)) or "none"
        raise EnvironmentProblem(
            f"Debian's pyverbs is for Python {theirs}, this is {this}: make clean setup PYTHON=/usr/bin/python3"
        )


def _compiled_for(module: Path) -> re.Match[str] | None:
    return re.search(r"\.cpython-(\d)(\d+)-", module.name)


def _complaint(site_packages: Path) -> str:
    """What an import of pyverbs ends with; libibverbs is not there, say."""
    program = "import sys; sys.path.insert(0, sys.argv[1]); import pyverbs.qp"
    imported = subprocess.run([sys.executable, "-c", program, site_packages], capture_output=True, text=True)
    return imported.stderr.strip().rpartition("\n")[2] if imported.returncode else ""


def main() -> int:
    """Link pyverbs into the environment of the Python that runs this."""
    try:
        place = link(Path(sysconfig.get_path("purelib")), DEBIAN)
    except EnvironmentProblem as problem:
        print(f"verbs: {problem}", file=sys.stderr)
        return 2
    print(f"verbs: pyverbs loads, by the link {place}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
