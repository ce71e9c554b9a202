"""The types of BigQuery: which column of a definition can hold which, told by their own names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import pyarrow as pa

from forebay.pipelines.sources.typed.rows import check_schema
from forebay.transforms.definition.columns import String
from forebay.transforms.definition.sources import Source
from forebay.transforms.errors import InputError

# As the Storage Read API gives them.
_ARROW = {
    "STRING": pa.string(), "BYTES": pa.binary(), "INTEGER": pa.int64(), "INT64": pa.int64(),
    "FLOAT": pa.float64(), "FLOAT64": pa.float64(), "NUMERIC": pa.decimal128(38, 9),
    "BIGNUMERIC": pa.decimal256(76, 38), "BOOLEAN": pa.bool_(), "BOOL": pa.bool_(),
    "TIMESTAMP": pa.timestamp("us", "UTC"), "DATETIME": pa.timestamp("us"), "DATE": pa.date32(),
    "TIME": pa.time64("us"), "JSON": pa.string(), "GEOGRAPHY": pa.string(),
}  # fmt: skip
# Texts that are no cells of another kind.
_ONLY_TEXT = {
    "JSON": "declare it String(), or take values out of it by JSON_VALUE in a query",
    "GEOGRAPHY": "declare it String(), or take numbers out of it by ST_X and ST_Y in a query",
}
# What stands for types that no column can hold.
_UNHELD = pa.month_day_nano_interval()


def check_table(fields: Sequence[Any], table: Source, path: str) -> None:
    """Checks that a table of BigQuery has a definition's columns, of types that can be held.

    Args:
        fields: its columns, ``google.cloud.bigquery.SchemaField``.
        table: the definition.
        path: its name, for errors.

    Raises:
        InputError: one is missing, or of another type; all of them are named.
    """
    names = dict(_named(fields))
    check_schema(arrow_schema(fields), table, path, names)
    problems = [
        f"{field!r} is {names[field]}, which {type(column).__name__}() cannot hold; "
        f"{_ONLY_TEXT[names[field]]}"
        for name, column in table.columns.items() for field in column.fields(name)
        if names.get(field) in _ONLY_TEXT and not isinstance(column, String)
    ]  # fmt: skip
    if problems:
        raise InputError(f"{path}: the column {'; the column '.join(problems)}")


def arrow_schema(fields: Sequence[Any]) -> pa.Schema:
    """Returns the columns of a table as its read sessions give them."""
    return pa.schema([_arrow_field(field) for field in fields])


def _arrow_field(field: Any) -> pa.Field:
    if field.field_type in ("RECORD", "STRUCT"):
        found = pa.struct([_arrow_field(inner) for inner in field.fields])
    elif field.field_type == "RANGE":
        element = _ARROW[field.range_element_type.element_type]
        found = pa.struct([("start", element), ("end", element)])
    else:
        found = _ARROW.get(field.field_type, _UNHELD)
    return pa.field(field.name, pa.list_(found) if field.mode == "REPEATED" else found)


def _named(fields: Sequence[Any], before: str = "") -> Iterator[tuple[str, str]]:
    """Yields the type of every column as BigQuery calls it, by path."""
    for field in fields:
        kind = "STRUCT" if field.field_type == "RECORD" else field.field_type
        yield before + field.name, f"ARRAY<{kind}>" if field.mode == "REPEATED" else kind
        if field.mode == "REPEATED":
            continue
        yield from _named(field.fields, f"{before}{field.name}.")
        if kind == "RANGE":
            element = field.range_element_type.element_type
            yield from ((f"{before}{field.name}.{end}", element) for end in ("start", "end"))
