"""Chunks of any table as columns of texts, which is what guesses are made from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from forebay.pipelines.sources.inputs import TableInput
from forebay.pipelines.sources.rejects import Reject
from forebay.pipelines.sources.text.input import TextChunk
from forebay.pipelines.sources.text.json_lines import LINES, JsonLinesFile, line_at, read_objects
from forebay.pipelines.sources.text.json_objects import Odd, field_at, paths
from forebay.pipelines.sources.text.records import ANY_ARITY, scan_records
from forebay.pipelines.sources.typed.tfrecord import (
    TFRecordFile,
    decoded_parts,
    single_values,
    without_long,
)
from forebay.transforms.definition.columns import Boolean, Bytes, Date, Number, String, Timestamp
from forebay.transforms.parsing.typed_cells import type_problem

_HALF = "not UTF-8 text"


class FieldTexts(NamedTuple):
    """The values of a field.

    Attributes:
        texts: what a CSV file would have, null where missing; None where no kind can hold them.
        type: their type, where they are typed.
    """

    texts: pa.StringArray | None
    type: pa.DataType | None = None


class Excerpt(NamedTuple):
    """The first records of a chunk.

    Attributes:
        parts: their fields by path, of records that follow one another in each.
        rejects: those that no definition could read.
        is_all: whether the chunk has no others.
    """

    parts: list[dict[str, FieldTexts]]
    rejects: list[Reject]
    is_all: bool


def read_excerpt(source: TableInput, chunk: Any, most: int, max_record_bytes: int) -> Excerpt:
    """Reads the first records of a chunk of an input, at most so many."""
    if isinstance(source, JsonLinesFile):
        return _json_excerpt(chunk, most, max_record_bytes)
    if isinstance(source, TFRecordFile):
        frames, rejects = without_long(chunk.part(slice(most)), max_record_bytes)
        parts, odd = decoded_parts(frames)
        rejects = sorted(rejects + odd, key=lambda reject: reject.offset)
        found = [_of_examples(batch) for _, batch in parts]
        return Excerpt(found, rejects, len(chunk.data) <= most)
    columns = _flat(chunk.batch.slice(0, most))
    return Excerpt([_typed_all(columns)], [], len(chunk.batch) <= most)


def _json_excerpt(chunk: TextChunk, most: int, max_record_bytes: int) -> Excerpt:
    records = scan_records(
        chunk.data, LINES, ANY_ARITY, max_record_bytes, is_last=True, most=most + 1
    )
    lines = [line_at(chunk.data, records, row) for row in range(min(most, len(records.starts)))]
    offsets = records.starts[: len(lines)] + chunk.offset
    objects, rows, rejects = read_objects(lines, offsets, max_record_bytes)
    kept = []
    for one, row in zip(objects, rows, strict=True):
        if b"\\u" not in lines[row] or _is_text(one):
            kept.append(one)
        else:
            rejects.append(Reject(int(offsets[row]), _HALF, lines[row], _HALF))
    rejects.sort(key=lambda reject: reject.offset)
    return Excerpt([_of_objects(kept)], rejects, len(records.starts) <= most)


def _is_text(value: Mapping[str, Any]) -> bool:
    """Tells whether UTF-8 can write a value: JSON may hold half of a character, escaped."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        return False
    return True


def _of_examples(batch: pa.RecordBatch) -> dict[str, FieldTexts]:
    names = batch.schema.names
    return _typed_all([(name, single_values(batch[name], None, len(batch))[0]) for name in names])


def _typed_all(columns: Sequence[tuple[str, pa.Array]]) -> dict[str, FieldTexts]:
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
