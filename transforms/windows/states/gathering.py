"""Rows of what is known, for requests of which some have seen nothing."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]


def gather(data: NDArray[Any], rows: Ints, nothing: float) -> NDArray[Any]:
    """Rows of an array; ``nothing`` for -1."""
    if not data.shape[0]:
        return np.full((rows.size, *data.shape[1:]), nothing, data.dtype)
    taken = data[rows]
    taken[rows < 0] = nothing
    return taken
