"""Chunks of any table as columns of texts, which is what guesses are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from forebay.pipelines.sources.inputs import TableInput
from forebay.pipelines.sources.json_lines import JsonLinesFile, field_at, parsed, paths
from forebay.pipelines.sources.typed.tfrecord import TFRecordFile, decoded, single_values

_LISTED = ";"


def texts_of(source: TableInput, chunk: Any) -> dict[str, pa.StringArray]:
    """Returns the records of a chunk as texts, by the path of each field; null where missing."""
    if isinstance(source, JsonLinesFile):
        return _of_objects([one for one in map(parsed, chunk.data.splitlines())
                            if isinstance(one, dict)])  # fmt: skip
    if isinstance(source, TFRecordFile):
        batch = decoded([frame.data for frame in chunk])
        columns = {name: single_values(batch[name], None, len(batch))[0]
                   for name in batch.schema.names}  # fmt: skip
        return {name: _as_text(column) for name, column in columns.items()}
    return {name: _as_text(column) for name, column in _flat(chunk.batch)}


def _of_objects(objects: Sequence[Mapping[str, Any]]) -> dict[str, pa.StringArray]:
    names = dict.fromkeys(name for one in objects for name in paths(one))
    found = {}
    for name in names:
        values = [field_at(one, name) for one in objects]
        if not any(isinstance(value, dict) for value in values):
            found[name] = pa.array(list(map(_json_text, values)), pa.string())
    return found


def _json_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, list):
        return _LISTED.join("" if item is None else str(item) for item in value)
    return None if value is None else str(value)


def _flat(batch: pa.RecordBatch, before: str = "") -> list[tuple[str, pa.Array]]:
    found = []
    for name, column in zip(batch.schema.names, batch.columns, strict=True):
        if pa.types.is_struct(column.type):
            fields = pa.RecordBatch.from_arrays(column.flatten(), names=column.type.names)
            found += _flat(fields, f"{before}{name}.")
        else:
            found.append((before + name, column))
    return found


def _as_text(column: pa.Array) -> pa.StringArray:
    """Returns typed values as the texts that a CSV file would have."""
    kind = column.type
    if isinstance(column, pa.ExtensionArray):
        return _as_text(column.storage)
    if pa.types.is_dictionary(kind):
        return _as_text(column.cast(kind.value_type))
    if pa.types.is_timestamp(kind) and kind.tz is not None:
        column = column.cast(pa.timestamp("us", kind.tz), safe=False)
        return pc.strftime(column.cast(pa.timestamp("us", "UTC")), format="%Y-%m-%dT%H:%M:%SZ")
    if pa.types.is_list(kind) or pa.types.is_large_list(kind) or pa.types.is_fixed_size_list(kind):
        items = column.to_pylist()
        return pa.array([_json_text(item) for item in items], pa.string())
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        texts = [None if value is None else value.as_py() for value in column]
        return pa.array([None if t is None else t.decode("utf-8", "replace") for t in texts])
    return column.cast(pa.string())
