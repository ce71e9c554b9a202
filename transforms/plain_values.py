"""Columns as values of JSON."""

from __future__ import annotations

import base64
import datetime as dt
import math
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.instants import instant
from forebay.transforms.json_text import json_number


def plain_values(column: pa.Array) -> list[Any]:
    """Returns a column's values as JSON takes them.

    An instant is its text, bytes are ``{"b64": ...}``, and a number is that of the shortest text,
    as it stands in CSV: 0.1 for a float32, not 0.10000000149011612, and 42, not 42.0. JSON has no
    number that is not finite: NaN is missing, as in a model, and infinities are the texts
    ``Infinity`` and ``-Infinity``, which a Number reads again.
    """
    kind = column.type
    if pa.types.is_timestamp(kind):
        times = column.cast(pa.int64()).to_pylist()
        return [None if us is None else instant(us) for us in times]
    if pa.types.is_float32(kind):
        return [_shortest(value) for value in column]
    if pa.types.is_fixed_size_list(kind):
        return [[_shortest(value) for value in values.values] for values in column]
    return [_one(value) for value in column.to_pylist()]


def _one(value: Any) -> Any:
    if isinstance(value, list):
        return [_one(item) for item in value]
    if isinstance(value, float):
        return _number(value)
    if isinstance(value, bytes):
        return {"b64": base64.b64encode(value).decode()}
    return value.isoformat() if isinstance(value, dt.date) else value


def _shortest(value: pa.FloatScalar) -> int | float | str | None:
    return _number(float(pc.cast(value, pa.string()).as_py())) if value.is_valid else None


def _number(value: float) -> int | float | str | None:
    if math.isfinite(value):
        return json_number(value)
    return None if math.isnan(value) else "Infinity" if value > 0 else "-Infinity"
