"""Columns of Arrow as columns of BigQuery, and how a table's differ from them."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from typing import Any, NamedTuple

import pyarrow as pa

from forebay.transforms.errors import InputError

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,299}")
# How BigQuery's own columns begin, in any case.
_RESERVED = (
    "_table_", "_file_", "_partition", "_row_timestamp", "__root__", "_colidentifier",
)  # fmt: skip
# What the REST interface calls a type, by its name in SQL.
_OTHER_NAMES = {"INTEGER": "INT64", "FLOAT": "FLOAT64", "BOOLEAN": "BOOL", "RECORD": "STRUCT"}


class Field(NamedTuple):
    """A column of BigQuery.

    Attributes:
        name: its name.
        type: its type, in SQL.
        is_array: whether it is an array of that.
        arrow_type: as which it is sent.
    """

    name: str
    type: str
    is_array: bool
    arrow_type: pa.DataType

    @property
    def sql(self) -> str:
        """Its type as it is declared."""
        return f"ARRAY<{self.type}>" if self.is_array else self.type


def fields_of(schema: pa.Schema, table: str) -> list[Field]:
    """Returns the columns that a table has for rows of a schema.

    Raises:
        InputError: BigQuery has no such column; all of them are named.
    """
    problems, known = [], dict[str, str]()
    for name in schema.names:
        if _NAME.fullmatch(name) is None or name.lower().startswith(_RESERVED):
            problems.append(f"takes no column of the name {name!r}")
        elif name.lower() in known:
            problems.append(f"takes {name!r} and {known[name.lower()]!r} for one column")
        known[name.lower()] = name
    if problems:
        raise InputError(
            f"{table}: BigQuery {'; '.join(problems)}; call the column otherwise in the "
            "definition, and say by field= what its input calls it"
        )
    return [_field(field, table) for field in schema]


def _field(field: pa.Field, table: str) -> Field:
    kind = field.type
    is_array = pa.types.is_list(kind) or pa.types.is_fixed_size_list(kind)
    name, sent = _type(kind.value_type if is_array else kind, field.name, table)
    return Field(field.name, name, is_array, pa.list_(sent) if is_array else sent)


def _type(kind: pa.DataType, column: str, table: str) -> tuple[str, pa.DataType]:
    """Returns BigQuery's name of a type, and as which of Arrow's it is sent."""
    if pa.types.is_timestamp(kind):
        zone = None if kind.tz is None else "UTC"
        return "DATETIME" if zone is None else "TIMESTAMP", pa.timestamp("us", zone)
    for holds, name, sent in _TYPES:
        if holds(kind):
            return name, sent
    raise InputError(
        f"{table}: BigQuery has no column for {column!r}, which is {kind}; leave it out"
    )


_TYPES = (
    (pa.types.is_boolean, "BOOL", pa.bool_()),
    (pa.types.is_integer, "INT64", pa.int64()),
    (pa.types.is_floating, "FLOAT64", pa.float64()),
    (pa.types.is_string, "STRING", pa.string()),
    (pa.types.is_binary, "BYTES", pa.binary()),
    (pa.types.is_date32, "DATE", pa.date32()),
)  # fmt: skip


def check_fields(wanted: Sequence[Field], found: Sequence[Any], table: str) -> None:
    """Checks that a table has a column for each of the rows, and needs no other.

    Args:
        wanted: the columns of the rows.
        found: those of the table, ``google.cloud.bigquery.SchemaField``.
        table: its name, for errors.

    Raises:
        InputError: it has not; every difference is named, with its cure.
    """
    problems = list(_differences(wanted, found))
    if problems:
        raise InputError(f"{table}: {'; '.join(problems)}; mend the table, or name a new one")


def _differences(wanted: Sequence[Field], found: Sequence[Any]) -> Iterator[str]:
    there = {field.name.lower(): field for field in found}
    for field in wanted:
        column = there.pop(field.name.lower(), None)
        if column is None:
            yield (f"the table has no column {field.name!r} (ADD COLUMN {field.name} {field.sql})")
            continue
        kind = _sql_type(column)
        if kind != field.sql:
            yield f"the column {field.name!r} is {kind}, and in the rows {field.sql}"
        elif column.mode == "REQUIRED":
            yield _required(field.name, "which may be missing in rows")
    for column in there.values():
        if column.mode == "REQUIRED":
            yield _required(column.name, "which the rows do not have")


def _required(name: str, cause: str) -> str:
    return f"the column {name!r} is REQUIRED, {cause} (ALTER COLUMN {name} DROP NOT NULL)"


def _sql_type(column: Any) -> str:
    kind = _OTHER_NAMES.get(column.field_type, column.field_type)
    return f"ARRAY<{kind}>" if column.mode == "REPEATED" else kind
