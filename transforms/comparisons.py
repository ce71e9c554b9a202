"""Which cells hold a value, and columns compared with one exactly: nothing is rounded."""

import math

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

_COMPARE = {
    "==": pc.equal,
    "!=": pc.not_equal,
    "<": pc.less,
    "<=": pc.less_equal,
    ">": pc.greater,
    ">=": pc.greater_equal,
}
_INT64 = np.iinfo(np.int64)


def has_value(column: pa.Array) -> pa.BooleanArray:
    """Tells which cells hold a value, bool (n,): none that is missing, NaN or infinite does."""
    if pa.types.is_floating(column.type):
        return pc.fill_null(pc.is_finite(column), False)
    return pc.is_valid(column)


def compare(values: pa.Array, comparison: str, bound: float | str) -> pa.BooleanArray:
    """Compares a column with a value, bool (n,), null where the column is.

    Args:
        values: int64, float64, text or truth values, (n,).
        comparison: one of ``== != < <= > >=``.
        bound: a value of the column's kind; for a column of numbers a number of any size, whole or
            not.
    """
    is_whole = pa.types.is_integer(values.type)
    if not is_whole and not (pa.types.is_floating(values.type) and isinstance(bound, int)):
        return _COMPARE[comparison](values, pa.scalar(bound))
    below = _int64_up_to(bound) if is_whole else _float_up_to(bound)  # type: ignore[arg-type]
    if below == bound:
        return _COMPARE[comparison](values, pa.scalar(below, values.type))
    if comparison in ("<", "<=", ">", ">=") and below is not None:
        from_there = pc.less_equal if comparison in ("<", "<=") else pc.greater
        return from_there(values, pa.scalar(below, values.type))
    # Nothing is equal to what the column cannot hold, and all of it is greater than too small.
    met = comparison == "!=" or (below is None and comparison in (">", ">="))
    return pc.if_else(pc.is_valid(values), met, None)


def _int64_up_to(bound: float) -> int | None:
    """Returns the greatest int64 that is not above a number; None: there is none."""
    whole = math.floor(bound)
    return None if whole < _INT64.min else min(whole, int(_INT64.max))


def _float_up_to(bound: int) -> float:
    """Returns the greatest float64 that is not above a whole number."""
    nearest = float(bound)
    return nearest if nearest <= bound else math.nextafter(nearest, -math.inf)
