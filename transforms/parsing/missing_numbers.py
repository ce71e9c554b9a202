"""Numbers that mean missing: texts among a column's ``nulls``, compared as numbers with numbers.

``-200`` among them is the -200.0 of a table of floats, and the -2e2 of a JSON object.
"""

from __future__ import annotations

import math
import re

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from forebay.transforms.definition.columns import NUMBER_PATTERN, Column, Number
from forebay.transforms.parsing.casts import INT64_MAX, INT64_MIN, BoolArray, exact_integer, to_mask

_NUMBER = re.compile(rf"{NUMBER_PATTERN}|[+-]?(nan|inf|infinity)", re.ASCII | re.IGNORECASE)


def as_number(written: str, column: Column) -> int | float | None:
    """Returns a number as the values of a column are compared; None: the text is none.

    Whole numbers are exact, but for those of a `Number`, which are float64. One that is not a
    number is `math.nan` itself.
    """
    if not _NUMBER.fullmatch(written):
        return None
    whole = None if isinstance(column, Number) else exact_integer(written)
    if whole is not None and whole != INT64_MIN:
        return whole
    value = float(written)
    return math.nan if math.isnan(value) else value


def missing_numbers(column: Column) -> frozenset[int | float]:
    """Returns the numbers that mean missing in a column, as `as_number` makes them."""
    found = (as_number(text, column) for text in column.nulls)
    return frozenset(number for number in found if number is not None)


def means_missing(values: pa.Array, column: Column) -> BoolArray:
    """Returns which numbers of an array mean missing in a column, bool (n,)."""
    numbers = missing_numbers(column)
    if not numbers:
        return np.zeros(len(values), np.bool_)
    if pa.types.is_signed_integer(values.type) and not isinstance(column, Number):
        whole = [int(n) for n in numbers if INT64_MIN <= n <= INT64_MAX and n == int(n)]
        return to_mask(pc.is_in(values.cast(pa.int64()), pa.array(whole, pa.int64())))
    known = pa.array([float(n) + 0.0 for n in numbers], pa.float64())
    # 0.0 is added since Arrow tells -0.0 from it.
    return to_mask(pc.is_in(pc.add(values.cast(pa.float64(), safe=False), 0.0), known))
