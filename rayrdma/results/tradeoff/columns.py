"""The rows as columns, for whoever goes on with them: CSV for the eye, Parquet with types."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import msgspec

from .points import Point, Run


def flat(point: Point) -> dict[str, Any]:
    """A row without structure: what is in a run gets its side as a prefix, ``inside_crashed`` for one."""
    row = msgspec.structs.asdict(point)
    for side in ("inside", "beyond"):
        run = row.pop(side)
        row |= {f"{side}_{field}": getattr(run, field, None) for field in Run.__struct_fields__}
    return row


def encode_columns(points: Sequence[Point]) -> dict[str, bytes]:
    """The files by name: ``tradeoff.csv`` and ``tradeoff.parquet``."""
    import pyarrow as pa
    from pyarrow import csv, parquet

    schema = pa.schema([*_fields(pa, Point, ""), *_fields(pa, Run, "inside_"), *_fields(pa, Run, "beyond_")])
    table = pa.Table.from_pylist([flat(point) for point in points], schema)
    text, binary = pa.BufferOutputStream(), pa.BufferOutputStream()
    csv.write_csv(table, text)
    parquet.write_table(table, binary)
    return {
        "tradeoff.csv": text.getvalue().to_pybytes(),
        "tradeoff.parquet": binary.getvalue().to_pybytes(),
    }


def _fields(pa: Any, struct: type[msgspec.Struct], prefix: str) -> list[Any]:
    """Types from the struct, so that a column without any value has one too."""
    types = {int: pa.int64(), float: pa.float64(), str: pa.string(), int | None: pa.int64()}
    fields = msgspec.structs.fields(struct)
    return [pa.field(f"{prefix}{field.name}", types[field.type]) for field in fields if field.type in types]
