"""One column of typed values read as the definition says: the same rows as from the same text.

A kind takes the Arrow types that can hold its values; `type_problem` says before any row is read
that a column's type is another. Texts, whatever the table, are read as a CSV file's cells are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.definition.columns import (
    Boolean,
    Bytes,
    Column,
    Date,
    Integer,
    Number,
    Numbers,
    String,
    Timestamp,
)
from forebay.transforms.parsing.base64_cells import take_bytes
from forebay.transforms.parsing.casts import (
    BoolArray,
    CastColumn,
    read_floats,
    read_integers,
    read_number_lists,
    take_integers,
    to_mask,
    without,
)
from forebay.transforms.parsing.cells import Cells, of_values, read_cells, within_range
from forebay.transforms.parsing.missing_numbers import means_missing
from forebay.transforms.parsing.times import read_counts, read_days, read_instants


def type_problem(given: pa.DataType, column: Column, called: str | None = None) -> str | None:
    """Tells why values of a type cannot be a column's, and the cure; None where they can.

    Args:
        given: the type.
        column: what the definition says of the column.
        called: what the type is called where the table is; None: as Arrow calls it.
    """
    given = plain_type(given)
    if is_text(given) or pa.types.is_null(given):
        return None
    accepts, cure = _KINDS[type(column)]
    if accepts(given, column):
        return None
    kind = type(column).__name__
    return f"is {called or given}, which {kind}() cannot hold; {_cure(given, cure)}"


def read_values(values: pa.Array, column: Column) -> Cells:
    """Reads the values of a column.

    Args:
        values: (n,), of a type that `type_problem` has nothing against; null where missing.
        column: what the definition says of the column. Its ``nulls`` are missing, too, where they
            are written as numbers and the values are numbers.
    """
    values = _plain(values)
    if pa.types.is_null(values.type):
        values = values.cast(pa.binary())
    is_bytes = isinstance(column, Bytes) and pa.types.is_binary(values.type)
    if is_text(values.type) and not is_bytes:
        return read_cells(values.cast(pa.binary()), column)
    if is_number(values.type):
        values = without(values, means_missing(values, column))
    read = _READERS[type(column)](values, column)
    return Cells(read.values, tuple(read.problems), _absent(read) if column.required else None)


def _absent(read: CastColumn) -> BoolArray | None:
    """Returns which values are missing, as a list without numbers is, too; None: none is."""
    missing = ~to_mask(read.values.is_valid())
    for problem in read.problems:
        missing &= ~problem.mask
    return missing if missing.any() else None


def held_against(values: pa.Array, column: Column) -> Cells:
    """Holds values that a function made against what their column allows.

    Args:
        values: (n,), of the column's Arrow type; null where missing, and nowhere else.
        column: what the definition says of the column.
    """
    read = _HELD.get(type(column), _READERS[type(column)])(values, column)
    absent = ~to_mask(values.is_valid()) if column.required and values.null_count else None
    return Cells(read.values, tuple(read.problems), absent)


def plain_type(given: pa.DataType) -> pa.DataType:
    """Returns the one Arrow type of several that hold the same values."""
    if pa.types.is_dictionary(given):
        return plain_type(given.value_type)
    if isinstance(given, pa.BaseExtensionType):
        return plain_type(given.storage_type)
    if pa.types.is_large_string(given) or pa.types.is_string_view(given):
        return pa.string()
    if pa.types.is_large_binary(given) or pa.types.is_binary_view(given):
        return pa.binary()
    if pa.types.is_fixed_size_binary(given):
        return pa.binary()
    if pa.types.is_large_list(given) or pa.types.is_fixed_size_list(given):
        return pa.list_(given.value_type)
    return given


def _plain(values: pa.Array) -> pa.Array:
    """Returns values in the one Arrow type of several that hold the same."""
    if isinstance(values, pa.ExtensionArray):
        values = values.storage
    wanted = plain_type(values.type)
    return values if values.type == wanted else values.cast(wanted)


def python_values(values: pa.Array) -> list[Any]:
    """Returns values as Python has them; what it has none for, such as a far day, as text."""
    return [_python_value(value) for value in values]


def _python_value(value: pa.Scalar) -> Any:
    try:
        return value.as_py()
    except Exception:  # beyond the year 9999, finer than microseconds, in a zone nobody knows
        count = value.value if pa.types.is_temporal(value.type) else "what cannot be shown"
        return f"{count} ({value.type})"


def text_bytes(values: pa.Array) -> pa.BinaryArray:
    """Returns values as texts in bytes; what is bytes already need not be UTF-8."""
    values = _plain(values)
    return (values if is_text(values.type) else values.cast(pa.string())).cast(pa.binary())


def is_text(given: pa.DataType) -> bool:
    """Tells whether values of a plain type are read as the cells of a CSV file are."""
    return bool(pa.types.is_string(given) or pa.types.is_binary(given))


def is_number(given: pa.DataType) -> bool:
    """Tells whether values of a plain type are numbers."""
    types = pa.types
    return bool(types.is_integer(given) or types.is_floating(given) or types.is_decimal(given))


def _number(values: pa.Array, column: Number) -> CastColumn:
    if pa.types.is_decimal(values.type):
        return within_range(read_floats(values.cast(pa.string())), column)
    return within_range(CastColumn(values.cast(pa.float64(), safe=False), []), column)


def _integer(values: pa.Array, column: Integer) -> CastColumn:
    if pa.types.is_signed_integer(values.type):
        return within_range(take_integers(values.cast(pa.int64())), column)
    return within_range(read_integers(values.cast(pa.string())), column)


def _boolean(values: pa.Array, column: Boolean) -> CastColumn:
    if pa.types.is_boolean(values.type):
        return CastColumn(values, [])
    return _as_text(values, column)


def _as_text(values: pa.Array, column: Column) -> CastColumn:
    is_decimal = pa.types.is_decimal(values.type)
    texts = _plainly(values) if is_decimal else values.cast(pa.string())
    cells = read_cells(texts.cast(pa.binary()), column)
    return CastColumn(cells.values, list(cells.problems))


def _plainly(values: pa.Array) -> pa.Array:
    """Returns decimals as texts without powers of ten, and no zero that ends a fraction.

    The scale is the column's, not the value's: BigQuery gives each NUMERIC nine digits.
    """
    texts = values.cast(pa.string())
    if pc.any(pc.match_substring(texts, "E")).as_py():
        given = values.to_pylist()
        texts = pa.array([None if value is None else format(value, "f") for value in given])
    return pc.replace_substring_regex(texts, r"(\.[0-9]*[1-9])0+$|\.0*$", r"\1")


def _numbers(values: pa.Array, column: Numbers) -> CastColumn:
    # Of a slice, too, whose own offsets do not begin at 0.
    lengths = pc.fill_null(pc.list_value_length(values), 0).to_numpy()
    offsets = pa.array(np.concatenate([[0], np.cumsum(lengths)]), pa.int32())
    items = values.flatten().cast(pa.string()).fill_null("")
    lists = pa.ListArray.from_arrays(offsets, items, mask=values.is_null())
    return _as_text(pc.binary_join(lists, column.separator), column)


def _bytes(values: pa.Array, column: Bytes) -> CastColumn:
    return take_bytes(values.to_pylist(), column)


def _timestamp(values: pa.Array, column: Timestamp) -> CastColumn:
    if not pa.types.is_temporal(values.type):
        return read_counts(values, str(column.unit))
    if pa.types.is_date(values.type):
        values = values.cast(pa.timestamp("s" if pa.types.is_date32(values.type) else "ms"))
    return read_instants(values, column)


def _date(values: pa.Array, column: Date) -> CastColumn:
    return read_days(values)


def _takes_numbers(given: pa.DataType, _: Column) -> bool:
    return is_number(given)


def _takes_texts(given: pa.DataType, _: Column) -> bool:
    types = pa.types
    return bool(types.is_integer(given) or types.is_decimal(given) or types.is_time(given))


def _takes_lists(given: pa.DataType, _: Column) -> bool:
    return bool(pa.types.is_list(given) and is_number(given.value_type))


def _takes_booleans(given: pa.DataType, _: Column) -> bool:
    return bool(pa.types.is_boolean(given) or pa.types.is_integer(given))


def _takes_times(given: pa.DataType, column: Column) -> bool:
    if isinstance(column.field, tuple) and pa.types.is_time(given):
        return True  # beside a day, of another column
    if isinstance(column, Timestamp) and column.unit is not None:
        return is_number(given) or _is_time(given)
    return _is_time(given)


def _is_time(given: pa.DataType) -> bool:
    return bool(pa.types.is_timestamp(given) or pa.types.is_date(given))


def _takes_days(given: pa.DataType, _: Column) -> bool:
    naive = pa.types.is_timestamp(given) and given.tz is None
    return bool(pa.types.is_date(given) or naive)


def _takes_nothing(given: pa.DataType, _: Column) -> bool:
    return False


def _cure(given: pa.DataType, cure: str) -> str:
    if pa.types.is_boolean(given):
        return "declare it Boolean()"
    if pa.types.is_timestamp(given):
        return "declare it Timestamp()"
    if pa.types.is_struct(given):
        names = ", ".join(field.name for field in given)
        return f"name one of its fields ({names}) by field='NAME.FIELD'"
    return cure


_KINDS: dict[type[Column], tuple[Callable[[pa.DataType, Column], bool], str]] = {
    Number: (_takes_numbers, "convert it to a number, or declare another kind"),
    Integer: (_takes_numbers, "convert it to a whole number, or declare another kind"),
    String: (_takes_texts, "convert it to text, or declare another kind"),
    Boolean: (_takes_booleans, "declare another kind"),
    Numbers: (_takes_lists, "convert it to a list of numbers, or declare another kind"),
    Bytes: (_takes_nothing, "declare another kind"),
    Timestamp: (_takes_times, "say what its numbers count by unit='s', 'ms' or 'us'"),
    Date: (_takes_days, "convert it to a date"),
}
_READERS: dict[type[Column], Callable[[pa.Array, Any], CastColumn]] = {
    Number: _number, Integer: _integer, String: _as_text, Boolean: _boolean, Numbers: _numbers,
    Bytes: _bytes, Timestamp: _timestamp, Date: _date,
}  # fmt: skip
# Texts that a function made are none that stand for a missing value.
_HELD: dict[type[Column], Callable[[pa.Array, Any], CastColumn]] = {
    String: of_values, Numbers: read_number_lists,
}  # fmt: skip
