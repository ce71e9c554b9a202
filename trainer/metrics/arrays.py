"""The arrays that metrics take and return."""

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]
Bools = npt.NDArray[np.bool_]
Ints = npt.NDArray[np.int64]


def weights(weight: Floats | None, rows: int) -> Floats:
    """Returns how often each row counts, float64 (rows,): once, where nothing else is said."""
    return np.ones(rows) if weight is None else weight


def ratio(part: float, whole: float) -> float | None:
    """Returns a share, or None of nothing."""
    return float(part / whole) if whole else None
