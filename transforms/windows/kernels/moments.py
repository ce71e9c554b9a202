"""Compiled window trees of floats: sums, and the sums of squared and cubed deviations.

The trees are those of :mod:`.trees`: no error accumulates, and one huge value spoils only the
windows that hold it. A state is a row (sum, its low part) or (sum, its low part, number of values,
M2) or those and M3, with Mp = Σ (x - mean)**p.

Sums are kept as unevaluated pairs ``high + low`` (double-double, about 106 bits; exact
for int64 data), after Dekker 1971 and Knuth, TAOCP volume 2, 4.2.2. Squared deviations are merged
by the pairwise formula of Chan, Golub & LeVeque 1979, "Updating Formulae and a Pairwise Algorithm
for Computing Sample Variances", cubed ones by that of Pébay 2008, "Formulas for Robust, One-Pass
Parallel Computation of Covariances and Arbitrary-Order Statistical Moments", with the difference
of means from sums in double-double: no cancellation reaches the result, whatever the offset of the
data.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from forebay.transforms.compiled import compiled
from forebay.transforms.windows.kernels.matching import Sweep
from forebay.transforms.windows.kernels.ordering import NEVER

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]

_SPLIT = 134217729.0  # 2**27 + 1, Dekker's splitting constant for 53-bit significands


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
def _merge(out: Floats, into: int, a: Floats, i: int, b: Floats, j: int) -> None:
    """Merge the states in rows ``i`` of ``a`` and ``j`` of ``b`` into a row of ``out``."""
    if a.shape[1] > 2:
        n, m = a[i, 2], b[j, 2]
        m2 = a[i, 3] + b[j, 3]
        apart = n > 0.0 and m > 0.0
        between_means = 0.0
        if apart:
            x, x_low = _times(n, b[j, 0], b[j, 1])
            y, y_low = _times(m, a[i, 0], a[i, 1])
            difference, _ = _add(x, x_low, -y, -y_low)
            between_means = difference / (n * m)
        if a.shape[1] > 4:
            m3 = a[i, 4] + b[j, 4]
            if apart:
                total, d = n + m, between_means
                m3 += d * d * d * (n * m * (n - m) / (total * total))
                m3 += 3.0 * d * (n * b[j, 3] - m * a[i, 3]) / total
            out[into, 4] = m3
        if apart:
            m2 += between_means * between_means * (n * m / (n + m))
        out[into, 2], out[into, 3] = n + m, m2
    out[into, 0], out[into, 1] = _add(a[i, 0], a[i, 1], b[j, 0], b[j, 1])


@compiled
def merge(a: Floats, b: Floats) -> Floats:
    """Merge states row by row: float64 (m, s) each, and so is the result."""
    out = np.empty_like(a)
    for i in range(a.shape[0]):
        _merge(out, i, a, i, b, i)
    return out


@compiled
def _fold(tree: Floats, left: int, right: int) -> None:
    """Merge tree nodes ``left .. right - 1`` into node 0, which is no part of the tree."""
    while left < right:
        if left & 1:
            _merge(tree, 0, tree, 0, tree, left)
            left += 1
        if right & 1:
            right -= 1
            _merge(tree, 0, tree, 0, tree, right)
        left >>= 1
        right >>= 1


@compiled
def _climb(tree: Floats, j: int) -> None:
    """Merge again all that a leaf is part of."""
    while j > 1:
        j >>= 1
        _merge(tree, j, tree, 2 * j, tree, 2 * j + 1)


@compiled
def _widest(groups: Ints) -> int:
    widest = 1
    for g in range(groups.shape[0]):
        widest = max(widest, groups[g, 1] - groups[g, 0])
    return widest


@compiled
def sweep_floats(leaves: Floats, sweep: Sweep) -> Floats:
    """Merge the states of the values per window.

    Args:
        leaves: float64 (n, s), by position. s = 2: (value, its low part); s = 4: those, 1, 0;
            s = 5: those, 0. All zero for absent values.
        sweep: n positions, m requests and w windows.

    Returns:
        float64 (w, m, s).
    """
    groups, starts, stops = sweep.groups, sweep.starts, sweep.stops
    out = np.zeros((starts.shape[0], starts.shape[1], leaves.shape[1]))
    space = np.empty((2 * _widest(groups), leaves.shape[1]))
    for g in range(groups.shape[0]):
        base, end = groups[g, 0], groups[g, 1]
        size, shift = end - base, end - 2 * base
        tree = space[: 2 * size]
        late = sweep.arriving.size > 0
        if late:
            tree[:] = 0.0
        else:
            tree[size:] = leaves[base:end]
            for j in range(size - 1, 0, -1):
                _merge(tree, j, tree, 2 * j, tree, 2 * j + 1)
        come = gone = base
        for i in range(groups[g, 2], groups[g, 3]):
            while late and come < end and sweep.arrivals[come] < sweep.asked[i]:
                p = sweep.arriving[come]
                tree[p + shift] = leaves[p]
                _climb(tree, p + shift)
                come += 1
            while sweep.retiring.size and gone < end and sweep.retirements[gone] < sweep.asked[i]:
                p = sweep.retiring[gone]
                tree[p + shift] = 0.0
                _climb(tree, p + shift)
                gone += 1
            for w in range(starts.shape[0]):
                left, stop, p = starts[w, i], stops[w, i], sweep.own[i]
                tree[0] = 0.0
                while left < stop:
                    while p != NEVER and p < left:
                        p = sweep.following[p]
                    right = p if p != NEVER and p < stop else stop
                    _fold(tree, left + shift, right + shift)
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
