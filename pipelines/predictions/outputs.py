"""Predictions as a file: JSON lines, CSV or Parquet, by its name."""

from __future__ import annotations

import base64
import datetime as dt
from collections.abc import Callable, Iterable
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pa_csv
import pyarrow.parquet as pa_parquet

from forebay.transforms.instants import instant
from forebay.transforms.json_text import json_text

# Writes the batches of a schema to a stream.
Write = Callable[[IO[bytes], pa.Schema, Iterable[pa.RecordBatch]], None]


def writer_for(path: str) -> Write:
    """Returns what writes a file of a name: by ``.csv`` or ``.parquet`` those, else JSON lines."""
    return next((write for suffix, write in _WRITERS.items() if path.endswith(suffix)), _json_lines)


def _json_lines(stream: IO[bytes], schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    for batch in batches:
        columns = [_plain(column) for column in batch.columns]
        for row in zip(*columns, strict=True):
            stream.write(json_text(dict(zip(schema.names, row, strict=True))).encode() + b"\n")


def _csv(stream: IO[bytes], schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    kinds = pa.schema([(field.name, _in_csv(field.type)) for field in schema])
    with pa_csv.CSVWriter(stream, kinds) as writer:
        for batch in batches:
            columns = [_as_cells(column) for column in batch.columns]
            writer.write_batch(pa.RecordBatch.from_arrays(columns, schema=kinds))


def _parquet(stream: IO[bytes], schema: pa.Schema, batches: Iterable[pa.RecordBatch]) -> None:
    with pa_parquet.ParquetWriter(stream, schema) as writer:
        for batch in batches:
            writer.write_batch(batch)


_WRITERS: dict[str, Write] = {".csv": _csv, ".parquet": _parquet}


def _plain(column: pa.Array) -> list[Any]:
    """Returns a column's values as JSON takes them."""
    kind = column.type
    if pa.types.is_timestamp(kind):
        times = column.cast(pa.int64()).to_pylist()
        return [None if us is None else instant(us) for us in times]
    if pa.types.is_float32(kind):
        return [_shortest(value) for value in column]
    if pa.types.is_fixed_size_list(kind):
        return [[_shortest(value) for value in values.values] for values in column]
    return [_one(value) for value in column.to_pylist()]


def _one(value: Any) -> Any:
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return value.isoformat() if isinstance(value, dt.date) else value


def _shortest(value: pa.FloatScalar) -> float | None:
    """Returns a float32 as the float with its shortest text: 0.1, not 0.10000000149011612."""
    return float(pc.cast(value, pa.string()).as_py()) if value.is_valid else None


def _in_csv(kind: pa.DataType) -> pa.DataType:
    is_plain = pa.types.is_floating(kind) or pa.types.is_integer(kind) or pa.types.is_boolean(kind)
    return kind if is_plain else pa.string()


def _as_cells(column: pa.Array) -> pa.Array:
    if _in_csv(column.type) == column.type:
        return column
    values = _plain(column)
    is_text = pa.types.is_string(column.type)
    cells = (
        values if is_text else [v if isinstance(v, str | None) else json_text(v) for v in values]
    )
    return pa.array(cells, pa.string())
