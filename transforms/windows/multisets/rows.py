"""Compiled work on many multisets in ragged arrays, for :mod:`.parts`.

Row i holds ``items[offsets[i] : offsets[i + 1]]``, which ascend, each ``counts`` times.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled
from forebay.transforms.windows.kernels.ordering import NEVER

Ints = NDArray[np.int64]


@compiled
def take(offsets: Ints, items: Ints, counts: Ints, rows: Ints) -> tuple[Ints, Ints, Ints]:
    """Gather rows; NEVER gives an empty one.

    Args:
        offsets: int64 (m + 1,).
        items: int64 (offsets[-1],).
        counts: int64 (offsets[-1],).
        rows: int64 (r,), each from 0 to m - 1, or NEVER.

    Returns:
        offsets (r + 1,), items and counts of the rows.
    """
    out = np.zeros(rows.size + 1, np.int64)
    for i in range(rows.size):
        size = offsets[rows[i] + 1] - offsets[rows[i]] if rows[i] != NEVER else 0
        out[i + 1] = out[i] + size
    out_items, out_counts = np.empty(out[-1], np.int64), np.empty(out[-1], np.int64)
    for i in range(rows.size):
        for j in range(out[i + 1] - out[i]):
            out_items[out[i] + j] = items[offsets[rows[i]] + j]
            out_counts[out[i] + j] = counts[offsets[rows[i]] + j]
    return out, out_items, out_counts


@compiled
def combine(offsets: Ints, items: Ints, counts: Ints) -> tuple[Ints, Ints, Ints]:
    """Add up the counts of equal neighbours within each row.

    Args:
        offsets: int64 (m + 1,).
        items: int64 (offsets[-1],).
        counts: int64 (offsets[-1],).

    Returns:
        offsets, items and counts.
    """
    out, size = np.zeros_like(offsets), 0
    out_items, out_counts = np.empty_like(items), np.empty_like(counts)
    for i in range(offsets.size - 1):
        for j in range(offsets[i], offsets[i + 1]):
            if size > out[i] and out_items[size - 1] == items[j]:
                out_counts[size - 1] += counts[j]
            else:
                out_items[size], out_counts[size] = items[j], counts[j]
                size += 1
        out[i + 1] = size
    return out, out_items[:size].copy(), out_counts[:size].copy()


@compiled
def union_sizes(a: Ints, a_items: Ints, b: Ints, b_items: Ints) -> Ints:
    """Number of distinct items in each row of two ragged arrays together.

    Args:
        a: int64 (m + 1,), offsets.
        a_items: int64 (a[-1],).
        b: int64 (m + 1,), offsets.
        b_items: int64 (b[-1],).

    Returns:
        int64 (m,).
    """
    sizes = np.zeros(a.size - 1, np.int64)
    for i in range(sizes.size):
        j, k = a[i], b[i]
        sizes[i] = (a[i + 1] - j) + (b[i + 1] - k)
        while j < a[i + 1] and k < b[i + 1]:
            if a_items[j] == b_items[k]:
                sizes[i] -= 1
                j += 1
                k += 1
            elif a_items[j] < b_items[k]:
                j += 1
            else:
                k += 1
    return sizes


@compiled
def merge(
    a: Ints, a_items: Ints, a_counts: Ints, b: Ints, b_items: Ints, b_counts: Ints, offsets: Ints
) -> tuple[Ints, Ints]:
    """Merge two ragged arrays row by row.

    Args:
        a: int64 (m + 1,), offsets.
        a_items: int64 (a[-1],).
        a_counts: int64 (a[-1],).
        b: int64 (m + 1,), offsets.
        b_items: int64 (b[-1],).
        b_counts: int64 (b[-1],).
        offsets: int64 (m + 1,), of the result: as many of the smallest items are kept.

    Returns:
        items and counts, int64 (offsets[-1],).
    """
    items, counts = np.empty(offsets[-1], np.int64), np.empty(offsets[-1], np.int64)
    for i in range(offsets.size - 1):
        j, k = a[i], b[i]
        for place in range(offsets[i], offsets[i + 1]):
            left = j < a[i + 1] and (k == b[i + 1] or a_items[j] <= b_items[k])
            right = k < b[i + 1] and (j == a[i + 1] or b_items[k] <= a_items[j])
            items[place] = a_items[j] if left else b_items[k]
            counts[place] = 0
            if left:
                counts[place] += a_counts[j]
                j += 1
            if right:
                counts[place] += b_counts[k]
                k += 1
    return items, counts


@compiled
def find_most_frequent(offsets: Ints, counts: Ints, places: int) -> Ints:
    """Find the most frequent items of each row.

    Args:
        offsets: int64 (m + 1,).
        counts: int64 (offsets[-1],).
        places: how many to find.

    Returns:
        int64 (places, m), index among all items, in the order of (count descending, item), or
        NEVER.
    """
    best = np.full((places, offsets.size - 1), NEVER, np.int64)
    for i in range(offsets.size - 1):
        for k in range(min(places, offsets[i + 1] - offsets[i])):
            chosen = NEVER
            for j in range(offsets[i], offsets[i + 1]):
                if k > 0:  # only what comes after the one chosen before
                    above = best[k - 1, i]
                    if counts[j] > counts[above] or (counts[j] == counts[above] and j <= above):
                        continue
                if chosen == NEVER or counts[j] > counts[chosen]:
                    chosen = j
            best[k, i] = chosen
    return best
