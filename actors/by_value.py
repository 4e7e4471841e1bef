"""Sends a protocol class to the actors by value, as the user's own script has it.

cloudpickle does this for plain classes. A msgspec Struct by value would arrive without its fields, for they
are fixed when the class is made; here it is made anew from its fields where it arrives. Only the driver's
own classes travel so; what peers send each other is decoded by declared type, never unpickled.
"""

from __future__ import annotations

import inspect
import io
import sys
from typing import Any

import cloudpickle
import msgspec

from rayrdma.model.protocol import Protocol


def dump_protocol(protocol: type[Protocol]) -> bytes:
    """A protocol class as bytes: by reference if it is part of the library, else by value."""
    name = protocol.__module__
    by_value = name != "__main__" and name in sys.modules and name.partition(".")[0] != "rayrdma"
    if by_value:
        cloudpickle.register_pickle_by_value(sys.modules[name])
    try:
        file = io.BytesIO()
        _Pickler(file, name).dump(protocol)
        return file.getvalue()
    finally:
        if by_value:
            cloudpickle.unregister_pickle_by_value(sys.modules[name])


def load_protocol(data: bytes) -> type[Protocol]:
    """What `dump_protocol` made, in another process."""
    protocol: type[Protocol] = cloudpickle.loads(data)
    return protocol


class _Pickler(cloudpickle.Pickler):  # type: ignore[misc]
    def __init__(self, file: io.BytesIO, module: str) -> None:
        super().__init__(file)
        self._module = module

    def reducer_override(self, obj: Any) -> Any:
        """Structs of the protocol's own module are made anew; the rest is cloudpickle's."""
        ours = self._module.partition(".")[0] == "rayrdma"
        if isinstance(obj, type) and issubclass(obj, msgspec.Struct) and obj.__module__ == self._module and not ours:
            return _make_struct, _describe_struct(obj)
        return super().reducer_override(obj)


def _describe_struct(struct: type[msgspec.Struct]) -> tuple[Any, ...]:
    own = inspect.get_annotations(struct)
    fields: list[Any] = []
    for field in msgspec.structs.fields(struct):
        if field.name not in own:
            continue
        if field.default is not msgspec.NODEFAULT:
            fields.append((field.name, field.type, field.default))
        elif field.default_factory is not msgspec.NODEFAULT:
            fields.append((field.name, field.type, msgspec.field(default_factory=field.default_factory)))
        else:
            fields.append((field.name, field.type))
    config = struct.__struct_config__
    options = {
        "frozen": config.frozen,
        "tag": config.tag,
        "tag_field": config.tag_field,
        "array_like": config.array_like,
        "kw_only": False,
    }
    methods = {
        name: value
        for name, value in struct.__dict__.items()
        if callable(value) and not name.startswith("__struct") and name not in own and name != "__new__"
    }
    return struct.__name__, fields, struct.__bases__, methods, struct.__module__, options


def _make_struct(
    name: str, fields: Any, bases: Any, methods: Any, module: str, options: dict[str, Any]
) -> type[msgspec.Struct]:
    return msgspec.defstruct(name, fields, bases=bases, namespace=methods, module=module, **options)
