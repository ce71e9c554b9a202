"""Batches of others' making as the types that windows are computed from: exactly, or not at all.

A decimal is the number nearest to it, as where tables are read.
"""

from collections.abc import Callable, Collection, Mapping

import pyarrow as pa

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
from forebay.transforms.definition.identity import ROW
from forebay.transforms.errors import InputError
from forebay.transforms.parsing.casts import read_floats


def conform(
    batch: pa.RecordBatch, columns: Mapping[str, Column], needed: Collection[str], table: str
) -> pa.RecordBatch:
    """Returns a batch with the columns of a definition in the types of their kinds.

    Args:
        batch: rows of a table; columns that the definition does not have are left as they are.
        columns: the table's columns.
        needed: those that must be there.
        table: its name among the dataset's sources.

    Raises:
        InputError: a column is missing, or of a type, or has values, that its kind cannot hold.
    """
    for name in (*needed, ROW):
        if name not in batch.schema.names:
            raise InputError(
                f"{table}: a batch has no column {name!r}; it has {', '.join(batch.schema.names)}"
            )
    if batch[ROW].type != pa.int64() or batch[ROW].null_count:
        raise InputError(
            f"{table}: the column {ROW!r} is {batch[ROW].type} with {batch[ROW].null_count} nulls; "
            "give each row an int64 of its own"
        )
    for place, field in enumerate(batch.schema):
        kind = columns.get(field.name)
        if kind is not None and field.type != kind.arrow_type:
            column = _converted(batch.column(place), field.name, kind, table)
            batch = batch.set_column(place, pa.field(field.name, kind.arrow_type), column)
    return batch


def _converted(column: pa.Array, name: str, kind: Column, table: str) -> pa.Array:
    """A column in the type of its kind, to the last bit, or for decimals to the nearest number."""
    given, wanted = column.type, kind.arrow_type
    if pa.types.is_dictionary(given):
        given = given.value_type
    where = f"{table}: the column {name!r} is {given}"
    if isinstance(kind, Timestamp) and pa.types.is_timestamp(given):
        if given.tz is None and kind.tz != "UTC":
            raise InputError(
                f"{where}, clock readings without a zone, which in {kind.tz} need not be one "
                f"instant; cast it to {wanted}"
            )
    elif not pa.types.is_null(given) and not _HOLDS[type(kind)](given):
        raise InputError(f"{where}, not what a {type(kind).__name__} holds; cast it to {wanted}")
    try:
        return _cast(column, wanted)
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError) as error:
        raise InputError(
            f"{where}, and not every value is exactly a {wanted} ({error}); cast it as you mean it"
        ) from error


def _cast(column: pa.Array, wanted: pa.DataType) -> pa.Array:
    if pa.types.is_dictionary(column.type):  # Arrow cannot take from all of them: not from views
        values = _cast(column.dictionary, wanted)
        return pa.DictionaryArray.from_arrays(column.indices, values).dictionary_decode()
    if pa.types.is_decimal(column.type):
        return read_floats(column.cast(pa.string())).values
    return column.cast(wanted)


def _is_text(given: pa.DataType) -> bool:
    return bool(
        pa.types.is_string(given) or pa.types.is_large_string(given)
        or pa.types.is_string_view(given)
    )  # fmt: skip


def _is_number(given: pa.DataType) -> bool:
    types = pa.types
    return bool(types.is_floating(given) or types.is_integer(given) or types.is_decimal(given))


def _is_binary(given: pa.DataType) -> bool:
    return bool(
        pa.types.is_large_binary(given) or pa.types.is_binary_view(given)
        or pa.types.is_fixed_size_binary(given)
    )  # fmt: skip


# What may be converted to each kind's type.
_HOLDS: Mapping[type[Column], Callable[[pa.DataType], bool]] = {
    Boolean: pa.types.is_boolean,
    Bytes: _is_binary,
    Date: pa.types.is_date,
    Integer: pa.types.is_integer,
    Number: _is_number,
    Numbers: _is_text,
    String: _is_text,
    Timestamp: pa.types.is_timestamp,
}
