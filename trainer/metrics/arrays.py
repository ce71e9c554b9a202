"""The arrays that metrics take and return."""

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def weights(own: Floats | None, drawn: Floats | None, rows: int) -> Floats:
    """Returns how much each row counts, float64 (rows,).

    Args:
        own: the rows' own weights; None: one each.
        drawn: how often each row was drawn in a resample; None: once each.
        rows: how many there are.
    """
    own = np.ones(rows) if own is None else own
    return own if drawn is None else own * drawn


def taken(own: Floats | None, rows: Any) -> Floats | None:
    """Returns the own weights of some rows: a mask, or places."""
    return None if own is None else own[rows]


def sums(places: Ints, values: Floats, count: int) -> Floats:
    """Returns the sum of the values at each place, float64 (count,).

    Args:
        places: int64 (n,), from 0 and below the count.
        values: float64 (n,).
        count: how many places there are.
    """
    return np.bincount(places, values, count).astype(np.float64)


def ratio(part: float, whole: float) -> float | None:
    """Returns a share, or None of nothing."""
    return float(part / whole) if whole else None
