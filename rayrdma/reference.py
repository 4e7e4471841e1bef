"""Names of protocols: a built-in one, or ``path/to/file.py:ClassName`` for one in the user's own file."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType

from rayrdma.model.errors import ProtocolError, UsageError
from rayrdma.model.protocol import Protocol
from rayrdma.protocols import PROTOCOLS, find_protocol


def resolve(reference: str) -> type[Protocol]:
    """The protocol that ``reference`` names.

    Raises:
        UsageError: there is none; the message says what there is.
        ProtocolError: the file itself raises.
    """
    path, colon, name = reference.rpartition(":")
    if not colon:
        if reference.endswith(".py"):
            raise UsageError(f"name the class in {reference} too, as in {reference}:MyProtocol")
        return find_protocol(reference)
    found: object = _load(Path(path))
    for part in name.split("."):
        found = getattr(found, part, None)
    if found is None:
        own = [name for name, value in vars(_load(Path(path))).items() if _is_protocol(value)]
        raise UsageError(f"there is no class {name!r} in {path}; its protocols are: {', '.join(own) or 'none'}")
    return check_protocol(found)


def refer(protocol: type[Protocol]) -> str:
    """The reference that finds ``protocol`` again, as long as its file is there."""
    if PROTOCOLS.get(protocol.name) is protocol:
        return protocol.name
    try:
        file = inspect.getfile(protocol)
    except (TypeError, OSError):  # typed in at a prompt
        file = protocol.__module__
    return f"{file}:{protocol.__qualname__}"


def check_protocol(protocol: object) -> type[Protocol]:
    """``protocol``, if an engine can run it.

    Raises:
        UsageError: it is no protocol, or lacks something.
    """
    if not isinstance(protocol, type) or not issubclass(protocol, Protocol):
        raise UsageError(f"{_name(protocol)} is no protocol; derive a class from rayrdma.Protocol")
    if inspect.isabstract(protocol):
        raise UsageError(f"{_name(protocol)} is no whole protocol: it lacks 'async def propose(self, value)'")
    if not isinstance(getattr(protocol, "name", None), str):
        raise UsageError(f"{_name(protocol)} needs a name for its results, as in: name = 'my-protocol'")
    return protocol


def _load(path: Path) -> ModuleType:
    """The module in a file, executed once."""
    path = path.resolve()
    # The name must not be that of another module, and stays the same for the same file.
    name = f"{path.stem}_{hashlib.sha256(str(path).encode()).hexdigest()[:8]}"
    if name in sys.modules:
        return sys.modules[name]
    if not path.is_file():
        raise UsageError(f"there is no file {path} to take a protocol from")
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise UsageError(f"{path} is no Python file; a protocol is named as path/to/file.py:ClassName")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module  # before it runs: its classes look up their annotations there
    try:
        spec.loader.exec_module(module)
    except Exception as error:
        del sys.modules[name]
        raise ProtocolError(f"{path} can not be loaded: {type(error).__name__}: {error}") from error
    return module


def _is_protocol(value: object) -> bool:
    return isinstance(value, type) and issubclass(value, Protocol) and not inspect.isabstract(value)


def _name(protocol: object) -> str:
    return getattr(protocol, "__qualname__", repr(protocol))
