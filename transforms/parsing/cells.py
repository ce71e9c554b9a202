"""One column of a table's texts read as the definition says."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.comparisons import compare
from forebay.transforms.definition.allowed import range_text
from forebay.transforms.definition.columns import (
    Boolean,
    Bounds,
    Bytes,
    Column,
    Date,
    Integer,
    Number,
    Numbers,
    String,
    Timestamp,
)
from forebay.transforms.definition.table_formats import CsvFormat
from forebay.transforms.parsing.base64_cells import read_bytes
from forebay.transforms.parsing.casts import (
    BLANKS,
    BoolArray,
    CastColumn,
    Fault,
    faults_of,
    read_floats,
    read_integers,
    read_number_lists,
    to_mask,
    without,
)
from forebay.transforms.parsing.number_texts import plain_numbers
from forebay.transforms.parsing.times import read_dates, read_timestamps


@dataclass(frozen=True)
class Cells:
    """A column as read.

    Attributes:
        values: (n,) of the column's Arrow type, null where missing and where a problem lies.
        problems: the cells that cannot be read.
        absent: bool (n,), cells missing although the column is required, or None.
    """

    values: pa.Array
    problems: tuple[Fault, ...]
    absent: BoolArray | None


def read_cells(raw: pa.BinaryArray, column: Column, format: CsvFormat | None = None) -> Cells:
    """Reads the cells of a column.

    Blanks around numbers, times and truth values are not seen; in strings they are text, and the
    texts for missing must match exactly.

    Args:
        raw: (n,), the unquoted bytes of every cell; null where there is none.
        column: what the definition says of the column.
        format: how numbers are written; None: with a decimal point.
    """
    missing = _missing(raw, column.nulls)
    text, problems = _decode(without(raw, missing))
    if format is not None and isinstance(column, Number | Integer):
        text, odd = plain_numbers(text, format.decimal, format.thousands)
        problems += odd
    reading = _READERS[type(column)](text, column)
    absent = missing if column.required and missing is not None else None
    return Cells(reading.values, (*problems, *reading.problems), absent)


def _missing(raw: pa.BinaryArray, nulls: Sequence[str]) -> BoolArray | None:
    """Returns the mask of the cells that mean missing, or None if there are none."""
    if tuple(nulls) == ("",):  # comparing lengths is ten times as fast as looking up texts
        found = pc.equal(pc.binary_length(raw), 0)
    else:
        found = pc.is_in(raw, pa.array([text.encode() for text in nulls], pa.binary()))
    mask = to_mask(found) | to_mask(raw.is_null()) if raw.null_count else to_mask(found)
    return mask if mask.any() else None


def _decode(raw: pa.BinaryArray) -> CastColumn:
    try:
        return CastColumn(raw.cast(pa.string()), [])
    except pa.ArrowInvalid:
        bad = np.array([not _is_utf8(cell) for cell in raw.to_pylist()], np.bool_)
        return CastColumn(without(raw, bad).cast(pa.string()), [Fault(bad, "not UTF-8 text")])


def _is_utf8(cell: bytes | None) -> bool:
    try:
        (cell or b"").decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def within_range(read: CastColumn, column: Number | Integer) -> CastColumn:
    """Finds the numbers outside of a column's range, which no number that is not finite is in."""
    values, problems = read
    if column.range == (None, None):
        return read
    inside = _inside(values, column.range)
    if isinstance(column, Number):
        inside = pc.and_(inside, pc.is_finite(values))
    return _limited(values, inside, column.range, problems)


def _read_number(text: pa.StringArray, column: Number) -> CastColumn:
    return within_range(read_floats(text), column)


def _read_integer(text: pa.StringArray, column: Integer) -> CastColumn:
    return within_range(read_integers(text), column)


def _inside(values: pa.Array, limits: Bounds) -> pa.BooleanArray:
    low, high = limits
    above = pc.is_valid(values) if low is None else compare(values, ">=", low)
    return above if high is None else pc.and_(above, compare(values, "<=", high))


def _limited(
    values: pa.Array,
    inside: pa.BooleanArray,
    limits: Bounds,
    problems: list[Fault],
) -> CastColumn:
    outside = to_mask(pc.invert(inside)) & to_mask(values.is_valid())
    found = faults_of((outside, f"not {range_text(limits)}"))
    return CastColumn(without(values, outside), problems + found)


def of_values(text: pa.StringArray, column: String) -> CastColumn:
    """Finds the texts that are none of those that a column allows."""
    if not column.values:
        return CastColumn(text, [])
    known = pc.is_in(text, pa.array(column.values, pa.string()))
    other = to_mask(text.is_valid()) & ~to_mask(known)
    return CastColumn(without(text, other), faults_of((other, "not one of the declared values")))


def _read_boolean(text: pa.StringArray, column: Boolean) -> CastColumn:
    words = pa.array((*column.false, *column.true), pa.string())
    found = pc.index_in(text, words)
    if found.null_count > text.null_count:
        found = pc.coalesce(found, pc.index_in(pc.utf8_trim(text, BLANKS), words))
    other = to_mask(text.is_valid()) & ~to_mask(found.is_valid())
    values = pc.greater_equal(found, len(column.false))
    return CastColumn(values, faults_of((other, "neither true nor false")))


_READERS: dict[type[Column], Callable[[pa.StringArray, Any], CastColumn]] = {
    Number: _read_number,
    Integer: _read_integer,
    Numbers: read_number_lists,
    String: of_values,
    Bytes: read_bytes,
    Boolean: _read_boolean,
    Timestamp: read_timestamps,
    Date: read_dates,
}
