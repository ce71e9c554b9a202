"""Chunks of any table as columns of texts, which is what guesses are made from."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from forebay.pipelines.sources.inputs import TableInput
from forebay.pipelines.sources.text.json_lines import JsonLinesFile
from forebay.pipelines.sources.text.json_objects import Odd, field_at, parsed, paths
from forebay.pipelines.sources.typed.tfrecord import TFRecordFile, decoded, single_values
from forebay.transforms.definition.columns import Boolean, Bytes, Date, Number, String, Timestamp
from forebay.transforms.parsing.typed_cells import type_problem


class FieldTexts(NamedTuple):
    """The values of a field.

    Attributes:
        texts: what a CSV file would have, null where missing; None where no kind can hold them.
        type: their type, where they are typed.
    """

    texts: pa.StringArray | None
    type: pa.DataType | None = None


def fields_of(source: TableInput, chunk: Any) -> dict[str, FieldTexts]:
    """Returns the fields of a chunk of records, by their paths."""
    if isinstance(source, JsonLinesFile):
        objects = map(parsed, chunk.data.splitlines())
        return _of_objects([one for one in objects if isinstance(one, dict)])
    if isinstance(source, TFRecordFile):
        batch = decoded(chunk.data)
        columns = [
            (name, single_values(batch[name], None, len(batch))[0]) for name in batch.schema.names
        ]
    else:
        columns = _flat(chunk.batch)
    return {name: _typed(column) for name, column in columns}


def _of_objects(objects: Sequence[Mapping[str, Any]]) -> dict[str, FieldTexts]:
    names = dict.fromkeys(name for one in objects for name in paths(one))
    found = {}
    for name in names:
        values = [field_at(one, name) for one in objects]
        if any(isinstance(value, dict) for value in values):
            continue  # its own fields are there
        if any(isinstance(value, list) for value in values):
            found[name] = FieldTexts(None)
        else:
            found[name] = FieldTexts(pa.array(list(map(_json_text, values)), pa.string()))
    return found


def _typed(column: pa.Array) -> FieldTexts:
    kinds = (String(), Number(), Timestamp(), Date(), Boolean(), Bytes())
    if all(type_problem(column.type, kind) for kind in kinds):
        return FieldTexts(None, column.type)
    return FieldTexts(_as_text(column), column.type)


def _json_text(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    return None if value is None or isinstance(value, Odd) else str(value)


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
    if pa.types.is_binary(kind) or pa.types.is_large_binary(kind):
        texts = [None if value is None else value.as_py() for value in column]
        return pa.array([None if t is None else t.decode("utf-8", "replace") for t in texts])
    return column.cast(pa.string())
