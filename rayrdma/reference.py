"""Names of protocols and behaviours: a built-in one, or ``path/to/file.py:ClassName`` in the user's own file."""

from __future__ import annotations

import hashlib
import importlib.util
import inspect
import sys
from pathlib import Path
from types import ModuleType

from rayrdma.faults.behaviour import Behaviour
from rayrdma.faults.byzantine import BEHAVIOURS, find_behaviour
from rayrdma.faults.plan import Byzantine
from rayrdma.model.errors import ProtocolError, UsageError
from rayrdma.model.protocol import Protocol
from rayrdma.protocols import NAMED, find_protocol


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


def resolve_behaviour(reference: str) -> type[Behaviour]:
    """The behaviour that ``reference`` names.

    Raises:
        UsageError: there is none; the message says what there is.
        ProtocolError: the file itself raises.
    """
    path, colon, name = reference.rpartition(":")
    if not colon:
        return find_behaviour(reference)
    found = getattr(_load(Path(path)), name, None)
    if not isinstance(found, type) or not issubclass(found, Behaviour) or inspect.isabstract(found):
        raise UsageError(
            f"{name!r} in {path} is no behaviour; derive a class from rayrdma.Behaviour, with 'async def run'"
        )
    if not isinstance(getattr(found, "name", None), str):
        raise UsageError(f"{name} needs a name for its results, as in: name = 'my-attack'")
    return found


def parse_byzantine(text: str) -> list[Byzantine]:
    """``p2:equivocate,p0:file.py:MyAttack`` as faults.

    Raises:
        UsageError: a part of it names no process or no behaviour.
    """
    faults = []
    for part in filter(None, (part.strip() for part in text.split(","))):
        party, colon, reference = part.partition(":")
        if party[:1] == "m":
            raise UsageError(f"{part!r}: a memory is never Byzantine in this model; it can crash (--crash {party}@0)")
        if not colon or party[:1] != "p" or not party[1:].isdigit():
            raise UsageError(f"{part!r} is no Byzantine process; write p2:equivocate (process 2 equivocates)")
        faults.append(Byzantine(int(party[1:]), resolve_behaviour(reference)))
    return faults


def refer(named: type[Protocol] | type[Behaviour]) -> str:
    """The reference that finds a class again, as long as its file is there."""
    if NAMED.get(named.name) is named or BEHAVIOURS.get(named.name) is named:
        return named.name
    try:
        file = inspect.getfile(named)
    except (TypeError, OSError):  # typed in at a prompt
        file = named.__module__
    return f"{file}:{named.__qualname__}"


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
