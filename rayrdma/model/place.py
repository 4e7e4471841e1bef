"""Where in somebody's protocol something happened: not in the library that it calls, nor in one of Python's."""

from __future__ import annotations

import linecache
import sysconfig
from collections.abc import Iterable
from types import FrameType

_PACKAGE = __file__.rpartition("/model/")[0]
_PROTOCOLS = tuple(f"{_PACKAGE}/{room}/" for room in ("protocols", "faults"))
_LIBRARIES = (f"{_PACKAGE}/", "<", *(f"{sysconfig.get_path(name)}/" for name in ("stdlib", "purelib", "platlib")))

Line = tuple[FrameType, int]


def place(lines: Iterable[Line]) -> str:
    """The protocol's own line among these of a stack, the outermost first; if there is none, the innermost one."""
    lines = list(lines)
    frame, number = next((line for line in reversed(lines) if is_protocols(line)), lines[-1])
    file = frame.f_code.co_filename
    where = f"{file}, line {number}, in {frame.f_code.co_name}"
    source = linecache.getline(file, number).strip()
    return f"{where}: {source}" if source else where


def is_protocols(line: Line) -> bool:
    """Whether this is no line of the library, nor of one of Python's."""
    file = line[0].f_code.co_filename
    return file.startswith(_PROTOCOLS) or not file.startswith(_LIBRARIES)
