"""Row groups of a Parquet file that need not be read, as their statistics prove.

A row group is left out only where every one of its rows would be read without a fault and then be
of no use, so that what is counted is the same as if it had been read. Where its statistics prove
less than that, it is read.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import replace

import pyarrow as pa
import pyarrow.parquet as pa_parquet

from forebay.pipelines.sources.typed.input import ParquetFile, parquet_reader
from forebay.transforms.definition.allowed import is_limited
from forebay.transforms.definition.columns import (
    Boolean,
    Column,
    Date,
    Integer,
    Number,
    String,
    Timestamp,
)
from forebay.transforms.definition.sources import Source
from forebay.transforms.parsing.cells import Cells
from forebay.transforms.parsing.missing_numbers import missing_numbers
from forebay.transforms.parsing.typed_cells import (
    is_number,
    is_text,
    plain_type,
    read_values,
)
from forebay.transforms.windows.period import Span

# Tells of rows whose times lie in spans whether one of them may be needed.
MayNeed = Callable[[Mapping[str, Span]], bool]


def skip_row_groups(
    source: ParquetFile, table: Source, may_need: MayNeed, counted: str | None
) -> tuple[ParquetFile, int]:
    """Returns a file without the row groups that are not needed, and how many rows these have.

    Args:
        source: the file.
        table: what it holds.
        may_need: tells whether a row may be needed, by where its times lie.
        counted: a column whose missing values are counted: rows without it are always read.
    """
    if any(is_limited(kind) for step in table.derive for kind in step.outputs.values()):
        return source, 0  # rows may be rejected for what is derived of them
    with source.file.open_raw() as raw:
        opened = parquet_reader(raw)
        skipped = [
            number
            for number in range(opened.metadata.num_row_groups)
            if _is_unneeded(_RowGroup(opened, number), table, may_need, counted)
        ]
    rows = sum(source.rows[number] for number in skipped)
    return replace(source, skipped=frozenset(skipped)), rows


class _RowGroup:
    """What the statistics of a row group say of its columns, of which none is within another."""

    def __init__(self, opened: pa_parquet.ParquetFile, number: int) -> None:
        group, schema = opened.metadata.row_group(number), opened.schema
        paths = [schema.column(i).path for i in range(len(schema))]
        alone = [i for i, path in enumerate(paths) if paths.count(path) == 1]
        self._kinds = {field.name: plain_type(field.type) for field in opened.schema_arrow}
        self._stored = {paths[i]: schema.column(i).logical_type for i in alone}
        self._statistics = {paths[i]: group.column(i).statistics for i in alone}

    def kind(self, field: str) -> pa.DataType | None:
        """Returns the type of a column; None: it is within another."""
        return self._kinds.get(field)

    def may_miss(self, field: str) -> bool:
        """Tells whether a value may be missing."""
        found = self._statistics.get(field)
        return found is None or not found.has_null_count or found.null_count > 0

    def bounds(self, field: str) -> pa.Array | None:
        """Returns the least and the greatest of whole numbers or times; None: nobody knows."""
        kind, found = self.kind(field), self._statistics.get(field)
        if kind is None or found is None or not found.has_min_max:
            return None
        raw = [found.min_raw, found.max_raw]
        if pa.types.is_signed_integer(kind):
            return pa.array(raw, kind)
        if pa.types.is_date32(kind):
            return pa.array(raw, pa.int32()).view(kind)
        if pa.types.is_timestamp(kind) and found.physical_type == "INT64":
            # In the unit of the file, which is not always that of the type it is read as.
            unit = _UNITS[json.loads(self._stored[field].to_json())["timeUnit"]]
            return pa.array(raw, pa.int64()).view(pa.timestamp(unit, kind.tz))
        return None


_UNITS = {"milliseconds": "ms", "microseconds": "us", "nanoseconds": "ns"}


def _is_unneeded(group: _RowGroup, table: Source, may_need: MayNeed, counted: str | None) -> bool:
    spans: dict[str, Span] = {}
    for name, column in table.columns.items():
        (field, *others) = column.fields(name)
        bounds = None if others else _read_bounds(group, field, column)
        if others or not _has_no_fault(group, field, column, bounds):
            return False
        if bounds is not None and isinstance(column, Timestamp) and not bounds.values.null_count:
            least, greatest = bounds.values.cast(pa.int64()).to_pylist()
            spans[name] = least, greatest
        if name == counted and _may_be_missing(group, field, column):
            return False
    return not may_need(spans)


def _may_be_missing(group: _RowGroup, field: str, column: Column) -> bool:
    """Tells whether a value of a column may be missing, or one that means so."""
    kind = group.kind(field)
    return kind is None or is_text(kind) or bool(missing_numbers(column)) or group.may_miss(field)


def _read_bounds(group: _RowGroup, field: str, column: Column) -> Cells | None:
    """Reads the bounds of a column as its values are; None: they tell nothing of its values.

    What may be wrong with a whole number or an instant is that it is too small or too great, and
    reading keeps the order: what holds of both bounds holds of all that is between them.
    """
    bounds = group.bounds(field)
    return (
        None
        if bounds is None or not _in_order(bounds.type, column)
        else read_values(bounds, column)
    )


def _in_order(given: pa.DataType, column: Column) -> bool:
    if isinstance(column, Timestamp):  # clocks of some zones are put back
        has_zone = pa.types.is_integer(given) or getattr(given, "tz", None) is not None
        return has_zone or column.tz == "UTC"
    if isinstance(column, Date):
        return bool(pa.types.is_date32(given))
    return isinstance(column, Number | Integer) and bool(pa.types.is_signed_integer(given))


def _has_no_fault(group: _RowGroup, field: str, column: Column, bounds: Cells | None) -> bool:
    """Tells whether every value of a column is read without a fault."""
    kind = group.kind(field)
    if kind is None:
        return False
    if column.required and _may_be_missing(group, field, column):
        return False
    if isinstance(column, String):  # which, of a binary column, may be no UTF-8
        return not column.values and not pa.types.is_binary(kind)
    if bounds is not None:
        return not bounds.problems
    if isinstance(column, Number):
        return is_number(kind) and column.range == (None, None)
    return isinstance(column, Boolean) and bool(pa.types.is_boolean(kind))
