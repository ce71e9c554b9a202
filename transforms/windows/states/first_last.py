"""Compiled work on picks: the first or last few values of each window, with what orders them.

A pick is (time, availability, rank of the value), which is also how picks are ordered.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled

Ints = NDArray[np.int64]


@compiled
def _before(a: Ints, b: Ints, latest: bool) -> bool:
    """Whether pick ``a`` (3,) comes before ``b``."""
    for i in range(3):
        if a[i] != b[i]:
            return bool(a[i] > b[i]) == latest
    return True


@compiled
def merge(a: Ints, a_size: Ints, b: Ints, b_size: Ints, latest: bool) -> tuple[Ints, Ints]:
    """Merge picks row by row.

    Args:
        a: int64 (m, k, 3), the outermost first.
        a_size: int64 (m,), how many of the k there are.
        b: int64 (m, k, 3), the outermost first.
        b_size: int64 (m,), how many of the k there are.
        latest: whether they are the last ones; otherwise the first.

    Returns:
        The k outermost of both, int64 (m, k, 3), and how many there are, int64 (m,).
    """
    out, size = np.zeros_like(a), np.zeros_like(a_size)
    for i in range(a.shape[0]):
        j = k = 0
        while size[i] < a.shape[1] and (j < a_size[i] or k < b_size[i]):
            if k == b_size[i] or (j < a_size[i] and _before(a[i, j], b[i, k], latest)):
                out[i, size[i]] = a[i, j]
                j += 1
            else:
                out[i, size[i]] = b[i, k]
                k += 1
            size[i] += 1
    return out, size
