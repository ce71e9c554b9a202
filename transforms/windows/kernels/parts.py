"""Compiled division of rows into parts by their keys."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled

Ints = NDArray[np.int64]


@compiled
def count_keys(keys: Ints, counts: Ints) -> None:
    """Adds to ``counts``, at 1 and more than a key's code, how many rows have it."""
    for i in range(keys.size):
        counts[keys[i] + 1] += 1


@compiled
def order_by_part(keys: Ints, part_of: Ints, parts: int) -> tuple[Ints, Ints]:
    """Sorts rows by the part of their key, stably.

    Args:
        keys: int64 (n,), codes from -1.
        part_of: int64 (codes,), the part of each code, 1 and more than it.
        parts: how many there are.

    Returns:
        int64 (n,), the rows of the first part, then those of the next and so on; and int64
        (parts + 1,), where each begins.
    """
    starts = np.zeros(parts + 1, np.int64)
    for i in range(keys.size):
        starts[part_of[keys[i] + 1] + 1] += 1
    for part in range(parts):
        starts[part + 1] += starts[part]
    places, order = starts.copy(), np.empty(keys.size, np.int64)
    for i in range(keys.size):
        part = part_of[keys[i] + 1]
        order[places[part]] = i
        places[part] += 1
    return order, starts
