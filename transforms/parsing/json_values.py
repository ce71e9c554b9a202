"""JSON values read as a column's, as the transform graph takes them."""

import base64
import binascii
import datetime as dt
import json
import math
import re
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pyarrow as pa

from forebay.transforms.definition.allowed import in_range, range_text
from forebay.transforms.definition.columns import (
    MISSING,
    MISSING_BYTES,
    MISSING_INT,
    Boolean,
    Bytes,
    Column,
    Date,
    GraphDtype,
    Integer,
    Number,
    Numbers,
    String,
    Timestamp,
    formats,
)
from forebay.transforms.errors import InstanceError
from forebay.transforms.parsing.casts import CastColumn
from forebay.transforms.parsing.images import is_image
from forebay.transforms.parsing.missing_numbers import as_number, missing_numbers
from forebay.transforms.parsing.times import (
    FIRST_US,
    LAST_US,
    UNIT_US,
    read_dates,
    read_timestamps,
)

GraphValue = float | int | bytes
_Reader = Callable[..., GraphValue]

_NOT_MISSING = "a value, but what stands for a missing one"
REJECTED = "rows with other values are rejected from training too"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_ANY_NUMBER = Number()


def read_value(name: str, column: Column, value: Any, dtype: GraphDtype) -> GraphValue:
    """Reads a column's value.

    Args:
        name: the column's, for errors.
        column: how it is read.
        value: what ``json.loads`` returned.
        dtype: the column's in the graph.

    Raises:
        InstanceError: the value does not fit; it names it, what is expected and what to write.
    """
    if value is not None and not _is_sentinel(column, value):
        reader: _Reader = _double if dtype == "float64" else _READERS[type(column)]
        return reader(name, column, value)
    if column.required:
        raise InstanceError(f"{name!r} is {shortened(value)}, and it is required; give a value")
    return MISSING[dtype]


def _is_sentinel(column: Column, value: Any) -> bool:
    """Tells whether a number is one of those that mean missing in the column's table."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return False
    numbers = missing_numbers(column)
    return bool(numbers) and as_number(repr(value), column) in numbers


def _number(name: str, column: Number, value: Any) -> float:
    return _finite(name, column, value, np.float32)


def _double(name: str, column: Number, value: Any) -> float:
    return _finite(name, column, value, np.float64)


def _finite(name: str, column: Number, value: Any, dtype: type[np.floating[Any]]) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise _wrong(name, value, "a number", "write such as 1.5, or null where it is missing")
    if not abs(value) <= float(np.finfo(dtype).max):
        what = f"a {dtype.__name__} number"
        raise _wrong(name, value, what, "write null where it is missing")
    _check_range(name, column, value)
    return float(value)


def _integer(name: str, column: Integer, value: Any) -> int:
    whole = isinstance(value, int) or (isinstance(value, float) and value.is_integer())
    if isinstance(value, bool) or not whole:
        raise _wrong(name, value, "a whole number", "write such as 12")
    _check_range(name, column, value)
    return _int64(name, int(value))


def _int64(name: str, value: int) -> int:
    if value == MISSING_INT:
        raise _wrong(name, value, _NOT_MISSING, "write null")
    if not MISSING_INT < value <= -(MISSING_INT + 1):
        raise _wrong(name, value, "within 64 bits", "write null where it is missing")
    return value


def _check_range(name: str, column: Number | Integer, value: float) -> None:
    if not in_range(column.range, value):
        raise _wrong(name, value, range_text(column.range), REJECTED)


def _boolean(name: str, column: Boolean, value: Any) -> int:
    if not isinstance(value, bool):
        raise _wrong(name, value, "true or false", "write one of them, without quotes")
    return int(value)


def _string(name: str, column: String, value: Any) -> bytes:
    content = _decode_base64(name, value) if isinstance(value, dict) else value
    if not isinstance(content, str | bytes):
        raise _wrong(name, value, "text", 'write such as "abc" or {"b64": "YWJj"}')
    try:
        text = content if isinstance(content, str) else content.decode()
        encoded = text.encode()
    except UnicodeError:
        raise _wrong(name, value, "valid Unicode", "write UTF-8 text") from None
    if column.values and text not in column.values:
        raise _wrong(
            name,
            value,
            f"one of {listed(column.values)}",
            REJECTED,
        )
    return encoded


def _bytes(name: str, column: Bytes, value: Any) -> bytes:
    if not isinstance(value, dict):
        raise _wrong(name, value, "base64", 'write such as {"b64": "YWJj"}')
    content = _decode_base64(name, value)
    if content == MISSING_BYTES:
        raise _wrong(name, value, _NOT_MISSING, "write null")
    if column.image and not is_image(content):
        raise _wrong(name, value, "a JPEG or PNG image that can be decoded", REJECTED)
    return content


def _numbers(name: str, column: Numbers, value: Any) -> bytes:
    if not isinstance(value, list):
        raise _wrong(name, value, "a list of numbers", "write such as [1.5, null, 2]")
    items = [None if item is None else _number(name, _ANY_NUMBER, item) for item in value]
    return column.separator.join("" if item is None else repr(item) for item in items).encode()


def _decode_base64(name: str, value: Mapping[str, Any]) -> bytes:
    try:
        if set(value) != {"b64"}:
            raise ValueError
        return base64.b64decode(value["b64"], validate=True)
    except (ValueError, TypeError, binascii.Error):
        raise _wrong(name, value, "base64", 'write such as {"b64": "YWJj"}') from None


def _timestamp(name: str, column: Timestamp, value: Any) -> int:
    """Reads an instant as training reads it, or as RFC 3339; without a unit also microseconds."""
    found = None
    if isinstance(value, int) and not isinstance(value, bool):
        found = value * UNIT_US[column.unit or "us"]
    elif isinstance(value, float) and column.unit is not None:
        found = _as_training(read_timestamps, repr(value), column)
    elif isinstance(value, str):
        own = column.format is not None
        found = _as_training(read_timestamps, value, column) if own else _rfc_3339(value)
        if found is None:
            found = _rfc_3339(value) if own else _as_training(read_timestamps, value, column)
    if found is None:
        raise _wrong(name, value, "an instant", _time_cure(column))
    if not FIRST_US <= found <= LAST_US:
        raise _wrong(name, value, "within the years 1 to 9999", _time_cure(column))
    return found


def _time_cure(column: Timestamp) -> str:
    if column.unit is not None:
        own = f"{column.unit} since 1970-01-01 UTC"
    else:
        own_formats = " or ".join(formats(column))
        written = f"the column's {own_formats}" if own_formats else "ISO 8601"
        own = f"{written}, or whole microseconds since 1970-01-01 UTC"
    return f'write such as "2026-01-31T08:30:00Z", or {own}'


def _rfc_3339(text: str) -> int | None:
    if not _RFC_3339.fullmatch(text):
        return None
    try:
        return (dt.datetime.fromisoformat(text.upper()) - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError):
        return None


def _date(name: str, column: Date, value: Any) -> int:
    """Reads a day as training reads it, or as ISO 8601."""
    found = None
    if isinstance(value, str):
        found = _as_training(read_dates, value, column)
        if found is None and column.format is not None:
            found = _as_training(read_dates, value, Date())
    if found is None:
        written = " or ".join(formats(column))
        own = f", or the column's {written}" if written else ""
        raise _wrong(name, value, "a day", f'write such as "2026-01-31"{own}')
    return found


def _as_training(
    read: Callable[[pa.StringArray, Any], CastColumn], text: str, column: Timestamp | Date
) -> int | None:
    """Returns what training makes of a cell: microseconds or days; None where it rejects it."""
    try:
        values = read(pa.array([text], pa.string()), column).values
    except UnicodeEncodeError:  # half of a surrogate pair
        return None
    width = pa.int32() if pa.types.is_date32(values.type) else pa.int64()
    found: int | None = values.view(width)[0].as_py()
    return found


_READERS: Mapping[type[Column], _Reader] = {
    Number: _number,
    Integer: _integer,
    Boolean: _boolean,
    Numbers: _numbers,
    String: _string,
    Bytes: _bytes,
    Timestamp: _timestamp,
    Date: _date,
}


def _wrong(name: str, value: Any, expected: str, cure: str) -> InstanceError:
    return InstanceError(f"{name!r} is {shortened(value)}, not {expected}; {cure}")


def shortened(value: Any) -> str:
    """Returns a value as JSON, cut where it is long."""
    is_json = not isinstance(value, float) or math.isfinite(value)
    text = json.dumps(value, default=repr) if is_json else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def listed(names: Any) -> str:
    """Returns names in quotes, between commas."""
    return ", ".join(repr(name) for name in names)
