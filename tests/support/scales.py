"""How columns are standardised, told from all their values at once."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float64]


def offsets_and_divisors(numbers: npt.ArrayLike) -> tuple[Floats, Floats]:
    """Returns what is subtracted from each column, and what it is then divided by."""
    found = []
    for column in np.asarray(numbers, np.float64).T:
        values = np.unique(column)
        if len(values) == 2:
            found.append((values[0], values[1] - values[0]))
        else:
            found.append((column.mean(), column.std() if len(values) > 1 else 1.0))
    offset, divisor = np.array(found).T
    return offset, divisor
