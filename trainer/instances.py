"""Rows as JSON objects, read into the columns that a served model takes.

A value is what the column's kind says: a Number or Integer is a JSON number, a Boolean true or
false, a Timestamp whole microseconds since 1970-01-01 UTC or RFC 3339 text with an offset, a Date
``"YYYY-MM-DD"``, a String text or ``{"b64": ...}``, Bytes ``{"b64": ...}`` and Numbers a JSON
array. null is a missing value, and only null is.
"""

import base64
import binascii
import datetime as dt
import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from trainer.exported import NUMPY_DTYPES, served_columns
from transforms.columns import (
    MISSING,
    MISSING_BYTES,
    MISSING_INT,
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
from transforms.dataset import Dataset
from transforms.errors import InstanceError
from transforms.graph.images import is_image
from transforms.json_text import parse_json

Row = Mapping[str, Any]
GraphValue = float | int | bytes

_REJECTED = "rows with other values are rejected from training too"
_EPOCH = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
_MICROSECOND = dt.timedelta(microseconds=1)
_RFC_3339 = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)", re.ASCII)
_DAY = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)
_ANY_NUMBER = Number()


class InstanceReader:
    """Reads JSON rows for a model.

    Args:
        definition: of the model's dataset.
    """

    def __init__(self, definition: Dataset) -> None:
        self._label = definition.label.column
        kinds = definition.all_columns
        self.columns = {name: kinds[name] for name in served_columns(definition)}
        self._dtypes = {name: NUMPY_DTYPES[definition.graph_dtypes[name]] for name in self.columns}
        self._readers: dict[str, Callable[..., GraphValue]] = {
            name: _double if self._dtypes[name] is np.float64 else _READERS[type(column)]
            for name, column in self.columns.items()
        }

    def parse(self, line: bytes) -> dict[str, Any]:
        """Reads one line of JSON as an object.

        Raises:
            InstanceError: it is not one.
        """
        try:
            value = parse_json(line, parse_constant=_refuse_constant, object_pairs_hook=_unique)
        except ValueError as error:
            raise InstanceError(
                f"not JSON ({error}); write one object per line, such as "
                '{"column": 1.5, "other": null}'
            ) from error
        if not isinstance(value, dict):
            raise InstanceError(f"{_short(value)} is no object; write the row's columns as {{...}}")
        return value

    def read(self, row: Row) -> dict[str, GraphValue]:
        """Turns a row into the graph's values, by column.

        Raises:
            InstanceError: a column is absent or unknown, or a value does not fit; it names the
                value, what is expected and what to write.
        """
        self._check_keys(row)
        return {name: self._read(name, row[name]) for name in self.columns}

    def arrays(self, rows: Sequence[Mapping[str, GraphValue]]) -> dict[str, npt.NDArray[Any]]:
        """Gathers what `read` returned into arrays (rows,), by column."""
        return {
            name: np.array([row[name] for row in rows], dtype)
            for name, dtype in self._dtypes.items()
        }

    def _read(self, name: str, value: Any) -> GraphValue:
        column = self.columns[name]
        if value is not None:
            return self._readers[name](name, column, value)
        if column.required:
            raise InstanceError(f"{name!r} is null, and it is required; give a value")
        return MISSING[column.graph_dtype]

    def _check_keys(self, row: Row) -> None:
        if self._label in row and self._label not in self.columns:
            raise InstanceError(
                f"{self._label!r} is the label, which the model is to predict; leave it out"
            )
        unknown = sorted(set(row) - set(self.columns))
        if unknown:
            raise InstanceError(
                f"the model takes no {_list(unknown)}; leave out what is not one of "
                f"{_list(self.columns)}"
            )
        absent = [name for name in self.columns if name not in row]
        if absent:
            raise InstanceError(
                f"{_list(absent)} absent; give every column, null where it is missing"
            )


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
    if not MISSING_INT < value <= -(MISSING_INT + 1):
        raise _wrong(name, value, "within 64 bits", "write null where it is missing")
    return value


def _check_range(name: str, column: Number | Integer, value: float) -> None:
    low, high = column.range
    if (low is not None and value < low) or (high is not None and value > high):
        limits = f"{'-∞' if low is None else low} to {'∞' if high is None else high}"
        raise _wrong(name, value, f"within {limits}", _REJECTED)


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
            f"one of {_list(column.values)}",
            _REJECTED,
        )
    return encoded


def _bytes(name: str, column: Bytes, value: Any) -> bytes:
    if not isinstance(value, dict):
        raise _wrong(name, value, "base64", 'write such as {"b64": "YWJj"}')
    content = _decode_base64(name, value)
    if content == MISSING_BYTES:
        raise _wrong(name, value, "a value, but what stands for a missing one", "write null")
    if column.image and not is_image(content):
        raise _wrong(name, value, "a JPEG or PNG image that can be decoded", _REJECTED)
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
    cure = 'write such as "2026-01-31T08:30:00Z", or whole microseconds since 1970-01-01 UTC'
    if isinstance(value, int) and not isinstance(value, bool):
        return _int64(name, value)
    if not isinstance(value, str) or not _RFC_3339.fullmatch(value):
        raise _wrong(name, value, "an instant with its offset from UTC", cure)
    try:
        instant = dt.datetime.fromisoformat(value.upper())
        return (instant - _EPOCH) // _MICROSECOND
    except (ValueError, OverflowError) as error:
        raise _wrong(name, value, f"an instant ({error})", cure) from None


def _date(name: str, column: Date, value: Any) -> int:
    cure = 'write such as "2026-01-31"'
    if not isinstance(value, str) or not _DAY.fullmatch(value):
        raise _wrong(name, value, "a day", cure)
    try:
        return (dt.date.fromisoformat(value) - _EPOCH.date()).days
    except ValueError as error:
        raise _wrong(name, value, f"a day ({error})", cure) from None


_READERS: Mapping[type[Column], Callable[..., GraphValue]] = {
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
    return InstanceError(f"{name!r} is {_short(value)}, not {expected}; {cure}")


def _short(value: Any) -> str:
    text = json.dumps(value) if not isinstance(value, float) or math.isfinite(value) else str(value)
    return text if len(text) <= 80 else f"{text[:77]}..."


def _list(names: Any) -> str:
    return ", ".join(repr(name) for name in names)


def _refuse_constant(text: str) -> Any:
    raise ValueError(f"{text} is none; write null where a number is missing")


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    row = dict(pairs)
    if len(row) < len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} is there twice")
    return row
