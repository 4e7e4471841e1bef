"""Sends classes, a protocol or a behaviour, to the actors by value, as the user's own script has it.

cloudpickle does this for plain classes. A msgspec Struct by value would arrive without its fields, for they
are fixed when the class is made; here it is made anew from its fields where it arrives. Only the driver's
own classes travel so; what peers send each other is decoded by declared type, never unpickled.
"""

from __future__ import annotations

import inspect
import io
import pickle
import sys
from typing import Any

import cloudpickle
import msgspec

from rayrdma.faults.behaviour import Behaviour
from rayrdma.model.errors import UsageError
from rayrdma.model.protocol import Protocol


def dump_class(sent: type[Protocol] | type[Behaviour]) -> bytes:
    """A class as bytes: by reference if it is part of the library, else by value.

    Raises:
        UsageError: something that its module holds can not leave this process.
    """
    name = sent.__module__
    by_value = name != "__main__" and name in sys.modules and name.partition(".")[0] != "rayrdma"
    if by_value:
        cloudpickle.register_pickle_by_value(sys.modules[name])
    try:
        file = io.BytesIO()
        _Pickler(file, name).dump(sent)
        return file.getvalue()
    except (TypeError, ValueError, pickle.PicklingError, RecursionError) as error:
        raise UsageError(
            f"the class of {sent.name!r} can not be sent to other processes: {error}; its code may use modules, "
            "classes, functions and plain values, but no locks, no open files and no message that contains itself"
        ) from error
    finally:
        if by_value:
            cloudpickle.unregister_pickle_by_value(sys.modules[name])


def load_class(data: bytes) -> Any:
    """What `dump_class` made, in another process."""
    return cloudpickle.loads(data)


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(self, file: io.BytesIO, module: str) -> None:
        super().__init__(file)
        self._module = module

    def reducer_override(self, obj: Any) -> Any:
        """Structs of the protocol's own module are made anew; the rest is cloudpickle's."""
        if isinstance(obj, type) and obj.__module__ == self._module and self._module.partition(".")[0] != "rayrdma":
            if _CACHE in vars(obj):
                type.__delattr__(obj, _CACHE)
            if issubclass(obj, msgspec.Struct):
                return _make_struct, _describe_struct(obj)
        return super().reducer_override(obj)


_CACHE = "__msgspec_cache__"
"""What msgspec remembers of an enumeration or a dataclass: it can not be pickled, and is made anew when needed."""

_OPTIONS = (
    *("frozen", "eq", "order", "array_like", "omit_defaults", "forbid_unknown_fields", "tag", "tag_field"),
    *("repr_omit_defaults", "weakref", "dict", "cache_hash", "gc"),
)


def _describe_struct(struct: type[msgspec.Struct]) -> tuple[Any, ...]:
    own = inspect.get_annotations(struct)
    fields = [
        (field.name, field.type, field.default, field.default_factory)
        for field in msgspec.structs.fields(struct)
        if field.name in own
    ]
    names = {field[0] for field in fields}
    options = {option: getattr(struct.__struct_config__, option) for option in _OPTIONS}
    options["kw_only"] = not names <= set(struct.__match_args__)
    members = {
        name: value
        for name, value in vars(struct).items()
        if name not in names and name not in ("__slots__", "__annotations__", "__module__")
    }
    return struct.__name__, fields, struct.__bases__, members, struct.__module__, options


def _make_struct(
    name: str, described: Any, bases: Any, members: Any, module: str, options: dict[str, Any]
) -> type[msgspec.Struct]:
    fields = [
        (field, kind)
        if default is factory is msgspec.NODEFAULT
        else (field, kind, msgspec.field(default=default, default_factory=factory))  # type: ignore[call-overload]
        for field, kind, default, factory in described
    ]
    return msgspec.defstruct(name, fields, bases=bases, namespace=members, module=module, **options)
