"""Compiled window trees, for :mod:`.aggregate`.

A window is a half-open range of positions (see :mod:`.ordering`), less the request's own
events. Its aggregate is read from a bottom-up segment tree over its key's events: node ``size + i``
is event ``i``, node ``j`` merges ``2j`` and ``2j + 1``. A range of length L costs O(log L) merges;
an event that becomes available later is one update of O(log size); nothing is ever subtracted, so
no error accumulates and one huge value spoils only the windows that hold it. A tree per key also
makes results independent of other keys to the bit.

Floating sums are kept as unevaluated pairs ``high + low`` (double-double, about 106 bits; exact
for int64 data), after Dekker 1971 and Knuth, TAOCP volume 2, 4.2.2. Squared deviations are merged
by the pairwise formula of Chan, Golub & LeVeque 1979, "Updating Formulae and a Pairwise Algorithm
for Computing Sample Variances", with its difference of sums taken in double-double: no cancellation
reaches the result, whatever the offset of the data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from transforms.aggregation.ordering import INT64_MIN, NEVER, compiled

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_SPLIT = 134217729.0  # 2**27 + 1, Dekker's splitting constant for 53-bit significands


# --- aggregates of integers: counts and extremes -------------------------------------------------


@compiled
def count_static(before: Ints, starts: Ints, stops: Ints, own: Ints, following: Ints) -> Ints:
    """Count values per window where every event is available from the start.

    Args:
        before: int64 (n + 1,), number of values at earlier positions.
        starts: int64 (w, m), first position of each window.
        stops: int64 (w, m), end of each window's positions.
        own: int64 (m,), each request's first own event, or NEVER.
        following: int64 (n,), the next event of the same row, or NEVER.

    Returns:
        int64 (w, m).
    """
    out = np.empty(starts.shape, np.int64)
    for w in range(starts.shape[0]):
        for i in range(starts.shape[1]):
            count = before[stops[w, i]] - before[starts[w, i]]
            p = own[i]
            while p != NEVER:
                if starts[w, i] <= p < stops[w, i]:
                    count -= before[p + 1] - before[p]
                p = following[p]
            out[w, i] = count
    return out


@compiled
def _merge_ints(a: int, b: int, adding: bool) -> int:
    return a + b if adding else max(a, b)


@compiled
def _fold_ints(tree: Ints, left: int, right: int, total: int, adding: bool) -> int:
    """Merge tree nodes ``left .. right - 1`` (leaf indices of the tree) into ``total``."""
    while left < right:
        if left & 1:
            total = _merge_ints(total, tree[left], adding)
            left += 1
        if right & 1:
            right -= 1
            total = _merge_ints(total, tree[right], adding)
        left >>= 1
        right >>= 1
    return total


@compiled
def sweep_ints(
    leaves: Ints,
    adding: bool,
    groups: Ints,
    starts: Ints,
    stops: Ints,
    own: Ints,
    following: Ints,
    asked: Ints,
    arriving: Ints,
    arrivals: Ints,
) -> Ints:
    """Add up, or take the greatest of, integers per window.

    Args:
        leaves: int64 (n,), by position; absent values are 0 when adding, else INT64_MIN.
        adding: whether to add; otherwise the greatest is taken.
        groups: int64 (g, 4), see :mod:`transforms.aggregation.ordering`.
        starts: int64 (w, m), first position of each window.
        stops: int64 (w, m), end of each window's positions.
        own: int64 (m,), each request's first own event, or NEVER.
        following: int64 (n,), the next event of the same row, or NEVER.
        asked: int64 (m,) µs, q by request.
        arriving: int64 (n,), each group's positions by availability; empty: all are available.
        arrivals: int64 (n,) µs, availability in the order of ``arriving``.

    Returns:
        int64 (w, m); 0 or INT64_MIN for empty windows.
    """
    nothing = 0 if adding else INT64_MIN
    out = np.full(starts.shape, nothing, np.int64)
    space = np.empty(2 * _widest(groups), np.int64)
    for g in range(groups.shape[0]):
        base, size = groups[g, 0], groups[g, 1] - groups[g, 0]
        tree = space[: 2 * size]
        if arriving.size:
            tree[:] = nothing
        else:
            tree[size:] = leaves[base : base + size]
            for j in range(size - 1, 0, -1):
                tree[j] = _merge_ints(tree[2 * j], tree[2 * j + 1], adding)
        coming, end = base, groups[g, 1]
        for i in range(groups[g, 2], groups[g, 3]):
            while arriving.size and coming < end and arrivals[coming] < asked[i]:
                j = size + arriving[coming] - base
                value = leaves[arriving[coming]]
                while j >= 1:
                    tree[j] = _merge_ints(tree[j], value, adding)
                    j >>= 1
                coming += 1
            for w in range(starts.shape[0]):
                left, stop, p = starts[w, i], stops[w, i], own[i]
                total = nothing
                while left < stop:
                    while p != NEVER and p < left:
                        p = following[p]
                    right = p if p != NEVER and p < stop else stop
                    shift = size - base
                    total = _fold_ints(tree, left + shift, right + shift, total, adding)
                    left = right + 1
                out[w, i] = total
    return out


@compiled
def _widest(groups: Ints) -> int:
    widest = 1
    for g in range(groups.shape[0]):
        widest = max(widest, groups[g, 1] - groups[g, 0])
    return widest


# --- aggregates of floats: sums and moments ------------------------------------------------------


@compiled
def _two_sum(a: float, b: float) -> tuple[float, float]:
    """``a + b`` and its rounding error (Knuth)."""
    s = a + b
    t = s - a
    return s, (a - (s - t)) + (b - t)


@compiled
def _two_product(a: float, b: float) -> tuple[float, float]:
    """``a * b`` and its rounding error (Dekker)."""
    p = a * b
    t = _SPLIT * a
    a_high = t - (t - a)
    a_low = a - a_high
    t = _SPLIT * b
    b_high = t - (t - b)
    b_low = b - b_high
    return p, ((a_high * b_high - p) + a_high * b_low + a_low * b_high) + a_low * b_low


@compiled
def _add(a: float, a_low: float, b: float, b_low: float) -> tuple[float, float]:
    """Sum of two double-doubles (Joldes, Muller & Popescu 2017, algorithm 6)."""
    s, e = _two_sum(a, b)
    t, f = _two_sum(a_low, b_low)
    e += t
    high = s + e
    e = (e - (high - s)) + f
    s = high + e
    return s, e - (s - high)


@compiled
def _times(n: float, a: float, a_low: float) -> tuple[float, float]:
    p, e = _two_product(n, a)
    return p, e + n * a_low


@compiled
def _merge(tree: Floats, into: int, i: int, j: int) -> None:
    """Merge the states of two nodes: (sum, its low part) or those, number of values, M2."""
    moments = tree.shape[1] == 4
    if moments:
        a, b = tree[i, 2], tree[j, 2]
        m2 = tree[i, 3] + tree[j, 3]
        if a > 0.0 and b > 0.0:
            x, x_low = _times(a, tree[j, 0], tree[j, 1])
            y, y_low = _times(b, tree[i, 0], tree[i, 1])
            difference, _ = _add(x, x_low, -y, -y_low)
            between_means = difference / (a * b)
            m2 += between_means * between_means * (a * b / (a + b))
        tree[into, 2], tree[into, 3] = a + b, m2
    tree[into, 0], tree[into, 1] = _add(tree[i, 0], tree[i, 1], tree[j, 0], tree[j, 1])


@compiled
def _fold(tree: Floats, left: int, right: int) -> None:
    """Merge tree nodes ``left .. right - 1`` into node 0, which is no part of the tree."""
    while left < right:
        if left & 1:
            _merge(tree, 0, 0, left)
            left += 1
        if right & 1:
            right -= 1
            _merge(tree, 0, 0, right)
        left >>= 1
        right >>= 1


@compiled
def sweep_floats(
    leaves: Floats,
    groups: Ints,
    starts: Ints,
    stops: Ints,
    own: Ints,
    following: Ints,
    asked: Ints,
    arriving: Ints,
    arrivals: Ints,
) -> Floats:
    """Sum values per window, with squared deviations where the leaves have room for them.

    Args:
        leaves: float64 (n, s), by position. s = 2: (value, its low part); s = 4: those, 1, 0.
            All zero for absent values.
        groups: int64 (g, 4), see :mod:`transforms.aggregation.ordering`.
        starts: int64 (w, m), first position of each window.
        stops: int64 (w, m), end of each window's positions.
        own: int64 (m,), each request's first own event, or NEVER.
        following: int64 (n,), the next event of the same row, or NEVER.
        asked: int64 (m,) µs, q by request.
        arriving: int64 (n,), each group's positions by availability; empty: all are available.
        arrivals: int64 (n,) µs, availability in the order of ``arriving``.

    Returns:
        float64 (w, m, s): sum, its low part and, for s = 4, number of values and
        M2 = Σ (x - mean)².
    """
    out = np.zeros((starts.shape[0], starts.shape[1], leaves.shape[1]))
    space = np.empty((2 * _widest(groups), leaves.shape[1]))
    for g in range(groups.shape[0]):
        base, size = groups[g, 0], groups[g, 1] - groups[g, 0]
        tree = space[: 2 * size]
        if arriving.size:
            tree[:] = 0.0
        else:
            tree[size:] = leaves[base : base + size]
            for j in range(size - 1, 0, -1):
                _merge(tree, j, 2 * j, 2 * j + 1)
        coming, end = base, groups[g, 1]
        for i in range(groups[g, 2], groups[g, 3]):
            while arriving.size and coming < end and arrivals[coming] < asked[i]:
                j = size + arriving[coming] - base
                tree[j] = leaves[arriving[coming]]
                while j > 1:
                    j >>= 1
                    _merge(tree, j, 2 * j, 2 * j + 1)
                coming += 1
            for w in range(starts.shape[0]):
                left, stop, p = starts[w, i], stops[w, i], own[i]
                tree[0] = 0.0
                while left < stop:
                    while p != NEVER and p < left:
                        p = following[p]
                    right = p if p != NEVER and p < stop else stop
                    _fold(tree, left + size - base, right + size - base)
                    left = right + 1
                out[w, i] = tree[0]
    return out


@compiled
def divide(sums: Floats, counts: Ints) -> Floats:
    """Divide double-double sums (m, s >= 2) by counts (m,), rounding once; 0 where count is 0."""
    out = np.zeros(counts.size)
    for i in range(counts.size):
        if counts[i] > 0:
            n = np.float64(counts[i])
            quotient = sums[i, 0] / n
            p, e = _two_product(quotient, n)
            out[i] = quotient + ((sums[i, 0] - p) - e + sums[i, 1]) / n
    return out
