"""Compiled sweeps that rank values by how often they occur, for :mod:`.multisets`.

They carry out the changes that :func:`forebay.transforms.windows.multisets.changes.follow` wrote
down.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled
from forebay.transforms.windows.kernels.ordering import NEVER

Ints = NDArray[np.int64]


@compiled
def _power(size: int) -> int:
    """The least power of two that is not less."""
    power = 1
    while power < size:
        power *= 2
    return power


@compiled
def _set(tree: Ints, leaves: int, code: int, count: int) -> None:
    """Set one count in a segment tree of greatest counts."""
    j = leaves + code
    tree[j] = count
    while j > 1:
        j >>= 1
        greatest = max(tree[2 * j], tree[2 * j + 1])
        if tree[j] == greatest:
            return
        tree[j] = greatest


@compiled
def _top(tree: Ints, leaves: int) -> int:
    """The smallest code of the greatest count."""
    j = 1
    while j < leaves:
        j *= 2
        if tree[j] < tree[j + 1]:
            j += 1
    return j - leaves


@compiled
def sweep_most_frequent(
    changes: Ints, ends: Ints, groups: Ints, bases: Ints, limit: int, places: int
) -> tuple[Ints, Ints]:
    """Find the most frequent values per request.

    Args:
        changes: int64, of :func:`forebay.transforms.windows.multisets.changes.follow`.
        ends: int64 (m,), of the same.
        groups: int64 (g, 4), see :mod:`forebay.transforms.windows.kernels.ordering`.
        bases: int64 (g + 1,), first code of each group.
        limit: windows of more distinct values are left open.
        places: how many values to find.

    Returns:
        present: int64 (m,), number of distinct values.
        best: int64 (places, m), codes in the order of (count descending, value), or NEVER.
    """
    present = np.zeros(ends.size, np.int64)
    best = np.full((places, ends.size), NEVER, np.int64)
    widest = 1
    for g in range(groups.shape[0]):
        widest = max(widest, bases[g + 1] - bases[g])
    tree = np.empty(2 * _power(widest), np.int64)
    counts = np.empty(places, np.int64)
    at = 0
    for g in range(groups.shape[0]):
        leaves = _power(bases[g + 1] - bases[g])
        tree[: 2 * leaves] = 0
        there = 0
        for i in range(groups[g, 2], groups[g, 3]):
            while at < ends[i]:
                by = 1 if changes[at] >= 0 else -1
                code = (changes[at] if by == 1 else ~changes[at]) - bases[g]
                count = tree[leaves + code] + by
                if count == (by + 1) // 2:  # the first of its kind came, or the last went
                    there += by
                _set(tree, leaves, code, count)
                at += 1
            present[i] = there
            if there > limit:
                continue
            found = min(places, there)
            for k in range(found):
                code = _top(tree, leaves)
                best[k, i], counts[k] = bases[g] + code, tree[leaves + code]
                if k + 1 < found:
                    _set(tree, leaves, code, 0)
            for k in range(found - 1):
                _set(tree, leaves, best[k, i] - bases[g], counts[k])
    return present, best
