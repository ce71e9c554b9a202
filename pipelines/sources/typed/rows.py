"""Batches of typed values made into rows and rejects, and the records of rejects as JSON."""

from __future__ import annotations

import base64
import json
from collections import Counter
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from forebay.pipelines.sources.inputs import Parsed
from forebay.pipelines.sources.missing_columns import refuse_missing
from forebay.pipelines.sources.rejects import Reject, in_order_of_offset
from forebay.pipelines.sources.rows import joined, make_rows
from forebay.transforms.definition.columns import Column, Timestamp
from forebay.transforms.definition.sources import Source
from forebay.transforms.errors import InputError
from forebay.transforms.parsing.typed_cells import (
    plain_type,
    python_values,
    read_values,
    text_bytes,
    type_problem,
)

REPEATED = "is there more than once; rename all but one"


def check_schema(
    schema: pa.Schema, table: Source, path: str, types: Mapping[str, str] | None = None
) -> None:
    """Checks that a table has the columns of its definition, of types that their kinds can hold.

    Args:
        schema: its columns.
        table: the definition.
        path: its name, for errors.
        types: what its types are called there, by path; None: as Arrow calls them.

    Raises:
        InputError: one is missing, there more than once, or of another type; all of them are
            named.
    """
    names = list(_paths(schema))
    refuse_missing(names, table.fields(table.optional), path)
    lacking, counts = table.lacking(names), Counter(names)
    problems = []
    for name, column in table.columns.items():
        for field in () if name in lacking else column.fields(name):
            if _is_repeated(counts, _top(schema, field), field):
                problem: str | None = REPEATED
            else:
                problem = type_problem(_type_at(schema, field), column, (types or {}).get(field))
            if problem is not None:
                problems.append(f"{field!r} {problem}")
    if problems:
        raise InputError(f"{path}: the column {'; the column '.join(problems)}")


def top_columns(schema: pa.Schema, table: Source) -> list[str]:
    """Returns the columns of a table, as it has them, that its definition reads of."""
    fields = table.fields(lacking_of(schema, table))
    return list(dict.fromkeys(_top(schema, field) for field in fields))


def lacking_of(schema: pa.Schema, table: Source) -> frozenset[str]:
    """Returns the optional columns of a definition that a table does not have."""
    return table.lacking(list(_paths(schema)))


def parse_batch(
    batch: pa.RecordBatch,
    offsets: npt.NDArray[np.int64],
    columns: Mapping[str, Column],
    forgiven: Collection[str] = (),
) -> Parsed:
    """Turns typed values into rows and rejects.

    Args:
        batch: n records with at least what `top_columns` returns.
        offsets: where each is in its input, int64 (n,).
        columns: the columns to read.
        forgiven: those of which a value that cannot be read is missing.
    """
    given = {name: _given(batch, name, kind) for name, kind in columns.items()}
    cells = {
        name: read_values(given[name], _as_joined(batch, name, kind))
        for name, kind in columns.items()
    }
    made = make_rows(cells, given, offsets, forgiven)
    rejects = [
        Reject(f.offset, f.reason, record_json(batch.slice(f.row, 1)), f.category)
        for f in made.faults
    ]
    return Parsed(made.batch, rejects, made.unread)


def told_rejects(
    rejects: pa.Table, records: Callable[[list[int]], Mapping[int, bytes]]
) -> Iterator[tuple[int, str, str]]:
    """Yields the offset, the reason and the record of each reject, in order of offset.

    Args:
        rejects: as for `forebay.pipelines.sources.inputs.TableInput.located`.
        records: reads the records at some offsets, ascending and each once, which rejects lack.
    """
    told = in_order_of_offset(rejects)
    found = records(list(dict.fromkeys(one.offset for one in told if one.raw is None)))
    for offset, reason, raw in told:
        record = found[offset] if raw is None else raw
        yield offset, reason, record.decode("utf-8", "replace")


def record_json(row: pa.RecordBatch) -> bytes:
    """Returns one record as JSON."""
    record = {
        name: python_values(column)[0]
        for name, column in zip(row.schema.names, row.columns, strict=True)
    }
    text = json.dumps(_plain(record), ensure_ascii=False, default=str)
    return text.encode("utf-8", "backslashreplace")


def _plain(value: Any) -> Any:
    """Returns a value in which bytes are text, or base64 where they are none."""
    if isinstance(value, dict):
        return {str(name): _plain(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_plain(item) for item in value]
    if not isinstance(value, bytes):
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return {"b64": base64.b64encode(value).decode()}


def _given(batch: pa.RecordBatch, name: str, kind: Column) -> pa.Array:
    parts = [_values_at(batch, field) for field in kind.fields(name)]
    return parts[0] if len(parts) == 1 else joined(list(map(text_bytes, parts)), kind.nulls)


def _as_joined(batch: pa.RecordBatch, name: str, kind: Column) -> Column:
    """Returns a column as its fields are joined: typed days and times of day in ISO 8601."""
    if not isinstance(kind, Timestamp) or not isinstance(kind.field, tuple):
        return kind
    types = (plain_type(_values_at(batch, field).type) for field in kind.fields(name))
    return replace(kind, format=None) if all(map(pa.types.is_temporal, types)) else kind


def _top(schema: pa.Schema, field: str) -> str:
    return field if field in schema.names else field.partition(".")[0]


def _is_repeated(counts: Counter[str], top: str, field: str) -> bool:
    """Tells whether a path leads to several fields, by how often a table has each path."""
    ends = (i for i, letter in enumerate(f"{field}.") if letter == "." and i >= len(top))
    return any(counts[field[:end]] > 1 for end in ends)


def _paths(parent: Any, before: str = "") -> Iterator[str]:
    for field in parent:
        yield before + field.name
        if pa.types.is_struct(field.type):
            yield from _paths(field.type, f"{before}{field.name}.")


def _type_at(schema: pa.Schema, field: str) -> pa.DataType:
    top = _top(schema, field)
    found = schema.field(top).type
    for name in field[len(top) + 1 :].split(".") if field != top else ():
        found = found.field(name).type
    return found


def _values_at(batch: pa.RecordBatch, field: str) -> pa.Array:
    top = _top(batch.schema, field)
    found = batch[top]
    return found if field == top else pc.struct_field(found, field[len(top) + 1 :].split("."))
